/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The first byte says in what slices the rest is fed. Held against each other: the messages and the verdict
 * of the sliced and of the whole text; and a session with calls, each of which must complete exactly once.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/util.h"
#include "qmp/session.h"
#include "qmp/stream.h"

#define MESSAGE_MAX (64U * 1024)
#define CALLS       10

typedef struct Digest {
        unsigned messages;
        uint64_t sum;
} Digest;

typedef struct Caller {
        QmpSession *session;
        QmpSlot *slots[CALLS]; /* NULL once complete */
        unsigned completed[CALLS];
        unsigned events;
} Caller;

typedef struct Place {
        Caller *caller;
        unsigned index;
} Place;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static int on_message(json_object *message, void *userdata)
{
        const char *text = json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN);
        Digest *digest = userdata;

        require(json_object_is_type(message, json_type_object));
        digest->messages++;
        for (; text && *text; text++)
                digest->sum = digest->sum * 31 + (unsigned char)*text;
        return 0;
}

static int feed_stream(const char *data, size_t size, size_t slice, Digest *ret)
{
        CLEANUP(QmpStream) QmpStream *stream = NULL;
        int r = 0;

        if (qmp_stream_new(MESSAGE_MAX, &stream) < 0)
                return 0;
        for (size_t at = 0; r == 0 && at < size; at += slice)
                r = qmp_stream_feed(stream, data + at, size - at < slice ? size - at : slice, on_message,
                                    ret);
        require(r <= 0 && strlen(qmp_stream_offending(stream)) <= 80);
        require(r == 0 || qmp_stream_feed(stream, "{}", 2, on_message, ret) == -ESHUTDOWN);
        return r;
}

static void on_reply(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Place *place = userdata;
        Caller *caller = place->caller;
        unsigned other = (place->index + 3) % CALLS;

        require(!fault || error == -EIO);
        require(!result || error == 0);
        caller->slots[place->index] = NULL;
        require(++caller->completed[place->index] == 1);
        if (place->index % 4 == 1 && caller->slots[other])
                qmp_slot_cancel(caller->slots[other]);
}

static void on_event(const char *name, json_object *event, void *userdata)
{
        Caller *caller = userdata;

        require(name && event);
        caller->events++;
        qmp_session_tick(caller->session, caller->events * 10);
}

static void feed_session(const char *data, size_t size, size_t slice)
{
        Place places[CALLS];
        Caller caller = {};
        size_t output;
        int r = 0;

        if (qmp_session_new(&caller.session) < 0)
                return;
        qmp_session_set_event_handler(caller.session, on_event, &caller);
        for (unsigned i = 0; i < CALLS; i++) {
                places[i] = (Place){&caller, i};
                require(qmp_session_call(caller.session, "x", NULL, i % 3 == 2 ? QMP_CALL_OOB : 0,
                                         100 - i * 10, on_reply, &places[i], &caller.slots[i]) == 0);
        }
        for (size_t at = 0; r == 0 && at < size; at += slice) {
                CLEANUP(MusterError) MusterError *error = NULL;

                r = qmp_session_feed(caller.session, data + at, size - at < slice ? size - at : slice,
                                     &error);
                require((r < 0) == (error != NULL));
                require((r < 0) == (qmp_session_state(caller.session) == QMP_STATE_CLOSED));
                qmp_session_output(caller.session, &output);
                qmp_session_sent(caller.session, output / 2);
        }
        qmp_session_free(caller.session);
        for (unsigned i = 0; i < CALLS; i++)
                require(caller.completed[i] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Digest whole = {}, sliced = {};
        const char *text = (const char *)data + 1;
        size_t slice;
        int r;

        if (size < 2)
                return 0;
        slice = data[0] ? data[0] : 1;
        size--;
        r = feed_stream(text, size, size, &whole);
        require(feed_stream(text, size, slice, &sliced) == r || r == -EMSGSIZE || size > MESSAGE_MAX);
        require(whole.messages == sliced.messages && whole.sum == sliced.sum);
        feed_session(text, size, slice);
        return 0;
}
