/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who is killed must be certain, since numbers are given out again. The process itself is reached through
 * its pidfd. Its group too, as of Linux 6.9; before that by number, which nobody else can have while the
 * leader is not reaped: for a child we decide that ourselves, of another one its pidfd tells whether it is
 * so (it would have to end, be reaped, and all numbers be given out once between two system calls).
 *
 * Those that left the group are found by their control group, else by their session; a child is not reaped
 * before that search has ended.
 */

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/process-private.h"
#include "daemon/process-sweep.h"
#include "daemon/scope.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2)
#endif

static int send_signal(const Process *process, int signal, unsigned flags)
{
        return syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, flags) < 0 ? -errno : 0;
}

static void kill_group(const Process *process)
{
        if (send_signal(process, SIGKILL, PIDFD_SIGNAL_PROCESS_GROUP) != -EINVAL)
                return;
        if (process->child ? !process->reaped : send_signal(process, 0, 0) == 0)
                (void)kill(-process->pid, SIGKILL);
}

static void kill_rest(uv_work_t *work)
{
        const Process *process = work->data;

        if (process->scope && scope_kill(process->scope, process->session, NULL) > 0)
                return;
        process_sweep(process->pid, process->kill_held, process->killed_at);
}

static void on_rest_killed(uv_work_t *work, int status)
{
        Process *process = work->data;

        process->killing = false;
        process_reap(process);
        process_unpin(process);
}

static void kill_all(Process *process)
{
        uint64_t now = process_ticks();
        bool reaped = send_signal(process, SIGKILL, 0) == -ESRCH;

        process->killed = true;
        kill_group(process);
        if (process->scoping)
                return;
        if (process->cgroup && scope_cgroup_kill(process->cgroup) == 0)
                return;
        if (process->killing || (reaped && !process->scope))
                return;
        process->killed_at = now;
        process->kill_held = process->child && !process->reaped;
        process->kill_work.data = process;
        if (uv_queue_work(process->loop, &process->kill_work, kill_rest, on_rest_killed) < 0)
                return;
        process->killing = true;
        process->pins++;
}

void process_kill_alone(Process *process)
{
        process->killed = true;
        (void)send_signal(process, SIGKILL, 0);
}

void process_signal(Process *process, int signal)
{
        if (process->pidfd < 0)
                return;
        if (signal == SIGKILL)
                kill_all(process);
        else
                (void)send_signal(process, signal, 0);
}
