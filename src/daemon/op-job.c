/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/jobs.h"
#include "daemon/judge.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/steps.h"

/* Commit, pull and copy: how a job begins, what is said while it runs, how it ends. */

#define CONCLUDE_POLL_MSEC 20U

static const char *const types[] = {"commit", "pull", "copy"};

static json_object *job_of(const Operation *operation, const char *disk)
{
        const Life *life = operation->managed->life;

        return life ? json_get(life->jobs, disk, json_type_object) : NULL;
}

static int emit(Managed *managed, const json_object *job, const char *event, const char *error)
{
        json_object *detail = json_object_new_object();

        if (!detail || json_add_string(detail, "disk", json_get_string(job, "disk")) < 0 ||
            json_add_string(detail, "type", json_get_string(job, "type")) < 0 ||
            (error && json_add_string(detail, "error", error) < 0)) {
                json_object_put(detail);
                return -ENOMEM;
        }
        return managed_emit(managed, "job", event, detail);
}

/* --- the beginning ---------------------------------------------------------------------------------- */

static void clear_job(void *pointer)
{
        JobData *data = pointer;

        free(data->disk);
        free(data->base);
        free(data->top);
        free(data->file);
        free(data->format);
        job_plan_free(data->plan);
}

static int check(Operation *operation)
{
        const JobData *data = operation->data;
        int r = require_running(operation);

        if (r < 0)
                return r;
        if (job_of(operation, data->disk))
                return error_set(&operation->error, -EBUSY,
                                 _("Disk %s is busy with another job; wait for its end, or end it."),
                                 data->disk);
        if (!json_get(operation->managed->life->blocks, data->disk, json_type_object))
                return error_set(&operation->error, -ENOENT, _("Domain %s has no disk %s with an image."),
                                 operation->managed->name, data->disk);
        return 0;
}

static int step_sizes(Operation *operation)
{
        const JobData *data = operation->data;
        json_object *arguments;

        if (data->type != JOB_COPY)
                return 0;
        arguments = json_object_new_object();
        if (!arguments || json_add_bool(arguments, "flat", true) < 0) {
                json_object_put(arguments);
                return error_oom(&operation->error);
        }
        return operation_call(operation, "query-named-block-nodes", arguments, 0);
}

static int plan_copy(Operation *operation, const JobContext *context, const json_object *chain)
{
        JobData *data = operation->data;
        JobCopy copy = {
                .file = data->file,
                .format = data->format,
                .block = data->block,
                .reuse = data->reuse,
                .shallow = data->shallow,
                .pivot = !data->keep,
                .synchronous = data->synchronous,
                .speed = data->speed,
                .granularity = data->granularity,
                .buffer = data->buffer,
        };

        if (!data->file)
                return error_set(&operation->error, -EINVAL, _("Say where to copy to: \"file\"."));
        if (job_size_of(operation->reply, chain, &copy.size) < 0)
                return error_set(&operation->error, -EIO,
                                 _("The emulator does not tell the size of disk %s."), data->disk);
        return job_copy(context, data->disk, &copy, &data->plan, &operation->error);
}

static int step_plan(Operation *operation)
{
        JobData *data = operation->data;
        const Life *life = operation->managed->life;
        const json_object *chain = json_get(life->blocks, data->disk, json_type_object);
        const JobContext context = {.verdicts = life->verdicts, .chains = life->blocks, .evidence = true};
        size_t length = chain_length(chain), top = 0, base = data->type == JOB_PULL ? length : length - 1;
        int r = 0;

        if (data->type == JOB_COPY)
                return plan_copy(operation, &context, chain);
        if (data->top)
                r = chain_find(chain, data->top, &top, &operation->error);
        else if (data->type == JOB_COMMIT && !data->active)
                top = 1; /* all but what the guest writes, as virsh has it */
        if (r >= 0 && data->base)
                r = chain_find(chain, data->base, &base, &operation->error);
        if (r < 0)
                return r;
        return data->type == JOB_COMMIT ? job_commit(&context, data->disk, top, base, data->speed,
                                                     &data->plan, &operation->error)
                                        : job_pull(&context, data->disk, top, base, data->speed, &data->plan,
                                                   &operation->error);
}

static int step_files(Operation *operation)
{
        const JobData *data = operation->data;

        return step_job_files(operation, data->plan->files, data->plan->access);
}

static json_object *make_job(const JobData *data)
{
        CLEANUP(json) json_object *job = json_object_new_object(), *plan = job_plan_to_json(data->plan);

        if (!job || !plan || json_add_string(job, "id", data->plan->id) < 0 ||
            json_add_string(job, "type", types[data->type]) < 0 ||
            json_add_string(job, "disk", data->disk) < 0 || json_add_string(job, "status", "starting") < 0 ||
            (data->delete_files && json_add_bool(job, "delete", true) < 0))
                return NULL;
        json_object_object_del(plan, "decisions");
        json_object_object_del(plan, "steps");
        json_object_object_del(plan, "files");
        return json_add(job, "plan", TAKE(plan)) < 0 ? NULL : TAKE(job);
}

static int step_note(Operation *operation)
{
        const JobData *data = operation->data;
        Life *life = operation->managed->life;

        if (json_add(life->jobs, data->disk, make_job(data)) < 0)
                return error_oom(&operation->error);
        operation->must_undo = true;
        if (steps_begin(operation, data->plan->steps, 0) < 0)
                return error_oom(&operation->error);
        return life_record_write(operation->managed, &operation->error);
}

static int step_started(Operation *operation)
{
        const JobData *data = operation->data;
        json_object *job = job_of(operation, data->disk);

        operation->answer = json_object_new_object();
        if (!operation->answer || json_add_string(operation->answer, "disk", data->disk) < 0 ||
            json_add_string(operation->answer, "type", types[data->type]) < 0 ||
            json_add(operation->answer, "access", json_object_get(data->plan->access)) < 0 ||
            json_add(operation->answer, "decisions", json_object_get(data->plan->decisions)) < 0)
                return error_oom(&operation->error);
        /* It may have become ready, or have ended, within its first moments. */
        if (job && streq(json_get_string(job, "status"), "starting")) {
                if (json_add_string(job, "status", "running") < 0)
                        return error_oom(&operation->error);
        }
        if (job)
                (void)emit(operation->managed, job, "started", NULL);
        return life_record_write(operation->managed, &operation->error);
}

static int undo_note(Operation *operation)
{
        const JobData *data = operation->data;
        Life *life = operation->managed->life;

        if (!life)
                return 0;
        json_object_object_del(life->jobs, data->disk);
        return life_record_write(operation->managed, NULL);
}

const OperationKind op_job = {
        .name = "block-job",
        .size = sizeof(JobData),
        .steps = (const OperationStep[]){check, JUDGE_STEPS, step_sizes, step_plan, step_files,
                                         step_job_keep_files, step_note, step_carry_out, step_started, NULL},
        .undo = (const OperationStep[]){undo_note, NULL},
        .clear = clear_job,
        .timeout_usec = 120 * USEC_PER_SEC,
};

/* --- while it runs ---------------------------------------------------------------------------------- */

static void submit_end(Managed *managed, const char *disk)
{
        JobEndData data = {.disk = strdup(disk), .by_event = true};

        (void)operation_submit(managed, &op_job_end, &data, NULL, NULL);
}

void job_on_status(Life *life, const char *id, const char *status)
{
        json_object_object_foreach (life->jobs, disk, job) {
                if (!streq_ptr(json_get_string(job, "id"), id))
                        continue;
                if (streq(status, "ready") && !streq_ptr(json_get_string(job, "status"), "ending")) {
                        (void)json_add_string(job, "status", "ready");
                        (void)life_record_write(life->managed, NULL);
                        (void)emit(life->managed, job, "ready", NULL);
                } else if (streq(status, "concluded")) {
                        submit_end(life->managed, disk);
                }
                return;
        }
}

/* Each is asked after; one that has not concluded says so, and is left to go on. */
void jobs_look_again(Life *life)
{
        json_object_object_foreach (life->jobs, disk, job) {
                (void)job;
                submit_end(life->managed, disk);
        }
}

/* --- the end ---------------------------------------------------------------------------------------- */

/*
 * An emulator forgets a job as soon as that is dismissed, which is the first thing that follows its end. So
 * what became of it is on record before ("concluded", "success"), for a daemon that finds it gone.
 */

static void clear_end(void *pointer)
{
        JobEndData *data = pointer;

        free(data->disk);
        free(data->failure);
}

static json_object *plan_of(const json_object *job, const char *what)
{
        return json_get(json_get(job, "plan", json_type_object), what, json_type_array);
}

static bool is_concluded(const json_object *job)
{
        return streq_ptr(json_get_string(job, "status"), "concluded");
}

static int check_end(Operation *operation)
{
        JobEndData *data = operation->data;
        json_object *job = data->disk ? job_of(operation, data->disk) : NULL;
        bool ready = job && json_get_bool(json_get(job, "plan", json_type_object), "ready", false);
        const char *status = job ? json_get_string(job, "status") : NULL;

        if (!job && data->by_event) {
                operation->at += 9; /* another one has ended it */
                return 0;
        }
        if (!job)
                return error_set(&operation->error, -ENOENT, _("There is no job on disk %s of domain %s."),
                                 data->disk ?: "?", operation->managed->name);
        if (data->by_event || is_concluded(job))
                return 0;
        if (data->pivot && (!ready || !streq_ptr(status, "ready")))
                return error_set(
                        &operation->error, -ESTALE,
                        ready ? _("The job on disk %s is not ready yet; wait for its event \"ready\".")
                              : _("The job on disk %s ends by itself; there is nothing to pivot to."),
                        data->disk);
        data->before = streq_ptr(status, "ready") ? "ready" : "running";
        operation->must_undo = true;
        /* What was wanted of it is on record before it is asked for. */
        if (json_add_string(job, "status", "ending") < 0 || json_add_bool(job, "pivot", data->pivot) < 0)
                return error_oom(&operation->error);
        return life_record_write(operation->managed, &operation->error);
}

static int step_ask_for_end(Operation *operation)
{
        const JobEndData *data = operation->data;
        const json_object *job = job_of(operation, data->disk);

        if (data->by_event || !job || is_concluded(job))
                return steps_begin(operation, NULL, 0);
        return steps_begin(operation, plan_of(job, data->pivot ? "pivot" : "abort"), 0) < 0
                       ? error_oom(&operation->error)
                       : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_poll(Operation *operation)
{
        uv_timer_t *timer = TAKE(operation->wait_timer);

        if (timer)
                uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void on_poll(uv_timer_t *timer)
{
        Operation *operation = timer->data;

        stop_poll(operation);
        operation_resume(operation, 0);
}

static int undo_end(Operation *operation)
{
        const JobEndData *data = operation->data;
        json_object *job = job_of(operation, data->disk);

        if (!job || !data->before || json_add_string(job, "status", data->before) < 0)
                return 0;
        return life_record_write(operation->managed, NULL);
}

static int step_query(Operation *operation)
{
        /* From here on it is not for us to take back. */
        operation->must_undo = false;
        return operation_call(operation, "query-jobs", NULL, 0);
}

/* 1: it goes on. */
static int take_outcome(Operation *operation)
{
        JobEndData *data = operation->data;
        const json_object *job = job_of(operation, data->disk);
        const char *id = json_get_string(job, "id");

        data->vanished = true;
        for (size_t i = 0; i < json_length(operation->reply); i++) {
                const json_object *item = json_object_array_get_idx(operation->reply, i);
                const char *error = json_get_string(item, "error");

                if (!streq_ptr(json_get_string(item, "id"), id))
                        continue;
                data->vanished = false;
                if (!streq_ptr(json_get_string(item, "status"), "concluded")) {
                        data->status = strdup(json_get_string(item, "status") ?: "?");
                        return 1;
                }
                if (error)
                        data->failure = strdup(error);
        }
        return 0;
}

static int step_outcome(Operation *operation)
{
        JobEndData *data = operation->data;
        json_object *job = job_of(operation, data->disk);
        CLEANUP(free) char *status = NULL;
        int r;

        if (!job || is_concluded(job))
                return 0;
        r = take_outcome(operation);
        status = TAKE(data->status);
        if (r == 0)
                return 0;
        if (data->by_event) {
                /* A daemon that has come back looks at a job that goes on. */
                bool told = streq_ptr(json_get_string(job, "status"), "ready"),
                     ready = streq_ptr(status, "ready");

                (void)json_add_string(job, "status", ready ? "ready" : "running");
                (void)life_record_write(operation->managed, NULL);
                if (ready && !told)
                        (void)emit(operation->managed, job, "ready", NULL);
                operation->at += 5;
                return 0;
        }
        operation->wait_timer = malloc(sizeof(*operation->wait_timer));
        if (!operation->wait_timer)
                return error_oom(&operation->error);
        uv_timer_init(operation->daemon->loop, operation->wait_timer);
        operation->wait_timer->data = operation;
        uv_timer_start(operation->wait_timer, on_poll, CONCLUDE_POLL_MSEC, 0);
        operation->at -= 2; /* ask again */
        return operation_wait(operation, stop_poll);
}

/*
 * What the emulator says of the end, whatever was asked for: a cancellation may have come too late. One that
 * did not is an error to the emulator, since the plan's abort is forced.
 */
/* To QEMU that is the error of this name (job_update_rc()); any other one is a failure all the same. */
static bool was_cancelled(const JobEndData *data, const json_object *job)
{
        return streq_ptr(json_get_string(job, "status"), "ending") && !json_get_bool(job, "pivot", false) &&
               streq_ptr(data->failure, strerror(ECANCELED));
}

static int keep_outcome(JobEndData *data, json_object *job)
{
        data->success = !data->failure && !data->vanished;
        if (json_add_bool(job, "cancelled", was_cancelled(data, job)) < 0 ||
            (data->failure && json_add_string(job, "error", data->failure) < 0) ||
            json_add_bool(job, "success", data->success) < 0)
                return -ENOMEM;
        return json_add_string(job, "status", "concluded");
}

static int take_kept(JobEndData *data, const json_object *job)
{
        const char *error = json_get_string(job, "error");

        data->success = json_get_bool(job, "success", false);
        if (!error || data->failure)
                return 0;
        data->failure = strdup(error);
        return data->failure ? 0 : -ENOMEM;
}

static int step_follow(Operation *operation)
{
        JobEndData *data = operation->data;
        json_object *job = job_of(operation, data->disk), *chains;
        int r;

        if (!job)
                return 0; /* the domain's end */
        if ((is_concluded(job) ? take_kept(data, job) : keep_outcome(data, job)) < 0)
                return error_oom(&operation->error);
        r = life_record_write(operation->managed, &operation->error);
        if (r < 0)
                return r;
        chains = json_get(json_get(job, "plan", json_type_object), "chains", json_type_object);
        if (steps_begin(operation, plan_of(job, data->success ? "done" : "failed"), STEPS_TOLERATE) < 0 ||
            (data->success && chains_begin(operation, chains, json_get_bool(job, "delete", false)) < 0))
                return error_oom(&operation->error);
        return 0;
}

static int step_end(Operation *operation)
{
        JobEndData *data = operation->data;
        Managed *managed = operation->managed;
        CLEANUP(json) json_object *job = json_object_get(job_of(operation, data->disk));
        bool cancelled = json_get_bool(job, "cancelled", false);
        const char *event = data->success ? "completed" : cancelled ? "cancelled" : "failed";
        int r;

        /* Rather told twice than never, should the daemon die in between. */
        r = emit(managed, job, event, cancelled ? NULL : data->failure);
        json_object_object_del(managed->life->jobs, data->disk);
        if (r >= 0)
                r = life_record_write(managed, &operation->error);
        operation->answer = json_object_new_object();
        if (r < 0 || !operation->answer || json_add_string(operation->answer, "disk", data->disk) < 0 ||
            json_add_string(operation->answer, "outcome", event) < 0)
                return r < 0 ? r : error_oom(&operation->error);
        if (data->failure && !data->by_event && !cancelled)
                return error_set(&operation->error, -EIO,
                                 _("The job on disk %s of domain %s has failed: %s"), data->disk,
                                 managed->name, data->failure);
        return 0;
}

const OperationKind op_job_end = {
        .name = "block-job-end",
        .size = sizeof(JobEndData),
        .steps = (const OperationStep[]){check_end, step_ask_for_end, step_carry_out, step_query,
                                         step_outcome, step_follow, step_carry_out, step_write_chains,
                                         step_keep_chains, step_end, NULL},
        .undo = (const OperationStep[]){undo_end, NULL},
        .clear = clear_end,
        .timeout_usec = 300 * USEC_PER_SEC,
};

/* --- its speed -------------------------------------------------------------------------------------- */

static int step_speed(Operation *operation)
{
        const JobEndData *data = operation->data;
        const json_object *job = job_of(operation, data->disk);
        CLEANUP(json) json_object *steps = NULL;

        if (!job)
                return error_set(&operation->error, -ENOENT, _("There is no job on disk %s of domain %s."),
                                 data->disk, operation->managed->name);
        if (job_speed(json_get_string(job, "id"), data->speed, &steps) < 0 ||
            steps_begin(operation, steps, 0) < 0)
                return error_oom(&operation->error);
        return 0;
}

const OperationKind op_job_speed = {
        .name = "block-job-speed",
        .size = sizeof(JobEndData),
        .steps = (const OperationStep[]){require_running, step_speed, step_carry_out, NULL},
        .clear = clear_end,
        .timeout_usec = 30 * USEC_PER_SEC,
};
