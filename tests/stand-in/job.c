/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Block jobs. Each takes "job-msec" to copy all of its image, in ten steps, and then goes QEMU 7.2's way:
 *
 *   created running ─┬─────────────► waiting pending COMPLETED concluded null      stream, commit
 *                    └► ready READY ─┘ (at block-job-complete)                     mirror, active commit
 *   cancelled: aborting CANCELLED concluded null; a ready mirror is completed without pivot
 *
 * "job-fails" ends it with an I/O error halfway. With "job-hangs" it makes no progress.
 */

#include "standin.h"

#define JOB_MSEC 200
#define STEPS    10

typedef struct Job {
        char *id, *error;
        const char *type, *status;
        char *node, *base, *top; /* node: that it is started on; mirror: base is its target */
        int64_t length, offset, speed;
        bool ready_first, auto_dismiss, auto_finalize, paused, completing;
        struct Job *next;
} Job;

static Job *jobs;

static Job *find_job(const char *id)
{
        for (Job *job = jobs; job; job = job->next)
                if (streq_ptr(job->id, id))
                        return job;
        return NULL;
}

bool job_uses(const char *node)
{
        for (Job *job = jobs; job; job = job->next)
                if (!streq(job->status, "concluded") &&
                    (streq_ptr(job->node, node) || streq_ptr(job->base, node) || streq_ptr(job->top, node)))
                        return true;
        return false;
}

static void set_status(Job *job, const char *status)
{
        json_object *data = data_of("status", status);

        job->status = status;
        json_add_string(data, "id", job->id);
        qmp_event("JOB_STATUS_CHANGE", data);
}

static json_object *event_data(const Job *job)
{
        json_object *data = data_of("device", job->id);

        json_add_int(data, "len", job->length);
        json_add_int(data, "offset", job->offset);
        json_add_int(data, "speed", job->speed);
        json_add_string(data, "type", job->type);
        if (job->error)
                json_add_string(data, "error", job->error);
        return data;
}

static void job_free(Job *job)
{
        for (Job **place = &jobs; *place; place = &(*place)->next)
                if (*place == job) {
                        *place = job->next;
                        break;
                }
        free(job->id);
        free(job->error);
        free(job->node);
        free(job->base);
        free(job->top);
        free(job);
}

static void dismiss(Job *job)
{
        set_status(job, "null");
        job_free(job);
}

static void settle(Job *job)
{
        set_status(job, "concluded");
        if (job->auto_dismiss)
                dismiss(job);
}

static void conclude(Job *job, const char *event)
{
        qmp_event(event, event_data(job));
        settle(job);
}

/* What the graph is afterwards. */
static void take_effect(Job *job)
{
        if (streq(job->type, "stream")) {
                block_set_backing(job->node, job->base);
        } else if (streq(job->type, "mirror")) {
                if (job->completing)
                        block_replace(job->node, job->base);
        } else if (!streq(job->type, "commit")) {
                return;
        } else if (job->ready_first) {
                if (job->completing)
                        block_replace(job->node, job->base);
        } else {
                block_set_backing(block_overlay_of(job->top), job->base);
        }
}

static void finalize(Job *job)
{
        take_effect(job);
        conclude(job, "BLOCK_JOB_COMPLETED");
}

static void finish(Job *job)
{
        set_status(job, "waiting");
        set_status(job, "pending");
        if (job->auto_finalize)
                finalize(job);
        else
                qmp_event("BLOCK_JOB_PENDING", data_of("id", job->id));
}

static void finish_later(void *data)
{
        finish(data);
}

static void abort_job(Job *job, const char *event)
{
        set_status(job, "aborting");
        conclude(job, event);
}

/* Behind the reply to who asked for it. The error is none of the event's, but of query-jobs. */
static void cancel_later(void *data)
{
        Job *job = data;

        set_status(job, "aborting");
        qmp_event("BLOCK_JOB_CANCELLED", event_data(job));
        job->error = strdup("Operation canceled");
        settle(job);
}

static void step(void *data);

static void schedule(Job *job)
{
        if (!faults_bool("job-hangs"))
                timer_add(faults_int("job-msec", JOB_MSEC) / STEPS, step, job);
}

static void step(void *data)
{
        Job *job = data;

        job->offset += (job->length + STEPS - 1) / STEPS;
        if (job->offset > job->length)
                job->offset = job->length;
        if (faults_bool("job-fails") && job->offset * 2 >= job->length) {
                json_object *error = data_of("device", job->id);

                json_add_string(error, "operation", "write");
                json_add_string(error, "action", "report");
                qmp_event("BLOCK_JOB_ERROR", error);
                job->error = strdup("Input/output error");
                abort_job(job, "BLOCK_JOB_COMPLETED");
        } else if (job->offset < job->length) {
                schedule(job);
        } else if (job->ready_first) {
                set_status(job, "ready");
                qmp_event("BLOCK_JOB_READY", event_data(job));
        } else {
                finish(job);
        }
}

static json_object *start(json_object *arguments, const char *type, const char *node, const char *base,
                          const char *top, bool ready_first)
{
        const char *id = json_get_string(arguments, "job-id");
        Job *job;

        id = id ? id : node;
        if (find_job(id))
                return fail("Job ID '%s' already in use", id);
        if (job_uses(node))
                return fail("Node '%s' is busy: block device is in use by block job: %s", node, jobs->type);
        job = calloc(1, sizeof(*job));
        *job = (Job){.id = strdup(id),
                     .type = type,
                     .node = strdup(node),
                     .base = base ? strdup(base) : NULL,
                     .top = top ? strdup(top) : NULL,
                     .length = block_size(node),
                     .speed = json_get_int(arguments, "speed", 0),
                     .ready_first = ready_first,
                     .auto_dismiss = json_get_bool(arguments, "auto-dismiss", true),
                     .auto_finalize = json_get_bool(arguments, "auto-finalize", true),
                     .next = jobs};
        jobs = job;
        set_status(job, "created");
        set_status(job, "running");
        schedule(job);
        return done();
}

static json_object *cmd_stream(json_object *arguments)
{
        const char *device = json_get_string(arguments, "device"),
                   *base = json_get_string(arguments, "base-node"),
                   *bottom = json_get_string(arguments, "bottom");

        if (!block_find(device))
                return fail("Cannot find device='%1$s' nor node-name='%1$s'", device);
        if (base && !block_find(base))
                return fail("Cannot find device='' nor node-name='%s'", base);
        if (base && !block_is_backed_by(device, base))
                return fail("Node '%s' is not a backing image of '%s'", base, device);
        return start(arguments, "stream", device, bottom ? block_backing(bottom) : base, NULL,
                     /* ready_first= */ false);
}

static const char *chain_end(const char *node)
{
        while (block_backing(node))
                node = block_backing(node);
        return node;
}

static json_object *cmd_commit(json_object *arguments)
{
        const char *device = json_get_string(arguments, "device"),
                   *top = json_get_string(arguments, "top-node"),
                   *base = json_get_string(arguments, "base-node");

        if (!block_find(device))
                return fail_class("DeviceNotFound", "Device '%s' not found", device);
        top = top ? top : device;
        if (!block_find(top))
                return fail("Cannot find device='' nor node-name='%s'", top);
        base = base ? base : chain_end(device);
        if (!block_find(base))
                return fail("Cannot find device='' nor node-name='%s'", base);
        if (!block_is_backed_by(top, base))
                return fail("'%s' is not in this backing file chain", base);
        return start(arguments, "commit", device, base, top, /* ready_first= */ streq(top, device));
}

static json_object *cmd_mirror(json_object *arguments)
{
        const char *device = json_get_string(arguments, "device"),
                   *target = json_get_string(arguments, "target");

        if (!block_find(device))
                return fail("Cannot find device='%1$s' nor node-name='%1$s'", device);
        if (!block_find(target))
                return fail("Cannot find device='%1$s' nor node-name='%1$s'", target);
        if (block_overlay_of(device))
                return fail("Need a root block node");
        return start(arguments, "mirror", device, target, NULL, /* ready_first= */ true);
}

static json_object *complete(Job *job)
{
        if (!streq(job->status, "ready"))
                return fail("Job '%s' in state '%s' cannot accept command verb 'complete'", job->id,
                            job->status);
        job->completing = true;
        timer_add(0, finish_later, job);
        return done();
}

/* A mirror that is ready is done: its target is a copy as of now. */
static json_object *cancel(Job *job, bool force)
{
        if (streq(job->status, "concluded"))
                return fail("Job '%s' in state '%s' cannot accept command verb 'cancel'", job->id,
                            job->status);
        timer_cancel(step, job);
        timer_cancel(finish_later, job);
        timer_cancel(cancel_later, job);
        if (streq(job->status, "ready") && !force && streq(job->type, "mirror"))
                timer_add(0, finish_later, job);
        else
                timer_add(0, cancel_later, job);
        return done();
}

/* "device" is what block-job-* calls it, "id" what job-* does; each has its own words. */
static Job *find_for(json_object *arguments)
{
        const char *id = json_get_string(arguments, "id"), *device = json_get_string(arguments, "device");
        Job *job = find_job(id ? id : device);

        if (!job && id)
                fail("Job not found");
        else if (!job)
                fail_class("DeviceNotActive", "Block job '%s' not found", device);
        return job;
}

static json_object *cmd_complete(json_object *arguments)
{
        Job *job = find_for(arguments);

        return job ? complete(job) : NULL;
}

static json_object *cmd_cancel(json_object *arguments)
{
        Job *job = find_for(arguments);

        return job ? cancel(job, json_get_bool(arguments, "force", json_get_string(arguments, "id") != NULL))
                   : NULL;
}

static json_object *cmd_dismiss(json_object *arguments)
{
        Job *job = find_for(arguments);

        if (!job)
                return NULL;
        if (!streq(job->status, "concluded"))
                return fail("Job '%s' in state '%s' cannot accept command verb 'dismiss'", job->id,
                            job->status);
        dismiss(job);
        return done();
}

static json_object *cmd_finalize(json_object *arguments)
{
        Job *job = find_for(arguments);

        if (!job)
                return NULL;
        if (!streq(job->status, "pending"))
                return fail("Job '%s' in state '%s' cannot accept command verb 'finalize'", job->id,
                            job->status);
        finalize(job);
        return done();
}

static json_object *cmd_set_speed(json_object *arguments)
{
        Job *job = find_for(arguments);

        if (!job)
                return NULL;
        job->speed = json_get_int(arguments, "speed", 0);
        return done();
}

static json_object *cmd_jobs(json_object *arguments)
{
        json_object *list = json_object_new_array();

        for (Job *job = jobs; job; job = job->next) {
                json_object *entry = data_of("id", job->id);

                json_add_string(entry, "type", job->type);
                json_add_string(entry, "status", job->status);
                json_add_int(entry, "current-progress", job->offset);
                json_add_int(entry, "total-progress", job->length);
                if (job->error)
                        json_add_string(entry, "error", job->error);
                json_append(list, entry);
        }
        return list;
}

static json_object *cmd_block_jobs(json_object *arguments)
{
        json_object *list = json_object_new_array();

        for (Job *job = jobs; job; job = job->next) {
                json_object *entry = event_data(job);

                json_add_bool(entry, "auto-finalize", job->auto_finalize);
                json_add_bool(entry, "auto-dismiss", job->auto_dismiss);
                json_add_bool(entry, "busy", streq(job->status, "running"));
                json_add_bool(entry, "paused", job->paused);
                json_add_bool(entry, "ready", streq(job->status, "ready"));
                json_add_string(entry, "io-status", "ok");
                json_add_string(entry, "status", job->status);
                json_append(list, entry);
        }
        return list;
}

const Command job_commands[] = {
        {"block-stream",
         "job-id?s device!s base?s base-node?s backing-file?s bottom?s speed?i on-error?s "
         "filter-node-name?s "
         "auto-finalize?b auto-dismiss?b",
         cmd_stream},
        {"block-commit",
         "job-id?s device!s base-node?s base?s top-node?s top?s backing-file?s speed?i on-error?s "
         "filter-node-name?s auto-finalize?b auto-dismiss?b",
         cmd_commit},
        {"blockdev-mirror",
         "job-id?s device!s target!s replaces?s sync!s speed?i granularity?i buf-size?i on-source-error?s "
         "on-target-error?s filter-node-name?s copy-mode?s auto-finalize?b auto-dismiss?b",
         cmd_mirror},
        {"block-job-complete", "device!s", cmd_complete},
        {"block-job-cancel", "device!s force?b", cmd_cancel},
        {"block-job-dismiss", "id!s", cmd_dismiss},
        {"block-job-finalize", "id!s", cmd_finalize},
        {"block-job-set-speed", "device!s speed!i", cmd_set_speed},
        {"job-complete", "id!s", cmd_complete},
        {"job-cancel", "id!s", cmd_cancel},
        {"job-dismiss", "id!s", cmd_dismiss},
        {"job-finalize", "id!s", cmd_finalize},
        {"query-jobs", "", cmd_jobs},
        {"query-block-jobs", "", cmd_block_jobs},
        {NULL, NULL, NULL},
};
