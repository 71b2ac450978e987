/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/calls.h"

#include <errno.h>
#include <inttypes.h>

/*
 * Completion is the one dangerous moment, because the callback may add, cancel and expire calls. So a call
 * is taken out of every list before its callback runs, nothing keeps a position in a list across a callback,
 * and the callback is the last thing that touches the call, but for its free().
 */

static void link_init(Link *link)
{
        link->previous = link->next = link;
}

static bool link_is_empty(const Link *list)
{
        return list->next == list;
}

static void link_insert_behind(Link *where, Link *link)
{
        link->previous = where;
        link->next = where->next;
        where->next->previous = link;
        where->next = link;
}

static void link_append(Link *list, Link *link)
{
        link_insert_behind(list->previous, link);
}

static void link_remove(Link *link)
{
        link->previous->next = link->next;
        link->next->previous = link->previous;
        link_init(link);
}

static QmpSlot *slot_of_order(const Link *link)
{
        return (QmpSlot *)((uintptr_t)link - offsetof(QmpSlot, order));
}

static QmpSlot *slot_of_due(const Link *link)
{
        return (QmpSlot *)((uintptr_t)link - offsetof(QmpSlot, due));
}

static QmpSlot *slot_free(QmpSlot *slot)
{
        if (!slot)
                return NULL;
        free(slot->body);
        free(slot);
        return NULL;
}
DEFINE_CLEANUP(QmpSlot, slot_free);

void calls_init(Calls *calls)
{
        link_init(&calls->inband);
        link_init(&calls->oob);
        link_init(&calls->under_way);
        link_init(&calls->due);
}

/* `"COMMAND","arguments":{…}`: all of a request that is known before it is sent. */
static int make_body(const char *command, json_object *arguments, char **ret)
{
        CLEANUP(json) json_object *name = json_object_new_string(command);
        int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
        const char *name_text, *arguments_text;
        char *body;
        int r;

        name_text = name ? json_object_to_json_string_ext(name, flags) : NULL;
        arguments_text = arguments ? json_object_to_json_string_ext(arguments, flags) : "";
        if (!name_text || !arguments_text)
                return -ENOMEM;
        r = asprintf(&body, "%s%s%s", name_text, arguments ? ",\"arguments\":" : "", arguments_text);
        if (r < 0)
                return -ENOMEM;
        *ret = body;
        return 0;
}

/* Deadlines mostly come in the order of the calls, so that the place is found at or near the end. */
static void insert_due(Calls *calls, QmpSlot *slot)
{
        Link *behind = calls->due.previous;

        while (behind != &calls->due && slot_of_due(behind)->deadline_usec > slot->deadline_usec)
                behind = behind->previous;
        link_insert_behind(behind, &slot->due);
}

static void insert_order(Calls *calls, QmpSlot *slot)
{
        if (slot->kind == CALL_OWN)
                link_insert_behind(&calls->inband, &slot->order);
        else
                link_append(slot->kind == CALL_OOB ? &calls->oob : &calls->inband, &slot->order);
}

int calls_add(Calls *calls, CallKind kind, const char *command, json_object *arguments,
              uint64_t deadline_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret)
{
        CLEANUP(QmpSlot) QmpSlot *slot = NULL;
        int r;

        if (!command || (arguments && !json_object_is_type(arguments, json_type_object)))
                return -EINVAL;
        slot = calloc(1, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        r = make_body(command, arguments, &slot->body);
        if (r < 0)
                return r;
        slot->calls = calls;
        slot->kind = kind;
        slot->deadline_usec = kind == CALL_OWN ? UINT64_MAX : deadline_usec;
        slot->fn = fn;
        slot->userdata = userdata;
        insert_order(calls, slot);
        insert_due(calls, slot);
        calls->pending += kind != CALL_OWN;
        if (ret)
                *ret = slot;
        slot = NULL; /* the lists own it */
        return 0;
}

void calls_decide_oob(Calls *calls, bool has_oob)
{
        Link *next;

        for (Link *link = calls->inband.next; link != &calls->inband; link = next) {
                QmpSlot *slot = slot_of_order(link);

                next = link->next;
                if (slot->kind != CALL_UNDECIDED)
                        continue;
                slot->kind = has_oob ? CALL_OOB : CALL_INBAND;
                if (has_oob) {
                        link_remove(&slot->order);
                        link_append(&calls->oob, &slot->order);
                }
        }
}

QmpSlot *calls_first(const Link *queue)
{
        return link_is_empty(queue) ? NULL : slot_of_order(queue->next);
}

char *calls_format(const QmpSlot *slot, size_t *ret_size)
{
        char *text;
        int n;

        n = asprintf(&text, "{\"%s\":%s,\"id\":%" PRIu64 "}\n",
                     slot->kind == CALL_OOB ? "exec-oob" : "execute", slot->body, slot->calls->last_id + 1);
        if (n < 0)
                return NULL;
        *ret_size = (size_t)n;
        return text;
}

void calls_sent(QmpSlot *slot)
{
        Calls *calls = slot->calls;

        slot->id = ++calls->last_id;
        link_remove(&slot->order);
        link_append(&calls->under_way, &slot->order);
        calls->inband_under_way += slot->kind != CALL_OOB;
        free(TAKE(slot->body));
}

QmpSlot *calls_find(const Calls *calls, uint64_t id)
{
        /* In-band replies come in order, so that this is the first or nearly so. */
        for (const Link *link = calls->under_way.next; link != &calls->under_way; link = link->next)
                if (slot_of_order(link)->id == id)
                        return slot_of_order(link);
        return NULL;
}

/* What must be true before the callback runs: nobody counts on the call any more. */
static void settle(QmpSlot *slot)
{
        link_remove(&slot->due);
        slot->calls->pending -= slot->kind != CALL_OWN;
}

static void leave_order(QmpSlot *slot)
{
        link_remove(&slot->order);
        slot->calls->inband_under_way -= slot->id > 0 && slot->kind != CALL_OOB;
}

void calls_answer(QmpSlot *slot, json_object *result, const QmpFault *fault, int error)
{
        leave_order(slot);
        if (!slot->abandoned) {
                settle(slot);
                if (slot->fn)
                        slot->fn(result, fault, error, slot->userdata);
        }
        slot_free(slot);
}

void calls_complete(QmpSlot *slot, int error)
{
        QmpReplyFn fn = slot->fn;
        void *userdata = slot->userdata;

        settle(slot);
        if (slot->id > 0)
                slot->abandoned = true;
        else {
                leave_order(slot);
                slot_free(slot);
        }
        /* An abandoned call may be gone before its callback returns: the reply, or the session's end. */
        if (fn)
                fn(/* result= */ NULL, /* fault= */ NULL, error, userdata);
}

uint64_t calls_deadline(const Calls *calls)
{
        return link_is_empty(&calls->due) ? UINT64_MAX : slot_of_due(calls->due.next)->deadline_usec;
}

void calls_expire(Calls *calls, uint64_t now_usec)
{
        Link overdue;

        if (now_usec == UINT64_MAX || calls_deadline(calls) > now_usec)
                return;
        link_init(&overdue);
        while (calls_deadline(calls) <= now_usec) {
                Link *link = calls->due.next;

                link_remove(link);
                link_append(&overdue, link);
        }
        while (!link_is_empty(&overdue))
                calls_complete(slot_of_due(overdue.next), -ETIMEDOUT);
}

static void fail_queue(Link *queue, int error)
{
        while (!link_is_empty(queue))
                calls_answer(slot_of_order(queue->next), /* result= */ NULL, /* fault= */ NULL, error);
}

void calls_fail(Calls *calls, int error)
{
        fail_queue(&calls->under_way, error);
        fail_queue(&calls->inband, error);
        fail_queue(&calls->oob, error);
}
