/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real processes: held, released, refused, killed with all that is theirs, found again by their name. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/process-sweep.h"
#include "daemon/process.h"
#include "emulator/proc.h"

#define NOBODY   65534
#define DEADLINE (20 * USEC_PER_SEC)
#define ROUNDS   50

static char directory[] = "/tmp/muster-test-XXXXXX";
static char *log_path, *own_path;

typedef struct Fixture {
        uv_loop_t loop;
        uv_timer_t deadline;
        Process *process;
        unsigned n_held, n_running, n_ended;
        int held, running, status;
        int code; /* of the error */
        char message[512];
        bool free_in_callback;
} Fixture;

static void keep_error(Fixture *fixture, const MusterError *error)
{
        if (!error)
                return;
        fixture->code = muster_error_code(error);
        snprintf(fixture->message, sizeof(fixture->message), "%s", muster_error_message(error));
}

static void on_held(Process *process, int result, const MusterError *error, void *userdata)
{
        Fixture *fixture = userdata;

        fixture->n_held++;
        fixture->held = result;
        keep_error(fixture, error);
        if (fixture->free_in_callback)
                fixture->process = process_free(process);
}

static void on_running(Process *process, int result, const MusterError *error, void *userdata)
{
        Fixture *fixture = userdata;

        assert_int_equal(fixture->n_ended, 0);
        fixture->n_running++;
        fixture->running = result;
        keep_error(fixture, error);
}

static void on_ended(Process *process, int status, void *userdata)
{
        Fixture *fixture = userdata;

        fixture->n_ended++;
        fixture->status = status;
        assert_true(process_ended(process));
}

static void on_deadline(uv_timer_t *timer)
{
        fail_msg("nothing happens");
}

static void set_up_loop(Fixture *fixture)
{
        assert_int_equal(uv_loop_init(&fixture->loop), 0);
        uv_timer_init(&fixture->loop, &fixture->deadline);
        uv_timer_start(&fixture->deadline, on_deadline, DEADLINE / USEC_PER_MSEC, 0);
        uv_unref((uv_handle_t *)&fixture->deadline);
}

static void run_until(Fixture *fixture, const unsigned *count)
{
        while (*count == 0)
                uv_run(&fixture->loop, UV_RUN_ONCE);
}

static void finish(Fixture *fixture)
{
        process_free(fixture->process);
        uv_close((uv_handle_t *)&fixture->deadline, NULL);
        assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&fixture->loop), 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
        assert_int_equal(errno, ECHILD);
}

static void hold(Fixture *fixture, const ProcessSpec *spec)
{
        MusterError *error = NULL;
        int r;

        set_up_loop(fixture);
        r = process_spawn(&fixture->loop, spec, on_held, fixture, &fixture->process, &error);
        if (r < 0)
                fail_msg("%s", muster_error_message(error));
        process_on_end(fixture->process, on_ended, fixture);
        assert_int_equal(fixture->n_held, 0);
        run_until(fixture, &fixture->n_held);
}

static void start(Fixture *fixture, const ProcessSpec *spec)
{
        hold(fixture, spec);
        assert_int_equal(fixture->held, 0);
        process_release(fixture->process, on_running, fixture);
        assert_int_equal(fixture->n_running, 0);
        run_until(fixture, &fixture->n_running);
}

#define SHELL(script)                                                                                       \
        (char *[])                                                                                          \
        {                                                                                                   \
                (char *)"/bin/sh", (char *)"-c", (char *)(script), NULL                                     \
        }

static char *read_log(void)
{
        char *text = NULL;

        assert_int_equal(read_file(log_path, 1 << 20, &text, NULL), 0);
        return text;
}

/* What the script writes, with the rest of the spec as given. */
static char *output_of(ProcessSpec *spec, const char *script)
{
        Fixture fixture = {0};

        unlink(log_path);
        spec->argv = SHELL(script);
        spec->log = log_path;
        start(&fixture, spec);
        assert_int_equal(fixture.running, 0);
        run_until(&fixture, &fixture.n_ended);
        finish(&fixture);
        assert_int_equal(fixture.n_held, 1);
        assert_int_equal(fixture.n_running, 1);
        assert_int_equal(fixture.n_ended, 1);
        return read_log();
}

/* What a line "<pid>" of the log says, once it is there. */
static pid_t pid_from_log(unsigned line)
{
        uint64_t end = now_usec() + DEADLINE;

        while (now_usec() < end) {
                CLEANUP(free) char *text = NULL;
                const char *at;

                if (read_file(log_path, 4096, &text, NULL) == 0) {
                        at = text;
                        for (unsigned i = 0; i < line && at; i++)
                                at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
                        if (at && strchr(at, '\n'))
                                return (pid_t)strtol(at, NULL, 10);
                }
                usleep(1000);
        }
        fail_msg("no process");
        return -1;
}

/* Ended, or a zombie that is somebody else's to reap. */
static void await_gone(pid_t pid)
{
        uint64_t end = now_usec() + DEADLINE;
        ProcStat stat;

        while (proc_stat(pid, &stat) == 0 && stat.state != 'Z') {
                assert_true(now_usec() < end);
                usleep(1000);
        }
}

static bool have_root(void)
{
        return geteuid() == 0;
}

static void test_held_until_released(void **state)
{
        CLEANUP(free) char *marker = text_format("%s/ran", directory);
        CLEANUP(free) char *script = text_format("touch %s; exit 3", marker);
        const ProcessSpec spec = {.argv = SHELL(script)};
        Fixture fixture = {0};
        ProcStat stat;

        hold(&fixture, &spec);
        assert_int_equal(fixture.held, 0);
        assert_int_equal(proc_stat(process_pid(fixture.process), &stat), 0);
        assert_int_equal(stat.start, process_start(fixture.process));
        assert_int_equal(stat.session, process_pid(fixture.process));
        assert_null(process_scope(fixture.process));
        assert_int_equal(access(marker, F_OK), -1);

        process_release(fixture.process, on_running, &fixture);
        run_until(&fixture, &fixture.n_ended);
        assert_int_equal(access(marker, F_OK), 0);
        assert_true(WIFEXITED(fixture.status));
        assert_int_equal(WEXITSTATUS(fixture.status), 3);
        assert_int_equal(fixture.n_running, 1);
        finish(&fixture);
        assert_int_equal(unlink(marker), 0);
}

static void test_held_and_let_go(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exit 0")};
        Fixture fixture = {0};
        ProcStat stat;
        pid_t pid;

        hold(&fixture, &spec);
        pid = process_pid(fixture.process);
        fixture.process = process_free(fixture.process);
        finish(&fixture);
        assert_int_equal(proc_stat(pid, &stat), -ESRCH);
        assert_int_equal(fixture.n_ended, 0);
}

static void test_freed_in_its_callback(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exit 0")};
        Fixture fixture = {.free_in_callback = true};

        hold(&fixture, &spec);
        finish(&fixture);
        assert_int_equal(fixture.n_held, 1);
        assert_int_equal(fixture.n_ended, 0);
}

static void test_freed_before_held(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exit 0")};
        Fixture fixture = {0};

        set_up_loop(&fixture);
        assert_int_equal(process_spawn(&fixture.loop, &spec, on_held, &fixture, &fixture.process, NULL), 0);
        finish(&fixture);
        assert_int_equal(fixture.n_held, 0);
}

static void test_killed_while_held(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exit 0")};
        Fixture fixture = {0};

        hold(&fixture, &spec);
        assert_int_equal(kill(process_pid(fixture.process), SIGKILL), 0);
        run_until(&fixture, &fixture.n_ended);
        assert_int_equal(WTERMSIG(fixture.status), SIGKILL);
        fixture.n_ended = 0;
        process_release(fixture.process, on_running, &fixture);
        assert_int_equal(fixture.n_running, 0);
        while (fixture.n_running == 0)
                uv_run(&fixture.loop, UV_RUN_ONCE);
        assert_int_equal(fixture.running, -ESRCH);
        finish(&fixture);
}

/* A daemon that holds one, says which, and is killed. */
static void fake_daemon(int fd)
{
        const ProcessSpec spec = {.argv = SHELL("exit 42")};
        Fixture fixture = {0};
        pid_t pid;

        hold(&fixture, &spec);
        pid = process_pid(fixture.process);
        (void)!write(fd, &pid, sizeof(pid));
        pause();
}

static void test_daemon_dies_while_held(void **state)
{
        int fds[2], status;
        pid_t daemon, pid = 0;

        /* What it leaves is ours to reap, so that there is no doubt how it ended. */
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        daemon = fork();
        if (daemon == 0) {
                fake_daemon(fds[1]);
                _exit(1);
        }
        assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
        assert_int_equal(kill(daemon, SIGKILL), 0);
        assert_int_equal(waitpid(daemon, NULL, 0), daemon);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 127);
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
        close(fds[0]);
        close(fds[1]);
}

static void test_refused_execution(void **state)
{
        const ProcessSpec missing = {.argv = (char *[]){(char *)"/nonexistent/emulator", NULL}};
        const ProcessSpec folder = {.argv = (char *[]){(char *)"/etc", NULL}};
        const ProcessSpec nowhere = {.argv = SHELL("exit 0"), .directory = "/nonexistent"};
        const ProcessSpec relative = {.argv = (char *[]){(char *)"sh", NULL}};
        Fixture first = {0}, second = {0}, third = {0};

        start(&first, &missing);
        assert_int_equal(first.running, -ENOENT);
        assert_string_equal(first.message, "There is no file /nonexistent/emulator.");
        assert_true(process_ended(first.process));
        finish(&first);
        assert_int_equal(first.n_running, 1);

        start(&second, &folder);
        assert_int_equal(second.running, -EACCES);
        finish(&second);

        hold(&third, &nowhere);
        assert_int_equal(third.held, -ENOENT);
        assert_non_null(strstr(third.message, "working directory"));
        assert_true(process_ended(third.process));
        assert_int_equal(third.n_ended, 1);
        finish(&third);

        assert_int_equal(process_spawn(NULL, &relative, on_held, NULL, &third.process, NULL), -EINVAL);
}

static void test_how_it_ended(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("kill -TERM $$; sleep 60")};
        const ProcessSpec lasting = {.argv = SHELL("exec sleep 60")};
        Fixture fixture = {0}, second = {0};

        start(&fixture, &spec);
        run_until(&fixture, &fixture.n_ended);
        assert_true(WIFSIGNALED(fixture.status));
        assert_int_equal(WTERMSIG(fixture.status), SIGTERM);
        /* Whoever asks later is told, too. */
        fixture.n_ended = 0;
        process_on_end(fixture.process, on_ended, &fixture);
        assert_int_equal(fixture.n_ended, 0);
        run_until(&fixture, &fixture.n_ended);
        finish(&fixture);

        start(&second, &lasting);
        process_signal(second.process, SIGTERM);
        run_until(&second, &second.n_ended);
        assert_int_equal(WTERMSIG(second.status), SIGTERM);
        finish(&second);
}

static void test_surroundings(void **state)
{
        ProcessSpec spec = {.nofile = 123, .directory = "/usr"};
        CLEANUP(free) char *text = NULL, *ignored = NULL;
        struct stat st;

        signal(SIGPIPE, SIG_IGN);
        setenv("SECRET", "hunter2", 1);
        text = output_of(&spec, "env; pwd; umask; ulimit -n; ulimit -c; grep SigIgn /proc/self/status; "
                                "readlink /proc/self/fd/0");
        signal(SIGPIPE, SIG_DFL);
        assert_null(strstr(text, "SECRET"));
        assert_non_null(strstr(text, "PATH="));
        assert_non_null(strstr(text, "LANG=C.UTF-8\n"));
        assert_non_null(strstr(text, "/usr\n0077\n123\n0\n"));
        assert_non_null(strstr(text, "SigIgn:\t0000000000000000"));
        assert_non_null(strstr(text, "/dev/null\n"));
        assert_int_equal(stat(log_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        spec.environment = (char *[]){(char *)"ONLY=this", (char *)"PATH=/bin", NULL};
        ignored = output_of(&spec, "env");
        assert_non_null(strstr(ignored, "ONLY=this\n"));
        assert_null(strstr(ignored, "LANG"));
}

#define MANY 40

/* Targets are 3 to 42. Two of the sources lie on each other's target, one is named often. */
static void test_descriptors_in_each_others_way(void **state)
{
        CLEANUP(fd) int version = open("/proc/version", O_RDONLY | O_CLOEXEC);
        CLEANUP(fd) int uptime = open("/proc/uptime", O_RDONLY | O_CLOEXEC);
        CLEANUP(fd) int a = fcntl(version, F_DUPFD_CLOEXEC, 30);
        CLEANUP(fd) int b = fcntl(uptime, F_DUPFD_CLOEXEC, a + 1);
        CLEANUP(free) char *text = NULL, *script = NULL;
        ProcessSpec spec = {.n_fds = MANY};
        int fds[MANY];

        assert_in_range(b, 31, 3 + MANY - 1);
        for (unsigned i = 0; i < MANY; i++)
                fds[i] = version;
        fds[a - 3] = b;
        fds[b - 3] = a;
        spec.fds = fds;
        script = text_format("for i in 3 %d %d; do readlink /proc/$$/fd/$i; done; exec ls /proc/self/fd", a,
                             b);
        text = output_of(&spec, script);
        assert_non_null(startswith(text, "/proc/version\n/proc/uptime\n/proc/version\n"));
        /* 0-2, those handed over, and the one by which ls reads the folder. */
        assert_non_null(strstr(text, "\n42\n43\n"));
        assert_null(strstr(text, "\n44\n"));
}

static void test_no_descriptor_leaks(void **state)
{
        CLEANUP(fd) int leak = open("/", O_RDONLY); /* not O_CLOEXEC */
        CLEANUP(free) char *text = NULL;
        ProcessSpec spec = {0};

        assert_true(leak >= 0);
        text = output_of(&spec, "exec ls /proc/self/fd");
        assert_string_equal(text, "0\n1\n2\n3\n");
}

static void test_another_user(void **state)
{
        const gid_t groups[] = {4242, 4243};
        const ProcessUser user = {.uid = NOBODY, .gid = NOBODY, .groups = groups, .n_groups = 2};
        ProcessSpec spec = {.user = &user};
        CLEANUP(free) char *text = NULL, *helped = NULL;
        static const char script[] = "grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status";

        if (!have_root())
                skip();
        text = output_of(&spec, script);
        assert_non_null(strstr(text, "Uid:\t65534\t65534\t65534\t65534\n"));
        assert_non_null(strstr(text, "Gid:\t65534\t65534\t65534\t65534\n"));
        assert_non_null(strstr(text, "Groups:\t4242 4243"));
        assert_non_null(strstr(text, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                                     "CapEff:\t0000000000000000\n"));
        assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
        spec.privileges = true;
        helped = output_of(&spec, script);
        assert_non_null(strstr(helped, "NoNewPrivs:\t0\n"));
        assert_non_null(strstr(helped, "CapEff:\t0000000000000000\n"));
}

/* A held one has the daemon's memory: the user whose it is must not be able to look into it. */
static void test_held_one_cannot_be_read(void **state)
{
        const ProcessUser user = {.uid = NOBODY, .gid = NOBODY};
        const ProcessSpec spec = {.argv = SHELL("exit 0"), .user = &user};
        Fixture fixture = {0};
        char path[PROC_PATH_SIZE];
        struct stat st;

        if (!have_root())
                skip();
        hold(&fixture, &spec);
        assert_int_equal(stat(proc_path(process_pid(fixture.process), "mem", path), &st), 0);
        assert_int_equal(st.st_uid, 0);
        finish(&fixture);
}

/*
 * This program as one that has two children, of which the second leaves the group but not the session, and
 * writes their ids to its stdout.
 */
static int be_family(const char *how)
{
        pid_t near = fork(), far = near == 0 ? 0 : fork();

        if (near == 0 || far == 0) {
                if (near != 0)
                        setpgid(0, 0);
                for (;;)
                        pause();
        }
        while (getpgid(far) != far)
                usleep(100);
        dprintf(STDOUT_FILENO, "%d\n%d\n", (int)near, (int)far);
        if (streq(how, "ends"))
                return 5;
        for (;;)
                pause();
}

#define FAMILY(how)                                                                                         \
        (char *[])                                                                                          \
        {                                                                                                   \
                own_path, (char *)"family", (char *)(how), NULL                                             \
        }

static void test_kills_all_of_its_session(void **state)
{
        const ProcessSpec spec = {.argv = FAMILY("stays"), .log = log_path};
        Fixture fixture = {0};
        pid_t near, far;

        unlink(log_path);
        start(&fixture, &spec);
        near = pid_from_log(0);
        far = pid_from_log(1);
        assert_int_equal(getpgid(near), process_pid(fixture.process));
        assert_int_equal(getpgid(far), far);
        assert_int_equal(getsid(far), process_pid(fixture.process));
        process_signal(fixture.process, SIGKILL);
        run_until(&fixture, &fixture.n_ended);
        assert_int_equal(WTERMSIG(fixture.status), SIGKILL);
        finish(&fixture);
        await_gone(near);
        await_gone(far);
}

static void kill_rest(Process *process, int status, void *userdata)
{
        process_signal(process, SIGKILL);
        on_ended(process, status, userdata);
}

static void test_kills_what_an_ended_one_left(void **state)
{
        const ProcessSpec spec = {.argv = FAMILY("ends"), .log = log_path};
        Fixture fixture = {0};
        pid_t near, far;

        unlink(log_path);
        hold(&fixture, &spec);
        process_on_end(fixture.process, kill_rest, &fixture);
        process_release(fixture.process, on_running, &fixture);
        run_until(&fixture, &fixture.n_ended);
        near = pid_from_log(0);
        far = pid_from_log(1);
        finish(&fixture);
        assert_int_equal(WEXITSTATUS(fixture.status), 5);
        await_gone(near);
        await_gone(far);
}

/* Not our child: one of an earlier daemon's life. Its parent has ended; init, or we, get it. */
static pid_t make_foreign(uint64_t *ret_start)
{
        ProcStat stat;
        int fds[2];
        pid_t pid = 0, parent;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        parent = fork();
        if (parent == 0) {
                pid = fork();
                if (pid == 0) {
                        setsid();
                        (void)!write(fds[1], &(pid_t){getpid()}, sizeof(pid_t));
                        if (dup2(open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1) >= 0)
                                execl(own_path, own_path, "family", "stays", NULL);
                        _exit(127);
                }
                _exit(0);
        }
        assert_int_equal(waitpid(parent, NULL, 0), parent);
        assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(proc_stat(pid, &stat), 0);
        *ret_start = stat.start;
        return pid;
}

/* The sweep takes who was there at least a tick (10 ms) before. */
static void await_tick(pid_t pid)
{
        ProcStat stat;

        assert_int_equal(proc_stat(pid, &stat), 0);
        while (process_ticks() <= stat.start)
                usleep(1000);
}

static void test_opens_a_foreign_one(void **state)
{
        Fixture fixture = {0}, wrong = {0};
        uint64_t start_time = 0;
        pid_t pid, child;

        unlink(log_path);
        pid = make_foreign(&start_time);
        child = pid_from_log(1);
        set_up_loop(&fixture);
        /* The number is the same, the process another. */
        assert_int_equal(process_open(&fixture.loop, pid, start_time - 1, NULL, false, &wrong.process, NULL),
                         -ESRCH);
        assert_null(wrong.process);
        assert_int_equal(process_open(&fixture.loop, pid, start_time, NULL, false, &fixture.process, NULL),
                         0);
        process_on_end(fixture.process, on_ended, &fixture);
        assert_false(process_ended(fixture.process));
        assert_int_equal(process_pid(fixture.process), pid);
        await_tick(child);
        process_signal(fixture.process, SIGKILL);
        run_until(&fixture, &fixture.n_ended);
        assert_int_equal(fixture.status, -1);
        finish(&fixture);
        await_gone(pid);
        await_gone(child);

        set_up_loop(&wrong);
        assert_int_equal(process_open(&wrong.loop, pid, start_time, NULL, false, &wrong.process, NULL),
                         -ESRCH);
        finish(&wrong);
}

/* Nobody may be told how long another one's process lives. */
/* As the daemon does with all that runs when it ends itself. */
static void test_runs_on_when_let_go(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exec sleep 600")};
        Fixture fixture = {0};
        ProcStat stat;
        int status;
        pid_t pid;

        start(&fixture, &spec);
        pid = process_pid(fixture.process);
        fixture.process = process_free(fixture.process);
        uv_close((uv_handle_t *)&fixture.deadline, NULL);
        assert_int_equal(uv_run(&fixture.loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&fixture.loop), 0);
        assert_int_equal(proc_stat(pid, &stat), 0);
        assert_int_not_equal(stat.state, 'Z');
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_int_equal(fixture.n_ended, 0);
}

/* Destroyed and forgotten at once: it is reaped all the same. */
static void test_killed_and_let_go(void **state)
{
        const ProcessSpec spec = {.argv = FAMILY("stays"), .log = log_path};
        Fixture fixture = {0};
        pid_t far;

        unlink(log_path);
        start(&fixture, &spec);
        far = pid_from_log(1);
        process_signal(fixture.process, SIGKILL);
        fixture.process = process_free(fixture.process);
        finish(&fixture);
        assert_int_equal(fixture.n_ended, 0);
        await_gone(far);
}

static void test_not_of_another_user(void **state)
{
        int status;
        pid_t pid;

        if (!have_root())
                skip();
        pid = fork();
        if (pid == 0) {
                Process *process = NULL;
                ProcStat stat;
                uv_loop_t loop;

                if (setresuid(NOBODY, NOBODY, NOBODY) < 0 || uv_loop_init(&loop) < 0 ||
                    proc_stat(1, &stat) < 0)
                        _exit(2);
                _exit(process_open(&loop, 1, stat.start, NULL, false, &process, NULL) == -EPERM ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_log_is_appended_to(void **state)
{
        ProcessSpec spec = {.argv = SHELL("echo one"), .log = log_path};
        CLEANUP(free) char *text = NULL, *link = text_format("%s/link", directory);
        Fixture first = {0}, second = {0}, refused = {0};

        unlink(log_path);
        start(&first, &spec);
        run_until(&first, &first.n_ended);
        finish(&first);
        spec.argv = SHELL("echo two >&2");
        start(&second, &spec);
        run_until(&second, &second.n_ended);
        finish(&second);
        text = read_log();
        assert_string_equal(text, "one\ntwo\n");

        assert_int_equal(symlink("/etc/passwd", link), 0);
        spec.log = link;
        set_up_loop(&refused);
        assert_int_equal(process_spawn(&refused.loop, &spec, on_held, &refused, &refused.process, NULL),
                         -ELOOP);
        finish(&refused);
        unlink(link);
}

/* No systemd, or one: it runs either way. */
static void test_scope_where_there_is_none(void **state)
{
        const ProcessSpec spec = {.argv = SHELL("exit 0"), .scope = "muster-test-1.scope"};
        Fixture fixture = {0};

        if (access("/run/systemd/system", F_OK) == 0)
                skip();
        hold(&fixture, &spec);
        assert_int_equal(fixture.held, 0);
        assert_null(process_scope(fixture.process));
        process_release(fixture.process, on_running, &fixture);
        run_until(&fixture, &fixture.n_ended);
        finish(&fixture);
}

/* Printed, not judged: what a start costs. */
static void test_measure(void **state)
{
        const ProcessSpec spec = {.argv = (char *[]){(char *)"/bin/true", NULL}};
        uint64_t spawn = 0, held = 0, executed = 0;

        for (unsigned i = 0; i < ROUNDS; i++) {
                Fixture fixture = {0};
                uint64_t begin, t;

                set_up_loop(&fixture);
                begin = now_usec();
                assert_int_equal(
                        process_spawn(&fixture.loop, &spec, on_held, &fixture, &fixture.process, NULL), 0);
                t = now_usec();
                spawn += t - begin;
                run_until(&fixture, &fixture.n_held);
                held += now_usec() - t;
                t = now_usec();
                process_release(fixture.process, on_running, &fixture);
                run_until(&fixture, &fixture.n_running);
                executed += now_usec() - t;
                process_on_end(fixture.process, on_ended, &fixture);
                run_until(&fixture, &fixture.n_ended);
                finish(&fixture);
        }
        print_message("fork %u us, until held %u us, released until executed %u us\n",
                      (unsigned)(spawn / ROUNDS), (unsigned)(held / ROUNDS), (unsigned)(executed / ROUNDS));
}

static int set_up(void **state)
{
        if (!mkdtemp(directory))
                return -1;
        log_path = text_format("%s/demo.log", directory);
        return log_path ? read_link("/proc/self/exe", &own_path) : -1;
}

static int tear_down(void **state)
{
        free(log_path);
        free(own_path);
        return remove_tree(directory);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_held_until_released),
                cmocka_unit_test(test_held_and_let_go),
                cmocka_unit_test(test_freed_in_its_callback),
                cmocka_unit_test(test_freed_before_held),
                cmocka_unit_test(test_killed_while_held),
                cmocka_unit_test(test_daemon_dies_while_held),
                cmocka_unit_test(test_refused_execution),
                cmocka_unit_test(test_how_it_ended),
                cmocka_unit_test(test_surroundings),
                cmocka_unit_test(test_descriptors_in_each_others_way),
                cmocka_unit_test(test_no_descriptor_leaks),
                cmocka_unit_test(test_another_user),
                cmocka_unit_test(test_held_one_cannot_be_read),
                cmocka_unit_test(test_kills_all_of_its_session),
                cmocka_unit_test(test_kills_what_an_ended_one_left),
                cmocka_unit_test(test_opens_a_foreign_one),
                cmocka_unit_test(test_runs_on_when_let_go),
                cmocka_unit_test(test_killed_and_let_go),
                cmocka_unit_test(test_not_of_another_user),
                cmocka_unit_test(test_log_is_appended_to),
                cmocka_unit_test(test_scope_where_there_is_none),
                cmocka_unit_test(test_measure),
        };

        if (argc == 3 && streq(argv[1], "family"))
                return be_family(argv[2]);
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
