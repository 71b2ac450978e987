/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"

static void expect_clean(const char *text, size_t max, const char *expected)
{
        CLEANUP(free) char *got = text_for_terminal(text, strlen(text), max);

        assert_string_equal(got, expected);
}

static void test_text_for_terminal(void **state)
{
        expect_clean("plain", 80, "plain");
        expect_clean("a\033[31mb", 80, "a?[31mb");
        expect_clean("two\nlines\tand", 80, "two lines and");
        expect_clean("gr\xc3\xbc\xc3\x9f", 80, "gr\xc3\xbc\xc3\x9f");
        expect_clean("bad \xff\xc3 utf", 80, "bad ?? utf");
        expect_clean("c1 \xc2\x9b"
                     "31m",
                     80, "c1 ?31m");
        expect_clean("0123456789", 4, "01 \xe2\x80\xa6 89");
        /* Never cut within a character. */
        expect_clean("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 3, " \xe2\x80\xa6 \xc3\xbc");
}

static void test_utf8(void **state)
{
        assert_true(text_is_utf8("", 0));
        assert_true(text_is_utf8("gr\xc3\xbc\xc3\x9f", 6));
        assert_false(text_is_utf8("a\0b", 3));
        assert_false(text_is_utf8("a\xff", 2));
        assert_false(text_is_utf8("cut \xc3", 5));
}

static void test_strv(void **state)
{
        CLEANUP(strv) char **parts = NULL;

        assert_int_equal(strv_split(",a,,b c,", ", ", &parts), 0);
        assert_int_equal(strv_length(parts), 3);
        assert_string_equal(parts[2], "c");
        assert_true(strv_contains(parts, "b"));
        assert_false(strv_contains(parts, ""));
        assert_false(strv_contains(NULL, "b"));
        assert_int_equal(strv_length(NULL), 0);
        assert_int_equal(strv_append(&parts, "d"), 0);
        assert_string_equal(parts[3], "d");
        assert_null(parts[4]);
}

static void test_comparisons(void **state)
{
        assert_string_equal(startswith("unix:/x", "unix:"), "/x");
        assert_null(startswith("uni", "unix:"));
        assert_true(streq_ptr(NULL, NULL));
        assert_false(streq_ptr("", NULL));
}

static void test_clock_goes_on(void **state)
{
        uint64_t before = now_usec();

        assert_true(before > 0 && now_usec() >= before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_for_terminal),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_strv),
                cmocka_unit_test(test_comparisons),
                cmocka_unit_test(test_clock_goes_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
