/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fileio.h"

static void test_reads_within_the_bound(void **state)
{
        char path[] = "/tmp/muster-test-XXXXXX";
        CLEANUP(fd) int fd = mkstemp(path);
        CLEANUP(free) char *data = NULL;
        size_t size = 0;

        assert_int_equal(write(fd, "hello", 5), 5);
        assert_int_equal(read_file(path, 5, &data, &size), 0);
        assert_int_equal(size, 5);
        assert_string_equal(data, "hello");
        assert_int_equal(read_file(path, 4, &data, &size), -EFBIG);
        assert_string_equal(data, "hello");
        unlink(path);
        assert_int_equal(read_file(path, 4, &data, &size), -ENOENT);
}

static void test_reads_proc(void **state)
{
        CLEANUP(free) char *data = NULL;
        size_t size = 0;

        assert_int_equal(read_file("/proc/self/status", 1 << 20, &data, &size), 0);
        assert_non_null(strstr(data, "Pid:"));
        assert_int_equal(size, strlen(data));
}

static void test_links(void **state)
{
        CLEANUP(free) char *target = NULL;

        assert_int_equal(read_link("/proc/self/exe", &target), 0);
        assert_non_null(strstr(target, "test-base-fileio"));
        assert_int_equal(read_link("/nonexistent/link", &target), -ENOENT);
}

static void touch(const char *folder, const char *name)
{
        CLEANUP(free) char *path = NULL;
        CLEANUP(fd) int fd = -1;

        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
}

/* A link in a tree that is removed must not take along what it points to. */
static void test_remove_tree_follows_no_links(void **state)
{
        char tree[] = "/tmp/muster-test-XXXXXX", other[] = "/tmp/muster-test-XXXXXX";
        CLEANUP(free) char *inner = NULL, *link = NULL, *kept = NULL;
        struct stat st;

        assert_non_null(mkdtemp(tree));
        assert_non_null(mkdtemp(other));
        touch(other, "kept");
        assert_true(asprintf(&inner, "%s/inner", tree) > 0 && asprintf(&link, "%s/link", tree) > 0 &&
                    asprintf(&kept, "%s/kept", other) > 0);
        assert_int_equal(mkdir(inner, 0700), 0);
        touch(inner, "file");
        assert_int_equal(symlink(other, link), 0);
        assert_int_equal(remove_tree(tree), 0);
        assert_int_equal(stat(tree, &st), -1);
        assert_int_equal(stat(kept, &st), 0);
        assert_int_equal(remove_tree(other), 0);
        assert_int_equal(remove_tree(other), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_within_the_bound),
                cmocka_unit_test(test_reads_proc),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_remove_tree_follows_no_links),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
