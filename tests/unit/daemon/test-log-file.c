/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/log-file.h"

static char directory[64];

static const char *in_dir(const char *name)
{
        static char paths[4][128];
        static unsigned next;
        char *path = paths[next++ % ELEMENTSOF(paths)];

        snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
        return path;
}

static int set_up(void **state)
{
        strcpy(directory, "/tmp/muster-test-XXXXXX");
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
        return remove_tree(directory);
}

static void assert_content(const char *name, const char *expected)
{
        CLEANUP(free) char *text = NULL;

        assert_int_equal(read_file(in_dir(name), 1 << 24, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void append(int fd, const char *text)
{
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Whoever has it open goes on writing, at its new beginning. */
static void test_rotates_under_a_writer(void **state)
{
        CLEANUP(fd) int fd = -1;
        struct stat st;

        assert_int_equal(log_file_rotate(in_dir("demo.log"), 10, 3, NULL), 0);
        assert_int_equal(log_file_open(in_dir("demo.log"), &fd, NULL), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        append(fd, "first\n");
        assert_int_equal(log_file_rotate(in_dir("demo.log"), 10, 3, NULL), 0);
        assert_int_equal(log_file_rotate(in_dir("demo.log"), 6, 3, NULL), 0);
        assert_content("demo.log", "first\n");
        for (unsigned i = 1; i <= 5; i++) {
                char line[32];

                snprintf(line, sizeof(line), "this is line %u\n", i);
                append(fd, line);
                assert_int_equal(log_file_rotate(in_dir("demo.log"), 14, 3, NULL), 1);
                assert_content("demo.log", "");
        }
        append(fd, "last\n");
        assert_content("demo.log", "last\n");
        assert_content("demo.log.1", "this is line 5\n");
        assert_content("demo.log.2", "this is line 4\n");
        assert_content("demo.log.3", "this is line 3\n");
        assert_int_equal(access(in_dir("demo.log.4"), F_OK), -1);
        assert_int_equal(stat(in_dir("demo.log.1"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

/* Of one that is far too large only the end is kept, whole lines of it. */
static void test_keeps_the_end(void **state)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(fd) int fd = -1;
        size_t size;

        assert_int_equal(log_file_open(in_dir("demo.log"), &fd, NULL), 0);
        for (unsigned i = 0; i < 50000; i++)
                dprintf(fd, "line %05u\n", i);
        assert_int_equal(log_file_rotate(in_dir("demo.log"), 100005, 1, NULL), 1);
        assert_int_equal(read_file(in_dir("demo.log.1"), 1 << 24, &text, &size), 0);
        assert_int_equal(size, 24140 * 11);
        assert_non_null(startswith(text, "line 25860\n"));
        assert_string_equal(text + size - 11, "line 49999\n");
        assert_content("demo.log", "");
}

static void test_keeps_none(void **state)
{
        CLEANUP(fd) int fd = -1;

        assert_int_equal(log_file_open(in_dir("demo.log"), &fd, NULL), 0);
        append(fd, "a line\n");
        assert_int_equal(log_file_rotate(in_dir("demo.log"), 0, 0, NULL), 1);
        assert_content("demo.log", "");
        assert_int_equal(access(in_dir("demo.log.1"), F_OK), -1);
}

static void write_text(const char *name, const char *text)
{
        CLEANUP(fd) int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        append(fd, text);
}

static void test_follows_no_links(void **state)
{
        CLEANUP(fd) int fd = -1;

        write_text("victim", "do not touch\n");
        assert_int_equal(symlink("victim", in_dir("a.log")), 0);
        assert_int_equal(log_file_open(in_dir("a.log"), &fd, NULL), -ELOOP);
        assert_int_equal(log_file_rotate(in_dir("a.log"), 0, 3, NULL), -ELOOP);
        assert_int_equal(link(in_dir("victim"), in_dir("b.log")), 0);
        assert_int_equal(log_file_open(in_dir("b.log"), &fd, NULL), -EPERM);
        assert_int_equal(log_file_rotate(in_dir("b.log"), 0, 3, NULL), -EPERM);
        assert_int_equal(mkfifo(in_dir("c.log"), 0600), 0);
        assert_int_equal(log_file_open(in_dir("c.log"), &fd, NULL), -ENXIO);
        assert_int_equal(log_file_rotate(in_dir("c.log"), 0, 3, NULL), -EPERM);
        assert_int_equal(mkdir(in_dir("d.log"), 0700), 0);
        assert_int_equal(log_file_open(in_dir("d.log"), &fd, NULL), -EISDIR);
        assert_int_equal(fd, -1);

        /* Nor where the older ones are: the link is moved on, and falls off. */
        assert_int_equal(symlink("victim", in_dir("e.log.1")), 0);
        for (unsigned i = 0; i < 3; i++) {
                write_text("e.log", "a line\n");
                assert_int_equal(log_file_rotate(in_dir("e.log"), 0, 2, NULL), 1);
        }
        assert_content("e.log.2", "a line\n");
        assert_content("victim", "do not touch\n");
}

/* A disk that is full stays usable: the log is cut, and what was lost is said. */
static void test_cuts_even_if_it_cannot_keep(void **state)
{
        MusterError *error = NULL;

        write_text("demo.log", "a line\n");
        assert_int_equal(mkdir(in_dir("demo.log.1"), 0700), 0);
        assert_int_equal(log_file_rotate(in_dir("demo.log"), 0, 1, &error), -EISDIR);
        assert_non_null(strstr(muster_error_message(error), "demo.log"));
        muster_error_free(error);
        assert_content("demo.log", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rotates_under_a_writer, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_keeps_the_end, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_keeps_none, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_follows_no_links, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_cuts_even_if_it_cannot_keep, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
