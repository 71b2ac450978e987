/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * HTTP/1.1 on a Unix socket: libmicrohttpd in external-poll mode on the daemon's loop. Everything happens on
 * the loop's thread. A request is handed over when all of it is there, within the limits below; what exceeds
 * them is answered here (400, 408, 413, 414, 429, 431, 503) and never reaches the handler. Answers are
 * given later, in any order, exactly once each; a slow or dead client holds up nobody.
 *
 * Refusals have the daemon's JSON body, but for what libmicrohttpd refuses before anybody is asked: a first
 * line or header that is none or too long (400, 414, 431; together they may take 16 KiB), with a body of
 * HTML. Whoever has one connection too many is told at once and shut out, perhaps while it still writes its
 * request: a client that fails to write should read before it gives up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;
typedef struct HttpStream HttpStream;

typedef enum HttpRight {
        HTTP_RIGHT_NONE, /* answered with 403 here */
        HTTP_RIGHT_READ,
        HTTP_RIGHT_ALL,
} HttpRight;

/* Who is at the other end, as the kernel says (SO_PEERCRED, SO_PEERGROUPS). */
typedef struct HttpPeer {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        const gid_t *groups; /* supplementary ones */
        size_t n_groups;
        HttpRight right; /* what the authorizer said */
} HttpPeer;

typedef struct HttpLimits {
        unsigned connections, connections_per_user; /* one more is closed at once: it is told 503 / 429 */
        size_t body;                                /* bytes of a request's body */
        uint64_t idle_usec; /* for a request to come in whole, and between requests on a connection */
} HttpLimits;

/* Once a connection. */
typedef HttpRight (*HttpAuthorizeFn)(const HttpPeer *peer, void *userdata);

/* Answers now or later. */
typedef void (*HttpHandleFn)(HttpRequest *request, void *userdata);

/* The client went away before it was answered, or the server closed; the request is still to be answered,
 * which then has no effect but to free it. For calls that need not go on for nobody. */
typedef void (*HttpGoneFn)(HttpRequest *request, void *userdata);

/* Takes over `listen_fd` in every case: a listening stream socket. */
int http_server_new(uv_loop_t *loop, int listen_fd, const HttpLimits *limits, HttpAuthorizeFn authorize,
                    HttpHandleFn handle, void *userdata, HttpServer **ret, MusterError **ret_error);

/*
 * Accepts nobody any more and ends what is open: requests that were not answered are `gone`, and have to be
 * answered still. What was answered before goes out as far as the sockets take it at once. Its loop handles
 * close as the loop runs on; frees the server when the last request was answered. May be called from any
 * callback of the server, and calls those of requests and streams itself. Returns NULL.
 */
HttpServer *http_server_close(HttpServer *server);

/* Connections that are open, for metrics and tests. */
size_t http_server_connections(const HttpServer *server);

/* Borrowed, for the request's life. */
const char *http_request_method(const HttpRequest *request); /* "GET" */
const char *http_request_path(const HttpRequest *request);   /* percent-decoded, without the query */
const char *http_request_query(const HttpRequest *request, const char *name); /* NULL: not there */
/* Each as it came, decoded (NULL: without a value), until `fn` returns false. */
void http_request_each_query(const HttpRequest *request,
                             bool (*fn)(const char *name, const char *value, void *userdata),
                             void *userdata);
const char *http_request_header(const HttpRequest *request, const char *name);
const char *http_request_body(const HttpRequest *request, size_t *ret_size); /* NUL-terminated */
const HttpPeer *http_request_peer(const HttpRequest *request);

/* For what belongs to the request on its way; the handler's alone. */
void http_request_set_gone_handler(HttpRequest *request, HttpGoneFn fn, void *userdata);

/* Answers and frees the request. Takes `body` (malloc'ed; NULL: empty). `type`: the Content-Type. */
void http_request_answer(HttpRequest *request, unsigned status, const char *type, char *body, size_t size);

/*
 * Answers with a stream that stays open (200, chunked, Content-Type `type`), and frees the request. `closed`
 * is called at most once, when the client has gone, was too slow, or the server closed; the stream is freed
 * behind it, and nothing may be sent any more; NULL: nobody wants to know. Returns NULL when out of memory,
 * the request then was answered with 500, or when its client is gone.
 */
HttpStream *http_request_stream(HttpRequest *request, const char *type,
                                void (*closed)(HttpStream *stream, void *userdata), void *userdata);

/* Queues a copy. A client that lets more than 1 MiB pile up is closed (later, from the loop). */
void http_stream_send(HttpStream *stream, const char *data, size_t size);

/* Ends it from our side; `closed` is not called. */
void http_stream_end(HttpStream *stream);
