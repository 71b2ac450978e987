/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What comes from a guest agent, cut into messages; pure. Until the answer to the synchronisation (a byte
 * 0xff, then {"return": ID}) all is passed over: answers to somebody before us, or half of one.
 */

#include <stdint.h>

#include "base/json.h"

#define AGENT_MESSAGE_MAX ((size_t)64 * 1024)
#define AGENT_JUNK_MAX    ((size_t)1024 * 1024)

typedef struct AgentStream {
        int64_t id; /* of the synchronisation that is waited for */
        bool synced;
        bool delimited; /* a 0xff has come */
        char *line;
        size_t size, junk;
} AgentStream;

void agent_stream_clear(AgentStream *stream);

/*
 * Takes bytes up to the end of a message: *ret_used says how many. 1: the answer to the synchronisation, or
 * behind it a message in *ret; 0: all was used, and more is needed. -EFBIG: more than is allowed; -EBADMSG:
 * no JSON object; -ENOMEM.
 */
int agent_stream_feed(AgentStream *stream, const char *data, size_t size, size_t *ret_used,
                      json_object **ret);
