/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What process.c's child does between fork() and execve(); all that it needs is prepared before. */

#include "daemon/process.h"

typedef enum ChildStep {
        CHILD_READY, /* no failure: it is held */
        CHILD_SESSION,
        CHILD_OOM,
        CHILD_DESCRIPTORS,
        CHILD_LIMITS,
        CHILD_USER,
        CHILD_DIRECTORY,
        CHILD_EXEC,
        _CHILD_STEP_MAX,
} ChildStep;

/* What it tells through its channel; `error` is an errno. */
typedef struct ChildReport {
        int step;
        int error;
} ChildReport;

typedef struct ChildPlan {
        const ProcessSpec *spec;
        char *const *environment;
        const char *directory;
        int input, output; /* 0; 1 and 2 */
        int channel;       /* of a socket pair: reports go out, one byte comes in that lets it execute */
        int *moved;        /* room for n_fds */
} ChildPlan;

/* In the child, all signals blocked. Async-signal-safe. */
_Noreturn void child_enter(const ChildPlan *plan);

/* The sentence for a report that is a failure. */
int child_explain(const char *program, const ChildReport *report, MusterError **ret_error);
