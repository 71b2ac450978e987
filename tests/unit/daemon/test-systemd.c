/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager would see and hand over: a real notify socket, real ticks, real descriptors. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/util.h"
#include "daemon/systemd.h"

#define FIRST_FD 3
#define DEADLINE (10 * USEC_PER_SEC)

static char directory[] = "/tmp/muster-test-systemd-XXXXXX";
static struct sockaddr_un notify_address = {.sun_family = AF_UNIX};

static int clear(void **state)
{
        static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                unsetenv(names[i]);
        return 0;
}

/* The manager's end of $NOTIFY_SOCKET. */
static int listen_for_notices(void)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        snprintf(notify_address.sun_path, sizeof(notify_address.sun_path), "%s/notify", directory);
        unlink(notify_address.sun_path);
        assert_int_equal(bind(fd, (struct sockaddr *)&notify_address, sizeof(notify_address)), 0);
        setenv("NOTIFY_SOCKET", notify_address.sun_path, 1);
        return fd;
}

static void expect_notice(int fd, const char *expected)
{
        char text[256];
        ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        assert_string_equal(text, expected);
}

static void expect_silence(int fd)
{
        char text[16];

        assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
        assert_int_equal(errno, EAGAIN);
}

static void test_notifies(void **state)
{
        CLEANUP(fd) int fd = -1;

        systemd_notify("READY=1"); /* nobody is there */
        fd = listen_for_notices();
        systemd_notify("READY=1\nSTATUS=3 domains");
        systemd_notify("STOPPING=1");
        expect_notice(fd, "READY=1\nSTATUS=3 domains");
        expect_notice(fd, "STOPPING=1");
        expect_silence(fd);

        /* A manager that went away holds up nobody. */
        unlink(notify_address.sun_path);
        systemd_notify("READY=1");
}

/* --- watchdog ------------------------------------------------------------------------------------ */

/* Runs the loop until a notice has come. */
static void run_until_notice(uv_loop_t *loop, int fd)
{
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        uint64_t end = now_usec() + DEADLINE;

        while (poll(&wait, 1, 0) == 0) {
                if (now_usec() > end)
                        fail_msg("no tick within the deadline");
                uv_run(loop, UV_RUN_ONCE);
        }
        expect_notice(fd, "WATCHDOG=1");
}

/* Something of the loop's own, without which it would have nothing to wait for. */
static void on_timer(uv_timer_t *timer) {}

static void test_watchdog_ticks(void **state)
{
        CLEANUP(fd) int fd = listen_for_notices();
        Watchdog *watchdog = NULL;
        uv_timer_t work;
        uint64_t start;
        uv_loop_t loop;

        setenv("WATCHDOG_USEC", "100000", 1);
        assert_int_equal(uv_loop_init(&loop), 0);
        assert_int_equal(watchdog_start(&loop, &watchdog), 0);
        assert_non_null(watchdog);
        /* It is no work: a loop that has none ends. */
        assert_false(uv_loop_alive(&loop));

        uv_timer_init(&loop, &work);
        uv_timer_start(&work, on_timer, 1, 1);
        run_until_notice(&loop, fd);
        start = now_usec();
        run_until_notice(&loop, fd);
        run_until_notice(&loop, fd);
        run_until_notice(&loop, fd);
        /* Half the time each; libuv's clock counts whole milliseconds. */
        assert_true(now_usec() - start >= 3 * 50 * USEC_PER_MSEC - 10 * USEC_PER_MSEC);

        watchdog = watchdog_stop(watchdog);
        assert_null(watchdog);
        assert_null(watchdog_stop(NULL));
        uv_close((uv_handle_t *)&work, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        expect_silence(fd);
        assert_int_equal(uv_loop_close(&loop), 0);
}

static void expect_no_watchdog(int result)
{
        static char other[8];
        Watchdog *untouched = (Watchdog *)other, *watchdog = untouched;
        uv_loop_t loop;

        assert_int_equal(uv_loop_init(&loop), 0);
        assert_int_equal(watchdog_start(&loop, &watchdog), result);
        assert_ptr_equal(watchdog, result < 0 ? untouched : NULL);
        assert_int_equal(uv_loop_close(&loop), 0); /* nothing is left in it */
}

static void test_no_watchdog(void **state)
{
        expect_no_watchdog(0);
        setenv("WATCHDOG_USEC", "100000", 1);
        setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
        expect_no_watchdog(0);
        unsetenv("WATCHDOG_PID");
        setenv("WATCHDOG_USEC", "soon", 1);
        expect_no_watchdog(-EINVAL);
}

/* --- sockets ------------------------------------------------------------------------------------- */

static int make_socket(int family, int type, bool listening)
{
        int fd = socket(family, type, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        assert_true(fd >= 0);
        if (listening) {
                snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
                unlink(address.sun_path);
                assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
                assert_int_equal(listen(fd, 1), 0);
        }
        return fd;
}

/* As the manager's child, since the descriptors have fixed numbers: returns what it found to be as said. */
static bool in_child(int n_fds, int socket_fd, bool others_pid, int expected)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(free) char *fds = text_format("%d", n_fds);
                CLEANUP(free) char *self = text_format("%ld", (long)(others_pid ? getppid() : getpid()));
                int fd = -1, r;
                bool right;

                for (int i = 0; i < n_fds; i++)
                        if (dup2(socket_fd, FIRST_FD + i) < 0) /* without FD_CLOEXEC */
                                _exit(9);
                setenv("LISTEN_FDS", fds, 1);
                setenv("LISTEN_PID", self, 1);
                r = systemd_listen_fd(&fd, &error);
                right = r == expected && (error != NULL) == (r < 0) && !getenv("LISTEN_FDS");
                if (r == 0)
                        right = right && fd == FIRST_FD && (fcntl(fd, F_GETFD) & FD_CLOEXEC);
                else
                        right = right && fd == -1;
                /* What is refused is closed; what is somebody else's is left alone. */
                if (r == -EINVAL)
                        right = right && fcntl(FIRST_FD, F_GETFD) < 0;
                _exit(right ? 0 : 1);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status) == 0;
}

static void test_sockets(void **state)
{
        CLEANUP(fd) int listening = make_socket(AF_UNIX, SOCK_STREAM, true);
        CLEANUP(fd) int idle = make_socket(AF_UNIX, SOCK_STREAM, false);
        CLEANUP(fd) int datagrams = make_socket(AF_UNIX, SOCK_DGRAM, false);
        CLEANUP(fd) int internet = make_socket(AF_INET, SOCK_STREAM, false);
        CLEANUP(fd) int file = open("/dev/null", O_RDONLY);

        assert_int_equal(listen(internet, 1), 0);
        assert_true(in_child(1, listening, false, 0));
        assert_true(in_child(1, listening, true, -ENOENT));
        assert_true(in_child(2, listening, false, -EINVAL));
        assert_true(in_child(1, idle, false, -EINVAL));
        assert_true(in_child(1, datagrams, false, -EINVAL));
        assert_true(in_child(1, internet, false, -EINVAL));
        assert_true(in_child(1, file, false, -EINVAL));
}

static void test_no_manager(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int fd = -1;

        assert_int_equal(systemd_listen_fd(&fd, &error), -ENOENT);
        assert_int_equal(fd, -1);
}

static int remove_files(void **state)
{
        CLEANUP(free) char *path = text_format("%s/socket", directory);

        unlink(path);
        unlink(notify_address.sun_path);
        rmdir(directory);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_notifies, clear),
                cmocka_unit_test_setup(test_watchdog_ticks, clear),
                cmocka_unit_test_setup(test_no_watchdog, clear),
                cmocka_unit_test_setup(test_sockets, clear),
                cmocka_unit_test_setup(test_no_manager, clear),
        };

        if (!mkdtemp(directory))
                return 1;
        return cmocka_run_group_tests(tests, NULL, remove_files);
}
