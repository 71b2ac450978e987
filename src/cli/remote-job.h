/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs about block jobs share: starting one, and waiting for it. */

#include "cli/remote.h"

extern const Option option_job_bandwidth, option_bytes, option_wait, option_pivot, option_async;

#define JOB_OPTIONS                                                                                         \
        &option_job_bandwidth, &option_bytes, &option_wait, &option_verbose, &option_async, REMOTE_OPTIONS

/* What is said, in virsh's words. */
typedef struct JobWords {
        const char *name;     /* "Block commit" */
        const char *started;  /* "Block Commit started" */
        const char *complete; /* "Commit complete" */
        const char *ready;    /* "Now in synchronized phase" */
        const char *kept;     /* of one that was ended rather than pivoted */
} JobWords;

/* How one ends that becomes ready and stays so. */
typedef enum JobEnd {
        JOB_STAYS, /* as it is */
        JOB_PIVOT,
        JOB_FINISH, /* as the job was planned: what is copied then is whole, and not pivoted to */
        JOB_CANCEL, /* at once */
} JobEnd;

/*
 * Starts the job of `body` (taken; NULL: out of memory) on the second argument's disk; with --wait, or
 * unless it JOB_STAYS, waits for its end. Ctrl-C then cancels the job, and so does --timeout.
 */
int job_run(Client *client, const Invocation *invocation, json_object *body, JobEnd end,
            const JobWords *words, MusterError **ret_error);

/* --bandwidth (or the argument `position`) as bytes a second, into "bandwidth" of *body. */
int job_add_bandwidth(const Invocation *invocation, size_t position, json_object **body,
                      MusterError **ret_error);

/* "Block commit: [ 47 %]"; to free(). */
char *job_progress(const char *name, const json_object *job);

/* The outcome of a DELETE or pivot. */
int job_end(Client *client, const Invocation *invocation, bool pivot, json_object **ret,
            MusterError **ret_error);
