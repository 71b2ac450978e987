/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a child finds around it, and what is left when it is closed. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/spawn.h"

static char directory[] = "/tmp/muster-test-XXXXXX";

typedef struct Fixture {
        uv_loop_t loop;
        MusterContext *context;
        Child *child;
        bool exited;
        int status;
} Fixture;

static void on_exit_seen(int status, void *userdata)
{
        Fixture *fixture = userdata;

        fixture->exited = true;
        fixture->status = status;
}

static int spawn(Fixture *fixture, const char *script, MusterError **ret_error)
{
        char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};

        assert_int_equal(uv_loop_init(&fixture->loop), 0);
        assert_int_equal(muster_context_new(&fixture->context), 0);
        return child_spawn(&fixture->loop, fixture->context, argv, on_exit_seen, fixture, &fixture->child,
                           ret_error);
}

static void finish(Fixture *fixture)
{
        CLEANUP(free) char *scratch = strdup(child_scratch(fixture->child));

        child_close(fixture->child);
        assert_int_equal(access(scratch, F_OK), -1);
        assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&fixture->loop), 0);
        muster_context_free(fixture->context);
}

/* Runs `script` to its end, and returns what it wrote to stdout. */
static char *output_of(Fixture *fixture, const char *script)
{
        CLEANUP(fd) int fd = -1;
        char *text = calloc(1, 65536);
        size_t size = 0;
        ssize_t n;

        assert_int_equal(spawn(fixture, script, NULL), 0);
        fd = child_take_socket(fixture->child);
        while ((n = read(fd, text + size, 65535 - size)) > 0)
                size += (size_t)n;
        while (!fixture->exited)
                uv_run(&fixture->loop, UV_RUN_ONCE);
        return text;
}

static void test_surroundings(void **state)
{
        Fixture fixture = {0};
        CLEANUP(free) char *text = NULL;
        struct stat st;

        setenv("SECRET", "hunter2", 1);
        text = output_of(&fixture, "env; pwd; ulimit -c; ulimit -n; "
                                   "cut -d' ' -f5,6 /proc/$$/stat; echo $$; ls -A; umask");
        assert_null(strstr(text, "SECRET"));
        assert_non_null(strstr(text, "MUSTER_PROBE="));
        assert_non_null(strstr(text, "LANG=C\n"));
        assert_non_null(strstr(text, "\n0\n1024\n"));
        assert_non_null(strstr(text, child_scratch(fixture.child)));
        assert_non_null(strstr(text, "0077\n"));
        assert_int_equal(stat(child_scratch(fixture.child), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(fixture.context->n_spawned, 1);
        finish(&fixture);
}

/* The fourth is the one by which ls reads the folder. */
static void test_descriptors(void **state)
{
        Fixture fixture = {0};
        CLEANUP(fd) int leak = open("/", O_RDONLY);
        CLEANUP(free) char *text = output_of(&fixture, "exec ls /proc/self/fd");

        assert_true(leak >= 0);
        assert_string_equal(text, "0\n1\n2\n3\n");
        finish(&fixture);
}

static void test_own_session(void **state)
{
        char expected[64];
        Fixture fixture = {0};
        CLEANUP(free)
        char *text = output_of(&fixture, "read -r stat </proc/$$/stat; echo \"$stat\" | cut -d' ' -f5,6");
        pid_t pid = child_pid(fixture.child);

        snprintf(expected, sizeof(expected), "%d %d\n", (int)pid, (int)pid);
        assert_string_equal(text, expected);
        finish(&fixture);
}

/* Signals that the caller blocks or ignores are as by default in the child. */
static void test_signals(void **state)
{
        Fixture fixture = {0};
        CLEANUP(free) char *text = NULL;
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        signal(SIGPIPE, SIG_IGN);
        text = output_of(&fixture, "kill -TERM $$; echo still here");
        signal(SIGPIPE, SIG_DFL);
        assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
        assert_string_equal(text, "");
        assert_true(WIFSIGNALED(fixture.status) && WTERMSIG(fixture.status) == SIGTERM);
        finish(&fixture);
}

static void test_status_and_stderr(void **state)
{
        Fixture fixture = {0};
        CLEANUP(free) char *text = NULL, *words = NULL, *how = NULL;

        text = output_of(&fixture,
                         "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 7");
        words = child_stderr(fixture.child);
        assert_non_null(startswith(words, "line "));
        assert_true(strlen(words) <= 4096);
        assert_string_equal(words + strlen(words) - strlen("line 2999"), "line 2999");
        how = child_describe_status(fixture.status);
        assert_string_equal(how, "exited with status 7");
        finish(&fixture);
}

static bool is_alive(pid_t pid)
{
        CLEANUP(free) char *stat = NULL;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        return read_file(path, 4096, &stat, NULL) == 0 && !strstr(stat, ") Z ");
}

/* Left the group; left the session; left both and dropped the environment. */
static void test_nobody_escapes(void **state)
{
        static const char *const scripts[] = {
                "sleep 1000 & echo $!; wait",
                "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; wait",
                "setsid env -i sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; exit 0",
                "(setsid sh -c 'cd /; exec sleep 1000' </dev/null >/dev/null 2>&1 & echo $!); wait",
        };

        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                Fixture fixture = {0};
                CLEANUP(fd) int fd = -1;
                char text[64] = "";
                pid_t pid;

                assert_int_equal(spawn(&fixture, scripts[i], NULL), 0);
                fd = child_take_socket(fixture.child);
                assert_true(read(fd, text, sizeof(text) - 1) > 0);
                pid = (pid_t)strtol(text, NULL, 10);
                assert_true(pid > 1);
                usleep(20000);
                assert_true(is_alive(pid));
                finish(&fixture);
                for (unsigned n = 0; n < 100 && is_alive(pid); n++)
                        usleep(1000);
                assert_false(is_alive(pid));
        }
}

static void test_no_zombie(void **state)
{
        Fixture fixture = {0};
        CLEANUP(free) char *text = output_of(&fixture, "exit 0");

        assert_string_equal(text, "");
        finish(&fixture);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void refuse(const char *path, int code, const char *sentence)
{
        char *argv[] = {(char *)path, NULL};
        CLEANUP(MusterError) MusterError *error = NULL;
        Fixture fixture = {0};
        Child *child = NULL;

        assert_int_equal(uv_loop_init(&fixture.loop), 0);
        assert_int_equal(muster_context_new(&fixture.context), 0);
        assert_int_equal(child_spawn(&fixture.loop, fixture.context, argv, NULL, NULL, &child, &error),
                         code);
        assert_null(child);
        assert_non_null(strstr(muster_error_message(error), sentence));
        assert_int_equal(uv_loop_close(&fixture.loop), 0);
        muster_context_free(fixture.context);
}

static void test_refusals(void **state)
{
        char path[128], loop[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/file", directory);
        snprintf(loop, sizeof(loop), "%s/loop", directory);
        file = fopen(path, "we");
        assert_non_null(file);
        fputs("nothing to run\n", file);
        fclose(file);
        refuse("/nonexistent/emulator", -ENOENT, "There is no file /nonexistent/emulator");
        refuse(directory, -EACCES, "is a directory");
        chmod(path, 0644);
        refuse(path, -EACCES, "not executable");
        chmod(path, 0755);
        refuse(path, -ENOEXEC, "neither a program");
        assert_int_equal(symlink(loop, loop), 0);
        refuse(loop, -ELOOP, "could not be run");
}

static void test_relative_path(void **state)
{
        char *argv[] = {(char *)"./here", NULL};
        CLEANUP(free) char *before = getcwd(NULL, 0);
        char path[128], text[16] = "";
        Fixture fixture = {0};
        CLEANUP(fd) int fd = -1;
        FILE *file;

        snprintf(path, sizeof(path), "%s/here", directory);
        file = fopen(path, "we");
        assert_non_null(file);
        fputs("#!/bin/sh\necho ran\n", file);
        fclose(file);
        chmod(path, 0755);
        assert_int_equal(chdir(directory), 0);
        assert_int_equal(uv_loop_init(&fixture.loop), 0);
        assert_int_equal(muster_context_new(&fixture.context), 0);
        assert_int_equal(child_spawn(&fixture.loop, fixture.context, argv, NULL, NULL, &fixture.child, NULL),
                         0);
        assert_int_equal(chdir(before), 0);
        fd = child_take_socket(fixture.child);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        assert_string_equal(text, "ran\n");
        finish(&fixture);
}

static int set_up(void **state)
{
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
        return remove_tree(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_surroundings),      cmocka_unit_test(test_descriptors),
                cmocka_unit_test(test_own_session),       cmocka_unit_test(test_signals),
                cmocka_unit_test(test_status_and_stderr), cmocka_unit_test(test_nobody_escapes),
                cmocka_unit_test(test_no_zombie),         cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_relative_path),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
