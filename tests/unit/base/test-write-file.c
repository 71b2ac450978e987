/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that are replaced whole or not at all. */

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "tests/unit/emulator/fixture.h"

#define NOBODY  65534
#define SKIPPED 77

static int dirfd_of(const char *name)
{
        int fd = open(in_dir(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void expect_content(const char *name, const char *text)
{
        CLEANUP(free) char *data = NULL;
        size_t size;

        assert_int_equal(read_file(in_dir(name), 1 << 20, &data, &size), 0);
        assert_string_equal(data, text);
        assert_int_equal(size, strlen(text));
}

/* Also for children, which must not come back from a failed assertion. */
static unsigned count_temporaries(int folder)
{
        CLEANUP(dir) DIR *dir = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry;
        unsigned n = 0;

        if (!dir)
                return UINT32_MAX;
        while ((entry = readdir(dir)))
                n += startswith(entry->d_name, ".tmp") != NULL;
        return n;
}

static void test_makes_and_replaces(void **state)
{
        CLEANUP(fd) int folder = -1;
        mode_t mask = umask(0);
        struct stat st;

        make_dirs("made/sub");
        folder = dirfd_of("made");
        for (unsigned durable = 0; durable < 2; durable++) {
                assert_int_equal(write_file_at(folder, "file", "one", 3, 0640, durable, NULL), 0);
                expect_content("made/file", "one");
                assert_int_equal(write_file_at(folder, "file", "second", 6, 0600, durable, NULL), 0);
                expect_content("made/file", "second");
                assert_int_equal(write_file_at(folder, "file", "", 0, 0600, durable, NULL), 0);
                expect_content("made/file", "");
                assert_int_equal(write_file_at(folder, "sub/file", "below", 5, 0604, durable, NULL), 0);
                expect_content("made/sub/file", "below");
        }
        umask(mask);
        assert_int_equal(stat(in_dir("made/sub/file"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0604);
        assert_int_equal(count_temporaries(folder), 0);
}

/* What has the old file open keeps it; and a link is replaced, not followed. */
static void test_replaces_the_name(void **state)
{
        CLEANUP(fd) int folder = -1, old = -1;
        char data[8] = "";
        struct stat st;

        make_dirs("names");
        folder = dirfd_of("names");
        write_text("names/file", "old", 0600);
        write_text("names/other", "other", 0600);
        assert_int_equal(symlink("other", in_dir("names/link")), 0);
        old = openat(folder, "file", O_RDONLY | O_CLOEXEC);
        assert_int_equal(write_file_at(folder, "file", "new", 3, 0600, false, NULL), 0);
        assert_int_equal(read(old, data, sizeof(data)), 3);
        assert_string_equal(data, "old");
        assert_int_equal(write_file_at(folder, "link", "new", 3, 0600, false, NULL), 0);
        assert_int_equal(lstat(in_dir("names/link"), &st), 0);
        assert_true(S_ISREG(st.st_mode));
        expect_content("names/other", "other");
}

static void test_cannot_be_there(void **state)
{
        CLEANUP(fd) int folder = -1;

        make_dirs("blocked/file");
        folder = dirfd_of("blocked");
        assert_int_equal(write_file_at(folder, "file", "x", 1, 0600, true, NULL), -EISDIR);
        assert_int_equal(write_file_at(folder, "nowhere/file", "x", 1, 0600, true, NULL), -ENOENT);
        assert_int_equal(write_file_at(-1, "file", "x", 1, 0600, true, NULL), -EBADF);
        assert_int_equal(count_temporaries(folder), 0);
}

/* Runs `what` in a process of its own, which it may change as it likes. */
static void in_child(int (*what)(int folder), int folder)
{
        int status = -1;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(what(folder));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
                skip();
        if (status != 0)
                fail_msg("the child ended with status %#x, at step %d", status, WEXITSTATUS(status));
}

static char big[256 * 1024];

/* The kernel takes a part of it, and then no more. */
static int beyond_the_limit(int folder)
{
        const struct rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};

        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
                return SKIPPED;
        if (write_file_at(folder, "file", big, sizeof(big), 0600, true, NULL) != -EFBIG)
                return 1;
        if (count_temporaries(folder) != 0)
                return 2;
        return write_file_at(folder, "file", "old", 3, 0600, true, NULL) == 0 ? 0 : 3;
}

static void test_limit(void **state)
{
        CLEANUP(fd) int folder = -1;

        make_dirs("limit");
        write_text("limit/file", "old", 0600);
        folder = dirfd_of("limit");
        in_child(beyond_the_limit, folder);
        expect_content("limit/file", "old");
}

static bool write_proc(const char *path, const char *format, unsigned long id)
{
        CLEANUP(file) FILE *file = fopen(path, "we");

        return file && fprintf(file, format, id) > 0 && fflush(file) == 0;
}

/* A mount namespace of its own; for users within a user namespace, where they are root. */
static bool get_namespace(void)
{
        uid_t user = geteuid();
        gid_t group = getegid();

        if (user == 0)
                return unshare(CLONE_NEWNS) == 0;
        return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
               write_proc("/proc/self/uid_map", "0 %lu 1\n", user) &&
               write_proc("/proc/self/setgroups", "deny\n", 0) &&
               write_proc("/proc/self/gid_map", "0 %lu 1\n", group);
}

static int on_a_full_disk(int unused)
{
        CLEANUP(free) char *data = NULL;
        int folder;

        if (!get_namespace() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", in_dir("full"), "tmpfs", 0, "size=64k") < 0)
                return SKIPPED;
        folder = open(in_dir("full"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 || write_file_at(folder, "file", "old", 3, 0600, true, NULL) < 0)
                return 1;
        for (unsigned durable = 0; durable < 2; durable++)
                if (write_file_at(folder, "file", big, sizeof(big), 0600, durable, NULL) != -ENOSPC)
                        return 2;
        if (count_temporaries(folder) != 0)
                return 3;
        if (read_file_at(folder, "file", 100, &data, NULL) < 0 || !streq(data, "old"))
                return 4;
        /* Nothing of the attempt takes room. */
        return write_file_at(folder, "file", big, 32768, 0600, true, NULL) == 0 ? 0 : 5;
}

static void test_full_disk(void **state)
{
        make_dirs("full");
        in_child(on_a_full_disk, -1);
}

static int without_rights(int folder)
{
        if (geteuid() == 0 && seteuid(NOBODY) < 0)
                return SKIPPED;
        if (write_file_at(folder, "file", "new", 3, 0600, true, NULL) != -EACCES)
                return 1;
        return count_temporaries(folder) == 0 ? 0 : 2;
}

static void test_no_rights(void **state)
{
        CLEANUP(fd) int folder = -1;

        make_dirs("rights");
        write_text("rights/file", "old", 0644);
        folder = dirfd_of("rights");
        assert_int_equal(chmod(fixture_dir, 0755), 0);
        assert_int_equal(fchmod(folder, 0555), 0);
        in_child(without_rights, folder);
        expect_content("rights/file", "old");
        assert_int_equal(fchmod(folder, 0755), 0);
}

static int stop_reading; /* atomic */

/* Whatever moment it comes at, it finds one whole text. */
static void *keep_reading(void *userdata)
{
        size_t *n = userdata;

        do {
                CLEANUP(free) char *data = NULL;
                size_t size = 0;

                if (read_file(in_dir("whole/file"), sizeof(big), &data, &size) < 0 || size != 20000 ||
                    strspn(data, (const char[]){data[0], '\0'}) != size)
                        return (void *)"torn";
                (*n)++;
        } while (!__atomic_load_n(&stop_reading, __ATOMIC_SEQ_CST));
        return NULL;
}

static void test_never_torn(void **state)
{
        CLEANUP(fd) int folder = -1;
        char text[20000];
        pthread_t thread;
        size_t n = 0;
        void *fault;

        make_dirs("whole");
        folder = dirfd_of("whole");
        memset(text, 'a', sizeof(text));
        assert_int_equal(write_file_at(folder, "file", text, sizeof(text), 0600, false, NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, keep_reading, &n), 0);
        for (unsigned i = 0; i < 150; i++) {
                memset(text, 'a' + (int)(i % 26), sizeof(text));
                assert_int_equal(write_file_at(folder, "file", text, sizeof(text), 0600, false, NULL), 0);
        }
        __atomic_store_n(&stop_reading, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(pthread_join(thread, &fault), 0);
        assert_null(fault);
        assert_true(n > 0);
        assert_int_equal(count_temporaries(folder), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_makes_and_replaces), cmocka_unit_test(test_replaces_the_name),
                cmocka_unit_test(test_cannot_be_there),    cmocka_unit_test(test_limit),
                cmocka_unit_test(test_full_disk),          cmocka_unit_test(test_no_rights),
                cmocka_unit_test(test_never_torn),
        };

        return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
