/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stamp.h"
#include "base/util.h"

static const FileStamp stamps[] = {
        {0},
        {.dev = 1, .ino = 2, .size = 3, .mtime_nsec = 4, .ctime_nsec = 5},
        {.dev = UINT64_MAX,
         .ino = UINT64_MAX,
         .size = UINT64_MAX,
         .mtime_nsec = INT64_MAX,
         .ctime_nsec = INT64_MAX},
        {.dev = 65026, .ino = 1, .size = 0, .mtime_nsec = INT64_MIN, .ctime_nsec = -1},
};

static char *print(const FileStamp *stamp)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        file_stamp_print(stamp, out);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void test_round_trip(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(stamps); i++) {
                CLEANUP(free) char *text = print(&stamps[i]), *again = NULL;
                const char *at = text;
                FileStamp stamp;

                assert_int_equal(file_stamp_parse(&at, &stamp), 0);
                assert_ptr_equal(at, text + strlen(text));
                assert_true(file_stamp_equal(&stamp, &stamps[i]));
                again = print(&stamp);
                assert_string_equal(text, again);
        }
}

/* Whatever follows is left for the caller, less the one blank between. */
static void test_what_follows(void **state)
{
        const char *at = "1 2 3 -4 -5 /path with blanks\n";
        FileStamp stamp;

        assert_int_equal(file_stamp_parse(&at, &stamp), 0);
        assert_string_equal(at, "/path with blanks\n");
        assert_int_equal(stamp.mtime_nsec, -4);
        assert_int_equal(stamp.ctime_nsec, -5);
}

static void test_malformed(void **state)
{
        static const char *const texts[] = {
                "",
                " 1 2 3 4 5",
                "1 2 3 4",
                "1 2 3 4 ",
                "-1 2 3 4 5",
                "+1 2 3 4 5",
                "1 2 3 4 x",
                "1 2 3 - 5",
                "1 2 3 --4 5",
                "1  2 3 4 5",
                "1\n2\n3\n4\n5",
                "18446744073709551616 2 3 4 5",
                "1 2 3 9223372036854775808 5",
                "1 2 3 4 -9223372036854775809",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *at = texts[i];
                FileStamp stamp = stamps[1];

                if (file_stamp_parse(&at, &stamp) != -EBADMSG)
                        fail_msg("taken: \"%s\"", texts[i]);
                assert_ptr_equal(at, texts[i]);
                assert_true(file_stamp_equal(&stamp, &stamps[1]));
        }
}

static void test_every_member_counts(void **state)
{
        for (unsigned i = 0; i < 5; i++) {
                FileStamp other = stamps[1];

                other.dev += i == 0;
                other.ino += i == 1;
                other.size += i == 2;
                other.mtime_nsec += i == 3;
                other.ctime_nsec += i == 4;
                assert_false(file_stamp_equal(&stamps[1], &other));
        }
        assert_true(file_stamp_equal(&stamps[1], &stamps[1]));
}

static FileStamp stamp_of(const char *path)
{
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return file_stamp(&st);
}

/* A program can set the mtime back; the ctime tells that it did. */
static void test_mtime_set_back(void **state)
{
        char path[] = "/tmp/muster-test-XXXXXX";
        CLEANUP(fd) int fd = mkstemp(path);
        const struct timespec old[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
        FileStamp before, after;

        assert_int_equal(futimens(fd, old), 0);
        before = stamp_of(path);
        assert_int_equal(before.mtime_nsec, INT64_C(3000000004));
        assert_true(before.ctime_nsec > INT64_C(1600000000) * 1000000000);
        assert_true(before.ctime_nsec <= stamp_now_nsec());
        assert_int_equal(before.size, 0);
        /* Until the file system's clock has moved on. */
        do {
                assert_int_equal(pwrite(fd, "x", 1, 0), 1);
                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(futimens(fd, old), 0);
                after = stamp_of(path);
        } while (after.ctime_nsec == before.ctime_nsec);
        assert_int_equal(after.mtime_nsec, before.mtime_nsec);
        assert_int_equal(after.size, before.size);
        assert_int_equal(after.ino, before.ino);
        assert_false(file_stamp_equal(&before, &after));
        unlink(path);
}

static void test_racy(void **state)
{
        const int64_t now = INT64_C(1700000000) * 1000000000;

        assert_false(stamp_is_racy(now - STAMP_RACY_NSEC - 1, now));
        assert_false(stamp_is_racy(now - STAMP_RACY_NSEC, now));
        assert_true(stamp_is_racy(now - STAMP_RACY_NSEC + 1, now));
        assert_true(stamp_is_racy(now, now));
        assert_true(stamp_is_racy(now + 1, now)); /* a clock that was set back */
        assert_false(stamp_is_racy(0, now));      /* no file at all */
}

static void test_observe(void **state)
{
        CLEANUP(free) char *text = NULL;
        int64_t newest = 0;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        file_stamp_observe(&stamps[1], "/a b", out, &newest);
        assert_int_equal(newest, 5);
        file_stamp_observe(&stamps[3], "/c", out, &newest); /* older */
        assert_int_equal(newest, 5);
        file_stamp_observe(&stamps[0], "-", out, /* newest_nsec= */ NULL);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, "1 2 3 4 5 /a b\n65026 1 0 -9223372036854775808 -1 /c\n0 0 0 0 0 -\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_what_follows),
                cmocka_unit_test(test_malformed),      cmocka_unit_test(test_every_member_counts),
                cmocka_unit_test(test_mtime_set_back), cmocka_unit_test(test_racy),
                cmocka_unit_test(test_observe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
