/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of block operations share; job.c has the essay. */

#include "block/job.h"
#include "block/request.h"

/* The disk's chain, which is whole. -ENOENT, -EBADMSG. */
int job_chain(const JobContext *context, const char *disk, const json_object **ret, MusterError **ret_error);

/* With everything empty; `id` NULL or "muster-<what>-<disk>". */
int job_plan_new(const char *what, const char *disk, JobPlan **ret);

/* Whether the guest may write to the disk; if not, -EROFS with a sentence. */
int job_need_writable_disk(const json_object *chain, MusterError **ret_error);

/*
 * The tie of an image that has to become writable: its storage node may be reopened, or always was writable.
 * -EROFS with the sentence and the evidence. `why`: a clause, "the commit writes to it".
 */
int job_need_reopen(const JobContext *context, const json_object *image, const char *why,
                    MusterError **ret_error);

/* Nobody but this disk may see what is between `first` and `last`, both included. -EBUSY. */
int job_need_alone(const JobContext *context, const json_object *chain, size_t first, size_t last,
                   MusterError **ret_error);

/* To be expected of a local image. Modes: false "O_RDONLY", true "O_RDWR". */
int job_add_access(JobPlan *plan, const json_object *image, bool before, bool during, bool after);
/* How an image is open that nobody writes to. */
bool job_open_at_rest(const json_object *image);

/* An image that is to be added: an overlay, or the target of a copy. */
typedef struct JobImage {
        const char *disk;
        const char *file, *format;
        uint64_t size;
        bool block, reuse;
        const json_object *like;  /* the image whose caches and the like it takes over */
        const json_object *above; /* the image that its header names as its backing image; NULL: none */
        const char *backing;      /* the node that its node gets below it; NULL: none */
} JobImage;

/*
 * Adds the steps that make the image and its nodes, with their undo, the file to prepare and the gate's
 * decision. Counts the names of `chain` up. *ret: the image as a chain has it.
 */
int job_add_image(const JobContext *context, JobPlan *plan, json_object *chain, const JobImage *image,
                  json_object **ret, MusterError **ret_error);

/*
 * blockdev-reopen of a format node that a job leaves writable, above `lower` (NULL: nothing). What was to be
 * done has been done, whatever becomes of this: a failure is ignored.
 */
int job_add_read_only(const JobContext *context, json_object *steps, const json_object *image,
                      const json_object *lower);

int job_add_chain(JobPlan *plan, json_object *chain); /* takes it */

/* job-dismiss at the beginning of `done` and `failed`. */
int job_add_dismissal(JobPlan *plan);

/* Everything that leaves here has passed the schema. Takes `plan`. */
int job_finish(const JobContext *context, JobPlan *plan, JobPlan **ret, MusterError **ret_error);
