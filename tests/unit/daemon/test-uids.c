/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "daemon/uids.h"

static void test_lowest_free(void **state)
{
        const uid_t used[] = {1003, 7, 1000, 1001, 1001, 5000000};
        uid_t uid = 1;

        assert_int_equal(uids_take(1000, 1009, NULL, 0, &uid), 0);
        assert_int_equal(uid, 1000);
        assert_int_equal(uids_take(1000, 1009, used, ELEMENTSOF(used), &uid), 0);
        assert_int_equal(uid, 1002);
        assert_int_equal(uids_take(1003, 1009, used, ELEMENTSOF(used), &uid), 0);
        assert_int_equal(uid, 1004);
        assert_int_equal(uids_take(1, UINT32_MAX - 1, used, ELEMENTSOF(used), &uid), 0);
        assert_int_equal(uid, 1);
}

static void test_none_free(void **state)
{
        const uid_t used[] = {1001, 1000, 1002};
        uid_t uid = 1;

        assert_int_equal(uids_take(1000, 1002, used, ELEMENTSOF(used), &uid), -ENOSPC);
        assert_int_equal(uids_take(1001, 1001, used, ELEMENTSOF(used), &uid), -ENOSPC);
        assert_int_equal(uids_take(0, 1000, NULL, 0, &uid), -EINVAL);
        assert_int_equal(uids_take(1000, 999, NULL, 0, &uid), -EINVAL);
        assert_int_equal(uids_take(1000, UINT32_MAX, NULL, 0, &uid), -EINVAL);
        assert_int_equal(uid, 1);
}

/* One that cannot be dumped, as a held one is, and one whose saved id alone tells. */
static void test_running(void **state)
{
        CLEANUP(free) uid_t *uids = NULL;
        bool plain = false, saved = false;
        pid_t pids[2];
        int fds[2];
        size_t n;
        char bytes[2];

        if (geteuid() != 0)
                skip();
        assert_int_equal(pipe(fds), 0);
        for (unsigned i = 0; i < ELEMENTSOF(pids); i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        if (i == 0 ? setresuid(1900000005, 1900000005, 1900000005)
                                   : setresuid(0, 0, 1900000007))
                                _exit(1);
                        (void)!write(fds[1], "", 1);
                        for (;;)
                                pause();
                }
        }
        for (unsigned i = 0; i < ELEMENTSOF(pids); i++)
                assert_int_equal(read(fds[0], bytes, 1), 1);
        assert_int_equal(uids_running(1900000001, 1900000009, &uids, &n), 0);
        for (unsigned i = 0; i < ELEMENTSOF(pids); i++) {
                kill(pids[i], SIGKILL);
                waitpid(pids[i], NULL, 0);
        }
        for (size_t i = 0; i < n; i++) {
                plain = plain || uids[i] == 1900000005;
                saved = saved || uids[i] == 1900000007;
        }
        assert_int_equal(n, 2);
        assert_true(plain && saved);
        close(fds[0]);
        close(fds[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lowest_free),
                cmocka_unit_test(test_none_free),
                cmocka_unit_test(test_running),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
