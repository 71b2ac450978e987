/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/util.h"

static struct {
        pid_t (*getpid)(void);
        int (*atoi)(const char *text);
        void (*muster_no_such_symbol)(void);
} library;

static const DynlibSymbol symbols[] = {
        DYNLIB_SYMBOL(getpid, library.getpid),
        DYNLIB_SYMBOL(atoi, library.atoi),
        DYNLIB_SYMBOL(muster_no_such_symbol, library.muster_no_such_symbol),
};

static void check_nothing_set(void)
{
        assert_true(library.getpid == NULL && library.atoi == NULL && library.muster_no_such_symbol == NULL);
}

static void test_missing(void **state)
{
        assert_int_equal(dynlib_load("libmuster-no-such.so.0", symbols, 2), -ENOPKG);
        check_nothing_set();
        assert_int_equal(dynlib_load("/dev/null", symbols, 2), -ENOPKG);
        check_nothing_set();
        /* The missing one comes last, and still none of the others is set. */
        assert_int_equal(dynlib_load("libc.so.6", symbols, ELEMENTSOF(symbols)), -ENOPKG);
        check_nothing_set();
}

static void test_loaded(void **state)
{
        assert_int_equal(dynlib_load("libc.so.6", symbols, 2), 0);
        assert_int_equal(library.getpid(), getpid());
        assert_int_equal(library.atoi("42"), 42);
        assert_true(library.muster_no_such_symbol == NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_loaded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
