/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What process*.c share: process.c has the states and callbacks, the others how it begins and how it is
 * killed. */

#include "daemon/process.h"

struct Process {
        uv_loop_t *loop;
        pid_t pid;
        uint64_t start;
        int pidfd;
        bool child;  /* ours to reap */
        bool reaped; /* its number may be another's */

        char *program; /* NULL: it was opened */
        char *scope, *slice, *cgroup;
        bool session;

        int channel;  /* to the child, until it executes */
        bool ready;   /* it waits for its release */
        bool scoping; /* the pool has the next two, scope and cgroup */
        int scope_result;
        MusterError *scope_error;
        bool released, executed;
        int failure; /* why it cannot be held, or could not execute: told when it has ended */
        MusterError *error;
        bool ended;
        int status;

        ProcessHeldFn held;
        ProcessRunningFn running;
        ProcessEndedFn on_end;
        void *held_data, *running_data, *end_data;

        uv_poll_t end_watch, channel_watch;
        uv_timer_t soon; /* callbacks that are due without anything having happened */
        uv_work_t scope_work, kill_work;
        bool killed;
        bool killing;       /* the pool is still at it, with the next two */
        bool kill_held;     /* it is not reaped meanwhile */
        uint64_t killed_at; /* process_ticks() */
        unsigned pins;      /* handles that are not closed, work in the pool: keep it alive */
        bool freed;
};

/* For a process of which pid, pidfd and start are known; on failure the caller frees it. */
int process_watch(Process *process, MusterError **ret_error);

Process *process_new(uv_loop_t *loop);

/* Without handles or work: at once. */
void process_dispose(Process *process);

void process_unpin(Process *process);

/* Frees its number, unless it is still needed: the pool may be about to name it to the service manager. */
void process_reap(Process *process);

/* Says what there is to say. `process` may be freed by it, but not before the loop's next turn. */
void process_advance(Process *process);

/* SIGKILL for what has not executed yet, and so has nobody around it. */

/* It shall not be held any longer because of `error`, which is taken; the first one counts. */
void process_fail(Process *process, int r, MusterError *error);

/* Puts it into its scope in the pool; process_advance() then. */
int process_start_scope(Process *process);
