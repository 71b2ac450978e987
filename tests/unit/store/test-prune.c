/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is taken out of a store, and what never is. */

#include "config.h"
#include "store/belonging.h"
#include "store/record.h"
#include "store/size.h"
#include "tests/unit/store/recorded.h"

#define DIGEST   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SUM      "0123456789abcdef"
#define ID       DIGEST "." SUM
#define OTHER_ID DIGEST ".ffffffffffffffff"
#define HOST     ID "." SUM
#define VERDICTS HOST "." SUM ".m"
#define SCRIPT   DIGEST ".script." SUM
#define MINUTES  INT64_C(60)
#define HOURS    (60 * MINUTES)
#define DAYS     (24 * HOURS)
#define NEVER    UINT64_MAX

static MusterStore *store;
static bool vanish; /* all files, as the first of them is checked */

int __real_entry_check(const MusterStore *from, EntryKind kind, const char *name, char **ret_why);
int __wrap_entry_check(const MusterStore *from, EntryKind kind, const char *name, char **ret_why);

int __wrap_entry_check(const MusterStore *from, EntryKind kind, const char *name, char **ret_why)
{
        if (vanish)
                for (const char *const *folder = store_folders; *folder; folder++)
                        (void)remove_tree(in_store(store, *folder));
        return __real_entry_check(from, kind, name, ret_why);
}

static void set_age(const char *file, int64_t seconds)
{
        const struct timespec time = {.tv_sec = stamp_now_nsec() / NSEC_PER_SEC - seconds};

        assert_int_equal(utimensat(AT_FDCWD, in_store(store, file), (struct timespec[]){time, time}, 0), 0);
}

static void put(const char *file, const char *text, int64_t age)
{
        const char *path = in_store(store, file) + strlen(fixture_dir) + 1;

        write_text(path, text, 0600);
        set_age(file, age);
}

static void put_entry(EntryKind kind, const char *name, const char *body, int64_t age)
{
        CLEANUP(free) char *file = entry_file(kind, name);

        assert_int_equal(entry_write(store, kind, name, body, strlen(body), /* ret_stamp= */ NULL), 0);
        set_age(file, age);
}

static bool is_there(const char *file)
{
        return faccessat(store->dirfd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "removed freed kept size" */
static json_object *prune(uint64_t older_than_sec, uint64_t max_size)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;

        if (muster_store_prune(store, older_than_sec, max_size, &text, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return maker_json(text);
}

static json_object *clear(void)
{
        CLEANUP(free) char *text = NULL;

        assert_int_equal(muster_store_clear(store, &text, NULL), 0);
        return maker_json(text);
}

static void prune_and_forget(uint64_t older_than_sec, uint64_t max_size)
{
        json_object_put(prune(older_than_sec, max_size));
}

/* What `verify` says of a file: a copy of "result: why", or NULL. */
static char *verified(const char *file, int faults)
{
        CLEANUP(json) json_object *array = NULL;
        CLEANUP(free) char *text = NULL;
        char *said = NULL;

        assert_int_equal(muster_store_verify(store, &text, NULL), faults);
        array = maker_json(text);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *object = json_object_array_get_idx(array, i);

                if (!streq(json_get_string(object, "file"), file))
                        continue;
                assert_null(said);
                said = text_format("%s: %s", json_get_string(object, "result"),
                                   json_get_string(object, "why") ?: "");
        }
        return said;
}

static void expect_verified(const char *file, int faults, const char *expected)
{
        CLEANUP(free) char *said = verified(file, faults);

        if (!streq_ptr(said, expected))
                fail_msg("verify says of %s: %s", file, said ?: "nothing");
}

static void test_names(void **state)
{
        static const struct {
                const char *folder, *name;
                Belonging belonging;
        } names[] = {
                {"records", ID, BELONGS_TO_STORE},
                {"records", "thesis.txt", BELONGS_TO_OTHERS},
                {"records", ID ".bak", BELONGS_TO_OTHERS},
                {"records", ID "0", BELONGS_TO_OTHERS},
                {"records", HOST, BELONGS_TO_OTHERS},
                {"records", DIGEST, BELONGS_TO_OTHERS},
                {"records", DIGEST ".0123456789abcde", BELONGS_TO_OTHERS},
                {"records", DIGEST ".0123456789ABCDEF", BELONGS_TO_OTHERS},
                {"hosts", HOST, BELONGS_TO_STORE},
                {"hosts", ID, BELONGS_TO_OTHERS},
                {"hosts", ID ".h", BELONGS_TO_OTHERS},
                {"failures", HOST, BELONGS_TO_STORE},
                {"failures", SCRIPT, BELONGS_TO_STORE},
                {"failures", ID ".script." SUM, BELONGS_TO_OTHERS},
                {"failures", DIGEST ".script", BELONGS_TO_OTHERS},
                {"verdicts", VERDICTS, BELONGS_TO_STORE},
                {"verdicts", HOST "." SUM ".d", BELONGS_TO_STORE},
                {"verdicts", HOST "." SUM ".i", BELONGS_TO_STORE},
                {"verdicts", HOST "." SUM ".x", BELONGS_TO_OTHERS},
                {"verdicts", HOST "." SUM ".mm", BELONGS_TO_OTHERS},
                {"verdicts", HOST "." SUM ".", BELONGS_TO_OTHERS},
                {"verdicts", HOST "." SUM, BELONGS_TO_OTHERS},
                {"sizes", "4096", BELONGS_TO_STORE},
                {"sizes", "", BELONGS_TO_OTHERS},
                {"sizes", "4096.", BELONGS_TO_OTHERS},
                {"sizes", "123456789012345678901", BELONGS_TO_OTHERS},
                {"paths", "usr+bin+x", BELONGS_TO_STORE},
                {".", "lock", BELONGS_TO_OTHERS},
                {".", ID, BELONGS_TO_OTHERS},
                {".", ".tmp-" SUM, BELONGS_TO_WRITER},
                {"sizes", ".tmp-" SUM, BELONGS_TO_WRITER},
                {"records", ".tmp-" SUM, BELONGS_TO_WRITER},
                {"records", ".tmp-" SUM "0", BELONGS_TO_OTHERS},
                {"records", ".tmp-notes", BELONGS_TO_OTHERS},
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (belonging_of_name(names[i].folder, names[i].name) != names[i].belonging)
                        fail_msg("%s/%s", names[i].folder, names[i].name);
}

static const char *const foreign[] = {
        "records/thesis.txt",      "records/" ID ".bak", "hosts/h.txt",         "failures/f",
        "paths/notes.md",          "paths/empty",        "verdicts/v",          "sizes/12x",
        "records/.tmp-unfinished", ".tmp-mine",          "sizes/.tmp-" SUM "x",
};

static void put_foreign(void)
{
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++)
                put(foreign[i], streq(foreign[i], "paths/empty") ? "" : "mine", 400 * DAYS);
        /* A size says all by its name. */
        put("sizes/77", "mine", 400 * DAYS);
        make_dirs(in_store(store, "records/" OTHER_ID) + strlen(fixture_dir) + 1);
}

static void expect_foreign_left(void)
{
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++)
                if (!is_there(foreign[i]))
                        fail_msg("%s has gone", foreign[i]);
        assert_true(is_there("sizes/77") && is_there("records/" OTHER_ID));
}

/* Of the right form, and whatever is in it. */
static const char *const own[] = {
        "records/" ID, "hosts/" HOST, "failures/" SCRIPT, "paths/usr+bin+x", "verdicts/" VERDICTS,
};

static void put_own(int64_t age)
{
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                put(own[i], startswith(own[i], "paths") ? "muster path 7\nbeyond us" : "rubbish", age);
}

static void test_clear_leaves_what_is_others(void **state)
{
        CLEANUP(json) json_object *report = NULL;

        put_foreign();
        put_own(0);
        size_remember(store, 4711);
        report = clear();
        expect_foreign_left();
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                assert_false(is_there(own[i]));
        assert_false(is_there("sizes/4711"));
        assert_false(is_there(STORE_TAG));
        assert_int_equal(json_get_int(report, "removed", -1), 1);
        /* With the foreign ones out of the way nothing is left but the store's own folder. */
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++)
                assert_int_equal(unlink(in_store(store, foreign[i])), 0);
        assert_int_equal(unlink(in_store(store, "sizes/77")), 0);
        assert_int_equal(rmdir(in_store(store, "records/" OTHER_ID)), 0);
        put(STORE_TAG, "Signature: somebody else's", 0);
        json_object_put(clear());
        for (const char *const *folder = store_folders; *folder; folder++)
                assert_false(is_there(*folder));
        assert_true(is_there(STORE_TAG));
}

static void test_prune_leaves_what_is_others(void **state)
{
        put_foreign();
        put_own(0);
        prune_and_forget(0, 0);
        expect_foreign_left();
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                if (is_there(own[i]))
                        fail_msg("%s is still there", own[i]);
}

static void test_verify_calls_it_foreign(void **state)
{
        put_foreign();
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++) {
                CLEANUP(free) char *said = verified(foreign[i], (int)ELEMENTSOF(foreign) - 1 + 2);

                /* In the store's own folder there may be anything. */
                if (streq(foreign[i], ".tmp-mine"))
                        assert_null(said);
                else if (!said || !startswith(said, "foreign: muster has not written it"))
                        fail_msg("%s: %s", foreign[i], said ?: "nothing");
        }
}

static void put_record(const char *name, int64_t age, char ret_id[static RECORD_ID_SIZE])
{
        static const FactRow rows[] = {{"query-target", FACT_NOT_FOUND, NULL, NULL}, {NULL}};
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_json("[]"), "9.8.7", rows);
        CLEANUP(free) char *file = NULL;

        recorded_identity(name, &facts->identity);
        assert_int_equal(record_id(&facts->identity, ret_id), 0);
        assert_int_equal(record_save(store, ret_id, facts, NULL), 0);
        file = entry_file(ENTRY_RECORD, ret_id);
        set_age(file, age);
}

static void put_failure(const char *name, const char *version, bool script, int64_t age)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(free) char *text = NULL;

        assert_int_equal(json_add_string(object, "muster", version), 0);
        assert_int_equal(json_add_bool(object, "script", script), 0);
        assert_int_equal(json_add_int(object, "when", stamp_now_nsec() / NSEC_PER_SEC - age), 0);
        text = json_to_text(object);
        put_entry(ENTRY_FAILURE, name, text, age);
}

/* They come and go while it reads: no damage. */
static void test_verify_beside_clear(void **state)
{
        char id[RECORD_ID_SIZE];

        put_record("one", 0, id);
        put_entry(ENTRY_HOST, HOST, "{}", 0);
        put_entry(ENTRY_VERDICTS, VERDICTS, "", 0);
        size_remember(store, 4711);
        put("paths/x", "muster path 1\n", 0);
        vanish = true;
        expect_verified(HOST, 0, NULL);
        vanish = false;
}

static void test_verify_says_why(void **state)
{
        CLEANUP(free) char *body = NULL;
        char id[RECORD_ID_SIZE];
        size_t size;

        put_record("one", 0, id);
        assert_int_equal(entry_read(store, ENTRY_RECORD, id, &body, &size, NULL), 0);
        put_entry(ENTRY_RECORD, ID, body, 0);
        expect_verified("records/" ID, 1, "damaged: The record is another emulator's");
        put("records/" ID, "rubbish", 0);
        expect_verified("records/" ID, 1,
                        "damaged: it is no file of muster's, or its first lines are damaged");
        put("hosts/" HOST, "muster host 1\nsha256 0 1\nx", 0);
        expect_verified("hosts/" HOST, 2, "damaged: its checksum does not fit its content");
        put_entry(ENTRY_HOST, HOST, "{", 0);
        expect_verified("hosts/" HOST, 2, "damaged: it is no JSON");
        put_entry(ENTRY_PATH, "x", "pah", 0);
        expect_verified("paths/x", 3, "damaged: its content makes no sense");
        expect_notes(0, "");
}

/* Whatever `verify` calls damaged by its first lines and its sum; what is whole stays. */
static void test_prune_of_damage(void **state)
{
        static const struct {
                EntryKind kind;
                const char *name, *text;
        } files[] = {
                {ENTRY_HOST, HOST, "muster host 1\nsha256 0 1\nx"},
                {ENTRY_FAILURE, HOST, ""},
                {ENTRY_PATH, "x", "muster path 1\nfnv1a64 0 1\nx"},
                {ENTRY_VERDICTS, VERDICTS, "muster verdicts 1\nfnv1a64 0 1\nx"},
                {ENTRY_RECORD, ID, "muster record 2\n"},
        };

        /* No JSON is read, so a sum that fits is enough. */
        put_entry(ENTRY_RECORD, ID, "no JSON", 0);
        put_entry(ENTRY_HOST, HOST, "{}", 9 * DAYS);
        put_entry(ENTRY_VERDICTS, VERDICTS, "", 9 * DAYS);
        put_failure(HOST, MUSTER_VERSION, /* script= */ false, 9 * DAYS);
        prune_and_forget(NEVER, NEVER);
        assert_true(is_there("records/" ID) && is_there("hosts/" HOST) && is_there("verdicts/" VERDICTS) &&
                    is_there("failures/" HOST));
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                CLEANUP(free) char *file = entry_file(files[i].kind, files[i].name);

                put(file, files[i].text, 0);
                prune_and_forget(NEVER, NEVER);
                if (is_there(file))
                        fail_msg("%s is still there", file);
        }
}

static void test_fresh_orphans_stay(void **state)
{
        put_entry(ENTRY_HOST, HOST, "{}", 30);
        put_entry(ENTRY_VERDICTS, VERDICTS, "", 2 * MINUTES);
        prune_and_forget(NEVER, NEVER);
        assert_true(is_there("hosts/" HOST));
        assert_false(is_there("verdicts/" VERDICTS));
        set_age("hosts/" HOST, 2 * MINUTES);
        prune_and_forget(NEVER, NEVER);
        assert_false(is_there("hosts/" HOST));
        put_entry(ENTRY_HOST, HOST, "{}", -9 * DAYS);
        prune_and_forget(NEVER, NEVER);
        assert_false(is_there("hosts/" HOST));
}

static void test_left_over_files(void **state)
{
        static const char *const files[] = {".tmp-" SUM, "sizes/.tmp-" SUM, "records/.tmp-" SUM,
                                            "paths/.tmp-" SUM};

        assert_int_equal(store_make_folders(store), 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                put(files[i], "half", 59 * MINUTES);
                expect_verified(files[i], 0, NULL);
                prune_and_forget(NEVER, NEVER);
                assert_true(is_there(files[i]));
                set_age(files[i], 61 * MINUTES);
                expect_verified(files[i], 0, "stale: a process that was killed has left it");
                prune_and_forget(NEVER, NEVER);
                assert_false(is_there(files[i]));
                put(files[i], "half", 30);
                json_object_put(clear());
                assert_true(is_there(files[i]));
                set_age(files[i], 2 * MINUTES);
                json_object_put(clear());
                assert_false(is_there(files[i]));
                assert_int_equal(store_make_folders(store), 0);
        }
}

static void test_sizes(void **state)
{
        put_entry(ENTRY_RECORD, ID, "{}", 9 * DAYS);
        put_failure(SCRIPT, MUSTER_VERSION, /* script= */ true, 0);
        size_remember(store, 4711);
        prune_and_forget(1 * DAYS, NEVER);
        assert_false(is_there("records/" ID));
        assert_true(is_there("failures/" SCRIPT) && is_there("sizes/4711"));
        put_entry(ENTRY_RECORD, ID, "{}", 0);
        assert_int_equal(entry_remove(store, ENTRY_FAILURE, SCRIPT), 0);
        prune_and_forget(1 * DAYS, NEVER);
        assert_true(is_there("sizes/4711"));
        put("sizes/77", "mine", 0);
        prune_and_forget(NEVER, 0);
        assert_false(is_there("sizes/4711"));
        assert_true(is_there("sizes/77"));
}

static void test_failures_by_themselves(void **state)
{
        put_failure(HOST, MUSTER_VERSION, /* script= */ false, 9 * DAYS);
        put_failure(SCRIPT, MUSTER_VERSION, /* script= */ true, 59 * MINUTES);
        prune_and_forget(NEVER, NEVER);
        assert_true(is_there("failures/" HOST) && is_there("failures/" SCRIPT));
        prune_and_forget(10 * DAYS, NEVER);
        assert_true(is_there("failures/" HOST));
        prune_and_forget(8 * DAYS, NEVER);
        assert_false(is_there("failures/" HOST));
        assert_true(is_there("failures/" SCRIPT));
        put_failure(SCRIPT, MUSTER_VERSION, /* script= */ true, 61 * MINUTES);
        prune_and_forget(NEVER, NEVER);
        assert_false(is_there("failures/" SCRIPT));
        /* Also beside a record that stays. */
        put_entry(ENTRY_RECORD, ID, "{}", 0);
        put_failure(HOST, "0.0.1", /* script= */ false, 0);
        prune_and_forget(NEVER, NEVER);
        assert_true(is_there("records/" ID));
        assert_false(is_there("failures/" HOST));
}

static uint64_t size_of(const char *file)
{
        struct stat st;

        assert_int_equal(stat(in_store(store, file), &st), 0);
        return (uint64_t)st.st_size;
}

/* Records and failures in one queue. */
static void test_failures_take_room(void **state)
{
        CLEANUP(json) json_object *report = NULL, *second = NULL, *third = NULL;
        uint64_t record, failure;

        put_entry(ENTRY_RECORD, ID, "{}", 2 * HOURS);
        put_entry(ENTRY_RECORD, OTHER_ID, "{}", 4 * HOURS);
        put_failure(DIGEST ".eeeeeeeeeeeeeeee." SUM, MUSTER_VERSION, false, 3 * HOURS);
        record = size_of("records/" ID);
        failure = size_of("failures/" DIGEST ".eeeeeeeeeeeeeeee." SUM);
        report = prune(NEVER, 2 * record + failure);
        assert_int_equal(json_get_int(report, "kept", -1), 2);
        assert_int_equal(json_get_int(report, "size", -1), 2 * record + failure);
        second = prune(NEVER, 2 * record + failure - 1);
        assert_false(is_there("records/" OTHER_ID));
        assert_int_equal(json_get_int(second, "removed", -1), 1);
        assert_int_equal(json_get_int(second, "size", -1), record + failure);
        third = prune(NEVER, record + failure - 1);
        assert_false(is_there("failures/" DIGEST ".eeeeeeeeeeeeeeee." SUM));
        assert_true(is_there("records/" ID));
        assert_int_equal(json_get_int(third, "removed", -1), 0);
        assert_int_equal(json_get_int(third, "freed", -1), failure);
}

static int empty(void **state)
{
        return remove_tree(store->directory) < 0 || mkdir(store->directory, 0700) < 0 ? -1 : 0;
}

static int set_up(void **state)
{
        /* Its descriptor is of the folder that was removed after the test before. */
        muster_store_unref(store);
        store = open_store("store");
        return store_make_folders(store);
}

static int tear_down(void **state)
{
        expect_notes(0, "");
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test_setup_teardown(test_clear_leaves_what_is_others, set_up, empty),
                cmocka_unit_test_setup_teardown(test_prune_leaves_what_is_others, set_up, empty),
                cmocka_unit_test_setup_teardown(test_verify_calls_it_foreign, set_up, empty),
                cmocka_unit_test_setup_teardown(test_verify_beside_clear, set_up, empty),
                cmocka_unit_test_setup_teardown(test_verify_says_why, set_up, empty),
                cmocka_unit_test_setup_teardown(test_prune_of_damage, set_up, empty),
                cmocka_unit_test_setup_teardown(test_fresh_orphans_stay, set_up, empty),
                cmocka_unit_test_setup_teardown(test_left_over_files, set_up, empty),
                cmocka_unit_test_setup_teardown(test_sizes, set_up, empty),
                cmocka_unit_test_setup_teardown(test_failures_by_themselves, set_up, empty),
                cmocka_unit_test_setup_teardown(test_failures_take_room, set_up, empty),
        };

        return cmocka_run_group_tests(tests, fixture_set_up, tear_down);
}
