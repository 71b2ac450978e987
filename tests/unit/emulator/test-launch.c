/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/launch.h"
#include "fixture.h"

static void test_argv(void **state)
{
        static const struct {
                unsigned expected;
                const char *argv[6];
        } cases[] = {
                {0, {"qemu"}},
                {0, {NULL}},
                {LAUNCH_RUNAS, {"qemu", "-runas", "nobody"}},
                {LAUNCH_RUNAS, {"qemu", "--runas", "1000:1000"}},
                {LAUNCH_CHROOT, {"qemu", "-S", "-chroot", "/var/empty"}},
                {LAUNCH_RUNAS | LAUNCH_CHROOT, {"qemu", "--chroot", "/x", "-runas", "u"}},
                {LAUNCH_RUNAS, {"qemu", "-run-with", "user=nobody"}},
                {LAUNCH_RUNAS | LAUNCH_CHROOT, {"qemu", "--run-with", "async-teardown=on,chroot=/x,user=u"}},
                {LAUNCH_CHROOT, {"qemu", "-run-with", "chroot=/a,,user=b"}},
                {LAUNCH_CHROOT | LAUNCH_RUNAS, {"qemu", "-run-with", "chroot=/a,,,user=b"}},
                {LAUNCH_RUNAS, {"qemu", "-run-with", "user=a=chroot=b"}},
                {0, {"qemu", "-run-with", "async-teardown=on"}},
                {0, {"qemu", "-run-with", "users=x,xchroot=y"}},
                {LAUNCH_RUNAS, {"qemu", "-run-with", "async-teardown,user=x"}},
                /* No spellings that QEMU takes. */
                {0, {"qemu", "-runas=nobody"}},
                {0, {"qemu", "---runas", "nobody"}},
                {0, {"qemu", "runas", "nobody"}},
                {0, {"qemu", "-run", "nobody"}},
                /* Arguments of other options, and what follows them. */
                {0, {"qemu", "-name", "-runas", "-S"}},
                {LAUNCH_CHROOT, {"qemu", "-append", "-runas", "-chroot", "/x"}},
                {LAUNCH_RUNAS, {"qemu", "-name", "x", "-runas", "-chroot"}},
                {0, {"-runas", "nobody"}},
                /* An option that is not known here: better a condition too many. */
                {LAUNCH_RUNAS, {"qemu", "-from-the-future", "-runas", "u"}},
                {0, {"qemu", "-runas"}},
                {0, {"qemu", "-", "--", ""}},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (launch_from_argv((char *const *)cases[i].argv) != cases[i].expected)
                        fail_msg("case %zu: %#x", i, launch_from_argv((char *const *)cases[i].argv));
        assert_int_equal(launch_from_argv(NULL), 0);
}

static void check_process(const char *const *argv, unsigned expected)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Process process = start(argv);
        unsigned conditions = ~0U;

        assert_int_equal(launch_of_process(process.pid, &conditions, &error), 0);
        assert_int_equal(conditions, expected);
        stop(&process);
}

static void test_process(void **state)
{
        check_process((const char *const[]){"/bin/sh", "-c", "read x", "--", "-S", NULL}, 0);
        check_process((const char *const[]){"/bin/sh", "-c", "read x", "-runas", "nobody", NULL},
                      LAUNCH_RUNAS);
        check_process(
                (const char *const[]){"/bin/sh", "-c", "read x", "-x", "", "-run-with", "chroot=/", NULL},
                LAUNCH_CHROOT);
}

/* Runs `prepare` in a child that then waits, and says what the child looks like from outside. */
static unsigned conditions_after(void (*prepare)(void))
{
        CLEANUP(MusterError) MusterError *error = NULL;
        unsigned conditions = ~0U;
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                prepare();
                if (write(ready[1], "x", 1) == 1)
                        pause();
                _exit(1);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(launch_of_process(pid, &conditions, &error), 0);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(ready[0]);
        close(ready[1]);
        return conditions;
}

static void do_nothing(void) {}

static void change_effective_uid(void)
{
        if (setresuid((uid_t)-1, 65534, (uid_t)-1) < 0)
                _exit(1);
}

static void change_root(void)
{
        if (chroot(fixture_dir) < 0)
                _exit(1);
}

static void test_traces(void **state)
{
        assert_int_equal(conditions_after(do_nothing), 0);
        if (geteuid() != 0)
                skip();
        assert_int_equal(conditions_after(change_effective_uid), LAUNCH_UID);
        assert_int_equal(conditions_after(change_root), LAUNCH_CHROOT);
}

static void test_ended(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Process process = start((const char *const[]){"/bin/sh", "-c", "read x", NULL});
        unsigned conditions = 77;

        stop(&process);
        assert_int_equal(launch_of_process(process.pid, &conditions, &error), -ESRCH);
        assert_non_null(strstr(muster_error_message(error), "ended"));
        assert_int_equal(conditions, 77);
}

static void test_fd_access(void **state)
{
        static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
        int mode = 77, fd;

        write_text("image", "", 0644);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                fd = open(in_dir("image"), modes[i] | O_CLOEXEC | O_NONBLOCK);
                assert_int_equal(launch_fd_access(getpid(), fd, &mode), 0);
                assert_int_equal(mode, modes[i]);
                close(fd);
        }
        mode = 77;
        assert_int_equal(launch_fd_access(getpid(), 54321, &mode), -ENOENT);
        assert_int_equal(launch_fd_access(getpid(), -1, &mode), -ENOENT);
        assert_int_equal(mode, 77);
}

static void test_names(void **state)
{
        for (unsigned bit = LAUNCH_RUNAS; bit <= LAUNCH_SINGLE_FD; bit <<= 1) {
                assert_true(strlen(launch_condition_name(bit)) > 0);
                assert_string_not_equal(launch_condition_name(bit), launch_condition_name(1U << 20));
        }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_argv),  TEST(test_process),   TEST(test_traces),
                TEST(test_ended), TEST(test_fd_access), TEST(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
