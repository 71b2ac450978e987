/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verdicts out of the store are those of the catalogue, for every question; or there are none. */

#include <time.h>

#include "store/ready.h"
#include "tests/unit/store/recorded.h"

#define FINGERPRINT "kernel x\n"

static MusterStore *store;
static MusterCatalogue
        *catalogue; /* the shipped one, in a folder of the test's, and features of the user's */

/* One without `governs`, one that any driver has, one that begins as the next. */
static const char own_features[] = "[own]\nsummary = x\ntie = schema blockdev-add\n"
                                   "[own-any]\nsummary = x\ngoverns = blockdev-add member=discard\n"
                                   "tie = schema blockdev-add/arg-type/discard\n"
                                   "[own-any-more]\nsummary = x\ngoverns = blockdev-add driver=raw,qcow2\n"
                                   "tie = schema no-such-command\n"
                                   "[own-measured]\nsummary = x\ngoverns = blockdev-add driver=file\n"
                                   "tie = measured auto-read-only-reopens\n"
                                   "[own-version]\nsummary = x\ntie = version 7.0 ..\n";

/* As it is some time after the files were last changed. */
static MusterCatalogue *load_catalogue(void)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterCatalogue *loaded;

        if (muster_catalogue_new(&loaded, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_non_null(loaded->seen);
        loaded->looked_nsec += 5 * STAMP_RACY_NSEC;
        return loaded;
}

/* Facts that are in the store, and what was made of them. */
typedef struct Case {
        MusterFacts *facts;
        char id[RECORD_ID_SIZE];
        ReadySource source;
        MusterVerdicts *verdicts[3]; /* by trust */
} Case;

static void case_clear(Case *c)
{
        for (size_t i = 0; i < ELEMENTSOF(c->verdicts); i++)
                muster_verdicts_unref(c->verdicts[i]);
        muster_facts_unref(c->facts);
}

static void cleanup_case(Case *c)
{
        case_clear(c);
}

static void keep(Case *c)
{
        assert_int_equal(record_save(store, c->id, c->facts, &c->source.record), 0);
        assert_int_equal(host_save(store, c->id, FINGERPRINT, c->facts, &c->source.host), 0);
        c->source.id = c->id;
        c->source.fingerprint = FINGERPRINT;
        for (MusterTrust trust = MUSTER_TRUST_DECLARED; trust <= MUSTER_TRUST_INFERRED; trust++) {
                muster_verdicts_unref(c->verdicts[trust]);
                assert_int_equal(muster_verdicts_new(catalogue, c->facts, trust, &c->verdicts[trust], NULL),
                                 0);
                ready_keep(store, &c->source, c->verdicts[trust]);
        }
        expect_notes(0, "");
}

static void make_case(const char *name, Case *ret)
{
        *ret = (Case){.facts = recorded_facts(name)};
        assert_int_equal(record_id(&ret->facts->identity, ret->id), 0);
        keep(ret);
}

static int ask(const Case *c, MusterTrust trust, const char *feature, const char *driver)
{
        return ready_verdict(store, c->id, FINGERPRINT, trust, feature, driver);
}

static void compare(const Case *c, MusterTrust trust, const char *feature, const char *driver,
                    bool may_decline)
{
        int expected = muster_verdict(c->verdicts[trust], feature, driver),
            r = ask(c, trust, feature, driver);

        if (r != expected && !(may_decline && r == -ENODATA))
                fail_msg("\"%s\" for \"%s\": %d instead of %d", feature, driver ?: "(any)", r, expected);
}

/* Every driver that any feature names. */
static char **all_drivers(void)
{
        char **all = NULL;

        for (size_t i = 0; i < catalogue->n_features; i++) {
                CLEANUP(strv) char **drivers = NULL;

                assert_int_equal(feature_drivers(&catalogue->features[i], &drivers), 0);
                for (char **driver = drivers; *driver; driver++)
                        if (!all || !strv_contains(all, *driver))
                                assert_int_equal(strv_append(&all, *driver), 0);
        }
        return all;
}

static void test_same_as_judged(void **state)
{
        CLEANUP(strv) char **drivers = all_drivers();

        assert_true(strv_length(drivers) > 5);
        for (size_t i = 0; i < ELEMENTSOF(recorded_names); i++) {
                CLEANUP(case) Case c;
                MusterTrust trust = (MusterTrust)(i / 2 % 3);
                const char *feature;

                make_case(recorded_names[i], &c);
                for (size_t f = 0; (feature = muster_catalogue_feature(catalogue, f)); f++) {
                        compare(&c, trust, feature, NULL, false);
                        compare(&c, trust, feature, "unrelated", false);
                        /* All drivers where schemas differ most. */
                        for (char **driver = drivers; i % 3 == 0 && *driver; driver++)
                                compare(&c, trust, feature, *driver, false);
                }
        }
        expect_notes(0, "");
}

/* Words that no catalogue has. An answer to these must be the catalogue's, too, if there is one. */
static void test_odd_words(void **state)
{
        static const char *const words[] = {"*",      "",       " ",       "a b",     "file ", " file",
                                            "file\n", "\n",     "fil",     "filee",   "FILE",  "\xff",
                                            "\t",     "file *", "present", "own-any", "%s",    "**"};
        CLEANUP(case) Case c;
        const char *feature;

        make_case("7.2-x86_64", &c);
        for (size_t w = 0; w < ELEMENTSOF(words); w++) {
                for (size_t f = 0; (feature = muster_catalogue_feature(catalogue, f)); f++)
                        compare(&c, MUSTER_TRUST_MEASURED, feature, words[w], true);
                for (size_t v = 0; v < ELEMENTSOF(words); v++)
                        compare(&c, MUSTER_TRUST_MEASURED, words[v], words[w], true);
                compare(&c, MUSTER_TRUST_MEASURED, words[w], NULL, true);
        }
        compare(&c, MUSTER_TRUST_MEASURED, "no-such-feature", NULL, false);
        compare(&c, MUSTER_TRUST_MEASURED, "no-such-feature", "file", false);
        compare(&c, MUSTER_TRUST_MEASURED, "dynamic-auto-read-onl", NULL, false);
        compare(&c, MUSTER_TRUST_MEASURED, "own-any file", NULL, true);
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own-any", "vdi"), MUSTER_VERDICT_PRESENT);
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own-any-more", "vdi"), MUSTER_VERDICT_ABSENT);
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own", NULL), MUSTER_VERDICT_PRESENT);
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own", "vdi"), MUSTER_VERDICT_ABSENT);
}

/* Trust changes the answer, so it has files of its own. */
static void test_trust(void **state)
{
        CLEANUP(case) Case c;
        unsigned n_different = 0;
        const char *feature;

        make_case("7.2-x86_64", &c);
        for (size_t f = 0; (feature = muster_catalogue_feature(catalogue, f)); f++) {
                for (MusterTrust trust = MUSTER_TRUST_DECLARED; trust <= MUSTER_TRUST_INFERRED; trust++)
                        compare(&c, trust, feature, NULL, false);
                n_different += ask(&c, MUSTER_TRUST_DECLARED, feature, NULL) !=
                               ask(&c, MUSTER_TRUST_INFERRED, feature, NULL);
        }
        assert_true(n_different > 0);
}

static void expect_ready(const Case *c, bool ready)
{
        int r = ask(c, MUSTER_TRUST_MEASURED, "own-any", NULL);

        if (r != (ready ? MUSTER_VERDICT_PRESENT : -ENODATA))
                fail_msg("%d", r);
        /* Not even that a feature is not there is said then. */
        assert_int_equal(ask(c, MUSTER_TRUST_MEASURED, "no-such-feature", NULL), ready ? -ENOENT : -ENODATA);
        expect_notes(0, "");
}

static void test_other_facts(void **state)
{
        CLEANUP(case) Case c;
        CLEANUP(free) char *host = NULL;

        make_case("7.2-storage-daemon", &c);
        expect_ready(&c, true);
        assert_int_equal(record_save(store, c.id, c.facts, NULL), 0);
        expect_ready(&c, false);
        keep(&c);
        expect_ready(&c, true);
        assert_int_equal(host_save(store, c.id, FINGERPRINT, c.facts, NULL), 0);
        expect_ready(&c, false);
        keep(&c);
        expect_ready(&c, true);
        host = host_name(c.id, FINGERPRINT);
        assert_int_equal(entry_remove(store, ENTRY_HOST, host), 0);
        expect_ready(&c, false);
        keep(&c);
        assert_int_equal(entry_remove(store, ENTRY_RECORD, c.id), 0);
        expect_ready(&c, false);
        keep(&c);
        assert_int_equal(ready_verdict(store, c.id, "kernel y\n", MUSTER_TRUST_MEASURED, "own-any", NULL),
                         -ENODATA);
        c.id[0] ^= 1;
        expect_ready(&c, false);
}

/* Nobody knows what was written, so nothing may be concluded from it. */
static void test_stamps_unknown(void **state)
{
        CLEANUP(case) Case c;
        FileStamp stamp;

        make_case("7.2-storage-daemon", &c);
        assert_int_equal(record_save(store, c.id, c.facts, NULL), 0);
        c.source.record = (FileStamp){0};
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        expect_ready(&c, false);
        keep(&c);
        assert_int_equal(host_save(store, c.id, FINGERPRINT, c.facts, &stamp), 0);
        c.source.host = (FileStamp){0};
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        expect_ready(&c, false);
        c.source.host = stamp;
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        expect_ready(&c, true);
}

static void reload_catalogue(void)
{
        muster_catalogue_unref(catalogue);
        catalogue = load_catalogue();
}

static void touch(const char *name)
{
        struct stat before, after;

        assert_int_equal(stat(in_dir(name), &before), 0);
        do {
                assert_int_equal(utimensat(AT_FDCWD, in_dir(name),
                                           (struct timespec[2]){before.st_atim, before.st_mtim}, 0),
                                 0);
                assert_int_equal(stat(in_dir(name), &after), 0);
        } while (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
                 before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

static void test_other_catalogue(void **state)
{
        CLEANUP(case) Case c;

        make_case("7.2-storage-daemon", &c);
        expect_ready(&c, true);
        /* Even if only the ctime moved. */
        touch("config/muster/features.d/own.ini");
        expect_ready(&c, false);
        reload_catalogue();
        keep(&c);
        expect_ready(&c, true);
        write_text("config/muster/features.d/zzz.ini", "[own-any]\nsummary = y\ntie = schema no-such\n",
                   0644);
        expect_ready(&c, false);
        reload_catalogue();
        keep(&c);
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own-any", NULL), MUSTER_VERDICT_ABSENT);
        assert_int_equal(unlink(in_dir("config/muster/features.d/zzz.ini")), 0);
        expect_ready(&c, false);
        reload_catalogue();
        keep(&c);
        expect_ready(&c, true);
        /* Two programs with folders of their own do not undo each other's work. */
        assert_int_equal(setenv("XDG_CONFIG_HOME", in_dir("elsewhere"), 1), 0);
        expect_ready(&c, false);
        assert_int_equal(setenv("XDG_CONFIG_HOME", in_dir("config"), 1), 0);
        expect_ready(&c, true);
}

/* Read too soon after its files were changed. */
static void test_racy_catalogue(void **state)
{
        CLEANUP(case) Case c;
        int64_t newest;
        CLEANUP(free) char *seen = NULL;

        assert_int_equal(catalogue_seen(&seen, &newest), 0);
        reload_catalogue();
        catalogue->looked_nsec = newest + STAMP_RACY_NSEC - 1;
        make_case("7.2-aarch64", &c);
        expect_ready(&c, false);
        catalogue->looked_nsec = newest + STAMP_RACY_NSEC;
        keep(&c);
        expect_ready(&c, true);
        reload_catalogue();
}

static void test_one_file_is_not_the_hosts(void **state)
{
        CLEANUP(catalogue)
        MusterCatalogue *one = maker_catalogue("[own-any]\nsummary = x\ntie = schema no-such\n");
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(case) Case c;

        make_case("7.2-storage-daemon", &c);
        assert_int_equal(record_save(store, c.id, c.facts, &c.source.record), 0);
        assert_int_equal(muster_verdicts_new(one, c.facts, MUSTER_TRUST_MEASURED, &verdicts, NULL), 0);
        ready_keep(store, &c.source, verdicts);
        expect_ready(&c, false);
}

static char *only_file(void)
{
        CLEANUP(dir) DIR *dir = opendir(in_store(store, STORE_VERDICTS));
        struct dirent *entry;
        char *name = NULL;

        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                assert_null(name);
                name = strdup(entry->d_name);
        }
        assert_non_null(name);
        return name;
}

static void remove_files(void)
{
        assert_int_equal(remove_tree(in_store(store, STORE_VERDICTS)), 0);
        assert_int_equal(mkdir(in_store(store, STORE_VERDICTS), 0700), 0);
}

/* Lines that are whole by their sum, and are not what this version would write. */
static void test_other_text(void **state)
{
        static const struct {
                const char *was, *is;
        } changes[] = {
                {"muster 0", "muster 9"}, {"muster ", "Muster "},  {"record ", "Record "},
                {"record ", "record x"},  {"host ", "host x"},     {"host ", "Host "},
                {"looked ", "Looked "},   {"looked 1", "looked "}, {"catalogue ", "x "},
                {"seen\n", ""},           {"seen\n", "seen\nx\n"}, {"verdicts\n", ""},
        };
        CLEANUP(free) char *name = NULL, *body = NULL;
        CLEANUP(case) Case c;
        size_t size;

        make_case("7.2-storage-daemon", &c);
        remove_files();
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        name = only_file();
        assert_true(ready_name_is_of(name, c.id));
        assert_false(ready_name_is_of(name, "0123"));
        assert_false(ready_name_is_of(c.id, c.id));
        assert_int_equal(entry_read(store, ENTRY_VERDICTS, name, &body, &size, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                const char *at = strstr(body, changes[i].was);
                CLEANUP(free) char *text = NULL;

                assert_non_null(at);
                text = text_format("%.*s%s%s", (int)(at - body), body, changes[i].is,
                                   at + strlen(changes[i].was));
                assert_int_equal(entry_write(store, ENTRY_VERDICTS, name, text, strlen(text), NULL), 0);
                expect_ready(&c, false);
        }
        /* Cut anywhere: what is left says the same, or nothing. In a crash no such file comes to be. */
        for (size_t n = 0; n < size; n += 61) {
                int r;

                assert_int_equal(entry_write(store, ENTRY_VERDICTS, name, body, n, NULL), 0);
                r = ask(&c, MUSTER_TRUST_MEASURED, "own-any", NULL);
                assert_true(r == -ENODATA || r == -ENOENT || r == MUSTER_VERDICT_PRESENT);
        }
        assert_int_equal(entry_write(store, ENTRY_VERDICTS, name, body, size, NULL), 0);
        expect_ready(&c, true);
}

/* A warm judgement writes nothing; a damaged file is noted, and made anew. */
static void test_kept_once(void **state)
{
        CLEANUP(free) char *name = NULL;
        CLEANUP(case) Case c;
        FileStamp before, after;

        make_case("7.2-storage-daemon", &c);
        remove_files();
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        name = only_file();
        assert_int_equal(entry_stamp(store, ENTRY_VERDICTS, name, &before), 0);
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        assert_int_equal(entry_stamp(store, ENTRY_VERDICTS, name, &after), 0);
        assert_true(file_stamp_equal(&before, &after));
        {
                CLEANUP(free) char *file = entry_file(ENTRY_VERDICTS, name);
                CLEANUP(fd) int fd = openat(store->dirfd, file, O_RDWR | O_CLOEXEC);

                assert_int_equal(ftruncate(fd, (off_t)before.size - 1), 0);
        }
        assert_int_equal(ask(&c, MUSTER_TRUST_MEASURED, "own-any", NULL), -ENODATA);
        expect_notes(1, "checksum");
        ready_keep(store, &c.source, c.verdicts[MUSTER_TRUST_MEASURED]);
        n_notes = 0;
        expect_ready(&c, true);
}

static void copy_shipped_features(void)
{
        CLEANUP(strv) char **names = NULL;
        const char *shipped = getenv("MUSTER_FEATURES_DIR");

        assert_int_equal(catalogue_list(shipped, &names), 0);
        for (char **name = names; *name; name++) {
                CLEANUP(free)
                char *from = text_format("%s/%s", shipped, *name), *to = text_format("features/%s", *name),
                     *data = NULL;

                assert_int_equal(read_file(from, 1 << 20, &data, NULL), 0);
                write_text(to, data, 0644);
        }
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        make_dirs("features");
        copy_shipped_features();
        make_dirs("config/muster/features.d");
        write_text("config/muster/features.d/own.ini", own_features, 0644);
        if (setenv("MUSTER_FEATURES_DIR", in_dir("features"), 1) < 0 ||
            setenv("XDG_CONFIG_HOME", in_dir("config"), 1) < 0)
                return -1;
        catalogue = load_catalogue();
        return 0;
}

static int tear_down(void **state)
{
        muster_catalogue_unref(catalogue);
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_as_judged), cmocka_unit_test(test_odd_words),
                cmocka_unit_test(test_trust),          cmocka_unit_test(test_other_facts),
                cmocka_unit_test(test_stamps_unknown), cmocka_unit_test(test_other_catalogue),
                cmocka_unit_test(test_racy_catalogue), cmocka_unit_test(test_one_file_is_not_the_hosts),
                cmocka_unit_test(test_other_text),     cmocka_unit_test(test_kept_once),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
