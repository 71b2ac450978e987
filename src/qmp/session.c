/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/session.h"

#include <errno.h>
#include <inttypes.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qmp/calls.h"
#include "qmp/stream.h"

/*
 * Bytes in: stream.c cuts them into messages, each of which is exactly one of greeting, event and reply;
 * anything else ends the session. Bytes out: pump() turns waiting calls into requests whenever that is
 * allowed: in-band ones from the greeting on, pipelined, since QEMU executes them in order and so behind
 * qmp_capabilities; out-of-band ones only in READY, since QEMU looks at them as they arrive, before it
 * has come to execute qmp_capabilities, and would refuse them.
 *
 * The window: with out-of-band enabled QEMU reads on while it executes, into a queue of 8. QEMU 2.12 to 3.1
 * dropped what came beyond (event COMMAND_DROPPED), later ones stop reading, which would hold up out-of-band
 * commands, too. Without it QEMU reads one command at a time, and the socket's buffer is the window.
 *
 * Ids are integers that count up in the order of sending. So an id that was handed out and is not under
 * way has been answered before, and any other one is nobody's.
 *
 * The end is reached in one place, session_end(): state first, so that callbacks find the session closed
 * and cannot add calls, then the completions.
 */

#define INBAND_WINDOW 8U

#define QUOTE_MAX     80U

#define WORDS_MAX     400U

struct QmpSession {
        QmpState state;
        bool has_oob, is_feeding;
        QmpStream *stream;
        json_object *greeting;
        Calls calls;

        char *output;
        size_t output_start, output_end, output_allocated;

        QmpEventFn event_fn;
        void *event_userdata;

        MusterError **ret_error; /* where the feed or hang-up under way wants its sentence */
};

static void session_end(QmpSession *session, int error)
{
        if (session->state == QMP_STATE_CLOSED)
                return;
        session->state = QMP_STATE_CLOSED;
        session->output_start = session->output_end = session->output_allocated = 0;
        free(TAKE(session->output));
        calls_fail(&session->calls, error);
}

int qmp_session_new(QmpSession **ret)
{
        CLEANUP(QmpSession) QmpSession *session = calloc(1, sizeof(*session));
        int r;

        if (!session)
                return -ENOMEM;
        calls_init(&session->calls);
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
        session_end(session, -ECANCELED);
        qmp_stream_free(session->stream);
        json_object_put(session->greeting);
        free(session);
        return NULL;
}

void qmp_session_set_event_handler(QmpSession *session, QmpEventFn fn, void *userdata)
{
        session->event_fn = fn;
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

        return (size_t)state < ELEMENTSOF(names) ? names[state] : "invalid";
}

json_object *qmp_session_greeting(const QmpSession *session)
{
        return session->greeting;
}

bool qmp_session_has_oob(const QmpSession *session)
{
        return session->has_oob;
}

static int output_append(QmpSession *session, const char *text, size_t size)
{
        size_t needed, allocated = session->output_allocated;
        char *grown;

        if (session->output_start > 0 && session->output_end + size > allocated) {
                session->output_end -= session->output_start;
                memmove(session->output, session->output + session->output_start, session->output_end);
                session->output_start = 0;
        }
        needed = session->output_end + size;
        if (needed > allocated) {
                allocated = needed > 2 * allocated ? needed : 2 * allocated;
                grown = realloc(session->output, allocated);
                if (!grown)
                        return -ENOMEM;
                session->output = grown;
                session->output_allocated = allocated;
        }
        memcpy(session->output + session->output_end, text, size);
        session->output_end += size;
        return 0;
}

/* The first call of those that may be sent now. */
static QmpSlot *next_to_send(QmpSession *session)
{
        QmpSlot *slot;

        if (session->state == QMP_STATE_READY) {
                slot = calls_first(&session->calls.oob);
                if (slot)
                        return slot;
        }
        if (session->has_oob && session->calls.inband_under_way >= INBAND_WINDOW)
                return NULL;
        return calls_first(&session->calls.inband);
}

/* Short of memory, calls stay where they are, until the next time or their deadlines. */
static void pump(QmpSession *session)
{
        QmpSlot *slot;

        if (session->state != QMP_STATE_NEGOTIATING && session->state != QMP_STATE_READY)
                return;
        while ((slot = next_to_send(session))) {
                CLEANUP(free) char *text = NULL;
                size_t size;

                text = calls_format(slot, &size);
                if (!text || output_append(session, text, size) < 0)
                        return;
                calls_sent(slot);
        }
}

int qmp_session_call(QmpSession *session, const char *command, json_object *arguments, unsigned flags,
                     uint64_t deadline_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot)
{
        CallKind kind = !(flags & QMP_CALL_OOB)                ? CALL_INBAND
                        : session->state == QMP_STATE_GREETING ? CALL_UNDECIDED
                        : session->has_oob                     ? CALL_OOB
                                                               : CALL_INBAND;
        int r;

        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        r = calls_add(&session->calls, kind, command, arguments, deadline_usec, fn, userdata, ret_slot);
        if (r < 0)
                return r;
        pump(session);
        return 0;
}

void qmp_slot_cancel(QmpSlot *slot)
{
        calls_complete(slot, -ECANCELED);
}

/* The start of what came, fit for a sentence; NULL when out of memory. */
static char *quote(const char *text)
{
        size_t size = strnlen(text, QUOTE_MAX + 1);
        CLEANUP(free) char *start = NULL;
        char *cut;

        if (size <= QUOTE_MAX)
                return text_for_terminal(text, size, QUOTE_MAX);
        start = text_for_terminal(text, QUOTE_MAX, QUOTE_MAX);
        return start && asprintf(&cut, "%s…", start) >= 0 ? cut : NULL;
}

/* `format` has one %s: the start of the message. */
static int fail_with_message(QmpSession *session, json_object *message, const char *format)
{
        const char *text = json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN |
                                                                           JSON_C_TO_STRING_NOSLASHESCAPE);
        CLEANUP(free) char *start = text ? quote(text) : NULL;

        return start ? error_set(session->ret_error, -EPROTO, format, start) : error_oom(session->ret_error);
}

static int fail_with_words(QmpSession *session, const QmpFault *fault, const char *format)
{
        CLEANUP(free)
        char *words = text_for_terminal(fault->description, strlen(fault->description), WORDS_MAX);

        return words ? error_set(session->ret_error, -EPROTO, format, words) : error_oom(session->ret_error);
}

/* Runs within the feeding that brought the reply, or within the session's end. */
static void on_capabilities(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        QmpSession *session = userdata;

        if (session->state != QMP_STATE_NEGOTIATING)
                return;
        if (error == 0) {
                session->state = QMP_STATE_READY;
                return;
        }
        if (fault)
                fail_with_words(session, fault,
                                _("The emulator refused to begin the QMP session: \"%s\". Another client "
                                  "may share this "
                                  "monitor; give each its own."));
        session_end(session, -EPROTO);
}

static bool offers_oob(json_object *qmp)
{
        json_object *capabilities = json_get(qmp, "capabilities", json_type_array);

        for (size_t i = 0; capabilities && i < json_object_array_length(capabilities); i++) {
                json_object *name = json_object_array_get_idx(capabilities, i);

                if (json_object_is_type(name, json_type_string) &&
                    streq(json_object_get_string(name), "oob"))
                        return true;
        }
        return false;
}

static int make_capabilities(bool oob, json_object **ret)
{
        CLEANUP(json) json_object *arguments = NULL;
        json_object *enable;
        int r;

        if (!oob)
                return 0;
        arguments = json_object_new_object();
        enable = json_object_new_array();
        r = json_add(arguments, "enable", enable);
        if (r < 0)
                return r;
        r = json_append_string(enable, "oob");
        if (r < 0)
                return r;
        *ret = TAKE(arguments);
        return 0;
}

static int on_greeting(QmpSession *session, json_object *message)
{
        json_object *qmp = json_get(message, "QMP", json_type_object);
        CLEANUP(json) json_object *arguments = NULL;
        int r;

        if (!qmp)
                return fail_with_message(session, message,
                                         _("The emulator's QMP greeting is malformed: \"%s\"."));
        if (session->state != QMP_STATE_GREETING)
                return fail_with_message(
                        session, message,
                        _("The emulator sent a second QMP greeting in the middle of the session: "
                          "\"%s\"."));
        session->has_oob = offers_oob(qmp);
        r = make_capabilities(session->has_oob, &arguments);
        if (r < 0)
                return error_oom(session->ret_error);
        r = calls_add(&session->calls, CALL_OWN, "qmp_capabilities", arguments, UINT64_MAX, on_capabilities,
                      session,
                      /* ret= */ NULL);
        if (r < 0)
                return error_oom(session->ret_error);
        calls_decide_oob(&session->calls, session->has_oob);
        session->greeting = json_object_get(message);
        session->state = QMP_STATE_NEGOTIATING;
        return 0;
}

static int on_event(QmpSession *session, json_object *message)
{
        const char *name = json_get_string(message, "event");

        if (!name)
                return fail_with_message(session, message,
                                         _("The emulator sent a malformed event: \"%s\"."));
        if (session->event_fn)
                session->event_fn(name, message, session->event_userdata);
        return 0;
}

/* Whose reply this is. */
static int find_call(QmpSession *session, json_object *message, QmpSlot **ret)
{
        json_object *id = json_get(message, "id", json_type_int);
        int64_t number = id ? json_object_get_int64(id) : 0;
        QmpSlot *slot = number > 0 ? calls_find(&session->calls, (uint64_t)number) : NULL;

        if (slot) {
                *ret = slot;
                return 0;
        }
        if (number > 0 && (uint64_t)number <= session->calls.last_id)
                return fail_with_message(
                        session, message,
                        _("The emulator answered the same QMP command twice; the second time: "
                          "\"%s\"."));
        return fail_with_message(session, message,
                                 _("The emulator sent a QMP reply that nobody asked for: \"%s\"."));
}

static int on_error_reply(QmpSession *session, json_object *message)
{
        json_object *error = json_get(message, "error", json_type_object);
        const QmpFault fault = {
                .class_name = json_get_string(error, "class"),
                .description = json_get_string(error, "desc"),
        };
        QmpSlot *slot;
        int r;

        if (!fault.class_name || !fault.description)
                return fail_with_message(session, message,
                                         _("The emulator sent a malformed QMP error reply: \"%s\"."));
        /* QEMU cannot know the id of what it cannot parse; nor do we know which call that was. */
        if (!json_object_object_get_ex(message, "id", NULL))
                return fail_with_words(session, &fault,
                                       _("The emulator could not read what it was sent: \"%s\"."));
        r = find_call(session, message, &slot);
        if (r < 0)
                return r;
        calls_answer(slot, /* result= */ NULL, &fault, -EIO);
        return 0;
}

static int on_reply(QmpSession *session, json_object *message, json_object *result)
{
        QmpSlot *slot;
        int r;

        r = find_call(session, message, &slot);
        if (r < 0)
                return r;
        calls_answer(slot, result, /* fault= */ NULL, /* error= */ 0);
        return 0;
}

static int dispatch(QmpSession *session, json_object *message)
{
        json_object *result = NULL;
        bool greets = json_object_object_get_ex(message, "QMP", NULL);
        bool tells = json_object_object_get_ex(message, "event", NULL);
        bool fails = json_object_object_get_ex(message, "error", NULL);
        bool returns = json_object_object_get_ex(message, "return", &result);

        if (greets + tells + fails + returns != 1 || (session->state == QMP_STATE_GREETING && returns))
                return fail_with_message(
                        session, message,
                        session->state == QMP_STATE_GREETING
                                ? _("The other end does not speak QMP: it began with \"%s\".")
                                : _("The emulator sent a message that QMP does not know: \"%s\"."));
        if (greets)
                return on_greeting(session, message);
        if (tells)
                return on_event(session, message);
        return fails ? on_error_reply(session, message) : on_reply(session, message, result);
}

static int on_message(json_object *message, void *userdata)
{
        QmpSession *session = userdata;
        int r;

        r = dispatch(session, message);
        if (r < 0) {
                session_end(session, r);
                return r;
        }
        if (session->state == QMP_STATE_CLOSED)
                return -ESHUTDOWN;
        pump(session);
        return 0;
}

/* The sentence for bytes that are no message. */
static int fail_stream(QmpSession *session, int r)
{
        CLEANUP(free) char *start = NULL;

        if (r == -EMSGSIZE)
                return error_set(session->ret_error, r,
                                 _("The emulator sent a QMP message beyond the limit of %u MiB or of what "
                                   "is in it; it "
                                   "is broken or hostile."),
                                 QMP_MESSAGE_MAX >> 20);
        start = r == -EBADMSG ? quote(qmp_stream_offending(session->stream)) : NULL;
        if (!start)
                return error_oom(session->ret_error);
        if (session->state == QMP_STATE_GREETING)
                return error_set(session->ret_error, r,
                                 _("The other end does not speak QMP: it began with \"%s\". Check that the "
                                   "address is "
                                   "a QMP monitor's (-qmp, or -mon with mode=control)."),
                                 start);
        return error_set(session->ret_error, r, _("The emulator sent something that is not QMP: \"%s\"."),
                         start);
}

static int fail_closed(MusterError **ret_error)
{
        return error_set(ret_error, -ESHUTDOWN, _("The QMP session has ended already; connect again."));
}

int qmp_session_feed(QmpSession *session, const char *data, size_t size, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        if (session->state == QMP_STATE_CLOSED)
                return fail_closed(ret_error);
        if (session->is_feeding)
                return error_set(ret_error, -EBUSY,
                                 _("Bytes were given to a QMP session within its own callback."));
        session->is_feeding = true;
        session->ret_error = &error;
        r = qmp_stream_feed(session->stream, data, size, on_message, session);
        if (r < 0 && session->state != QMP_STATE_CLOSED) {
                fail_stream(session, r);
                session_end(session, r);
        }
        session->ret_error = NULL;
        session->is_feeding = false;
        if (r >= 0)
                return 0;
        if (!error)
                return fail_closed(ret_error);
        r = muster_error_code(error);
        HAND_OVER(ret_error, error);
        return r;
}

static int describe_hang_up(const QmpSession *session, MusterError **ret_error)
{
        size_t n = session->calls.pending;

        if (qmp_stream_is_midway(session->stream))
                return error_set(
                        ret_error, -ECONNRESET,
                        _("The emulator closed the connection in the middle of a QMP message; it may have "
                          "crashed."));
        if (session->state == QMP_STATE_GREETING)
                return error_set(ret_error, -ECONNRESET,
                                 _("The connection was closed before a QMP greeting came; the emulator may "
                                   "have failed "
                                   "to start, or this is not its QMP monitor."));
        if (n > 0)
                return error_set(
                        ret_error, -ECONNRESET,
                        P_("The emulator closed the connection and left %zu QMP command unanswered; it may "
                           "have crashed.",
                           "The emulator closed the connection and left %zu QMP commands unanswered; it may "
                           "have crashed.",
                           n),
                        n);
        return error_set(ret_error, -ECONNRESET, _("The emulator closed the QMP connection."));
}

int qmp_session_hang_up(QmpSession *session, int error, MusterError **ret_error)
{
        int r;

        if (session->state == QMP_STATE_CLOSED)
                return fail_closed(ret_error);
        if (error == 0)
                r = describe_hang_up(session, ret_error);
        else if (error == -ECANCELED)
                r = error_set(ret_error, error, _("The QMP session was closed from this side."));
        else
                r = error_errno(ret_error, error, _("The QMP connection to the emulator failed"));
        session_end(session, r);
        return r;
}

const char *qmp_session_output(const QmpSession *session, size_t *ret_size)
{
        *ret_size = session->output_end - session->output_start;
        return session->output ? session->output + session->output_start : "";
}

void qmp_session_sent(QmpSession *session, size_t size)
{
        size_t left = session->output_end - session->output_start;

        if (size < left) {
                session->output_start += size;
                return;
        }
        session->output_start = session->output_end = session->output_allocated = 0;
        free(TAKE(session->output));
}

uint64_t qmp_session_deadline(const QmpSession *session)
{
        return calls_deadline(&session->calls);
}

void qmp_session_tick(QmpSession *session, uint64_t now_usec)
{
        calls_expire(&session->calls, now_usec);
        pump(session);
}

size_t qmp_session_pending(const QmpSession *session)
{
        return session->calls.pending;
}
