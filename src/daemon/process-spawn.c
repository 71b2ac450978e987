/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How it begins: all that allocates or opens is done before the fork (process-child.c is after it). One
 * socket pair is both ways: the child reports through it, and waits at it for the byte that releases it.
 * Its end of file is the daemon's death on one side, execve() on the other; a child that dies with the byte
 * unread is told apart by ECONNRESET.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log-file.h"
#include "daemon/process-child.h"
#include "daemon/process-private.h"
#include "daemon/scope.h"
#include "emulator/proc.h"
#include "emulator/sandbox.h"

static char *const default_environment[] = {
        (char *)"PATH=" SANDBOX_PATH,
        (char *)"LANG=C.UTF-8",
        NULL,
};

static int fork_child(Process *process, const ChildPlan *plan)
{
        sigset_t all, old;
        pid_t pid;

        /* No handler of the daemon's may run in the child. */
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        pid = fork();
        if (pid == 0)
                child_enter(plan);
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (pid < 0)
                return -errno;
        process->pid = pid;
        process->child = true;
        return 0;
}

/* Nobody else reaps it, so its number is its own for as long as this takes. */
static int name_child(Process *process)
{
        ProcStat stat;
        int r;

        process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        if (process->pidfd < 0)
                return -errno;
        r = proc_stat(process->pid, &stat);
        if (r < 0)
                return r;
        process->start = stat.start;
        return 0;
}

static int fork_and_name(Process *process, ChildPlan *plan, MusterError **ret_error)
{
        CLEANUP(fd) int theirs = -1;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(ret_error, -errno, _("No socket pair can be made"));
        process->channel = pair[0];
        plan->channel = theirs = pair[1];
        r = fork_child(process, plan);
        if (r < 0)
                return error_errno(ret_error, r, _("No process can be started for %s"), process->program);
        r = name_child(process);
        if (r < 0)
                return error_errno(ret_error, r, _("The process of %s cannot be watched"), process->program);
        return 0;
}

static int begin(Process *process, const ProcessSpec *spec, MusterError **ret_error)
{
        CLEANUP(fd) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC), log = -1;
        CLEANUP(free) int *moved = calloc(spec->n_fds + 1, sizeof(*moved));
        ChildPlan plan = {
                .spec = spec,
                .environment = spec->environment ? spec->environment : default_environment,
                .directory = spec->directory ? spec->directory : "/",
                .moved = moved,
        };
        int r;

        if (!moved)
                return error_oom(ret_error);
        if (nothing < 0)
                return error_errno(ret_error, -errno, _("/dev/null cannot be opened"));
        if (spec->log) {
                r = log_file_open(spec->log, &log, ret_error);
                if (r < 0)
                        return r;
        }
        plan.input = nothing;
        plan.output = log >= 0 ? log : nothing;
        return fork_and_name(process, &plan, ret_error);
}

static int copy_names(Process *process, const ProcessSpec *spec)
{
        process->program = strdup(spec->argv[0]);
        process->scope = spec->scope ? strdup(spec->scope) : NULL;
        process->slice = spec->slice ? strdup(spec->slice) : NULL;
        process->session = spec->session;
        return process->program && !process->scope == !spec->scope && !process->slice == !spec->slice
                       ? 0
                       : -ENOMEM;
}

/* Closing the channel would be enough, but not at once. */
static void abandon(Process *process)
{
        if (process->child) {
                (void)kill(process->pid, SIGKILL);
                (void)waitpid(process->pid, NULL, 0);
                process->child = false;
        }
        process_free(process);
}

int process_spawn(uv_loop_t *loop, const ProcessSpec *spec, ProcessHeldFn held, void *userdata,
                  Process **ret, MusterError **ret_error)
{
        Process *process;
        int r;

        if (spec->argv[0][0] != '/')
                return error_set(ret_error, -EINVAL, _("%s is not an absolute path."), spec->argv[0]);
        process = process_new(loop);
        if (!process)
                return error_oom(ret_error);
        process->held = held;
        process->held_data = userdata;
        r = copy_names(process, spec) < 0 ? error_oom(ret_error) : begin(process, spec, ret_error);
        if (r == 0)
                r = process_watch(process, ret_error);
        if (r == 0 && process->scope) {
                r = process_start_scope(process);
                if (r < 0)
                        error_errno(ret_error, r, _("The scope %s cannot be made"), process->scope);
        }
        if (r < 0) {
                abandon(process);
                return r;
        }
        *ret = process;
        return 0;
}

static void make_scope(uv_work_t *work)
{
        Process *process = work->data;
        const ScopeSpec spec = {
                .name = process->scope,
                .slice = process->slice,
                .pid = process->pid,
                .session = process->session,
        };

        process->scope_result = scope_start(&spec, &process->scope_error);
        if (process->scope_result > 0)
                (void)scope_cgroup(process->pid, process->scope, &process->cgroup);
}

static void on_scope(uv_work_t *work, int status)
{
        Process *process = work->data;

        process->scoping = false;
        if (status < 0 || process->scope_result <= 0)
                free(TAKE(process->scope));
        if (process->scope_result < 0)
                process_fail(process, process->scope_result, TAKE(process->scope_error));
        process_advance(process);
        process_reap(process);
        process_unpin(process);
}

int process_start_scope(Process *process)
{
        int r;

        process->scope_work.data = process;
        r = uv_queue_work(process->loop, &process->scope_work, make_scope, on_scope);
        if (r < 0)
                return r;
        process->scoping = true;
        process->pins++;
        return 0;
}
