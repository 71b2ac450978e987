/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Block operations on a running emulator: from chains, verdicts and the schema to the steps that carry them
 * out, or to a refusal that says which image stands in the way and why. Pure.
 *
 * What the life of a job looks like to whoever carries it out:
 *
 *   processes, files    are prepared
 *   steps               start it: from the last one on there is the job `id`, which is never dismissed by
 *                       itself and finalises by itself
 *   ready               it copies until nothing is missing, is "ready" then, and goes on with what the guest
 *                       writes, until `pivot` is carried out (or `abort`). Else it ends by itself; `pivot`
 *                       is empty
 *   concluded           (query-jobs: "concluded"; JOB_STATUS_CHANGE). Without "error", and unless it was
 *                       aborted: `done`, and `chain` holds from then on. Else: `failed`, and the chain is
 *                       as it was. Both begin with job-dismiss.
 *
 * A snapshot has no job: `id` is NULL, and when the steps have succeeded `chains` hold.
 */

#include "block/chain.h"
#include "block/step.h"

#define JOB_FEATURE "dynamic-auto-read-only" /* the gate's */

typedef struct JobPlan {
        char *id; /* "muster-commit-vda"; NULL: there is no job */
        bool ready;
        json_object *files; /* as Plan.files: {"path", "action", "purpose"} */
        json_object *steps; /* step.h, as all the others */
        json_object *pivot;
        json_object *abort;
        json_object *done;
        json_object *failed;
        json_object *chains; /* object: disk -> its chain when all went well */
        json_object *access; /* array of {"file", "node", "before", "during", "after"}: the open modes to
                                be expected, each "O_RDONLY", "O_RDWR" or null (closed), of local files whose
                                image takes part */
        json_object
                *decisions; /* as Plan.decisions: {"feature", "verdict", "driver", "choice", "evidence"} */
} JobPlan;

JobPlan *job_plan_free(JobPlan *plan);

/* All of it, for show; NULL: out of memory. */
json_object *job_plan_to_json(const JobPlan *plan);

/* What is known of the running domain. */
typedef struct JobContext {
        MusterVerdicts *verdicts;
        const json_object *chains; /* of all its disks: {"vda": {…}, …}; they are looked at for who else uses
                                      an image, too */
        bool evidence;             /* whether it is wanted in decisions */
} JobContext;

/* One disk of a snapshot. */
typedef struct JobOverlay {
        const char *disk;   /* "vda" */
        const char *file;   /* of the overlay: absolute */
        const char *format; /* NULL: qcow2 */
        uint64_t size; /* the disk's, in bytes (query-named-block-nodes: image.virtual-size of the node) */
        bool block;    /* a block device of the host, which is there */
        bool reuse;    /* the overlay is there, made and with its header filled; it is only put to use */
} JobOverlay;

/*
 * The overlay is made by the emulator (blockdev-create), not by qemu-img: what comes out has the emulator's
 * rights, locks and version, lies where the emulator sees it (a chroot, a container), and no second program
 * has to be there. All that it cannot tell, the disk's size, is in the chain's other source: QMP.
 *
 * External snapshots of disks, at one moment: every disk's image becomes the backing image of a new overlay.
 * `quiesced` is not this layer's. -EINVAL, -EEXIST, -EOPNOTSUPP.
 */
int job_snapshot(const JobContext *context, const JobOverlay *disks, size_t n, JobPlan **ret,
                 MusterError **ret_error);

/*
 * Puts what the images [top, base) hold into `base` (indices; top < base) and lets them go. With top == 0
 * the guest goes on writing to `base`: `ready`. speed: bytes a second; 0: no limit.
 *
 * The gate: `base`, and the image above `top` if there is one, must become writable. QEMU reopens them by
 * itself if their storage nodes may be written: "auto" or "writable". One that is read-only for good makes
 * -EROFS, with the unmet ties in the sentence and the evidence as its detail: every release from 5.2 to 11.1
 * refuses such a base, and dies (SIGSEGV, at the end of the job) of such an image above `top`.
 */
int job_commit(const JobContext *context, const char *disk, size_t top, size_t base, uint64_t speed,
               JobPlan **ret, MusterError **ret_error);

/*
 * Pulls what the images below image `top` (0: the disk's own) down to and without `base` hold into it, and
 * lets them go. base == chain_length(): all. The image at `top` must become writable, as with a commit.
 */
int job_pull(const JobContext *context, const char *disk, size_t top, size_t base, uint64_t speed,
             JobPlan **ret, MusterError **ret_error);

typedef struct JobCopy {
        const char *file;   /* where to: absolute */
        const char *format; /* NULL: that of the disk's topmost image */
        uint64_t size;      /* as in JobOverlay */
        bool block, reuse;  /* as in JobOverlay */
        bool shallow;       /* only the topmost image; its backing images stay below the copy */
        bool pivot; /* the guest goes on with the copy; else it is only made, and let go of at the end */
        bool synchronous; /* what the guest writes is written to both at once (write-blocking) */
        uint64_t speed, granularity, buffer; /* bytes; 0: the emulator's choice */
} JobCopy;

/* A mirror: always `ready`. With `pivot` the step of that name ends it with the copy in use, else without.
 */
int job_copy(const JobContext *context, const char *disk, const JobCopy *copy, JobPlan **ret,
             MusterError **ret_error);

/* The step that changes a running job's speed. */
int job_speed(const char *id, uint64_t speed, json_object **ret_steps);

DEFINE_CLEANUP(JobPlan, job_plan_free);
