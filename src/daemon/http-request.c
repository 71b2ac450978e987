/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/http-private.h"

/*
 * A request begins with its first line (http_on_request_line()) and is handed to the handler when
 * http_on_access() is called with nothing more to come. Answered within the handler, the answer is queued at
 * once; otherwise the connection is suspended, the answer resumes it, and libmicrohttpd calls
 * http_on_access() once more, which queues it then. So libmicrohttpd is told of answers at one place.
 *
 * For the caller a request is freed when it is answered. Here it lives on until libmicrohttpd is done with
 * it (http_on_completed()), in the state ANSWERED. A request whose client is gone keeps its connection until
 * it is answered: what a user has started counts against its limit while it goes on, and method, path and
 * headers, which lie in the connection, stay.
 */

/* An answer may take the idle limit for each of these on its way to the client: so a client that does not
 * read is rid of in bounded time, and a slow one is not. */
#define ANSWER_PACE (64U * 1024)

/* libmicrohttpd has renamed its own constant. */
#define HTTP_TOO_LARGE 413U

HttpRequest *http_request_free(HttpRequest *request)
{
        if (!request)
                return NULL;
        if (request->stream)
                http_stream_free(request->stream);
        if (request->response)
                MHD_destroy_response(request->response);
        free(request->body);
        free(request);
        return NULL;
}

bool http_request_is_open(const HttpRequest *request)
{
        return request && (request->state == HTTP_STATE_HANDLING || request->state == HTTP_STATE_PENDING);
}

void http_request_lose(HttpRequest *request)
{
        if (request->gone)
                return;
        request->gone = true;
        if (request->gone_fn)
                request->gone_fn(request, request->gone_userdata);
}

static HttpConnection *connection_of(struct MHD_Connection *mhd)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

/* A NUL in the path would end it early, for whoever compares it. */
static bool uri_is_malformed(const char *uri)
{
        return strstr(uri, "%00") || !text_is_utf8(uri, strlen(uri));
}

void *http_on_request_line(void *userdata, const char *uri, struct MHD_Connection *mhd)
{
        HttpConnection *connection = connection_of(mhd);
        HttpRequest *request = connection ? calloc(1, sizeof(*request)) : NULL;

        if (!request)
                return NULL;
        request->connection = connection;
        request->malformed = uri_is_malformed(uri);
        connection->request = http_request_free(connection->request);
        connection->request = request;
        http_connection_set_deadline(connection, now_usec() + connection->server->limits.idle_usec);
        return request;
}

static struct MHD_Response *make_response(const char *type, char *body, size_t size)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(body ? size : 0, body ? body : (void *)"",
                                                body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

        if (!response) {
                free(body);
                return NULL;
        }
        if (type && MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) != MHD_YES) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

static enum MHD_Result queue_answer(HttpRequest *request)
{
        HttpConnection *connection = request->connection;

        if (!request->response)
                return MHD_NO;
        return MHD_queue_response(connection->mhd, request->status, request->response);
}

/* Before the body is read, which is not read then: nothing can follow on this connection. */
static enum MHD_Result refuse(HttpRequest *request, unsigned status, const char *name, const char *message)
{
        char *body = http_refusal(name, message);

        if (!body)
                return MHD_NO;
        request->state = HTTP_STATE_ANSWERED;
        request->status = status;
        request->response = make_response("application/json", body, strlen(body));
        if (request->response)
                MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
        return queue_answer(request);
}

static enum MHD_Result count_header(void *userdata, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
        unsigned *n = userdata;

        n[0] += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
        n[1] += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
        return MHD_YES;
}

/* Where a body ends has to be beyond doubt, or the rest of it is taken for requests. */
static bool length_is_doubtful(const HttpRequest *request)
{
        const char *encoding = http_request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
        unsigned n[2] = {};

        MHD_get_connection_values(request->connection->mhd, MHD_HEADER_KIND, count_header, n);
        return n[0] + n[1] > 1 || (encoding && strcasecmp(encoding, "chunked") != 0);
}

static enum MHD_Result check_argument(void *userdata, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
        bool *malformed = userdata;

        *malformed |= !text_is_utf8(name, strlen(name)) || (value && !text_is_utf8(value, strlen(value)));
        return MHD_YES;
}

/* Decoded now, so looked at once more. */
static bool target_is_malformed(const HttpRequest *request)
{
        bool malformed = request->malformed || request->path[0] != '/' ||
                         !text_is_utf8(request->path, strlen(request->path));

        MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, check_argument,
                                  &malformed);
        return malformed;
}

static enum MHD_Result check_head(HttpRequest *request)
{
        const HttpServer *server = request->connection->server;
        const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

        if (target_is_malformed(request))
                return refuse(request, MHD_HTTP_BAD_REQUEST, "EINVAL",
                              _("What is asked for has to be a path such as /domains, in proper UTF-8."));
        if (length_is_doubtful(request))
                return refuse(request, MHD_HTTP_BAD_REQUEST, "EINVAL",
                              _("The request does not say clearly where its body ends; "
                                "send one Content-Length, or it chunked."));
        if (request->connection->peer.right == HTTP_RIGHT_NONE)
                return refuse(request, MHD_HTTP_FORBIDDEN, "EPERM",
                              _("This user may not talk to the daemon; its administrator can permit it."));
        if (length && strtoull(length, NULL, 10) > server->limits.body)
                return refuse(request, HTTP_TOO_LARGE, "EMSGSIZE",
                              _("The request's body is larger than the daemon takes."));
        return MHD_YES;
}

/* libmicrohttpd takes no answer while a body is on its way, so it is told past it. */
static enum MHD_Result append_body(HttpRequest *request, const char *data, size_t size)
{
        size_t room = request->body_room ? request->body_room : 1024;

        if (size > request->connection->server->limits.body - request->body_size) {
                http_refuse_raw(request->connection->fd, HTTP_TOO_LARGE, "EMSGSIZE",
                                _("The request's body is larger than the daemon takes."));
                return MHD_NO;
        }
        while (room - request->body_size <= size)
                room *= 2;
        if (room != request->body_room) {
                char *body = realloc(request->body, room);

                if (!body)
                        return MHD_NO;
                request->body = body;
                request->body_room = room;
        }
        memcpy(request->body + request->body_size, data, size);
        request->body_size += size;
        request->body[request->body_size] = '\0';
        return MHD_YES;
}

static enum MHD_Result handle(HttpRequest *request)
{
        HttpConnection *connection = request->connection;
        HttpServer *server = connection->server;

        http_connection_set_deadline(connection, UINT64_MAX);
        request->state = HTTP_STATE_HANDLING;
        server->handle(request, server->userdata);
        if (request->state == HTTP_STATE_ANSWERED)
                return queue_answer(request);
        request->state = HTTP_STATE_PENDING;
        server->n_pending++;
        http_connection_suspend(connection);
        return MHD_YES;
}

enum MHD_Result http_on_access(void *userdata, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *data, size_t *size,
                               void **context)
{
        HttpServer *server = userdata;
        HttpRequest *request = *context;

        if (!request)
                return MHD_NO;
        if (request->state == HTTP_STATE_ANSWERED)
                return queue_answer(request);
        if (server->closing)
                return MHD_NO;
        if (!request->has_head) {
                request->has_head = true;
                request->method = method;
                request->path = url;
                return check_head(request);
        }
        if (*size > 0) {
                enum MHD_Result result = append_body(request, data, *size);

                *size = 0;
                return result;
        }
        return handle(request);
}

void http_on_completed(void *userdata, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code)
{
        HttpRequest *request = TAKE(*context);
        HttpConnection *connection;

        if (!request)
                return;
        connection = request->connection;
        connection->served = true;
        connection->request = NULL;
        http_request_free(request);
        if (connection->server->closing)
                shutdown(connection->fd, SHUT_RDWR);
        else
                http_connection_set_deadline(connection, now_usec() + connection->server->limits.idle_usec);
}

const char *http_request_method(const HttpRequest *request)
{
        return request->method;
}

const char *http_request_path(const HttpRequest *request)
{
        return request->path;
}

const char *http_request_query(const HttpRequest *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection->mhd, MHD_GET_ARGUMENT_KIND, name);
}

typedef struct QueryWalk {
        bool (*fn)(const char *name, const char *value, void *userdata);
        void *userdata;
} QueryWalk;

static enum MHD_Result on_query(void *userdata, enum MHD_ValueKind kind, const char *name, const char *value)
{
        const QueryWalk *walk = userdata;

        return walk->fn(name, value, walk->userdata) ? MHD_YES : MHD_NO;
}

void http_request_each_query(const HttpRequest *request,
                             bool (*fn)(const char *name, const char *value, void *userdata), void *userdata)
{
        QueryWalk walk = {.fn = fn, .userdata = userdata};

        (void)MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, on_query, &walk);
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

const char *http_request_body(const HttpRequest *request, size_t *ret_size)
{
        if (ret_size)
                *ret_size = request->body_size;
        return request->body ? request->body : "";
}

const HttpPeer *http_request_peer(const HttpRequest *request)
{
        return &request->connection->peer;
}

void http_request_set_gone_handler(HttpRequest *request, HttpGoneFn fn, void *userdata)
{
        request->gone_fn = fn;
        request->gone_userdata = userdata;
}

/* The end of a request, for the caller. Takes `response`; NULL: hang up. */
void http_request_settle(HttpRequest *request, unsigned status, struct MHD_Response *response)
{
        HttpConnection *connection = request->connection;
        HttpServer *server = connection->server;
        bool pending = request->state == HTTP_STATE_PENDING;

        free(TAKE(request->body));
        request->gone_fn = NULL;
        request->state = HTTP_STATE_ANSWERED;
        request->status = status;
        request->response = response;
        if (!pending)
                return;
        server->n_pending--;
        http_connection_resume(connection);
        http_server_settle(server);
}

void http_request_answer(HttpRequest *request, unsigned status, const char *type, char *body, size_t size)
{
        HttpServer *server = request->connection->server;
        struct MHD_Response *response = NULL;

        if (request->gone)
                free(body);
        else {
                response = make_response(type, body, size);
                http_connection_set_deadline(request->connection,
                                             now_usec() +
                                                     server->limits.idle_usec * (1 + size / ANSWER_PACE));
        }
        http_request_settle(request, status, response);
}
