/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A service manager of our own, over a socket pair, and over a real bus where dbus-daemon is there. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <cmocka.h>

#include "base/util.h"
#include "daemon/scope.h"

#define MANAGER "org.freedesktop.systemd1.Manager"
#define OBJECT  "/org/freedesktop/systemd1"
#define DBUS    "/usr/bin/dbus-daemon"

typedef struct Manager {
        sd_bus *bus;
        pthread_t thread;
        const char *result; /* of the job; NULL: it never ends */
        const char *refusal;
        int stop[2];
        unsigned n_started, n_killed;
        char name[300], slice[64], collect[64], description[300];
        uint32_t pid;
} Manager;

static void keep_property(Manager *manager, sd_bus_message *message, const char *property)
{
        const char *text = "";

        if (streq(property, "PIDs")) {
                sd_bus_message_enter_container(message, 'v', "au");
                sd_bus_message_enter_container(message, 'a', "u");
                while (sd_bus_message_read(message, "u", &manager->pid) > 0)
                        ;
                sd_bus_message_exit_container(message);
                sd_bus_message_exit_container(message);
                return;
        }
        sd_bus_message_read(message, "v", "s", &text);
        if (streq(property, "Slice"))
                snprintf(manager->slice, sizeof(manager->slice), "%s", text);
        else if (streq(property, "CollectMode"))
                snprintf(manager->collect, sizeof(manager->collect), "%s", text);
        else if (streq(property, "Description"))
                snprintf(manager->description, sizeof(manager->description), "%s", text);
}

static int on_start(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        const char *name, *mode, *property;
        int r;

        manager->n_started++;
        sd_bus_message_read(message, "ss", &name, &mode);
        snprintf(manager->name, sizeof(manager->name), "%s", name);
        sd_bus_message_enter_container(message, 'a', "(sv)");
        while (sd_bus_message_enter_container(message, 'r', "sv") > 0) {
                sd_bus_message_read(message, "s", &property);
                keep_property(manager, message, property);
                sd_bus_message_exit_container(message);
        }
        if (manager->refusal)
                return sd_bus_error_set(error, manager->refusal, "Unit is there already.");
        /* Another one's job is through first, and ours before anybody could have asked for it. */
        sd_bus_emit_signal(manager->bus, OBJECT, MANAGER, "JobRemoved", "uoss", 6, OBJECT "/job/6",
                           "x.service", "failed");
        r = sd_bus_reply_method_return(message, "o", OBJECT "/job/7");
        if (manager->result)
                sd_bus_emit_signal(manager->bus, OBJECT, MANAGER, "JobRemoved", "uoss", 7, OBJECT "/job/7",
                                   name, manager->result);
        return r;
}

static int on_kill(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        const char *name, *whom;
        int32_t number;

        sd_bus_message_read(message, "ssi", &name, &whom, &number);
        if (streq(name, "gone.scope"))
                return sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit", "Not loaded.");
        if (streq(whom, "all") && number == SIGKILL)
                manager->n_killed++;
        return sd_bus_reply_method_return(message, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", on_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("KillUnit", "ssi", NULL, on_kill, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
};

static void *serve(void *userdata)
{
        Manager *manager = userdata;
        char byte;

        while (recv(manager->stop[0], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
                int r = sd_bus_process(manager->bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(manager->bus, 5000);
                if (r < 0 && r != -EINTR)
                        break;
        }
        return NULL;
}

static void run_manager(Manager *manager)
{
        assert_true(sd_bus_add_object_vtable(manager->bus, NULL, OBJECT, MANAGER, vtable, manager) >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, manager->stop), 0);
        assert_int_equal(pthread_create(&manager->thread, NULL, serve, manager), 0);
}

static void stop_manager(Manager *manager, sd_bus *client)
{
        close(manager->stop[1]);
        pthread_join(manager->thread, NULL);
        close(manager->stop[0]);
        sd_bus_close_unref(client);
        sd_bus_close_unref(manager->bus);
}

static sd_bus *start_manager(Manager *manager)
{
        sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
        sd_bus *client = NULL;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(sd_bus_new(&manager->bus) >= 0 && sd_bus_new(&client) >= 0);
        assert_true(sd_bus_set_fd(manager->bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_set_server(manager->bus, 1, id) >= 0);
        assert_true(sd_bus_set_anonymous(manager->bus, 1) >= 0);
        assert_true(sd_bus_start(manager->bus) >= 0);
        assert_true(sd_bus_set_fd(client, pair[1], pair[1]) >= 0);
        assert_true(sd_bus_set_anonymous(client, 1) >= 0);
        assert_true(sd_bus_start(client) >= 0);
        run_manager(manager);
        return client;
}

static const ScopeSpec demo = {.name = "muster-demo-1.scope", .slice = "muster.slice", .pid = 4711};

static void test_starts(void **state)
{
        Manager manager = {.result = "done"};
        sd_bus *client = start_manager(&manager);

        assert_int_equal(scope_start_on(client, &demo, 10 * USEC_PER_SEC, NULL), 1);
        stop_manager(&manager, client);
        assert_int_equal(manager.n_started, 1);
        assert_string_equal(manager.name, "muster-demo-1.scope");
        assert_string_equal(manager.slice, "muster.slice");
        assert_string_equal(manager.collect, "inactive-or-failed");
        assert_string_equal(manager.description, "muster-demo-1.scope");
        assert_int_equal(manager.pid, 4711);
}

static void start_in_vain(Manager manager, uint64_t timeout, int expected, const char *words)
{
        sd_bus *client = start_manager(&manager);
        MusterError *error = NULL;

        assert_int_equal(scope_start_on(client, &demo, timeout, &error), expected);
        assert_non_null(strstr(muster_error_message(error), words));
        muster_error_free(error);
        stop_manager(&manager, client);
}

static void test_fails(void **state)
{
        start_in_vain((Manager){.result = "failed"}, 10 * USEC_PER_SEC, -EIO, "\"failed\"");
        start_in_vain((Manager){.result = NULL}, 50 * USEC_PER_MSEC, -ETIMEDOUT, "muster-demo-1.scope");
        start_in_vain((Manager){.refusal = SD_BUS_ERROR_FILE_EXISTS}, 10 * USEC_PER_SEC, -EEXIST,
                      "there already");
}

static void test_no_manager_on_the_bus(void **state)
{
        Manager manager = {.refusal = SD_BUS_ERROR_SERVICE_UNKNOWN};
        sd_bus *client = start_manager(&manager);

        assert_int_equal(scope_start_on(client, &demo, 10 * USEC_PER_SEC, NULL), 0);
        stop_manager(&manager, client);
}

static void test_kills(void **state)
{
        Manager manager = {0};
        sd_bus *client = start_manager(&manager);

        assert_int_equal(scope_kill_on(client, "muster-demo-1.scope", NULL), 1);
        assert_int_equal(scope_kill_on(client, "gone.scope", NULL), 0);
        stop_manager(&manager, client);
        assert_int_equal(manager.n_killed, 1);
}

static pid_t start_bus(char *address, size_t size)
{
        ssize_t n = 0, got;
        int fds[2];
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                dup2(fds[1], 1);
                dup2(open("/dev/null", O_WRONLY), 2);
                execl(DBUS, DBUS, "--session", "--nofork", "--nopidfile", "--print-address=1", NULL);
                _exit(127);
        }
        close(fds[1]);
        while (n == 0 || address[n - 1] != '\n') {
                got = read(fds[0], address + n, size - 1 - (size_t)n);
                if (got <= 0) {
                        /* It does not run for a user without a name. */
                        close(fds[0]);
                        waitpid(pid, NULL, 0);
                        return -1;
                }
                n += got;
        }
        address[n - 1] = '\0';
        close(fds[0]);
        return pid;
}

static sd_bus *connect_to(const char *address)
{
        sd_bus *bus = NULL;

        assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_address(bus, address) >= 0);
        assert_true(sd_bus_set_bus_client(bus, 1) >= 0 && sd_bus_start(bus) >= 0);
        return bus;
}

/* There a signal comes by a subscription, and from a name that stands for another. */
static void test_over_a_bus(void **state)
{
        Manager manager = {.result = "done"};
        char address[512];
        sd_bus *client;
        pid_t pid;
        int none, r;

        if (access(DBUS, X_OK) < 0)
                skip();
        pid = start_bus(address, sizeof(address));
        if (pid < 0)
                skip();
        client = connect_to(address);
        none = scope_start_on(client, &demo, 10 * USEC_PER_SEC, NULL);
        /* This one asks the bus to start it, which fails in its own way. */
        assert_int_equal(scope_kill_on(client, "muster-demo-1.scope", NULL), 0);
        manager.bus = connect_to(address);
        assert_true(sd_bus_request_name(manager.bus, "org.freedesktop.systemd1", 0) >= 0);
        run_manager(&manager);
        r = scope_start_on(client, &demo, 10 * USEC_PER_SEC, NULL);
        stop_manager(&manager, client);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(none, 0);
        assert_int_equal(r, 1);
        assert_int_equal(manager.pid, 4711);
}

static void check_name(const char *domain, uint64_t id, const char *expected)
{
        CLEANUP(free) char *name = scope_name(domain, id);

        assert_string_equal(name, expected);
}

static void test_names(void **state)
{
        char long_name[400];
        CLEANUP(free) char *name = NULL;

        check_name("demo", 1, "muster-demo-1.scope");
        check_name("web-1.example_com", 18446744073709551615ULL,
                   "muster-web-1.example_com-18446744073709551615.scope");
        check_name("a b/c@\xc3\xa4%", 2, "muster-a\\x20b\\x2fc\\x40\\xc3\\xa4\\x25-2.scope");
        memset(long_name, '/', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        name = scope_name(long_name, 3);
        assert_in_range(strlen(name), 200, 255);
        assert_non_null(strstr(name, "\\x2f-3.scope"));
}

static void test_own_cgroup(void **state)
{
        char *cgroup = NULL;

        assert_int_equal(scope_cgroup(getpid(), "muster-demo-1.scope", &cgroup), -ENOENT);
        assert_null(cgroup);
        assert_int_equal(scope_cgroup_kill("/sys/fs/cgroup/muster-none.scope"), -ENOENT);
}

/* Also what has left group and session. */
static void test_kills_a_cgroup(void **state)
{
        char mounted[] = "/tmp/muster-test-XXXXXX";
        CLEANUP(free) char *cgroup = NULL, *procs = NULL;
        int status = 0, r = -ENOENT;
        pid_t pid;

        assert_non_null(mkdtemp(mounted));
        if (mount("none", mounted, "cgroup2", 0, NULL) < 0) {
                rmdir(mounted);
                skip();
        }
        cgroup = text_format("%s/muster-test-%d.scope", mounted, (int)getpid());
        procs = text_format("%s/cgroup.procs", cgroup);
        if (mkdir(cgroup, 0755) == 0) {
                pid = fork();
                if (pid == 0) {
                        int fd = open(procs, O_WRONLY | O_CLOEXEC);

                        setsid();
                        if (write(fd, "0", 1) != 1)
                                _exit(1);
                        for (;;)
                                pause();
                }
                while ((r = scope_cgroup_kill(cgroup)) == 0 && waitpid(pid, &status, WNOHANG) == 0)
                        usleep(1000);
                if (r < 0) {
                        kill(pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                }
                rmdir(cgroup);
        }
        umount(mounted);
        rmdir(mounted);
        if (r == -ENOENT) /* Linux before 5.14, or no rights */
                skip();
        assert_int_equal(r, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_starts),     cmocka_unit_test(test_fails),
                cmocka_unit_test(test_kills),      cmocka_unit_test(test_no_manager_on_the_bus),
                cmocka_unit_test(test_over_a_bus), cmocka_unit_test(test_names),
                cmocka_unit_test(test_own_cgroup), cmocka_unit_test(test_kills_a_cgroup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
