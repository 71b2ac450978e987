/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is done to a domain, as a row of steps. A domain does one operation at a time, in the order in which
 * they were asked for, but for urgent ones (destroy), which end what is under way and go first. Each has a
 * deadline, and ends exactly once.
 *
 *   QUEUED ──its turn──► STEPPING ◄──► WAITING (a QMP reply, the pool, an event, a process)
 *      │                    │ a step failed, the deadline, cancellation
 *      │                    ▼
 *      │                 UNDOING: every undo step, whatever comes of it
 *      └──deadline──► ENDED ◄──┘
 *
 * A step returns 0 (go on with the next one), OPERATION_WAIT (something will call operation_resume(),
 * through one of the helpers below), or a negative errno with operation->error set.
 */

#include "daemon/daemon.h"

#define OPERATION_WAIT 1

typedef struct Operation Operation;
typedef int (*OperationStep)(Operation *operation);
typedef int (*OperationWorkFn)(Operation *operation, MusterError **ret_error);
typedef void (*OperationDoneFn)(Operation *operation, void *userdata);

enum {
        OPERATION_URGENT = 1 << 0,
        /* Short, and what it has written must be taken over: it ends before its time only while it waits
         * for its turn. */
        OPERATION_WHOLE = 1 << 1,
};

typedef struct OperationKind {
        const char *name;           /* "start": what messages and the journal call it */
        size_t size;                /* of its data */
        const OperationStep *steps; /* NULL-terminated */
        const OperationStep *undo;  /* NULL: nothing to undo */
        void (*clear)(void *data);  /* what data owns; may be NULL */
        uint64_t timeout_usec;      /* from the moment it is asked for; there is none without one */
        unsigned flags;
} OperationKind;

struct Operation {
        const OperationKind *kind;
        Daemon *daemon;
        Managed *managed;
        Operation *next; /* in the domain's queue */
        void *data;      /* kind->size bytes */

        /* What became of it, when it is done. */
        int result;
        MusterError *error;
        json_object *answer; /* for whoever asked; may be NULL */
        json_object *faults; /* of a definition, where it failed by them */

        /* Of the last QMP call. */
        json_object *reply;
        char *fault_class, *fault_text; /* its error, where it was to be tolerated */

        OperationDoneFn done;
        void *userdata;

        /* The machine's own. */
        const OperationStep *at;
        struct Judge *judge;       /* judge.h's */
        struct Steps *steps;       /* steps.h's */
        struct ChainsWork *chains; /* jobs.h's */
        bool must_undo;            /* a step has done what the undo steps undo */
        bool begun, stepping, resumed, undoing, working, cancelled, tolerant;
        int resumed_with;
        uv_timer_t *timer;
        uv_timer_t *wait_timer; /* a step's own, and how often it was due */
        unsigned ticks;
        struct QmpSlot *slot;
        void *waiting;                        /* what it waits for: `unwait` ends it */
        void (*unwait)(Operation *operation); /* how to end a wait that is neither a call nor work */
        bool (*on_event)(Operation *operation, const char *name, json_object *event);
        void (*on_end)(Operation *operation); /* the emulator has ended */
};

/*
 * Asks for an operation. Takes over what `data` (kind->size bytes, may be NULL) owns, in every case. `done`
 * (may be NULL) is called once, behind this call or within it; the operation is freed behind it. -EBUSY:
 * too many wait already; -ENOMEM: both without a call of `done`.
 */
int operation_submit(Managed *managed, const OperationKind *kind, const void *data, OperationDoneFn done,
                     void *userdata);

/* Ends it, soon, with -ECANCELED. */
void operation_cancel(Operation *operation);

/* For steps: each returns OPERATION_WAIT, or a negative errno with the error set. */

/*
 * A QMP command; takes `arguments` (NULL: none). The next step finds operation->reply. An error reply fails
 * the operation with the emulator's words, but with OPERATION_TOLERATE it is kept in fault_class.
 */
enum { OPERATION_TOLERATE = 1 << 0 };
int operation_call(Operation *operation, const char *command, json_object *arguments, unsigned flags);
int operation_call_for(Operation *operation, const char *command, json_object *arguments, unsigned flags,
                       uint64_t timeout_usec);

/* In the pool: `fn` touches nothing of the operation but its data, and nothing of the daemon that changes.
 */
int operation_work(Operation *operation, OperationWorkFn fn);

/* Until operation_resume(); `unwait` is called where that must not be waited for any more. */
int operation_wait(Operation *operation, void (*unwait)(Operation *operation));

/* The wait is over: with 0, or a negative errno and operation->error. At most once a wait. */
void operation_resume(Operation *operation, int result);

/* The same step again, or another one of the row, when the wait is over. */
void operation_repeat(Operation *operation);
