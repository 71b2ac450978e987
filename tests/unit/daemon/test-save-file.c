/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "daemon/save-file.h"

static SaveHeader example(void)
{
        SaveHeader header = {
                .definition = (char *)"<domain/>",
                .name = (char *)"a",
                .uuid = (char *)"00000000-0000-0000-0000-000000000001",
                .emulator = (char *)"/usr/bin/qemu",
                .digest = (char *)"abc",
                .token = (char *)"0123456789abcdef",
                .running = true,
                .time = 1700000000,
                .length = 100,
                .checksum = 42,
        };

        header.offset = save_header_offset(&header);
        return header;
}

static void format(const SaveHeader *header, char **ret, size_t *ret_size)
{
        assert_int_equal(save_header_format(header, ret, ret_size), 0);
}

static void test_comes_back(void **state)
{
        const SaveHeader header = example();
        CLEANUP(free) char *data = NULL;
        SaveHeader back = {};
        size_t size;

        assert_int_equal(header.offset, 4096);
        format(&header, &data, &size);
        assert_int_equal(save_header_parse(data, size, 4196, &back, NULL), 0);
        assert_string_equal(back.definition, header.definition);
        assert_string_equal(back.name, "a");
        assert_string_equal(back.uuid, header.uuid);
        assert_string_equal(back.token, header.token);
        assert_string_equal(back.digest, "abc");
        assert_true(back.running);
        assert_int_equal(back.time, header.time);
        assert_int_equal(back.length, 100);
        assert_int_equal(back.checksum, 42);
        save_header_clear(&back);
}

static void test_every_bit_counts(void **state)
{
        const SaveHeader header = example();
        CLEANUP(free) char *data = NULL;
        SaveHeader back = {};
        size_t size;

        format(&header, &data, &size);
        for (size_t bit = 0; bit < size * 8; bit++) {
                data[bit / 8] ^= (char)(1 << bit % 8);
                assert_int_equal(save_header_parse(data, size, 4196, &back, NULL), -EBADMSG);
                data[bit / 8] ^= (char)(1 << bit % 8);
        }
        assert_null(back.definition);
}

static void test_every_length_counts(void **state)
{
        const SaveHeader header = example();
        CLEANUP(free) char *data = NULL;
        SaveHeader back = {};
        size_t size;

        format(&header, &data, &size);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(save_header_parse(data, n, 4196, &back, NULL), -EBADMSG);
        for (uint64_t n = 0; n < 4300; n++)
                if (n != 4196)
                        assert_int_equal(save_header_parse(data, size, n, &back, NULL), -EBADMSG);
        assert_null(back.definition);
}

static void test_lengths_do_not_wrap(void **state)
{
        SaveHeader header = example(), back = {};
        const struct {
                uint64_t offset, length;
        } rows[] = {
                {4096, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX}, {4096, UINT64_MAX - 4095}};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(free) char *data = NULL;
                size_t size;

                header.offset = rows[i].offset;
                header.length = rows[i].length;
                format(&header, &data, &size);
                assert_int_equal(save_header_parse(data, size, 4196, &back, NULL), -EBADMSG);
        }
}

static void test_checksum(void **state)
{
        char data[1000];
        uint64_t whole, parts = SAVE_CHECKSUM_START;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (char)(i * 7);
        whole = save_checksum(SAVE_CHECKSUM_START, data, sizeof(data) - 1);
        parts = save_checksum(parts, data, 512);
        parts = save_checksum(parts, data + 512, sizeof(data) - 513);
        assert_true(whole == parts);
        for (size_t i = 0; i < sizeof(data) - 1; i++) {
                data[i] ^= 1;
                assert_true(save_checksum(SAVE_CHECKSUM_START, data, sizeof(data) - 1) != whole);
                data[i] ^= 1;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_comes_back),
                cmocka_unit_test(test_every_bit_counts),
                cmocka_unit_test(test_every_length_counts),
                cmocka_unit_test(test_lengths_do_not_wrap),
                cmocka_unit_test(test_checksum),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
