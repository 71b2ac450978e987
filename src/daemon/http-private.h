/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files http*.c share, and the fuzz target; nobody else. */

#include <microhttpd.h>

#include "daemon/http.h"

typedef struct HttpConnection HttpConnection;

/* Where a request stands; only http-request.c changes it. */
typedef enum HttpState {
        HTTP_STATE_RECEIVING,
        HTTP_STATE_HANDLING, /* within the handler */
        HTTP_STATE_PENDING,  /* its connection is suspended until somebody answers */
        HTTP_STATE_ANSWERED, /* for the caller it is freed; the answer is on its way */
} HttpState;

struct HttpServer {
        uv_loop_t *loop;
        uv_poll_t listener; /* while has_listener */
        uv_poll_t work;     /* libmicrohttpd's epoll descriptor */
        uv_timer_t timer;
        unsigned handles; /* that libuv still knows, the connections' among them */
        int listen_fd, reserve_fd;

        struct MHD_Daemon *mhd;
        HttpLimits limits;
        HttpAuthorizeFn authorize;
        HttpHandleFn handle;
        void *userdata;

        HttpConnection *connections;
        size_t n_connections, n_pending;
        uint64_t armed_usec; /* when the timer comes: never behind the earliest deadline */
        bool has_listener, paused, running, closing;
};

struct HttpConnection {
        HttpServer *server;
        HttpConnection *previous, *next;
        struct MHD_Connection *mhd;
        int fd; /* libmicrohttpd's */
        HttpPeer peer;
        HttpRequest *request; /* since its first line came, until it is done with */
        uint64_t deadline_usec;
        uv_poll_t watch; /* for the client's going away; while has_watch */
        bool has_watch, served;
};

struct HttpRequest {
        HttpConnection *connection;
        HttpState state;
        const char *method, *path;
        char *body;
        size_t body_size, body_room;
        bool malformed, has_head, gone;
        HttpGoneFn gone_fn;
        void *gone_userdata;

        unsigned status;
        struct MHD_Response *response; /* NULL when ANSWERED: hang up */
        HttpStream *stream;
};

/* http.c */
void http_server_run(HttpServer *server);
void http_server_settle(HttpServer *server);
void http_server_wake(HttpServer *server, uint64_t deadline_usec);
void http_server_handle_closed(HttpServer *server);
void http_server_unlist(HttpServer *server, HttpConnection *connection);
void http_server_adopt(HttpServer *server, int fd); /* a client's socket, taken over */

/* http-connection.c */
int http_connection_new(HttpServer *server, int fd, HttpConnection **ret);
HttpConnection *http_connection_free(HttpConnection *connection);
void http_connection_end(HttpConnection *connection); /* off the list, and freed */
bool http_connection_is_one_too_many(const HttpConnection *connection);
void http_connection_set_deadline(HttpConnection *connection, uint64_t deadline_usec);
void http_connection_suspend(HttpConnection *connection);
void http_connection_resume(HttpConnection *connection);
void http_connection_expire(HttpConnection *connection);
void http_on_connection(void *userdata, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code);

/* A refusal past libmicrohttpd, for where it cannot give one; then the socket is shut. */
void http_refuse_raw(int fd, unsigned status, const char *name, const char *message);
char *http_refusal(const char *name, const char *message);

/* http-request.c */
void *http_on_request_line(void *userdata, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *userdata, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *data, size_t *size,
                               void **context);
void http_on_completed(void *userdata, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code);
HttpRequest *http_request_free(HttpRequest *request);
bool http_request_is_open(const HttpRequest *request); /* the caller has it, unanswered */
void http_request_lose(HttpRequest *request);          /* says that the client is gone */
void http_request_settle(HttpRequest *request, unsigned status, struct MHD_Response *response);

/* http-stream.c */
void http_stream_lose(HttpStream *stream);
HttpStream *http_stream_free(HttpStream *stream); /* calls `closed` */

DEFINE_CLEANUP(HttpConnection, http_connection_free);
