/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/value.h"

static void test_uint(void **state)
{
        static const char *const bad[] = {"",   "-1", "+1",  " 1",   "1 ",  "1x",
                                          "0x", "x",  "1.5", "0x-1", "0x+1"};
        uint64_t n = 7;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(value_uint(bad[i], UINT64_MAX, &n), -EINVAL);
        assert_int_equal(value_uint("18446744073709551616", UINT64_MAX, &n), -ERANGE);
        assert_int_equal(value_uint("256", 255, &n), -ERANGE);
        assert_true(n == 7);
        assert_int_equal(value_uint("18446744073709551615", UINT64_MAX, &n), 0);
        assert_true(n == UINT64_MAX);
        assert_int_equal(value_uint("0xfF", 255, &n), 0);
        assert_true(n == 255);
        assert_int_equal(value_uint("010", 255, &n), 0);
        assert_true(n == 10);
}

static void test_switch(void **state)
{
        bool on = true;

        assert_int_equal(value_switch("no", &on), 0);
        assert_false(on);
        assert_int_equal(value_switch("on", &on), 0);
        assert_true(on);
        assert_int_equal(value_switch("true", &on), -EINVAL);
        assert_int_equal(value_switch("", &on), -EINVAL);
}

static void expect_size(const char *number, const char *unit, uint64_t expected)
{
        uint64_t bytes = 0;

        assert_int_equal(value_size(number, unit, 1024, &bytes), 0);
        assert_true(bytes == expected);
}

static void test_size(void **state)
{
        static const char *const bad[] = {"", "x", "kk", "KiBB", "bits", "Zib", "i", "iB"};
        uint64_t bytes = 7;

        expect_size("3", NULL, 3072);
        expect_size("3", "b", 3);
        expect_size("3", "bytes", 3);
        expect_size("3", "KB", 3000);
        expect_size("3", "k", 3072);
        expect_size("3", "KiB", 3072);
        expect_size("2", "m", 2 << 20);
        expect_size("2", "GB", UINT64_C(2000000000));
        expect_size("7", "EiB", UINT64_C(7) << 60);
        expect_size("0", "EiB", 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(value_size("1", bad[i], 1, &bytes), -EINVAL);
        assert_int_equal(value_size("8", "EiB", 1, &bytes), -ERANGE);
        assert_int_equal(value_size("99999999999999", "EiB", 1, &bytes), -ERANGE);
        assert_int_equal(value_size("-1", "KiB", 1, &bytes), -EINVAL);
        assert_true(bytes == 7);
}

static void test_uuid(void **state)
{
        char uuid[UUID_TEXT_SIZE];

        assert_int_equal(value_uuid("C7A5FDBDEDAF9455926AD65C16DB1809", uuid), 0);
        assert_string_equal(uuid, "c7a5fdbd-edaf-9455-926a-d65c16db1809");
        assert_int_equal(value_uuid("c7a5fdbd-edaf-9455-926a-d65c16db1809", uuid), 0);
        assert_int_equal(value_uuid("c7a5fdbd-edaf-9455-926a-d65c16db180", uuid), -EINVAL);
        assert_int_equal(value_uuid("c7a5fdbd-edaf-9455-926a-d65c16db18090", uuid), -EINVAL);
        assert_int_equal(value_uuid("g7a5fdbd-edaf-9455-926a-d65c16db1809", uuid), -EINVAL);
        assert_int_equal(value_uuid("", uuid), -EINVAL);
}

static void test_mac(void **state)
{
        static const char *const bad[] = {"",
                                          "52:54:00:00:00",
                                          "52:54:00:00:00:00:00",
                                          "52-54-00-00-00-01",
                                          "53:54:00:00:00:01",
                                          "00:00:00:00:00:00",
                                          "52:54:00:00:00:1g",
                                          "052:54:00:00:00:01",
                                          "52:54:00:00:00:01 "};
        char mac[MAC_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(value_mac(bad[i], mac), -EINVAL);
        assert_int_equal(value_mac("52:54:0:AB:1:01", mac), 0);
        assert_string_equal(mac, "52:54:00:ab:01:01");
}

static void expect_cpuset(const char *text, const char *expected)
{
        CLEANUP(free) unsigned *numbers = NULL;
        char joined[256] = "", *out = joined;
        size_t n = 0;

        assert_int_equal(value_cpuset(text, 31, &numbers, &n), 0);
        for (size_t i = 0; i < n; i++)
                out += sprintf(out, "%u ", numbers[i]);
        assert_string_equal(joined, expected);
}

static void test_cpuset(void **state)
{
        static const char *const bad[] = {"",     ",", "1,", ",1",    "3-1",  "^1",
                                          "1,^1", "a", "1-", "1-2-3", "^1-2", "1 2"};
        unsigned *numbers = NULL;
        size_t n = 0;

        expect_cpuset("0", "0 ");
        expect_cpuset("0-3,^2,8", "0 1 3 8 ");
        expect_cpuset("8,1,1,0-1", "0 1 8 ");
        expect_cpuset("^2,0-3", "0 1 2 3 ");
        expect_cpuset("31", "31 ");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(value_cpuset(bad[i], 31, &numbers, &n), -EINVAL);
        assert_int_equal(value_cpuset("32", 31, &numbers, &n), -ERANGE);
        assert_int_equal(value_cpuset("0-4294967295", 31, &numbers, &n), -ERANGE);
        assert_null(numbers);
}

static void test_words(void **state)
{
        static const char *const words[] = {"ide", "scsi", NULL};

        assert_int_equal(value_word("scsi", words), 1);
        assert_int_equal(value_word("scs", words), -EINVAL);
        assert_true(value_is_id("net0.x-1_a"));
        assert_false(value_is_id(""));
        assert_false(value_is_id("0net"));
        assert_false(value_is_id("a,b=c"));
        assert_false(value_is_id("gr\xc3\xbc"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_uint),  cmocka_unit_test(test_switch), cmocka_unit_test(test_size),
                cmocka_unit_test(test_uuid),  cmocka_unit_test(test_mac),    cmocka_unit_test(test_cpuset),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
