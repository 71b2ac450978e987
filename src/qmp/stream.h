/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes to QMP messages, pure: no descriptors. A message is one JSON object; QEMU ends each with CRLF, but
 * the end is found by the tokener, so any split of the bytes gives the same messages. Bounded in size
 * and depth. After a failure the stream stays failed: nothing behind broken bytes can be trusted.
 */

#include "base/json.h"

#define QMP_MESSAGE_MAX (64U * 1024 * 1024)

typedef struct QmpStream QmpStream;

/* One complete message; borrowed, take a reference to keep it. A negative return stops the feeding. */
typedef int (*QmpMessageFn)(json_object *message, void *userdata);

int qmp_stream_new(size_t max_message, QmpStream **ret);
QmpStream *qmp_stream_free(QmpStream *stream);

/*
 * -EMSGSIZE: a message beyond the bound; -EBADMSG: no JSON, no object, nested too deep;
 * -ESHUTDOWN: failed before; else what `fn` returned.
 */
int qmp_stream_feed(QmpStream *stream, const char *data, size_t size, QmpMessageFn fn, void *userdata);

/* Whether the bytes so far end within a message: at the end of a stream, that is half a message. */
bool qmp_stream_is_midway(const QmpStream *stream);

/* The start of the bytes that did not parse, for the error's sentence; "" if there are none. */
const char *qmp_stream_offending(const QmpStream *stream);

DEFINE_CLEANUP(QmpStream, qmp_stream_free);
