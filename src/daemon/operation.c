/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/jobs.h"
#include "daemon/judge.h"
#include "daemon/log.h"
#include "daemon/managed.h"
#include "daemon/steps.h"
#include "qmp/client.h"

/*
 * The machine is step(), which runs from one wait to the next; resume() while it runs (a callback within a
 * step) only leaves its word. An operation whose work is in the pool cannot be ended before that: a
 * deadline or a cancellation is remembered, and takes effect when the work is back. All other waits end at
 * once.
 *
 * The queue is short, so it is a list. Its head is the one under way.
 */

/* What an emulator that floods, or a client, can make wait on one domain. */
#define QUEUE_MAX 64U

static void begin(Operation *operation);
static void step(Operation *operation);

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_timer(Operation *operation)
{
        uv_timer_t *timer = TAKE(operation->timer);

        if (timer)
                uv_close((uv_handle_t *)timer, on_timer_closed);
}

static Operation *operation_free(Operation *operation)
{
        if (!operation)
                return NULL;
        stop_timer(operation);
        if (operation->kind->clear && operation->data)
                operation->kind->clear(operation->data);
        free(operation->data);
        judge_free(operation->judge);
        steps_free(operation->steps);
        chains_work_free(operation->chains);
        free(operation->fault_class);
        free(operation->fault_text);
        json_object_put(operation->reply);
        json_object_put(operation->answer);
        json_object_put(operation->faults);
        muster_error_free(operation->error);
        free(operation);
        return NULL;
}

/* --- the end --------------------------------------------------------------------------------------- */

static void take_off(Operation *operation)
{
        for (Operation **at = &operation->managed->operations; *at; at = &(*at)->next)
                if (*at == operation) {
                        *at = operation->next;
                        break;
                }
        operation->next = NULL;
}

static void end(Operation *operation)
{
        Managed *managed = operation->managed;
        Daemon *daemon = operation->daemon;
        bool was_head = managed->operations == operation;

        if (operation->result < 0) {
                daemon->counters.failures++;
                if (!operation->error)
                        error_set(&operation->error, operation->result, "%s", strerror(-operation->result));
                log_error(operation->result == -ECANCELED ? LOG_INFO : LOG_WARNING, managed->name,
                          operation->kind->name, operation->error, _("Failed"));
        }
        stop_timer(operation);
        take_off(operation);
        if (operation->done)
                operation->done(operation, operation->userdata);
        operation_free(operation);
        /* `done` may have asked for another one, which then has begun. */
        if (was_head && managed->operations && !managed->operations->begun)
                begin(managed->operations);
        managed_maybe_drop(managed);
        managed_unref(managed);
}

/* --- stepping -------------------------------------------------------------------------------------- */

static void fail(Operation *operation, int r)
{
        if (operation->result == 0)
                operation->result = r;
        if (operation->undoing || !operation->must_undo || !operation->kind->undo) {
                operation->at = NULL;
                return;
        }
        operation->undoing = true;
        operation->cancelled = false;
        operation->at = operation->kind->undo;
}

/* Moves on from a step that yielded `r`. */
static void move_on(Operation *operation, int r)
{
        if (operation->cancelled && r >= 0 && !operation->undoing)
                r = -ECANCELED;
        if (r >= 0 || operation->undoing)
                operation->at++;
        else
                fail(operation, r);
}

static void step(Operation *operation)
{
        operation->stepping = true;
        while (operation->at && *operation->at) {
                int r;

                operation->resumed = false;
                operation->on_event = NULL;
                operation->on_end = NULL;
                r = (*operation->at)(operation);
                if (r == OPERATION_WAIT && operation->resumed)
                        r = operation->resumed_with;
                else if (r == OPERATION_WAIT) {
                        operation->stepping = false;
                        return;
                }
                operation->unwait = NULL;
                move_on(operation, r);
        }
        operation->stepping = false;
        end(operation);
}

void operation_resume(Operation *operation, int result)
{
        if (operation->resumed)
                return;
        operation->resumed = true;
        operation->resumed_with = result;
        if (operation->stepping)
                return;
        operation->unwait = NULL;
        move_on(operation, result);
        step(operation);
}

void operation_repeat(Operation *operation)
{
        operation->at--;
}

static void begin(Operation *operation)
{
        operation->begun = true;
        operation->at = operation->kind->steps;
        log_message(LOG_DEBUG, operation->managed->name, operation->kind->name, _("Begins"));
        step(operation);
}

/* --- asking for it, ending it ---------------------------------------------------------------------- */

/* Ends a wait where that can be done. */
static void interrupt(Operation *operation, int r)
{
        void (*unwait)(Operation *) = operation->unwait;

        if (operation->working || operation->stepping)
                return;
        if (operation->slot) {
                qmp_slot_cancel(operation->slot); /* which resumes */
                return;
        }
        if (unwait)
                unwait(operation);
        operation_resume(operation, r);
}

static void say_busy(Operation *operation)
{
        error_set(&operation->error, -ETIMEDOUT,
                  _("Domain %s is busy with another operation (%s), which did not end in time; \"destroy\" "
                    "ends "
                    "it."),
                  operation->managed->name, operation->managed->operations->kind->name);
}

static void on_deadline(uv_timer_t *timer)
{
        Operation *operation = timer->data;

        if (!operation->begun) {
                operation->result = -ETIMEDOUT;
                say_busy(operation);
                end(operation);
                return;
        }
        if (operation->undoing || operation->result < 0 || (operation->kind->flags & OPERATION_WHOLE) != 0)
                return;
        if (!operation->error)
                error_set(&operation->error, -ETIMEDOUT,
                          _("The operation \"%s\" on domain %s did not end in time (%llu s)."),
                          operation->kind->name, operation->managed->name,
                          (unsigned long long)(operation->kind->timeout_usec / USEC_PER_SEC));
        operation->result = -ETIMEDOUT;
        operation->cancelled = true;
        interrupt(operation, -ETIMEDOUT);
}

void operation_cancel(Operation *operation)
{
        if (!operation->begun) {
                operation->result = -ECANCELED;
                end(operation);
                return;
        }
        if (operation->undoing || operation->cancelled || (operation->kind->flags & OPERATION_WHOLE) != 0)
                return;
        operation->cancelled = true;
        interrupt(operation, -ECANCELED);
}

static int start_timer(Operation *operation)
{
        operation->timer = malloc(sizeof(*operation->timer));
        if (!operation->timer)
                return -ENOMEM;
        uv_timer_init(operation->daemon->loop, operation->timer);
        operation->timer->data = operation;
        uv_timer_start(operation->timer, on_deadline, operation->kind->timeout_usec / USEC_PER_MSEC, 0);
        uv_unref((uv_handle_t *)operation->timer);
        return 0;
}

/* Behind the head, where it is urgent; else at the end. */
static void put_in(Managed *managed, Operation *operation)
{
        Operation **at = &managed->operations;

        if (*at && (operation->kind->flags & OPERATION_URGENT) != 0)
                at = &(*at)->next;
        else
                while (*at)
                        at = &(*at)->next;
        operation->next = *at;
        *at = operation;
}

static bool is_full(const Managed *managed)
{
        size_t n = 0;

        for (const Operation *operation = managed->operations; operation; operation = operation->next)
                n++;
        return n >= QUEUE_MAX;
}

static int make(Managed *managed, const OperationKind *kind, const void *data, Operation **ret)
{
        Operation *operation = calloc(1, sizeof(*operation));

        if (!operation)
                return -ENOMEM;
        operation->kind = kind;
        operation->daemon = managed->daemon;
        operation->managed = managed;
        operation->data = calloc(1, kind->size ?: 1);
        if (!operation->data || start_timer(operation) < 0) {
                operation_free(operation);
                return -ENOMEM;
        }
        if (data)
                memcpy(operation->data, data, kind->size);
        *ret = operation;
        return 0;
}

int operation_submit(Managed *managed, const OperationKind *kind, const void *data, OperationDoneFn done,
                     void *userdata)
{
        Operation *operation, *head = managed->operations;
        int r;

        r = is_full(managed) && (kind->flags & OPERATION_URGENT) == 0
                    ? -EBUSY
                    : make(managed, kind, data, &operation);
        if (r < 0) {
                if (kind->clear && data)
                        kind->clear((void *)data);
                return r;
        }
        operation->done = done;
        operation->userdata = userdata;
        managed->daemon->counters.operations++;
        managed_ref(managed);
        put_in(managed, operation);
        if (!head)
                begin(operation);
        else if ((kind->flags & OPERATION_URGENT) != 0 && (head->kind->flags & OPERATION_URGENT) == 0)
                operation_cancel(head);
        return 0;
}

/* --- QMP ------------------------------------------------------------------------------------------- */

static int keep_fault(Operation *operation, const QmpFault *fault)
{
        operation->fault_class = strdup(fault->class_name);
        operation->fault_text = text_for_terminal(fault->description, strlen(fault->description), 1000);
        return operation->fault_class && operation->fault_text ? 0 : -ENOMEM;
}

static int say_fault(Operation *operation)
{
        return error_set(&operation->error, -EIO, _("The emulator of domain %s refused: %s (%s)"),
                         operation->managed->name, operation->fault_text, operation->fault_class);
}

static int say_lost(Operation *operation, int error)
{
        if (operation->error || operation->cancelled)
                return error;
        /* Nobody cancelled it: its process was seen to end before its connection was. */
        if (error == -ECANCELED)
                error = -ECONNRESET;
        if (error == -ETIMEDOUT)
                return error_set(
                        &operation->error, error,
                        _("The emulator of domain %s does not answer; \"destroy\" ends it in any case."),
                        operation->managed->name);
        /* -EBADMSG is a client's fault elsewhere: a definition, a body. */
        if (error == -EBADMSG || error == -E2BIG || error == -EPROTO)
                return error_set(&operation->error, -EPROTO,
                                 _("The emulator of domain %s answered what is no QMP, so the connection "
                                   "to it was closed."),
                                 operation->managed->name);
        return error_set(&operation->error, error,
                         _("The emulator of domain %s has ended, or closed its monitor; its log says more."),
                         operation->managed->name);
}

static void on_reply(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Operation *operation = userdata;
        int r = error;

        operation->slot = NULL;
        json_object_put(operation->reply);
        operation->reply = result ? json_object_get(result) : NULL;
        if (fault) {
                r = keep_fault(operation, fault);
                if (r >= 0 && !operation->tolerant)
                        r = say_fault(operation);
        } else if (error < 0) {
                r = say_lost(operation, error);
        }
        operation_resume(operation, r);
}

int operation_call_for(Operation *operation, const char *command, json_object *arguments, unsigned flags,
                       uint64_t timeout_usec)
{
        CLEANUP(json) json_object *owned = arguments;
        Life *life = operation->managed->life;
        int r;

        free(TAKE(operation->fault_class));
        free(TAKE(operation->fault_text));
        json_object_put(TAKE(operation->reply));
        if (!life || !life->monitor)
                return error_set(&operation->error, -ENOTCONN,
                                 _("Domain %s has no monitor that could be asked; it does not run, or its "
                                   "emulator closed it."),
                                 operation->managed->name);
        operation->tolerant = (flags & OPERATION_TOLERATE) != 0;
        r = qmp_client_call(life->monitor, command, owned, /* flags= */ 0, timeout_usec, on_reply, operation,
                            &operation->slot);
        if (r < 0)
                return error_errno(&operation->error, r, "%s", command);
        return OPERATION_WAIT;
}

int operation_call(Operation *operation, const char *command, json_object *arguments, unsigned flags)
{
        return operation_call_for(operation, command, arguments, flags,
                                  operation->daemon->settings.call_usec);
}

/* --- the pool -------------------------------------------------------------------------------------- */

typedef struct Work {
        uv_work_t request;
        Operation *operation;
        OperationWorkFn fn;
        int result;
        MusterError *error;
} Work;

static void on_work(uv_work_t *request)
{
        Work *work = request->data;

        work->result = work->fn(work->operation, &work->error);
}

static void after_work(uv_work_t *request, int status)
{
        Work *work = request->data;
        Operation *operation = work->operation;
        int result = status < 0 ? status : work->result;

        operation->working = false;
        if (work->error && !operation->error)
                operation->error = TAKE(work->error);
        muster_error_free(work->error);
        free(work);
        if (operation->cancelled && !operation->undoing)
                result = operation->result ?: -ECANCELED;
        operation_resume(operation, result);
}

int operation_work(Operation *operation, OperationWorkFn fn)
{
        Work *work = calloc(1, sizeof(*work));
        int r;

        if (!work)
                return error_oom(&operation->error);
        work->request.data = work;
        work->operation = operation;
        work->fn = fn;
        r = uv_queue_work(operation->daemon->loop, &work->request, on_work, after_work);
        if (r < 0) {
                free(work);
                return error_errno(&operation->error, r, "%s", operation->kind->name);
        }
        operation->working = true;
        return OPERATION_WAIT;
}

int operation_wait(Operation *operation, void (*unwait)(Operation *operation))
{
        operation->unwait = unwait;
        return OPERATION_WAIT;
}
