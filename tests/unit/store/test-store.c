/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose folder a store may be, and how it is made. */

#include "base/error.h"
#include "store/entry.h"
#include "tests/unit/store/stores.h"

static void expect_refusal(const char *directory, int code, const char *fragment)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterStore *store = NULL;
        int r = muster_store_open(directory, &store, &error);

        if (r != code)
                fail_msg("%s: %d instead of %d", directory, r, code);
        assert_null(store);
        assert_int_equal(muster_error_code(error), code);
        if (!strstr(muster_error_message(error), fragment))
                fail_msg("no \"%s\" in: %s", fragment, muster_error_message(error));
}

static mode_t mode_of(const char *name)
{
        struct stat st;

        assert_int_equal(stat(in_dir(name), &st), 0);
        return st.st_mode & 07777;
}

static void expect_content(const char *name, const char *text)
{
        CLEANUP(free) char *data = NULL;

        assert_int_equal(read_file(in_dir(name), 1 << 20, &data, NULL), 0);
        assert_string_equal(data, text);
}

static void test_made_where_missing(void **state)
{
        static const char *const names[] = {"new", "deep/er/new", "slash/", "deep/est//slashes///"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(MusterStore) MusterStore *store = open_store(names[i]);

                assert_string_equal(muster_store_directory(store), in_dir(names[i]));
                /* Nobody else has a look in, unless it is root's. */
                assert_int_equal(mode_of(names[i]), geteuid() == 0 ? 0755 : 0700);
        }
        assert_int_equal(mode_of("deep"), 0755);
        expect_notes(0, "");
}

/* Nothing lies in it until something is kept. */
static void test_folders_and_tag(void **state)
{
        static const char *const folders[] = {"records", "hosts", "failures", "paths", "verdicts", "sizes"};
        CLEANUP(MusterStore) MusterStore *store = open_store("tagged");

        assert_int_not_equal(access(in_dir("tagged/records"), F_OK), 0);
        assert_int_equal(entry_write(store, ENTRY_PATH, "x", "body", 4, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                assert_int_equal(mode_of(in_store(store, folders[i]) + strlen(fixture_dir) + 1),
                                 geteuid() == 0 ? 0755 : 0700);
        /* https://bford.info/cachedir/: backup programs look for exactly this first line. */
        expect_content("tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"
                                              "# A cache of muster, https://bford.info/cachedir/\n");
        /* One that is there stays as it is. */
        write_text("tagged/CACHEDIR.TAG", "mine", 0644);
        assert_int_equal(store_make_folders(store), 0);
        expect_content("tagged/CACHEDIR.TAG", "mine");
        expect_notes(0, "");
}

static void test_existing_one_is_taken(void **state)
{
        CLEANUP(MusterStore) MusterStore *store = NULL, *again = NULL;
        CLEANUP(free) char *body = NULL;

        make_dirs("existing");
        assert_int_equal(chmod(in_dir("existing"), 0755), 0);
        store = open_store("existing");
        assert_int_equal(entry_write(store, ENTRY_PATH, "x", "body", 4, NULL), 0);
        again = open_store("existing/");
        assert_int_equal(entry_read(again, ENTRY_PATH, "x", &body, NULL, NULL), 0);
        assert_string_equal(body, "body");
        assert_int_equal(mode_of("existing"), 0755);
}

static void test_others_may_write(void **state)
{
        static const mode_t modes[] = {0770, 0720, 0702, 0777, 01777};

        make_dirs("shared");
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                assert_int_equal(chmod(in_dir("shared"), modes[i]), 0);
                expect_refusal(in_dir("shared"), -EPERM, "Others may write");
        }
        assert_int_equal(chmod(in_dir("shared"), 0700), 0);
        muster_store_unref(open_store("shared"));
}

static void test_somebody_elses(void **state)
{
        if (geteuid() != 0)
                skip();
        make_dirs("foreign");
        assert_int_equal(chown(in_dir("foreign"), NOBODY, NOBODY), 0);
        expect_refusal(in_dir("foreign"), -EPERM, "65534");
        expect_refusal(in_dir("foreign/"), -EPERM, "65534");
}

/* Somebody could point us to a folder of ours that is no store. */
static void test_links(void **state)
{
        make_dirs("target");
        assert_int_equal(symlink("target", in_dir("link")), 0);
        muster_store_unref(open_store("link"));
        assert_int_equal(symlink("nowhere", in_dir("dangling")), 0);
        expect_refusal(in_dir("dangling"), -ENOENT, "dangling");
        assert_int_not_equal(access(in_dir("nowhere"), F_OK), 0);
        assert_int_equal(symlink("loop", in_dir("loop")), 0);
        expect_refusal(in_dir("loop"), -ELOOP, "loop");
        if (geteuid() != 0)
                skip();
        assert_int_equal(lchown(in_dir("link"), NOBODY, NOBODY), 0);
        expect_refusal(in_dir("link"), -EPERM, "link");
        /* A slash behind it must not make the kernel follow it unseen. */
        expect_refusal(in_dir("link/"), -EPERM, "link");
        expect_refusal(in_dir("link//"), -EPERM, "link");
}

static void test_no_folder(void **state)
{
        write_text("file", "x", 0600);
        expect_refusal(in_dir("file"), -ENOTDIR, "file");
        expect_refusal(in_dir("file/below"), -ENOTDIR, "file");
        expect_refusal("", -EINVAL, "MUSTER_CACHE_DIR");
        expect_refusal("relative/path", -EINVAL, "MUSTER_CACHE_DIR");
        expect_refusal("/proc/no-such-folder", -ENOENT, "/proc/no-such-folder");
}

/* A home of somebody's, which `cache clear` is not to tidy. */
static void test_somebodys(void **state)
{
        CLEANUP(MusterStore) MusterStore *store = NULL;

        make_dirs("home/records");
        write_text("home/letter.txt", "x", 0600);
        expect_refusal(in_dir("home"), -ENOTEMPTY, "not empty");
        make_dirs("empty");
        store = open_store("empty");
        assert_int_equal(entry_write(store, ENTRY_PATH, "x", "body", 4, NULL), 0);
        store = muster_store_unref(store);
        store = open_store("empty");
}

/* As a user who may read it, but not write: what is there is used, what is new is not kept. */
static int use_read_only(void *directory)
{
        MusterStore *store = NULL;
        char *body = NULL;
        FileStamp stamp;

        if (geteuid() == 0)
                CHILD_EXPECTS(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHILD_EXPECTS(muster_store_open(directory, &store, NULL) == 0);
        muster_store_set_note_handler(store, take_note, NULL);
        CHILD_EXPECTS(entry_read(store, ENTRY_RECORD, "there", &body, NULL, NULL) == 0);
        CHILD_EXPECTS(streq(body, "body") && n_notes == 0);
        CHILD_EXPECTS(entry_write(store, ENTRY_RECORD, "new", "x", 1, &stamp) == -EACCES);
        CHILD_EXPECTS(n_notes == 1 && strstr(last_note, directory) &&
                      strstr(last_note, "Nothing can be kept"));
        /* Once is enough. */
        CHILD_EXPECTS(entry_write(store, ENTRY_PATH, "new", "x", 1, &stamp) == -EACCES && n_notes == 1);
        CHILD_EXPECTS(store_make_folders(store) == 0);
        CHILD_EXPECTS(entry_remove(store, ENTRY_RECORD, "there") == -EACCES);
        free(body);
        muster_store_unref(store);
        return 0;
}

static void test_read_only(void **state)
{
        CLEANUP(MusterStore) MusterStore *store = open_store("read-only");

        assert_int_equal(entry_write(store, ENTRY_RECORD, "there", "body", 4, NULL), 0);
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        assert_int_equal(chmod(in_dir("read-only/records/there"), 0444), 0);
        for (const char *const *folder = store_folders; *folder; folder++)
                assert_int_equal(chmod(in_store(store, *folder), 0555), 0);
        assert_int_equal(chmod(in_dir("read-only"), 0555), 0);
        in_child(use_read_only, (void *)store->directory);
        for (const char *const *folder = store_folders; *folder; folder++)
                assert_int_equal(chmod(in_store(store, *folder), 0755), 0);
        assert_int_equal(chmod(in_dir("read-only"), 0755), 0);
}

/* Another user's files in one's own folder, and root's. */
static int use_foreign_entries(void *directory)
{
        MusterStore *store = NULL;
        char *body = NULL;

        CHILD_EXPECTS(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHILD_EXPECTS(muster_store_open(directory, &store, NULL) == 0);
        muster_store_set_note_handler(store, take_note, NULL);
        CHILD_EXPECTS(entry_read(store, ENTRY_PATH, "roots", &body, NULL, NULL) == 0);
        free(body);
        CHILD_EXPECTS(entry_read(store, ENTRY_PATH, "mine", &body, NULL, NULL) == 0 && n_notes == 0);
        free(body);
        CHILD_EXPECTS(entry_read(store, ENTRY_PATH, "others", &body, NULL, NULL) == -EBADMSG &&
                      n_notes == 1);
        muster_store_unref(store);
        return 0;
}

static void test_entries_of_users(void **state)
{
        static const struct {
                const char *name;
                uid_t owner;
        } entries[] = {{"roots", 0}, {"mine", NOBODY}, {"others", 12345}};
        CLEANUP(MusterStore) MusterStore *store = NULL;

        if (geteuid() != 0)
                skip();
        store = open_store("users");
        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                char name[32];

                assert_int_equal(entry_write(store, ENTRY_PATH, entries[i].name, "x", 1, NULL), 0);
                snprintf(name, sizeof(name), "paths/%s", entries[i].name);
                assert_int_equal(chmod(in_store(store, name), 0644), 0);
                assert_int_equal(chown(in_store(store, name), entries[i].owner, 0), 0);
        }
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        assert_int_equal(chmod(in_store(store, "paths"), 0755), 0);
        assert_int_equal(chmod(in_dir("users"), 0755), 0);
        in_child(use_foreign_entries, (void *)store->directory);
}

static void expect_default(const char *directory)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(MusterStore) MusterStore *store = NULL;

        if (muster_store_open(NULL, &store, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_string_equal(muster_store_directory(store), directory);
}

static int use_defaults_of_a_user(void *unused)
{
        MusterStore *store = NULL;

        if (geteuid() == 0)
                CHILD_EXPECTS(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHILD_EXPECTS(unsetenv("MUSTER_CACHE_DIR") == 0 && setenv("XDG_CACHE_HOME", in_dir("xdg"), 1) == 0);
        CHILD_EXPECTS(setenv("HOME", in_dir("home"), 1) == 0);
        CHILD_EXPECTS(muster_store_open(NULL, &store, NULL) == 0);
        CHILD_EXPECTS(streq(muster_store_directory(store), in_dir("xdg/muster")));
        store = muster_store_unref(store);
        /* By the specification a relative path is none. */
        CHILD_EXPECTS(setenv("XDG_CACHE_HOME", "relative", 1) == 0);
        CHILD_EXPECTS(muster_store_open(NULL, &store, NULL) == 0);
        CHILD_EXPECTS(streq(muster_store_directory(store), in_dir("home/.cache/muster")));
        store = muster_store_unref(store);
        CHILD_EXPECTS(unsetenv("HOME") == 0 && unsetenv("XDG_CACHE_HOME") == 0);
        CHILD_EXPECTS(muster_store_open(NULL, &store, NULL) == -ENOENT);
        return 0;
}

static void test_defaults(void **state)
{
        make_dirs("xdg");
        make_dirs("home");
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        if (geteuid() == 0) {
                assert_int_equal(chown(in_dir("xdg"), NOBODY, NOBODY), 0);
                assert_int_equal(chown(in_dir("home"), NOBODY, NOBODY), 0);
        }
        in_child(use_defaults_of_a_user, NULL);
        assert_int_equal(setenv("MUSTER_CACHE_DIR", in_dir("named"), 1), 0);
        expect_default(in_dir("named"));
        assert_int_equal(unsetenv("MUSTER_CACHE_DIR"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_made_where_missing),
                cmocka_unit_test(test_folders_and_tag),
                cmocka_unit_test(test_existing_one_is_taken),
                cmocka_unit_test(test_others_may_write),
                cmocka_unit_test(test_somebody_elses),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_no_folder),
                cmocka_unit_test(test_somebodys),
                cmocka_unit_test(test_read_only),
                cmocka_unit_test(test_entries_of_users),
                cmocka_unit_test(test_defaults),
        };

        return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
