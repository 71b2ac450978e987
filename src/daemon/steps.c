/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/steps.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/step.h"
#include "daemon/log.h"
#include "daemon/operations.h"

/*
 *   SEND ──reply──► EVENT (a step waits for one) ──it comes──┐
 *    ▲     │                                                 │
 *    │     ├──────► JOB (a step waits for one: query-jobs ───┤
 *    │     │             until it is concluded)              │
 *    └─────┴───────────── the next step ◄────────────────────┘
 *
 * A failure turns the row round: the undo of what was done becomes the steps, tolerated each, and the first
 * error is what is told in the end. Events that come before the reply of the step that they belong to count,
 * so they are listened for from the moment in which a step is sent.
 */

/* A guest has this long to let go of a device. */
#define EVENT_USEC    (30 * USEC_PER_SEC)
#define JOB_POLL_MSEC 20U
#define TRIES_MAX     3U

/*
 * A device that is none of the tree's any more holds its node until QEMU's RCU thread has freed it, some
 * 10 ms later, of which nobody tells who has missed DEVICE_DELETED.
 */
#define INSIST_MAX  15U
#define INSIST_MSEC 20U

typedef enum Phase {
        PHASE_SEND,
        PHASE_REPLY,
        PHASE_RETRY, /* what makes another try worth it was sent */
        PHASE_EVENT,
        PHASE_JOB,
        PHASE_JOB_REPLY,
} Phase;

struct Steps {
        json_object *array;
        json_object *done; /* those that succeeded: to be undone */
        size_t at;
        unsigned flags;
        Phase phase;
        unsigned tries;
        bool event_came, undoing;
        int result; /* why it is undone */
        MusterError *error;
        json_object *replies;
};

Steps *steps_free(Steps *steps)
{
        if (!steps)
                return NULL;
        json_object_put(steps->array);
        json_object_put(steps->done);
        json_object_put(steps->replies);
        muster_error_free(steps->error);
        free(steps);
        return NULL;
}

int steps_begin(Operation *operation, const json_object *array, unsigned flags)
{
        Steps *steps = calloc(1, sizeof(*steps));

        operation->steps = steps_free(operation->steps);
        if (!steps)
                return -ENOMEM;
        steps->array = array ? json_object_get((json_object *)array) : json_object_new_array();
        steps->done = json_object_new_array();
        steps->replies = json_object_new_object();
        steps->flags = flags;
        if (!steps->array || !steps->done || !steps->replies) {
                steps_free(steps);
                return -ENOMEM;
        }
        operation->steps = steps;
        return 0;
}

json_object *steps_reply(const Operation *operation, const char *command)
{
        return operation->steps ? json_object_object_get(operation->steps->replies, command) : NULL;
}

static json_object *current(const Steps *steps)
{
        return steps->at < json_object_array_length(steps->array)
                       ? json_object_array_get_idx(steps->array, steps->at)
                       : NULL;
}

static json_object *wait_of(const json_object *step)
{
        return json_get(step, "wait", json_type_object);
}

/* --- events ----------------------------------------------------------------------------------------- */

static bool is_awaited(const json_object *wait, const char *name, json_object *event)
{
        const char *device = json_get_string(wait, "device");
        json_object *data = json_get(event, "data", json_type_object);

        return streq_ptr(json_get_string(wait, "event"), name) &&
               (!device || streq_ptr(json_get_string(data, "device"), device));
}

static bool on_event(Operation *operation, const char *name, json_object *event)
{
        Steps *steps = operation->steps;
        json_object *step = current(steps);
        bool refused = streq(name, "DEVICE_UNPLUG_GUEST_ERROR") &&
                       is_awaited(wait_of(step), "DEVICE_DELETED", event);

        if (!step || steps->event_came)
                return false;
        if (refused && steps->phase == PHASE_EVENT) {
                json_object *data = json_get(event, "data", json_type_object);

                operation_stop_timer(operation);
                operation_resume(operation, error_set(operation_error(operation), -EBUSY,
                                                      _("The guest refuses to let go of %s."),
                                                      json_get_string(data, "device") ?: "?"));
                return true;
        }
        if (!is_awaited(wait_of(step), name, event))
                return false;
        steps->event_came = true;
        if (steps->phase != PHASE_EVENT)
                return true;
        operation_stop_timer(operation);
        operation_resume(operation, 0);
        return true;
}

/* --- timers ----------------------------------------------------------------------------------------- */

static void on_poll_due(uv_timer_t *timer)
{
        Operation *operation = timer->data;

        operation_stop_timer(operation);
        operation_resume(operation, 0);
}

static void on_event_late(uv_timer_t *timer)
{
        Operation *operation = timer->data;
        const json_object *step = current(operation->steps);

        operation_stop_timer(operation);
        operation_resume(
                operation,
                error_set(operation_error(operation), -ETIMEDOUT,
                          _("The guest of domain %s has not let go of %s; it may still do so. Ask again, "
                            "or look whether its system uses the device."),
                          operation->managed->name,
                          json_get_string(wait_of(step), "device") ?: json_get_string(step, "execute")));
}

/* Nobody is left who could send an event. */
static void on_end(Operation *operation)
{
        if (!operation->wait_timer)
                return;
        operation_stop_timer(operation);
        operation_resume(
                operation,
                error_set(
                        operation_error(operation), -ECONNRESET,
                        _("The emulator of domain %s has ended, or closed its monitor; its log says more."),
                        operation->managed->name));
}

static int wait_timer(Operation *operation, uint64_t usec, uv_timer_cb fn)
{
        return operation_wait_timer(operation, usec, 0, fn, on_end);
}

/* --- one step --------------------------------------------------------------------------------------- */

static int call_step(Operation *operation, const json_object *step)
{
        json_object *arguments = json_get(step, "arguments", json_type_object);

        return operation_call(operation, json_get_string(step, "execute") ?: "?",
                              arguments ? json_object_get(arguments) : NULL, OPERATION_TOLERATE);
}

static int send_step(Operation *operation)
{
        Steps *steps = operation->steps;

        steps->event_came = false;
        steps->phase = PHASE_REPLY;
        return call_step(operation, current(steps));
}

static bool is_ignored(const Steps *steps, const json_object *step)
{
        return steps->undoing || (steps->flags & STEPS_TOLERATE) != 0 ||
               json_get_bool(step, "ignore", false);
}

static int fail(Operation *operation)
{
        const json_object *step = current(operation->steps);

        if (is_ignored(operation->steps, step)) {
                log_message(LOG_DEBUG, operation->managed->name, operation->kind->name, "%s: %s",
                            json_get_string(step, "execute"), operation->fault_text ?: "?");
                return 0;
        }
        return error_set(operation_error(operation), -EIO, _("The emulator of domain %s refused %s: %s"),
                         operation->managed->name, json_get_string(step, "execute"),
                         operation->fault_text ?: "?");
}

static int next(Operation *operation)
{
        Steps *steps = operation->steps;

        if (!steps->undoing && json_append(steps->done, json_object_get(current(steps))) < 0)
                return error_oom(operation_error(operation));
        steps->at++;
        steps->tries = 0;
        steps->phase = PHASE_SEND;
        return 0;
}

/* Whether what failed is to be tried again. */
static bool insists(const Operation *operation)
{
        Steps *steps = operation->steps;

        return (steps->flags & STEPS_INSIST) != 0 && !steps->undoing &&
               streq_ptr(json_get_string(current(steps), "execute"), "blockdev-del") &&
               ++steps->tries < INSIST_MAX;
}

static int on_fault(Operation *operation)
{
        Steps *steps = operation->steps;
        json_object *retry = json_get(current(steps), "retry", json_type_object);
        int r;

        if (insists(operation)) {
                steps->phase = PHASE_SEND;
                return wait_timer(operation, INSIST_MSEC * USEC_PER_MSEC, on_poll_due);
        }
        if (retry && ++steps->tries < TRIES_MAX) {
                steps->phase = PHASE_RETRY;
                return call_step(operation, retry);
        }
        r = fail(operation);
        if (r < 0)
                return r;
        steps->at++;
        steps->tries = 0;
        steps->phase = PHASE_SEND;
        return 0;
}

static int on_reply(Operation *operation)
{
        Steps *steps = operation->steps;
        json_object *step = current(steps), *wait = wait_of(step);

        if (operation->fault_class)
                return on_fault(operation);
        if (json_object_object_add(steps->replies, json_get_string(step, "execute"),
                                   json_object_get(operation->reply)) < 0)
                return error_oom(operation_error(operation));
        if (json_get_string(wait, "job")) {
                steps->phase = PHASE_JOB;
                return 0;
        }
        if (json_get_string(wait, "event") && !steps->event_came) {
                steps->phase = PHASE_EVENT;
                return wait_timer(operation, EVENT_USEC, on_event_late);
        }
        return next(operation);
}

/* 1: concluded. */
static int look_at_job(Operation *operation)
{
        const char *id = json_get_string(wait_of(current(operation->steps)), "job");

        for (size_t i = 0; i < json_length(operation->reply); i++) {
                const json_object *job = json_object_array_get_idx(operation->reply, i);
                const char *error = json_get_string(job, "error");

                if (!streq_ptr(json_get_string(job, "id"), id))
                        continue;
                if (!streq_ptr(json_get_string(job, "status"), "concluded"))
                        return 0;
                if (error && !is_ignored(operation->steps, current(operation->steps)))
                        return error_set(operation_error(operation), -EIO,
                                         _("The emulator of domain %s could not carry out %s: %s"),
                                         operation->managed->name, id, error);
                return 1;
        }
        return 1; /* it has gone by itself */
}

static int on_job_reply(Operation *operation)
{
        int r = look_at_job(operation);

        if (r < 0)
                return r;
        if (r > 0)
                return next(operation);
        operation->steps->phase = PHASE_JOB;
        return wait_timer(operation, JOB_POLL_MSEC * USEC_PER_MSEC, on_poll_due);
}

static int advance(Operation *operation)
{
        Steps *steps = operation->steps;

        switch (steps->phase) {
        case PHASE_SEND:
                return send_step(operation);
        case PHASE_REPLY:
                return on_reply(operation);
        case PHASE_RETRY:
                steps->phase = PHASE_SEND;
                return 0;
        case PHASE_EVENT:
                return next(operation);
        case PHASE_JOB:
                steps->phase = PHASE_JOB_REPLY;
                return operation_call(operation, "query-jobs", NULL, OPERATION_TOLERATE);
        case PHASE_JOB_REPLY:
                return on_job_reply(operation);
        }
        return -EINVAL;
}

/* --- all of them ------------------------------------------------------------------------------------ */

/* A job that has failed keeps its name, and what it uses, until it is dismissed. */
static int append_dismissal(const Steps *steps, json_object *undo)
{
        const char *id = json_get_string(wait_of(current(steps)), "job");

        return id && steps->phase == PHASE_JOB_REPLY ? step_add_named(undo, "job-dismiss", "id", id) : 0;
}

/* From now on the steps are the undoing of those that were done. */
static int turn_round(Operation *operation, int r)
{
        Steps *steps = operation->steps;
        json_object *undo = json_object_new_array();

        if (!undo || append_dismissal(steps, undo) < 0 || step_append_undone(undo, steps->done) < 0) {
                json_object_put(undo);
                return r;
        }
        json_object_put(steps->array);
        steps->array = undo;
        steps->at = 0;
        steps->phase = PHASE_SEND;
        steps->undoing = true;
        steps->result = r;
        steps->error = TAKE(operation->error);
        return 0;
}

static int finish(Operation *operation)
{
        Steps *steps = operation->steps;

        if (!steps->undoing)
                return 0;
        muster_error_free(operation->error);
        operation->error = TAKE(steps->error);
        return steps->result;
}

int step_carry_out(Operation *operation)
{
        Steps *steps = operation->steps;
        int r = 0;

        while (steps && current(steps)) {
                r = advance(operation);
                if (r == OPERATION_WAIT) {
                        operation->on_event = on_event;
                        operation->on_end = on_end;
                        operation_repeat(operation);
                        return r;
                }
                if (r < 0 && (steps->undoing || turn_round(operation, r) < 0))
                        break;
        }
        return steps ? finish(operation) : 0;
}
