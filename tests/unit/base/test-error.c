/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/error.h"

static void test_sentence_code_detail(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(error_set_detail(&error, -EPROTO, "last words", "%s is no emulator.", "/bin/ls"),
                         -EPROTO);
        assert_int_equal(muster_error_code(error), -EPROTO);
        assert_string_equal(muster_error_message(error), "/bin/ls is no emulator.");
        assert_string_equal(muster_error_detail(error), "last words");
}

static void test_prefix(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        error_prefix(&error, "nothing to prefix");
        assert_null(error);
        error_set_detail(&error, -EIO, "d", "it broke");
        error_prefix(&error, "node %d", 3);
        assert_string_equal(muster_error_message(error), "node 3: it broke");
        assert_int_equal(muster_error_code(error), -EIO);
        assert_string_equal(muster_error_detail(error), "d");
}

static void test_nobody_wants_it(void **state)
{
        assert_int_equal(error_set(NULL, -EINVAL, "unheard"), -EINVAL);
        assert_int_equal(error_oom(NULL), -ENOMEM);
}

static void test_no_error(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_null(muster_error_free(NULL));
        assert_int_equal(muster_error_code(NULL), 0);
        assert_non_null(muster_error_message(NULL));
        assert_null(muster_error_detail(NULL));
        assert_int_equal(error_oom(&error), -ENOMEM);
        assert_true(muster_error_message(error)[0] != '\0');
}

static void test_errno(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(error_errno(&error, -ENOENT, "cannot open %s", "/x"), -ENOENT);
        assert_string_equal(muster_error_message(error), "cannot open /x: No such file or directory");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sentence_code_detail),
                cmocka_unit_test(test_prefix),
                cmocka_unit_test(test_nobody_wants_it),
                cmocka_unit_test(test_no_error),
                cmocka_unit_test(test_errno),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
