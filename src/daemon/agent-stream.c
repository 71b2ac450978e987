/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/agent-stream.h"

#include <errno.h>
#include <string.h>

#define DELIMITER '\xff'

void agent_stream_clear(AgentStream *stream)
{
        free(stream->line);
        *stream = (AgentStream){};
}

static int keep(AgentStream *stream, const char *data, size_t size)
{
        if (size > AGENT_MESSAGE_MAX - stream->size)
                return -EFBIG;
        if (!stream->line)
                stream->line = malloc(AGENT_MESSAGE_MAX);
        if (!stream->line)
                return -ENOMEM;
        memcpy(stream->line + stream->size, data, size);
        stream->size += size;
        return 0;
}

static int parse(AgentStream *stream, json_object **ret)
{
        CLEANUP(json) json_object *object = NULL;
        size_t size = stream->size;

        stream->size = 0;
        if (size == 0)
                return 0;
        if (json_parse(stream->line, size, &object) < 0 || !json_object_is_type(object, json_type_object))
                return -EBADMSG;
        *ret = TAKE(object);
        return 1;
}

/* A line behind a 0xff: that of an earlier synchronisation, which nobody waited for, may come first. */
static bool is_answer(AgentStream *stream)
{
        CLEANUP(json) json_object *object = NULL;

        return parse(stream, &object) > 0 && json_get(object, "return", json_type_int) &&
               json_get_int(object, "return", -1) == stream->id;
}

/* Up to the delimiter; what is longer than an answer can be is none. */
static int skip(AgentStream *stream, const char *data, size_t size, size_t *ret_used)
{
        const char *found = memchr(data, DELIMITER, size);

        *ret_used = found ? (size_t)(found - data) + 1 : size;
        stream->junk += *ret_used;
        stream->delimited = found != NULL;
        stream->size = 0;
        return stream->junk > AGENT_JUNK_MAX ? -EFBIG : 0;
}

static int feed_sync(AgentStream *stream, const char *data, size_t size, size_t *ret_used)
{
        const char *end, *again;
        size_t n;
        int r;

        if (!stream->delimited)
                return skip(stream, data, size, ret_used);
        end = memchr(data, '\n', size);
        n = end ? (size_t)(end - data) : size;
        again = memchr(data, DELIMITER, n);
        stream->junk += n;
        if (again || stream->size + n > AGENT_MESSAGE_MAX)
                return skip(stream, data, size, ret_used);
        r = keep(stream, data, n);
        *ret_used = end ? n + 1 : n;
        if (r < 0 || !end)
                return stream->junk > AGENT_JUNK_MAX ? -EFBIG : r;
        /* An empty line is the end of nothing. */
        if (stream->size == 0)
                return 0;
        stream->synced = is_answer(stream);
        stream->delimited = false;
        return stream->synced;
}

static int feed_message(AgentStream *stream, const char *data, size_t size, size_t *ret_used,
                        json_object **ret)
{
        const char *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;
        int r = keep(stream, data, n);

        *ret_used = end ? n + 1 : n;
        return r < 0 || !end ? r : parse(stream, ret);
}

int agent_stream_feed(AgentStream *stream, const char *data, size_t size, size_t *ret_used,
                      json_object **ret)
{
        size_t used = 0, n = 0;
        int r = 0;

        while (r == 0 && used < size) {
                r = stream->synced ? feed_message(stream, data + used, size - used, &n, ret)
                                   : feed_sync(stream, data + used, size - used, &n);
                used += n;
        }
        *ret_used = used;
        return r;
}
