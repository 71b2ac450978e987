/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/checksum.h"

/* From the authors' own list: files of one host are read on another. */
static void test_known_values(void **state)
{
        assert_true(checksum64_text("") == UINT64_C(0xcbf29ce484222325));
        assert_true(checksum64_text("a") == UINT64_C(0xaf63dc4c8601ec8c));
        assert_true(checksum64_text("foobar") == UINT64_C(0x85944171f73967e8));
        assert_true(checksum64("foobar", 6) == checksum64_text("foobar"));
        assert_true(checksum64("a\0b", 3) != checksum64("a\0c", 3));
}

static void test_any_byte_counts(void **state)
{
        unsigned char data[200];
        uint64_t sum;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (unsigned char)(i * 37);
        sum = checksum64(data, sizeof(data));
        for (size_t i = 0; i < sizeof(data); i++) {
                for (unsigned change = 1; change < 256; change++) {
                        data[i] ^= (unsigned char)change;
                        if (checksum64(data, sizeof(data)) == sum)
                                fail_msg("byte %zu, changed by %#x, does not count", i, change);
                        data[i] ^= (unsigned char)change;
                }
                assert_true(checksum64(data, i) != sum);
        }
        assert_true(checksum64(data, sizeof(data)) == sum);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_any_byte_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
