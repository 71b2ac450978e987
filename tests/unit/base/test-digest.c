/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"

static void test_known_values(void **state)
{
        char hex[DIGEST_HEX_SIZE];

        /* FIPS 180-4's own examples. */
        assert_int_equal(digest_bytes("", 0, hex), 0);
        assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_int_equal(digest_bytes("abc", 3, hex), 0);
        assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_file_equals_bytes(void **state)
{
        static char data[600 * 1024];
        char of_file[DIGEST_HEX_SIZE], of_bytes[DIGEST_HEX_SIZE];
        CLEANUP(file) FILE *file = tmpfile();

        memset(data, 'm', sizeof(data));
        assert_int_equal(fwrite(data, 1, sizeof(data), file), sizeof(data));
        fflush(file);
        assert_int_equal(digest_fd(fileno(file), of_file), 0);
        assert_int_equal(digest_bytes(data, sizeof(data), of_bytes), 0);
        assert_string_equal(of_file, of_bytes);
        assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), (off_t)sizeof(data));
}

static void test_no_regular_file(void **state)
{
        CLEANUP(fd) int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        char hex[DIGEST_HEX_SIZE] = "untouched";

        assert_int_equal(digest_fd(fd, hex), -EINVAL);
        assert_string_equal(hex, "untouched");
        assert_int_equal(digest_fd(-1, hex), -EBADF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_file_equals_bytes),
                cmocka_unit_test(test_no_regular_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
