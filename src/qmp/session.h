/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The QMP protocol, pure: bytes in, bytes out, time given; no descriptors and no clock.
 *
 *   GREETING ──greeting──► NEGOTIATING ──reply to qmp_capabilities──► READY
 *       └──────────────────────┴──── any failure or close ─────────────┴──► CLOSED
 *
 * Commands may be called in any state but CLOSED: they go out, pipelined, directly behind
 * qmp_capabilities. Out-of-band execution is enabled wherever the greeting offers it; then at most 8
 * in-band commands are under way at once, as QEMU's docs/interop/qmp-spec asks, and the rest wait here.
 *
 * A reply's id names its call; events pass by. A reply without a call, an id twice, a second greeting, a
 * message that is neither: the session fails, and every call with it.
 *
 * Every call completes exactly once, in one of three ways: success (result, NULL, 0); a QMP error
 * (NULL, fault, -EIO); transport, deadline or cancellation (NULL, NULL, -errno). A late reply to a call that
 * ran out of time is swallowed once. Callbacks may call into the session, but not free it.
 */

#include "base/error.h"
#include "base/json.h"

typedef struct QmpSession QmpSession;
typedef struct QmpSlot QmpSlot;

typedef enum QmpState {
        QMP_STATE_GREETING,
        QMP_STATE_NEGOTIATING,
        QMP_STATE_READY,
        QMP_STATE_CLOSED,
} QmpState;

/* An error reply of the emulator; borrowed for the time of the callback. */
typedef struct QmpFault {
        const char *class_name; /* "CommandNotFound", "GenericError", … */
        const char *description;
} QmpFault;

typedef void (*QmpReplyFn)(json_object *result, const QmpFault *fault, int error, void *userdata);
typedef void (*QmpEventFn)(const char *name, json_object *event, void *userdata);

int qmp_session_new(QmpSession **ret);
QmpSession *qmp_session_free(QmpSession *session); /* completes what is pending with -ECANCELED */

void qmp_session_set_event_handler(QmpSession *session, QmpEventFn fn, void *userdata);

QmpState qmp_session_state(const QmpSession *session);
const char *qmp_state_name(QmpState state);
json_object *qmp_session_greeting(const QmpSession *session); /* borrowed; NULL before it came */
bool qmp_session_has_oob(const QmpSession *session);

enum {
        QMP_CALL_OOB = 1 << 0, /* exec-oob where negotiated, else in-band */
};

/*
 * Queues a command. `arguments` is borrowed (a reference is taken), may be NULL. `deadline` is a point in
 * time on the clock that is given to qmp_session_tick(); there is no call without one. -ESHUTDOWN: closed.
 * `ret_slot` (may be NULL) lets the caller cancel; it is valid until the callback.
 */
int qmp_session_call(QmpSession *session, const char *command, json_object *arguments, unsigned flags,
                     uint64_t deadline_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot);

/* Completes the call with -ECANCELED now. */
void qmp_slot_cancel(QmpSlot *slot);

/* Bytes that came. On failure the session is CLOSED, its calls completed; ret_error has the sentence. */
int qmp_session_feed(QmpSession *session, const char *data, size_t size, MusterError **ret_error);

/* The peer is gone (0: end of file, which is also what half a message is told by) or I/O failed. */
int qmp_session_hang_up(QmpSession *session, int error, MusterError **ret_error);

/* Bytes to send: borrowed until the next call into the session; then say how many went out. */
const char *qmp_session_output(const QmpSession *session, size_t *ret_size);
void qmp_session_sent(QmpSession *session, size_t size);

/* The earliest deadline, UINT64_MAX if none; and the completion of what is overdue at `now` (-ETIMEDOUT). */
uint64_t qmp_session_deadline(const QmpSession *session);
void qmp_session_tick(QmpSession *session, uint64_t now_usec);

size_t qmp_session_pending(const QmpSession *session);

DEFINE_CLEANUP(QmpSession, qmp_session_free);
