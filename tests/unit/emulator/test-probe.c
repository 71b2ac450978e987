/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole probes of a fake emulator that fails in a chosen way, and of things that are none. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/context.h"
#include "emulator/facts.h"

static char directory[] = "/tmp/muster-test-XXXXXX";

static int count_entries(const char *path)
{
        CLEANUP(dir) DIR *dir = opendir(path);
        int n = -2;

        while (dir && readdir(dir))
                n++;
        return n;
}

/* A script that becomes the fake emulator with `fault`, or does what `script` says. */
static void write_wrapper(const char *script, const char *fault, char ret_path[static 128])
{
        FILE *file;

        snprintf(ret_path, 128, "%s/emulator", directory);
        file = fopen(ret_path, "we");
        assert_non_null(file);
        if (fault)
                fprintf(file, "#!/bin/sh\nexec '%s' '%s' \"$@\"\n", getenv("MUSTER_TEST_FAKE"), fault);
        else
                fputs(script, file);
        fclose(file);
        chmod(ret_path, 0755);
}

static int probe(const char *path, uint64_t timeout_msec, const char *const *types, unsigned *ret_spawned,
                 MusterFacts **ret, MusterError **ret_error)
{
        CLEANUP(context) MusterContext *context = NULL;
        int r;

        assert_int_equal(muster_context_new(&context), 0);
        muster_context_set_timeout(context, timeout_msec * USEC_PER_MSEC);
        r = muster_facts_probe(context, path, types, ret, ret_error);
        if (ret_spawned)
                *ret_spawned = context->n_spawned;
        /* The scratch directory went with the probe: only the wrapper (and a marker) is left. */
        assert_true(count_entries(directory) <= 2);
        return r;
}

static MusterFacts *probe_fake(const char *fault, const char *const *types, unsigned spawned_max)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *facts = NULL;
        unsigned n = 0;
        char path[128];
        int r;

        write_wrapper(NULL, fault, path);
        r = probe(path, 5000, types, &n, &facts, &error);
        if (r < 0)
                fail_msg("%s: %s", fault, muster_error_message(error));
        assert_in_range(n, 1, spawned_max);
        return facts;
}

static void assert_status(const MusterFacts *facts, const char *name, FactStatus status)
{
        const Fact *fact = facts_find(facts, name);

        if (!fact || fact->status != status)
                fail_msg("%s is %s", name, fact ? fact_status_name(fact->status) : "not there");
}

static void test_fine(void **state)
{
        static const char *const types[] = {"ant", "cow", "dodo", "ant", NULL};
        CLEANUP(facts) MusterFacts *facts = probe_fake("fine", types, 1);

        assert_string_equal(muster_facts_version(facts), "9.8.7");
        assert_string_equal(muster_facts_package(facts), "fake");
        assert_string_equal(muster_facts_target(facts), "fake64");
        assert_non_null(strstr(muster_facts_executable(facts), "fake-emulator"));
        /* The script and its interpreter. */
        assert_int_equal(facts->identity.n_links, 2);
        assert_status(facts, "query-machines", FACT_NOT_FOUND);
        assert_status(facts, "device-list-properties:ant", FACT_ANSWERED);
        assert_status(facts, "device-list-properties:cow", FACT_REFUSED);
        assert_status(facts, "qom-list-properties:cow", FACT_ANSWERED);
        assert_null(facts_find(facts, "qom-list-properties:ant"));
        assert_null(facts_find(facts, "device-list-properties:dodo"));
        assert_true(facts_has_type(facts, "zebra"));
        assert_false(facts_has_type(facts, "dodo"));
        assert_int_equal(facts_find(facts, "kvm-device")->scope, FACT_HOST);
}

/* One process more than the questions need may be started: the first may die before it was identified. */
static void test_death_costs_one_fact(void **state)
{
        CLEANUP(facts) MusterFacts *facts = probe_fake("die=query-kvm", NULL, 3);

        assert_status(facts, "query-kvm", FACT_CRASHED);
        assert_non_null(strstr(facts_find(facts, "query-kvm")->reason, "signal 6"));
        assert_non_null(strstr(facts_find(facts, "query-kvm")->reason, "assertion failed in query-kvm"));
        assert_status(facts, "query-qmp-schema", FACT_ANSWERED);
        assert_status(facts, "query-cpu-definitions", FACT_NOT_FOUND);
}

static void test_deaths_of_properties(void **state)
{
        static const char *const types[] = {"ant", "zebra", "cow", NULL};
        CLEANUP(facts)
        MusterFacts *facts =
                probe_fake("die=device-list-properties:ant,device-list-properties:cow", types, 5);

        assert_status(facts, "device-list-properties:ant", FACT_CRASHED);
        assert_status(facts, "device-list-properties:zebra", FACT_ANSWERED);
        assert_status(facts, "device-list-properties:cow", FACT_CRASHED);
        assert_null(facts_find(facts, "qom-list-properties:cow"));
}

/* Killed from outside, once: no question is to blame. */
static void test_accident_is_no_fact(void **state)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        char fault[256], marker[128];

        snprintf(marker, sizeof(marker), "%s/marker", directory);
        snprintf(fault, sizeof(fault), "once=%s,query-target", marker);
        facts = probe_fake(fault, NULL, 3);
        assert_status(facts, "query-target", FACT_ANSWERED);
        assert_int_equal(unlink(marker), 0);
}

static void test_kind_is_found_out(void **state)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        char script[512], path[128];
        unsigned spawned = 0;

        snprintf(script, sizeof(script),
                 "#!/bin/sh\ncase $1 in -S) echo \"$0: invalid option -- 'S'\" >&2; exit 1;; esac\n"
                 "exec '%s' storage\n",
                 getenv("MUSTER_TEST_FAKE"));
        write_wrapper(script, NULL, path);
        assert_int_equal(probe(path, 5000, NULL, &spawned, &facts, NULL), 0);
        assert_int_equal(muster_facts_kind(facts), MUSTER_EMULATOR_STORAGE_DAEMON);
        assert_null(muster_facts_target(facts));
        assert_int_equal(spawned, 2);
}

static void expect_failure(const char *script, const char *fault, uint64_t timeout_msec, int code,
                           const char *sentence, const char *detail)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        uint64_t begin = now_usec();
        char path[128];
        int r;

        write_wrapper(script, fault, path);
        r = probe(path, timeout_msec, NULL, NULL, NULL, &error);
        if (r != code || !strstr(muster_error_message(error), sentence))
                fail_msg("%d: %s", r, muster_error_message(error));
        assert_int_equal(muster_error_code(error), code);
        assert_null(strchr(muster_error_message(error), '\n'));
        if (detail) {
                assert_non_null(muster_error_detail(error));
                assert_non_null(strstr(muster_error_detail(error), detail));
        }
        assert_true(now_usec() - begin < (timeout_msec + 700) * USEC_PER_MSEC);
}

static void test_protocol(void **state)
{
        expect_failure(NULL, "garbage=query-kvm", 3000, -EPROTO, "does not speak QMP", NULL);
        expect_failure(NULL, "hang=query-kvm", 200, -ETIMEDOUT, "did not answer within 0.2 s", NULL);
        expect_failure(NULL, "die=query-version,query-target,query-kvm,query-machines", 3000, -ECONNRESET,
                       "signal 6", "assertion failed");
}

static void test_no_emulator(void **state)
{
        expect_failure("#!/bin/sh\nexec sleep 1000\n", NULL, 200, -ETIMEDOUT, "no QMP greeting", NULL);
        expect_failure("#!/bin/sh\nyes\n", NULL, 3000, -EPROTO, "does not speak QMP", NULL);
        expect_failure("#!/bin/sh\nyes complaint >&2\n", NULL, 200, -ETIMEDOUT, "no QMP greeting",
                       "complaint");
        expect_failure("#!/bin/sh\nexit 3\n", NULL, 3000, -EPROTO, "exited with status 3", NULL);
        expect_failure("#!/bin/sh\nkill -SEGV $$\n", NULL, 3000, -ECONNRESET, "signal 11", NULL);
        expect_failure("#!/bin/sh\necho 'error while loading shared libraries: x.so: gone' >&2\nexit 127\n",
                       NULL, 3000, -ENOEXEC, "shared library", "x.so");
        expect_failure("#!/nonexistent/sh\n", NULL, 3000, -ENOENT, "/nonexistent/sh", NULL);
        expect_failure("just text\n", NULL, 3000, -ENOEXEC, "neither a program", NULL);
}

static void test_cancel(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = eventfd(1, EFD_CLOEXEC);
        char path[128];

        write_wrapper("#!/bin/sh\nexec sleep 1000\n", NULL, path);
        assert_int_equal(muster_context_new(&context), 0);
        muster_context_set_cancel_fd(context, fd);
        assert_int_equal(muster_facts_probe(context, path, NULL, NULL, &error), -ECANCELED);
        assert_non_null(strstr(muster_error_message(error), "ancel"));
        /* The caller's descriptor is as it was: blocking, and unread. */
        assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

static void test_connect_errors(void **state)
{
        CLEANUP(context) MusterContext *context = NULL;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char target[160];

        assert_int_equal(muster_context_new(&context), 0);
        muster_context_set_timeout(context, 200 * USEC_PER_MSEC);
        assert_int_equal(muster_facts_connect(context, "tcp:1", NULL, NULL), -EINVAL);
        assert_int_equal(muster_facts_connect(context, "unix:/nonexistent", NULL, NULL), -ENOENT);
        /* Listening, and never accepting: as a monitor with another client. */
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 4), 0);
        snprintf(target, sizeof(target), "unix:%s", address.sun_path);
        assert_int_equal(muster_facts_connect(context, target, NULL, NULL), -EBUSY);
        unlink(address.sun_path);
}

/* Serves one client at `path` with a fake that has `fault`; its process is the one that will be seen there.
 */
static pid_t serve(const char *path, const char *fault)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        strcpy(address.sun_path, path);
        pid = fork();
        if (pid == 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;

                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                        _exit(1);
                close(ready[1]);
                client = accept(fd, NULL, NULL);
                dup2(client, 0);
                dup2(client, 1);
                close(client);
                execl(getenv("MUSTER_TEST_FAKE"), "fake", fault, NULL);
                _exit(1);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 0);
        close(ready[0]);
        return pid;
}

static int connect_fake(const char *fault, MusterFacts **ret, MusterError **ret_error)
{
        CLEANUP(context) MusterContext *context = NULL;
        char path[100], target[160];
        pid_t pid;
        int r;

        snprintf(path, sizeof(path), "%s/socket", directory);
        snprintf(target, sizeof(target), "unix:%s", path);
        pid = serve(path, fault);
        assert_int_equal(muster_context_new(&context), 0);
        muster_context_set_timeout(context, 3 * USEC_PER_SEC);
        r = muster_facts_connect(context, target, ret, ret_error);
        assert_int_equal(context->n_spawned, 0);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        unlink(path);
        return r;
}

static void test_connect(void **state)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;

        if (connect_fake("storage", &facts, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_true(facts->connected);
        assert_int_equal(muster_facts_kind(facts), MUSTER_EMULATOR_STORAGE_DAEMON);
        assert_non_null(startswith(muster_facts_path(facts), "unix:"));
        assert_status(facts, "query-version", FACT_ANSWERED);
        assert_status(facts, "device-list-properties", FACT_NOT_ASKED);
        assert_status(facts, "query-cpu-definitions", FACT_NOT_ASKED);
}

/* A running emulator that dies is not tried again: there is no other. */
static void test_connect_death(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(connect_fake("die=query-kvm", NULL, &error), -ECONNRESET);
        assert_non_null(strstr(muster_error_message(error), "ended before it had answered"));
}

/* libuv would abort if it were given descriptors 0 to 2. */
static void test_without_stdio(void **state)
{
        char path[128];
        int status;
        pid_t pid;

        write_wrapper(NULL, "fine", path);
        pid = fork();
        if (pid == 0) {
                MusterContext *context = NULL;
                MusterFacts *facts = NULL;

                close(0);
                close(1);
                close(2);
                if (muster_context_new(&context) < 0)
                        _exit(1);
                _exit(muster_facts_probe(context, path, NULL, &facts, NULL) == 0 && fcntl(0, F_GETFD) < 0
                              ? 0
                              : 2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int set_up(void **state)
{
        if (!getenv("MUSTER_TEST_FAKE") || !mkdtemp(directory))
                return -1;
        unsetenv("XDG_RUNTIME_DIR");
        return setenv("TMPDIR", directory, 1);
}

static int tear_down(void **state)
{
        return remove_tree(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fine),
                cmocka_unit_test(test_death_costs_one_fact),
                cmocka_unit_test(test_deaths_of_properties),
                cmocka_unit_test(test_accident_is_no_fact),
                cmocka_unit_test(test_kind_is_found_out),
                cmocka_unit_test(test_protocol),
                cmocka_unit_test(test_no_emulator),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_connect_errors),
                cmocka_unit_test(test_connect),
                cmocka_unit_test(test_connect_death),
                cmocka_unit_test(test_without_stdio),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
