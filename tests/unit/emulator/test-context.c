/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/context.h"
#include "fixture.h"

static void test_defaults(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;

        assert_int_equal(muster_context_new(&context), 0);
        assert_int_equal(context->timeout_usec, 10 * USEC_PER_SEC);
        assert_int_equal(context->cancel_fd, -1);
        assert_false(context->change_user);
        assert_null(muster_context_free(NULL));
        assert_true(strlen(muster_version()) > 0);
}

static void test_timeout(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;

        assert_int_equal(muster_context_new(&context), 0);
        assert_int_equal(muster_context_set_timeout(context, 0), -EINVAL);
        assert_int_equal(context->timeout_usec, 10 * USEC_PER_SEC);
        assert_int_equal(muster_context_set_timeout(context, 5), 0);
        assert_int_equal(context->timeout_usec, 5);
        assert_int_equal(muster_context_set_timeout(context, UINT64_MAX), 0);
        assert_true(now_usec() + context->timeout_usec > now_usec());
}

static void test_cancel_fd(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;

        assert_int_equal(muster_context_new(&context), 0);
        muster_context_set_cancel_fd(context, 7);
        assert_int_equal(context->cancel_fd, 7);
        muster_context_set_cancel_fd(context, -5);
        assert_int_equal(context->cancel_fd, -1);
}

static void test_no_such_user(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(muster_context_new(&context), 0);
        assert_int_equal(muster_context_set_user(context, "no-such-user-here", &error), -ENOENT);
        assert_non_null(strstr(muster_error_message(error), "no-such-user-here"));
        assert_false(context->change_user);
        assert_null(context->user);
}

static void test_user(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        assert_int_equal(muster_context_new(&context), 0);
        r = muster_context_set_user(context, "daemon", &error);
        if (r == -ENOENT)
                skip();
        if (geteuid() != 0) {
                assert_int_equal(r, -EPERM);
                assert_non_null(strstr(muster_error_message(error), "root"));
                assert_false(context->change_user);
                return;
        }
        assert_int_equal(r, 0);
        assert_true(context->change_user);
        assert_string_equal(context->user, "daemon");
        assert_true(context->uid != 0 && context->gid != 0);
        assert_int_equal(muster_context_set_user(context, "root", &error), 0);
        assert_string_equal(context->user, "root");
        assert_int_equal(context->uid, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),  cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_cancel_fd), cmocka_unit_test(test_no_such_user),
                cmocka_unit_test(test_user),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
