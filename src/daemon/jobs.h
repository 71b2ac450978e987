/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Block jobs of a running domain. One a disk: life->jobs has for each disk
 *
 *   {"id": "muster-commit-vda", "type": "commit", "disk": "vda", "status":
 * "starting"|"running"|"ready"|"ending", "plan": {"ready", "pivot", "abort", "done", "failed", "chains"}} as
 * block/job.h describes it
 *
 * written down before the job is begun, so that a daemon that comes back finds what to do when it is over.
 */

#include "block/job.h"
#include "daemon/operations.h"

typedef enum JobType {
        JOB_COMMIT,
        JOB_PULL,
        JOB_COPY,
} JobType;

typedef struct JobData {
        JobType type;
        char *disk;
        char *base, *top;  /* as chain_find() takes them; NULL: the whole chain */
        bool active;       /* a commit from the topmost image */
        bool delete_files; /* of images that were let go of */
        char *file, *format;
        bool shallow, reuse, block, synchronous, keep; /* of a copy; keep: it is only made */
        uint64_t speed, granularity, buffer;
        JobPlan *plan; /* the operation's own */
        json_object *chains;
} JobData;
extern const OperationKind op_job;

/* To an end: the copy or the base takes over (pivot), or the job is given up. */
typedef struct JobEndData {
        char *disk;
        bool pivot;
        bool by_event; /* it has concluded by itself */
        uint64_t speed;
        /* what came of it */
        char *failure, *status;
        bool vanished, success;
        const char *before; /* its status, to which it goes back where the emulator refuses; static */
} JobEndData;
extern const OperationKind op_job_end, op_job_speed;

/* op-snapshot.c */
typedef struct SnapshotDisk {
        char *disk, *file, *format;
        bool reuse, block;
} SnapshotDisk;

typedef struct SnapshotData {
        char *name;
        SnapshotDisk *disks;
        size_t n_disks;
        JobPlan *plan; /* the operation's own */
} SnapshotData;
extern const OperationKind op_snapshot;

/* An event, and what a daemon that came back has to ask. */
void job_on_status(Life *life, const char *id, const char *status);
void jobs_look_again(Life *life);

/*
 * A row for operations that change chains: `chains` (object by disk, a reference is taken) become what
 * holds, in what runs and, as far as its disk had the same image, in the definition. With `delete_files`
 * files of images that no chain has any more are removed.
 */
typedef struct ChainsWork ChainsWork;
int chains_begin(Operation *operation, json_object *chains, bool delete_files);
int step_write_chains(Operation *operation);
int step_keep_chains(Operation *operation);
ChainsWork *chains_work_free(ChainsWork *work);

/* A row: the files of a plan are made, and those that are to be written may be written. */
int step_job_files(Operation *operation, json_object *files, json_object *access);
int step_job_keep_files(Operation *operation);

/* A copy of the chains, for the pool. NULL: out of memory. */
json_object *chains_copy(const Life *life);

/* The size of the disk's topmost image in the reply to query-named-block-nodes; -ENOENT. */
int job_size_of(const json_object *nodes, const json_object *chain, uint64_t *ret);
