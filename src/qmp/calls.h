/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The calls of one session, private to it: who waits, who is under way, whose time runs out first.
 *
 * A call waits in one of two queues (in-band, out-of-band), gets its id as it is written, and is then under
 * way until its reply comes. One that was completed before that (deadline, cancellation) stays under way
 * as `abandoned`, since its reply still has to be swallowed and QEMU still holds a place for it.
 */

#include "qmp/session.h"

typedef enum CallKind {
        CALL_INBAND,
        CALL_OOB,
        CALL_UNDECIDED, /* out-of-band if that is to be had; waits in-band until calls_decide_oob() */
        CALL_OWN,       /* the session's own: in-band, before all others, without a deadline, not counted */
} CallKind;

typedef struct Link {
        struct Link *previous, *next;
} Link;

typedef struct Calls {
        Link inband, oob; /* waiting, in the order of the calls */
        Link under_way;   /* in the order of their ids */
        Link due;         /* the not completed ones, by deadline */
        uint64_t last_id;
        size_t inband_under_way;
        size_t pending; /* not completed, but for the session's own */
} Calls;

struct QmpSlot {
        Link order; /* in inband, oob or under_way */
        Link due;
        Calls *calls;
        uint64_t id; /* 0 while it waits */
        uint64_t deadline_usec;
        char *body; /* the request from behind its first key to before its id */
        CallKind kind;
        bool abandoned;
        QmpReplyFn fn;
        void *userdata;
};

void calls_init(Calls *calls);

/* -EINVAL: no command, or the arguments are no object. `ret` may be NULL. */
int calls_add(Calls *calls, CallKind kind, const char *command, json_object *arguments,
              uint64_t deadline_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret);

void calls_decide_oob(Calls *calls, bool has_oob);

/* The first of a queue, NULL if it is empty. */
QmpSlot *calls_first(const Link *queue);

/* The text of a request, with the id that the call would get next; for the caller to free(). */
char *calls_format(const QmpSlot *slot, size_t *ret_size);

/* It was written: it is under way from now on. */
void calls_sent(QmpSlot *slot);

QmpSlot *calls_find(const Calls *calls, uint64_t id);

/* The reply to a call that is under way: completes it, or swallows the reply if it was abandoned. */
void calls_answer(QmpSlot *slot, json_object *result, const QmpFault *fault, int error);

/* Completes a call without a reply. */
void calls_complete(QmpSlot *slot, int error);

uint64_t calls_deadline(const Calls *calls);

/* Completes with -ETIMEDOUT what is overdue; calls made meanwhile have to wait for the next time. */
void calls_expire(Calls *calls, uint64_t now_usec);

/* Completes everything and forgets what was under way. No call may be added meanwhile. */
void calls_fail(Calls *calls, int error);
