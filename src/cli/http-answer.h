/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An HTTP/1.1 answer, from bytes as they come: pure, cut anywhere. It knows what the daemon sends (a length,
 * chunks, or all until the end), and nothing of what else the protocol has.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX (32U * 1024)

/* A piece of the body; a negative errno ends the reading. */
typedef int (*HttpBodyFn)(const char *data, size_t size, void *userdata);

typedef enum HttpPlace {
        HTTP_IN_HEAD,
        HTTP_IN_LENGTH,     /* `left` bytes of body */
        HTTP_IN_CHUNK_SIZE, /* a line with the next chunk's size */
        HTTP_IN_CHUNK,      /* `left` bytes of the chunk */
        HTTP_IN_CHUNK_END,  /* the line's end behind it */
        HTTP_IN_TRAILER,
        HTTP_IN_REST, /* all until the connection ends */
        HTTP_DONE,
} HttpPlace;

typedef struct HttpAnswer {
        HttpPlace place;
        char *head; /* and later the line of a chunk's size */
        size_t n_head;
        uint64_t left;
        unsigned status;
        char type[64]; /* "application/json"; empty: not said */
        HttpBodyFn fn;
        void *userdata;
} HttpAnswer;

/* `fn` gets the body. */
int http_answer_init(HttpAnswer *answer, HttpBodyFn fn, void *userdata);
void http_answer_clear(HttpAnswer *answer);

/* What was read. -EBADMSG: no answer of HTTP; -E2BIG; what `fn` returns. Bytes behind the answer: -EBADMSG.
 */
int http_answer_feed(HttpAnswer *answer, const char *data, size_t size);

/* The connection has ended: 0 where the answer is whole, else -ECONNRESET. */
int http_answer_end(HttpAnswer *answer);

static inline bool http_answer_done(const HttpAnswer *answer)
{
        return answer->place == HTTP_DONE;
}
