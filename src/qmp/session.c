/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A call is a QmpSlot on one of two lists: `waiting` (not sent yet) or `flying` (sent, no reply yet). It
 * leaves its list before its callback runs, so a callback that calls, cancels or fails the session finds the
 * lists whole. A flying slot whose caller has been answered already (deadline, cancellation) stays as a
 * husk, without callback, until its late reply comes: else that reply would look like one that nobody asked
 * for.
 */

#include "qmp/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qmp/stream.h"

/* docs/interop/qmp-spec of QEMU, "Out-of-band execution": more in-band commands than this block the monitor.
 */
#define WINDOW    8
#define SHOWN_MAX 120

struct QmpSlot {
        QmpSession *session;
        QmpSlot *next;
        int64_t id;
        char *command;
        json_object *arguments;
        uint64_t deadline;
        bool oob;
        QmpReplyFn fn; /* NULL: a husk */
        void *userdata;
};

typedef struct SlotList {
        QmpSlot *first;
} SlotList;

struct QmpSession {
        QmpStream *stream;
        QmpState state;
        bool oob;
        json_object *greeting;
        int64_t last_id;
        SlotList waiting, flying;
        char *output;
        size_t output_size, output_room, output_start;
        QmpEventFn on_event;
        void *event_userdata;
        MusterError **ret_error; /* of the call into the session that is under way */
};

static QmpSlot *slot_free(QmpSlot *slot)
{
        if (!slot)
                return NULL;
        free(slot->command);
        json_object_put(slot->arguments);
        free(slot);
        return NULL;
}

DEFINE_CLEANUP(QmpSlot, slot_free);

static void list_append(SlotList *list, QmpSlot *slot)
{
        QmpSlot **at = &list->first;

        while (*at)
                at = &(*at)->next;
        slot->next = NULL;
        *at = slot;
}

static bool list_remove(SlotList *list, QmpSlot *slot)
{
        for (QmpSlot **at = &list->first; *at; at = &(*at)->next)
                if (*at == slot) {
                        *at = slot->next;
                        slot->next = NULL;
                        return true;
                }
        return false;
}

static void complete(QmpSlot *slot, json_object *result, const QmpFault *fault, int error)
{
        QmpReplyFn fn = slot->fn;

        slot->fn = NULL;
        if (fn)
                fn(result, fault, error, slot->userdata);
}

/* Answers the caller while the slot is not (or no more) fit for a reply: unsent ones go, sent ones become
 * husks. */
static void abandon(QmpSlot *slot, int error)
{
        if (list_remove(&slot->session->waiting, slot)) {
                complete(slot, NULL, NULL, error);
                slot_free(slot);
                return;
        }
        complete(slot, NULL, NULL, error);
}

static void close_with(QmpSession *session, int error)
{
        SlotList *const lists[] = {&session->flying, &session->waiting};

        session->state = QMP_STATE_CLOSED;
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                while (lists[i]->first) {
                        QmpSlot *slot = lists[i]->first;

                        list_remove(lists[i], slot);
                        complete(slot, NULL, NULL, error);
                        slot_free(slot);
                }
}

int qmp_session_new(QmpSession **ret)
{
        CLEANUP(QmpSession) QmpSession *session = calloc(1, sizeof(*session));
        int r;

        if (!session)
                return -ENOMEM;
        r = qmp_stream_new(QMP_MESSAGE_MAX, &session->stream);
        if (r < 0)
                return r;
        *ret = TAKE(session);
        return 0;
}

QmpSession *qmp_session_free(QmpSession *session)
{
        if (!session)
                return NULL;
        close_with(session, -ECANCELED);
        qmp_stream_free(session->stream);
        json_object_put(session->greeting);
        free(session->output);
        free(session);
        return NULL;
}

void qmp_session_set_event_handler(QmpSession *session, QmpEventFn fn, void *userdata)
{
        session->on_event = fn;
        session->event_userdata = userdata;
}

QmpState qmp_session_state(const QmpSession *session)
{
        return session->state;
}

const char *qmp_state_name(QmpState state)
{
        static const char *const names[] = {
                [QMP_STATE_GREETING] = "greeting",
                [QMP_STATE_NEGOTIATING] = "negotiating",
                [QMP_STATE_READY] = "ready",
                [QMP_STATE_CLOSED] = "closed",
        };

        return (size_t)state < ELEMENTSOF(names) ? names[state] : "?";
}

json_object *qmp_session_greeting(const QmpSession *session)
{
        return session->greeting;
}

bool qmp_session_has_oob(const QmpSession *session)
{
        return session->oob && session->state == QMP_STATE_READY;
}

static int output_append(QmpSession *session, const char *data, size_t size)
{
        if (session->output_start > 0) {
                memmove(session->output, session->output + session->output_start,
                        session->output_size - session->output_start);
                session->output_size -= session->output_start;
                session->output_start = 0;
        }
        if (session->output_size + size > session->output_room) {
                size_t room = (session->output_size + size) * 2;
                char *grown = realloc(session->output, room);

                if (!grown)
                        return -ENOMEM;
                session->output = grown;
                session->output_room = room;
        }
        memcpy(session->output + session->output_size, data, size);
        session->output_size += size;
        return 0;
}

static int emit(QmpSession *session, QmpSlot *slot)
{
        CLEANUP(json) json_object *message = json_object_new_object();
        const char *text;
        size_t length;

        if (!message)
                return -ENOMEM;
        if (json_add_string(message, slot->oob && session->oob ? "exec-oob" : "execute", slot->command) <
                    0 ||
            (slot->arguments && json_add(message, "arguments", json_object_get(slot->arguments)) < 0) ||
            json_add_int(message, "id", slot->id) < 0)
                return -ENOMEM;
        text = json_object_to_json_string_length(
                message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
        if (!text || output_append(session, text, length) < 0)
                return -ENOMEM;
        return output_append(session, "\r\n", 2);
}

static size_t in_band_flying(const QmpSession *session)
{
        size_t n = 0;

        for (const QmpSlot *slot = session->flying.first; slot; slot = slot->next)
                n += !(slot->oob && session->oob);
        return n;
}

static bool may_go(const QmpSession *session, const QmpSlot *slot, size_t in_band)
{
        if (session->state != QMP_STATE_NEGOTIATING && session->state != QMP_STATE_READY)
                return false;
        if (!session->oob)
                return true;
        return slot->oob ? session->state == QMP_STATE_READY : in_band < WINDOW;
}

/* Sends what may go, in order; an out-of-band command may overtake those that wait for the window. */
static int pump(QmpSession *session)
{
        size_t in_band = in_band_flying(session);
        QmpSlot *slot, *next;
        int r;

        for (slot = session->waiting.first; slot; slot = next) {
                next = slot->next;
                if (!may_go(session, slot, in_band))
                        continue;
                r = emit(session, slot);
                if (r < 0)
                        return r;
                in_band += !(slot->oob && session->oob);
                list_remove(&session->waiting, slot);
                list_append(&session->flying, slot);
        }
        return 0;
}

static int enqueue(QmpSession *session, SlotList *list, const char *command, json_object *arguments,
                   bool oob, uint64_t deadline, QmpReplyFn fn, void *userdata, QmpSlot **ret)
{
        CLEANUP(QmpSlot) QmpSlot *slot = calloc(1, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        slot->command = strdup(command);
        if (!slot->command)
                return -ENOMEM;
        slot->session = session;
        slot->arguments = json_object_get(arguments);
        slot->oob = oob;
        slot->deadline = deadline;
        slot->fn = fn;
        slot->userdata = userdata;
        slot->id = ++session->last_id;
        list_append(list, slot);
        if (ret)
                *ret = slot;
        TAKE(slot);
        return 0;
}

int qmp_session_call(QmpSession *session, const char *command, json_object *arguments, unsigned flags,
                     uint64_t deadline_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot)
{
        QmpSlot *slot;
        int r;

        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        r = enqueue(session, &session->waiting, command, arguments, flags & QMP_CALL_OOB, deadline_usec, fn,
                    userdata, &slot);
        if (r < 0)
                return r;
        r = pump(session);
        if (r < 0) {
                /* Sent ones are complete messages, so the session is sound; only this call does not come
                 * about. */
                if (list_remove(&session->waiting, slot))
                        slot_free(slot);
                return r;
        }
        if (ret_slot)
                *ret_slot = slot;
        return 0;
}

void qmp_slot_cancel(QmpSlot *slot)
{
        abandon(slot, -ECANCELED);
}

/* Builds the sentence, then closes the session with the same error. Returns the error. */
static int fail(QmpSession *session, int error, const char *sentence, const char *what)
{
        error_set(session->ret_error, error, sentence, what ? what : "");
        session->ret_error = NULL;
        close_with(session, error);
        return error;
}

static int fail_with_message(QmpSession *session, const char *sentence, json_object *message)
{
        const char *text = json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN);
        CLEANUP(free) char *shown = text ? text_for_terminal(text, strlen(text), SHOWN_MAX) : NULL;

        return fail(session, -EPROTO, sentence, shown);
}

static void on_negotiated(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        QmpSession *session = userdata;

        if (session->state != QMP_STATE_NEGOTIATING)
                return;
        if (fault) {
                fail(session, -EPROTO, _("The emulator refused the QMP handshake: %s"), fault->description);
                return;
        }
        if (!error)
                session->state = QMP_STATE_READY;
}

static int send_capabilities(QmpSession *session)
{
        CLEANUP(json) json_object *arguments = NULL;
        QmpSlot *slot;
        int r;

        if (session->oob) {
                json_object *enable = json_object_new_array();

                arguments = json_object_new_object();
                if (json_append_string(enable, "oob") < 0 || json_add(arguments, "enable", enable) < 0)
                        return -ENOMEM;
        }
        r = enqueue(session, &session->flying, "qmp_capabilities", arguments, /* oob= */ false, UINT64_MAX,
                    on_negotiated, session, &slot);
        if (r < 0)
                return r;
        session->state = QMP_STATE_NEGOTIATING;
        return emit(session, slot);
}

static int take_greeting(QmpSession *session, json_object *message)
{
        json_object *qmp = json_get(message, "QMP", json_type_object), *offered;

        if (!qmp)
                return fail_with_message(
                        session, _("What answers is no QMP server: its first message is %s"), message);
        session->greeting = json_object_get(message);
        offered = json_get(qmp, "capabilities", json_type_array);
        for (size_t i = 0; offered && i < json_object_array_length(offered); i++) {
                json_object *name = json_object_array_get_idx(offered, i);

                if (json_object_is_type(name, json_type_string) &&
                    streq(json_object_get_string(name), "oob"))
                        session->oob = true;
        }
        if (send_capabilities(session) < 0 || pump(session) < 0)
                return fail(session, -ENOMEM, "%s", _("There is not enough memory for the QMP handshake."));
        return 0;
}

static QmpSlot *find_flying(QmpSession *session, json_object *id)
{
        if (!json_object_is_type(id, json_type_int))
                return NULL;
        for (QmpSlot *slot = session->flying.first; slot; slot = slot->next)
                if (slot->id == json_object_get_int64(id))
                        return slot;
        return NULL;
}

static int fail_id(QmpSession *session, json_object *id, json_object *message)
{
        bool ours = json_object_is_type(id, json_type_int) && json_object_get_int64(id) > 0 &&
                    json_object_get_int64(id) <= session->last_id;

        return fail_with_message(session,
                                 ours ? _("The emulator answered one command twice: %s")
                                      : _("The emulator answered a command that nobody sent: %s"),
                                 message);
}

static int take_reply(QmpSession *session, json_object *message)
{
        json_object *result, *id = NULL, *error = json_get(message, "error", json_type_object);
        bool has_result = json_object_object_get_ex(message, "return", &result);
        QmpFault fault = {json_get_string(error, "class"), json_get_string(error, "desc")};
        QmpSlot *slot;

        if (!json_object_object_get_ex(message, "id", &id))
                return fail_with_message(session,
                                         error ? _("The emulator could not read what it was sent: %s")
                                               : _("The emulator sent a reply without an id: %s"),
                                         message);
        slot = find_flying(session, id);
        if (!slot)
                return fail_id(session, id, message);
        if (has_result == !!error || (error && (!fault.class_name || !fault.description)))
                return fail_with_message(session,
                                         _("The emulator sent a reply that is neither result nor error: %s"),
                                         message);
        list_remove(&session->flying, slot);
        complete(slot, error ? NULL : result, error ? &fault : NULL, error ? -EIO : 0);
        slot_free(slot);
        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        return pump(session) < 0 ? fail(session, -ENOMEM, "%s", _("There is not enough memory to go on."))
                                 : 0;
}

static int take_message(json_object *message, void *userdata)
{
        QmpSession *session = userdata;
        const char *event = json_get_string(message, "event");

        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        if (session->state == QMP_STATE_GREETING)
                return take_greeting(session, message);
        if (event) {
                if (session->on_event)
                        session->on_event(event, message, session->event_userdata);
                return session->state == QMP_STATE_CLOSED ? -ESHUTDOWN : 0;
        }
        if (json_object_object_get_ex(message, "return", NULL) ||
            json_object_object_get_ex(message, "error", NULL))
                return take_reply(session, message);
        return fail_with_message(session, _("The emulator sent a message that QMP does not know: %s"),
                                 message);
}

int qmp_session_feed(QmpSession *session, const char *data, size_t size, MusterError **ret_error)
{
        int r;

        if (session->state == QMP_STATE_CLOSED)
                return error_set(ret_error, -ESHUTDOWN, _("The QMP session is closed already."));
        session->ret_error = ret_error;
        r = qmp_stream_feed(session->stream, data, size, take_message, session);
        if (r == -EMSGSIZE)
                fail(session, r, _("The emulator sent a message larger than 64 MiB, which begins: %s"),
                     qmp_stream_offending(session->stream));
        else if (r == -EBADMSG)
                fail(session, r, _("The emulator sent what is no JSON object: %s"),
                     qmp_stream_offending(session->stream));
        else if (r < 0 && session->ret_error && session->state == QMP_STATE_CLOSED)
                /* Closed by a callback of ours, not by the peer. */
                error_set(session->ret_error, r, _("The QMP session was closed."));
        session->ret_error = NULL;
        return r;
}

int qmp_session_hang_up(QmpSession *session, int error, MusterError **ret_error)
{
        int r = error < 0 ? error : -ECONNRESET;

        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        session->ret_error = ret_error;
        if (error < 0)
                return fail(session, r, _("The connection to the emulator broke: %s"), strerror(-error));
        if (qmp_stream_is_midway(session->stream))
                return fail(session, r, "%s",
                            _("The emulator closed its monitor in the middle of a message."));
        if (session->state == QMP_STATE_GREETING)
                return fail(session, r, "%s", _("The emulator closed its monitor before it greeted."));
        return fail(session, r, "%s", _("The emulator closed its monitor."));
}

const char *qmp_session_output(const QmpSession *session, size_t *ret_size)
{
        *ret_size = session->output_size - session->output_start;
        return session->output ? session->output + session->output_start : "";
}

void qmp_session_sent(QmpSession *session, size_t size)
{
        session->output_start += size;
        if (session->output_start >= session->output_size)
                session->output_start = session->output_size = 0;
}

uint64_t qmp_session_deadline(const QmpSession *session)
{
        const SlotList *const lists[] = {&session->flying, &session->waiting};
        uint64_t earliest = UINT64_MAX;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (const QmpSlot *slot = lists[i]->first; slot; slot = slot->next)
                        if (slot->fn && slot->deadline < earliest)
                                earliest = slot->deadline;
        return earliest;
}

static QmpSlot *find_overdue(QmpSession *session, uint64_t now)
{
        SlotList *const lists[] = {&session->flying, &session->waiting};

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (QmpSlot *slot = lists[i]->first; slot; slot = slot->next)
                        if (slot->fn && slot->deadline <= now)
                                return slot;
        return NULL;
}

void qmp_session_tick(QmpSession *session, uint64_t now_usec)
{
        QmpSlot *slot;

        while ((slot = find_overdue(session, now_usec)))
                abandon(slot, -ETIMEDOUT);
}

size_t qmp_session_pending(const QmpSession *session)
{
        const SlotList *const lists[] = {&session->flying, &session->waiting};
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (const QmpSlot *slot = lists[i]->first; slot; slot = slot->next)
                        n += slot->fn != NULL;
        return n;
}
