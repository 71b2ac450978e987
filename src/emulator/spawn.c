/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parent's side of a sandboxed child (sandbox.c is the child's). Its end is seen through a pidfd in the
 * loop, so the program around keeps its SIGCHLD to itself; Linux 5.4 has all that this needs.
 *
 * child_close() does everything that matters at once: kill the group, wait, look for escaped descendants
 * while the leader is still a zombie (which keeps its number, and so its session's, from being given out
 * again), reap, remove the directory. Only libuv's handles take another turn of the loop; the Child lives
 * until the last of them has closed.
 */

#include "emulator/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/sandbox.h"

#define TAIL_MAX         4096
#define DRAIN_MAX        (1024U * 1024)
#define KILL_WAIT_MSEC   5000
#define READ_BUFFER_SIZE (64U * 1024)

struct Child {
        Sandbox sandbox;
        pid_t pid;
        bool reaped;
        int status;
        int socket;
        uint64_t socket_inode;
        int pidfd;
        uv_poll_t exit_watch;
        uv_pipe_t stderr_pipe;
        unsigned n_handles;
        bool closing;
        ChildExitFn on_exit;
        void *userdata;
        char tail[TAIL_MAX];
        size_t n_tail;
        bool tail_cut; /* something was before it */
        char *read_buffer;
};

static void child_free(Child *child)
{
        sandbox_clear(&child->sandbox);
        cleanup_fd(&child->socket);
        cleanup_fd(&child->pidfd);
        free(child->read_buffer);
        free(child);
}

static void keep_tail(Child *child, const char *data, size_t size)
{
        size_t kept;

        if (size >= TAIL_MAX) {
                child->tail_cut = child->tail_cut || size > TAIL_MAX || child->n_tail > 0;
                memcpy(child->tail, data + size - TAIL_MAX, TAIL_MAX);
                child->n_tail = TAIL_MAX;
                return;
        }
        kept = child->n_tail + size > TAIL_MAX ? TAIL_MAX - size : child->n_tail;
        child->tail_cut = child->tail_cut || kept < child->n_tail;
        memmove(child->tail, child->tail + child->n_tail - kept, kept);
        memcpy(child->tail + kept, data, size);
        child->n_tail = kept + size;
}

static void on_stderr_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
        Child *child = handle->data;

        if (!child->read_buffer)
                child->read_buffer = malloc(READ_BUFFER_SIZE);
        *buffer = uv_buf_init(child->read_buffer, child->read_buffer ? READ_BUFFER_SIZE : 0);
}

static void on_stderr(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
        if (n > 0)
                keep_tail(stream->data, buffer->base, (size_t)n);
        else if (n < 0)
                (void)uv_read_stop(stream);
}

/* Leaves the zombie: child_close() reaps. */
static bool look_at_status(Child *child)
{
        siginfo_t info = {0};

        if (child->reaped)
                return true;
        if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
                /* The program around ignores SIGCHLD, so the kernel has reaped it: how it ended is lost. */
                child->reaped = errno == ECHILD;
                return child->reaped;
        }
        if (info.si_pid == 0)
                return false;
        child->status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status & 0xff, 0)
                                                   : W_EXITCODE(0, info.si_status & 0x7f);
        return true;
}

static void on_exit_seen(uv_poll_t *watch, int status, int events)
{
        Child *child = watch->data;

        if (!look_at_status(child))
                return;
        (void)uv_poll_stop(watch);
        if (child->on_exit)
                child->on_exit(child->status, child->userdata);
}

static void on_handle_closed(uv_handle_t *handle)
{
        Child *child = handle->data;

        if (--child->n_handles == 0)
                child_free(child);
}

static int watch(uv_loop_t *loop, Child *child, int *stderr_fd)
{
        int r;

        child->exit_watch.data = child->stderr_pipe.data = child;
        r = uv_poll_init(loop, &child->exit_watch, child->pidfd);
        if (r < 0)
                return r;
        child->n_handles++;
        r = uv_poll_start(&child->exit_watch, UV_READABLE, on_exit_seen);
        if (r < 0)
                return r;
        r = uv_pipe_init(loop, &child->stderr_pipe, /* ipc= */ 0);
        if (r < 0)
                return r;
        child->n_handles++;
        r = uv_pipe_open(&child->stderr_pipe, *stderr_fd);
        if (r < 0)
                return r;
        *stderr_fd = -1;
        return uv_read_start((uv_stream_t *)&child->stderr_pipe, on_stderr_alloc, on_stderr);
}

/* What execve() said: 0 when it succeeded (the pipe closed), 1 with a report, -ETIMEDOUT, -ECANCELED. */
static int await_exec(const MusterContext *context, int report_fd, SandboxReport *ret)
{
        struct pollfd fds[] = {{.fd = report_fd, .events = POLLIN},
                               {.fd = context->cancel_fd, .events = POLLIN}};
        uint64_t end = now_usec() + context->timeout_usec;

        for (;;) {
                uint64_t now = now_usec();
                ssize_t n;

                if (now >= end)
                        return -ETIMEDOUT;
                if (poll(fds, ELEMENTSOF(fds), (int)((end - now) / USEC_PER_MSEC % INT32_MAX) + 1) < 0 &&
                    errno != EINTR)
                        return -errno;
                if (fds[1].revents)
                        return -ECANCELED;
                if (!fds[0].revents)
                        continue;
                n = read(report_fd, ret, sizeof(*ret));
                return n == 0 ? 0 : n == sizeof(*ret) ? 1 : -EIO;
        }
}

static int fork_child(Child *child, int socket, int stderr_fd, int report_fd)
{
        pid_t parent = getpid(), pid;
        sigset_t all, old;

        /* No handler of the caller's may run in the child. */
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        pid = fork();
        if (pid == 0)
                sandbox_enter(&child->sandbox, socket, stderr_fd, report_fd, parent);
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (pid < 0)
                return -errno;
        child->pid = pid;
        return 0;
}

static int start(MusterContext *context, Child *child, int *ret_stderr_fd, MusterError **ret_error)
{
        CLEANUP(fd) int theirs = -1, err_ours = -1, err_theirs = -1, report_ours = -1, report_theirs = -1;
        SandboxReport report = {0};
        struct stat st;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(ret_error, -errno, _("No socket pair can be made"));
        child->socket = pair[0];
        theirs = pair[1];
        if (fstat(theirs, &st) == 0)
                child->socket_inode = st.st_ino;
        if (pipe2(pair, O_CLOEXEC) < 0)
                return error_errno(ret_error, -errno, _("No pipe can be made"));
        err_ours = pair[0];
        err_theirs = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return error_errno(ret_error, -errno, _("No pipe can be made"));
        report_ours = pair[0];
        report_theirs = pair[1];

        r = fork_child(child, theirs, err_theirs, report_theirs);
        if (r < 0)
                return error_errno(ret_error, r, _("No process can be started for %s"),
                                   child->sandbox.program);
        context->n_spawned++;
        close(TAKE_FD(report_theirs));
        r = await_exec(context, report_ours, &report);
        if (r > 0)
                return sandbox_explain(&child->sandbox, &report, ret_error);
        if (r < 0)
                return error_errno(ret_error, r, _("The start of %s was cut short"), child->sandbox.program);
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        if (child->pidfd < 0)
                return error_errno(ret_error, -errno, _("The process of %s cannot be watched"),
                                   child->sandbox.program);
        *ret_stderr_fd = TAKE_FD(err_ours);
        return 0;
}

int child_spawn(uv_loop_t *loop, MusterContext *context, char *const *argv, ChildExitFn on_exit,
                void *userdata, Child **ret, MusterError **ret_error)
{
        CLEANUP(fd) int stderr_fd = -1;
        Child *child;
        int r;

        child = calloc(1, sizeof(*child));
        if (!child)
                return error_oom(ret_error);
        child->socket = child->pidfd = -1;
        child->on_exit = on_exit;
        child->userdata = userdata;
        r = sandbox_prepare(context, argv, &child->sandbox, ret_error);
        if (r == 0)
                r = start(context, child, &stderr_fd, ret_error);
        if (r == 0) {
                r = watch(loop, child, &stderr_fd);
                if (r < 0)
                        r = error_errno(ret_error, r, _("The process of %s cannot be watched"), argv[0]);
        }
        if (r < 0) {
                child_close(child);
                return r;
        }
        *ret = child;
        return 0;
}

int child_take_socket(Child *child)
{
        return TAKE_FD(child->socket);
}

uint64_t child_socket_inode(const Child *child)
{
        return child->socket_inode;
}

pid_t child_pid(const Child *child)
{
        return child->pid;
}

const char *child_scratch(const Child *child)
{
        return child->sandbox.scratch;
}

/* What is in the pipe and has not come through the loop yet; bounded, since the child may still be writing.
 */
static void drain_stderr(Child *child)
{
        char buffer[4096];
        size_t total = 0;
        uv_os_fd_t fd;
        ssize_t n;

        if (child->n_handles < 2 || uv_fileno((uv_handle_t *)&child->stderr_pipe, &fd) < 0)
                return;
        while (total < DRAIN_MAX && (n = read(fd, buffer, sizeof(buffer))) > 0) {
                keep_tail(child, buffer, (size_t)n);
                total += (size_t)n;
        }
}

char *child_stderr(Child *child)
{
        const char *tail = child->tail, *line;
        size_t n;

        drain_stderr(child);
        n = child->n_tail;
        if (child->tail_cut && (line = memchr(tail, '\n', n)) && line + 1 < tail + n) {
                n -= (size_t)(line + 1 - tail);
                tail = line + 1;
        }
        while (n > 0 && strchr(" \r\n\t", tail[n - 1]))
                n--;
        return text_for_terminal(tail, n, TAIL_MAX);
}

char *child_describe_status(int status)
{
        char *text;
        int r;

        if (WIFSIGNALED(status))
                r = asprintf(&text, _("was killed by signal %d (%s)"), WTERMSIG(status),
                             strsignal(WTERMSIG(status)));
        else
                r = asprintf(&text, _("exited with status %d"), WEXITSTATUS(status));
        return r < 0 ? NULL : text;
}

static void await_end(Child *child)
{
        uint64_t end = now_usec() + KILL_WAIT_MSEC * USEC_PER_MSEC;
        struct pollfd pidfd = {.fd = child->pidfd, .events = POLLIN};

        /* A process in uninterruptible sleep ends when its disk or server answers: that is not waited for.
         */
        while (!look_at_status(child) && now_usec() < end)
                if (poll(&pidfd, child->pidfd >= 0 ? 1 : 0, child->pidfd >= 0 ? 100 : 1) < 0 &&
                    errno != EINTR)
                        return;
}

void child_kill(Child *child)
{
        if (child->pid <= 0)
                return;
        /* The group is its own: setsid() came before execve(); before that the process is alone. */
        (void)kill(-child->pid, SIGKILL);
        if (!child->reaped)
                (void)kill(child->pid, SIGKILL);
}

static void end_all(Child *child)
{
        if (child->pid <= 0)
                return;
        child_kill(child);
        await_end(child);
        sandbox_sweep(&child->sandbox, child->pid);
        (void)kill(-child->pid, SIGKILL);
        if (!child->reaped)
                (void)waitpid(child->pid, NULL, WNOHANG);
        child->reaped = true;
}

Child *child_close(Child *child)
{
        if (!child || child->closing)
                return NULL;
        child->closing = true;
        child->on_exit = NULL;
        end_all(child);
        sandbox_clear(&child->sandbox);
        if (child->n_handles == 0) {
                child_free(child);
                return NULL;
        }
        if (child->n_handles > 1)
                uv_close((uv_handle_t *)&child->stderr_pipe, on_handle_closed);
        uv_close((uv_handle_t *)&child->exit_watch, on_handle_closed);
        return NULL;
}
