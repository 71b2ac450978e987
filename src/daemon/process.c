/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The states of a process, as seen by the loop. Events (a report on its channel, the end on its pidfd, the
 * pool's word on its scope) only write down what happened; process_advance() alone calls back, in the order
 * held, running, ended, and each once. It is also where a child is reaped: after `ended`, in which its
 * number is still good to kill what it left behind.
 *
 * A failure to hold or to execute is told when the process has ended, so it is gone for the caller, too. One
 * that is killed by a stranger between its release and execve() counts as having executed, and ended.
 *
 * process_free() within a callback is thought of: the memory lives until the loop has closed its handles.
 */

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/process-child.h"
#include "daemon/process-private.h"
#include "daemon/scope.h"
#include "emulator/proc.h"

Process *process_new(uv_loop_t *loop)
{
        Process *process = calloc(1, sizeof(*process));

        if (!process)
                return NULL;
        process->loop = loop;
        process->pidfd = process->channel = -1;
        process->status = -1;
        return process;
}

void process_dispose(Process *process)
{
        cleanup_fd(&process->pidfd);
        cleanup_fd(&process->channel);
        muster_error_free(process->error);
        muster_error_free(process->scope_error);
        free(process->program);
        free(process->scope);
        free(process->slice);
        free(process->cgroup);
        free(process);
}

void process_unpin(Process *process)
{
        if (--process->pins == 0)
                process_dispose(process);
}

static void on_closed(uv_handle_t *handle)
{
        process_unpin(handle->data);
}

/* One that could not be opened has no type. */
static void close_handle(void *handle)
{
        if (((uv_handle_t *)handle)->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
                uv_close(handle, on_closed);
}

void process_reap(Process *process)
{
        siginfo_t info = {0};

        if (!process->ended || !process->child || process->reaped || process->killing || process->scoping)
                return;
        (void)waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG);
        process->reaped = true;
}

void process_fail(Process *process, int r, MusterError *error)
{
        if (process->failure < 0) {
                muster_error_free(error);
                return;
        }
        process->failure = r;
        process->error = error;
        if (!process->ended)
                process_kill_alone(process);
}

static void fail_early_end(Process *process)
{
        MusterError *error = NULL;
        int r;

        r = error_set(&error, -ESRCH, _("%s was ended from outside before it could run."), process->program);
        error_mark_passing(&error);
        process_fail(process, r, error);
}

static bool tell_held(Process *process)
{
        ProcessHeldFn held = process->held;

        if (process->scoping)
                return false;
        if (process->ended && process->failure == 0)
                fail_early_end(process);
        if (process->failure == 0 ? !process->ready : !process->ended)
                return false;
        process->held = NULL;
        held(process, process->failure, process->error, process->held_data);
        return !process->freed;
}

static bool tell_running(Process *process)
{
        ProcessRunningFn running = process->running;

        if (process->ended && !process->executed && process->failure == 0)
                fail_early_end(process);
        if (process->failure == 0 ? !process->executed : !process->ended)
                return false;
        process->running = NULL;
        running(process, process->failure, process->error, process->running_data);
        return !process->freed;
}

void process_advance(Process *process)
{
        if (process->freed)
                return;
        if (process->held && !tell_held(process))
                return;
        if (process->running && !tell_running(process))
                return;
        if (process->ended && process->on_end) {
                ProcessEndedFn on_end = TAKE(process->on_end);

                on_end(process, process->status, process->end_data);
        }
        process_reap(process);
}

static void close_channel(Process *process)
{
        if (process->channel < 0)
                return;
        close_handle(&process->channel_watch);
        close(TAKE_FD(process->channel));
}

static void take_report(Process *process, const ChildReport *report)
{
        MusterError *error = NULL;
        int r;

        if (report->step == CHILD_READY) {
                process->ready = true;
                return;
        }
        r = child_explain(process->program, report, &error);
        process_fail(process, r, error);
        close_channel(process);
}

/* 0: execve() closed it, or the child has died; the end tells. */
static void read_channel(Process *process)
{
        ChildReport report;

        while (process->channel >= 0) {
                ssize_t n = recv(process->channel, &report, sizeof(report), MSG_DONTWAIT);

                if (n == sizeof(report)) {
                        take_report(process, &report);
                } else if (n < 0 && errno == EINTR) {
                        continue;
                } else if (n < 0 && errno == EAGAIN) {
                        return;
                } else {
                        process->executed = n == 0 && process->released;
                        close_channel(process);
                }
        }
}

static void on_channel(uv_poll_t *watch, int status, int events)
{
        Process *process = watch->data;

        read_channel(process);
        process_advance(process);
}

static void close_handles(Process *process)
{
        close_channel(process);
        close_handle(&process->soon);
        close_handle(&process->end_watch);
}

/* Leaves the zombie. Whether it ended. */
static bool look_at_end(Process *process)
{
        siginfo_t info = {0};

        if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
                /* Not ours: the pidfd says no more than that. */
                process->child = false;
                return true;
        }
        if (info.si_pid == 0)
                return false;
        process->child = true;
        process->status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status & 0xff, 0)
                                                     : W_EXITCODE(0, info.si_status & 0x7f);
        return true;
}

static void on_end(uv_poll_t *watch, int status, int events)
{
        Process *process = watch->data;

        if (!look_at_end(process))
                return;
        process->ended = true;
        (void)uv_poll_stop(watch);
        if (process->freed) {
                process_reap(process);
                close_handles(process);
                return;
        }
        read_channel(process);
        close_channel(process);
        process_advance(process);
}

static void on_soon(uv_timer_t *timer)
{
        process_advance(timer->data);
}

static int watch_descriptor(Process *process, uv_poll_t *watch, int fd, uv_poll_cb callback)
{
        int r;

        watch->data = process;
        r = uv_poll_init(process->loop, watch, fd);
        if (r < 0)
                return r;
        process->pins++;
        return uv_poll_start(watch, UV_READABLE, callback);
}

int process_watch(Process *process, MusterError **ret_error)
{
        int r;

        (void)uv_timer_init(process->loop, &process->soon);
        process->soon.data = process;
        process->pins++;
        r = watch_descriptor(process, &process->end_watch, process->pidfd, on_end);
        if (r == 0 && process->channel >= 0)
                r = watch_descriptor(process, &process->channel_watch, process->channel, on_channel);
        if (r < 0)
                return error_errno(ret_error, r, _("The process %d cannot be watched"), (int)process->pid);
        return 0;
}

void process_release(Process *process, ProcessRunningFn running, void *userdata)
{
        process->running = running;
        process->running_data = userdata;
        process->released = true;
        /* Where nobody listens any more, the end has been seen or will be. */
        if (process->channel >= 0)
                (void)send(process->channel, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (process->ended)
                (void)uv_timer_start(&process->soon, on_soon, 0, 0);
}

void process_forget(Process *process)
{
        process->held = NULL;
        process->running = NULL;
}

void process_on_end(Process *process, ProcessEndedFn ended, void *userdata)
{
        process->on_end = ended;
        process->end_data = userdata;
        if (process->ended)
                (void)uv_timer_start(&process->soon, on_soon, 0, 0);
}

static int check_name(const Process *process, MusterError **ret_error)
{
        ProcStat stat;
        int r;

        r = proc_stat(process->pid, &stat);
        if (r == 0 && (stat.start != process->start || stat.state == 'Z' || stat.state == 'X'))
                r = -ESRCH;
        /* What has its number now may be anybody. */
        if (r == 0 && syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) < 0)
                r = -errno;
        if (r == -ESRCH)
                return error_set(ret_error, r, _("The process %d has ended."), (int)process->pid);
        if (r == -EPERM)
                return error_set(ret_error, r, _("The process %d is another user's."), (int)process->pid);
        if (r < 0)
                return error_errno(ret_error, r, _("The process %d cannot be looked at"), (int)process->pid);
        return 0;
}

static int open_named(Process *process, const char *scope, MusterError **ret_error)
{
        int r;

        /* First the handle, then the look at what it is a handle of: in between the number may change hands
         * as it likes. */
        process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        if (process->pidfd < 0 && (errno == ESRCH || errno == EINVAL))
                return error_set(ret_error, -ESRCH, _("The process %d has ended."), (int)process->pid);
        if (process->pidfd < 0)
                return error_errno(ret_error, -errno, _("The process %d cannot be watched"),
                                   (int)process->pid);
        r = check_name(process, ret_error);
        if (r < 0)
                return r;
        if (scope && !(process->scope = strdup(scope)))
                return error_oom(ret_error);
        if (scope)
                (void)scope_cgroup(process->pid, scope, &process->cgroup);
        return process_watch(process, ret_error);
}

int process_open(uv_loop_t *loop, pid_t pid, uint64_t start, const char *scope, bool session, Process **ret,
                 MusterError **ret_error)
{
        Process *process = process_new(loop);
        int r;

        if (!process)
                return error_oom(ret_error);
        process->pid = pid;
        process->start = start;
        process->session = session;
        process->executed = true;
        r = open_named(process, scope, ret_error);
        if (r < 0) {
                process_free(process);
                return r;
        }
        *ret = process;
        return 0;
}

pid_t process_pid(const Process *process)
{
        return process->pid;
}

uint64_t process_start(const Process *process)
{
        return process->start;
}

const char *process_scope(const Process *process)
{
        return process->scope;
}

bool process_ended(const Process *process)
{
        return process->ended;
}

Process *process_free(Process *process)
{
        if (!process || process->freed)
                return NULL;
        process->freed = true;
        if (process->pins == 0) {
                process_dispose(process);
                return NULL;
        }
        close_channel(process);
        if (process->child && !process->ended && !process->released)
                process_kill_alone(process);
        /* Its end is waited for, to reap it. */
        if (process->child && !process->ended && process->killed)
                return NULL;
        process_reap(process);
        close_handles(process);
        return NULL;
}
