/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/http-private.h"

/*
 * libmicrohttpd without threads of its own: its epoll descriptor is watched by the loop, and MHD_run() does
 * what has become possible. Accepting is done here, because libmicrohttpd leaves one client too many in the
 * queue, where it would hang rather than be told.
 *
 * Time is kept here as well: libmicrohttpd's own timeout starts afresh with every byte, so that a client
 * may drip its request forever, and it does not end at all while a connection is suspended. Each connection
 * has a deadline or none, and one timer waits for the earliest; deadlines that moved backwards are noticed
 * when it fires, which costs at most one wake-up an idle limit. Without connections it is stopped.
 *
 * A connection that is to end is shut down (shutdown(2)), and libmicrohttpd, which alone may close it, finds
 * out by itself. Every callback of libmicrohttpd comes within MHD_run() or MHD_stop_daemon(), which must
 * not be entered twice: `running` says that they are on the stack, and whoever left something to do for
 * afterwards leaves it to http_server_settle().
 *
 * The end: MHD_stop_daemon() aborts the process while a connection is suspended. So closing shuts what is
 * open, and the stop waits for the last answer, which needs no loop any more.
 */

/* Of one round; the rest waits for the next turn of the loop, so that a rush of clients holds up nobody. */
#define ACCEPTS_MAX 16

/* What libmicrohttpd keeps for each connection: a request's line and headers (more: 414, 431) have to go
 * in, and those of the answer. */
#define CONNECTION_MEMORY (16U * 1024)

/* After accept() failed for want of something: until it is tried again. */
#define PAUSE_USEC (USEC_PER_SEC / 4)

static HttpServer *server_free(HttpServer *server)
{
        if (!server)
                return NULL;
        if (server->mhd)
                MHD_stop_daemon(server->mhd);
        if (server->listen_fd >= 0)
                close(server->listen_fd);
        if (server->reserve_fd >= 0)
                close(server->reserve_fd);
        free(server);
        return NULL;
}

DEFINE_CLEANUP(HttpServer, server_free);

void http_server_handle_closed(HttpServer *server)
{
        if (--server->handles == 0)
                server_free(server);
}

static void on_closed(uv_handle_t *handle)
{
        http_server_handle_closed(handle->data);
}

static void on_timer(uv_timer_t *timer);

void http_server_wake(HttpServer *server, uint64_t deadline_usec)
{
        uint64_t now;

        if (deadline_usec >= server->armed_usec || !server->mhd)
                return;
        server->armed_usec = deadline_usec;
        now = now_usec();
        /* Rounded up; should the loop's clock lag behind, the timer comes early and is set again. */
        uv_timer_start(&server->timer, on_timer,
                       deadline_usec > now ? (deadline_usec - now - 1) / USEC_PER_MSEC + 1 : 0,
                       /* repeat= */ 0);
}

static void on_listener(uv_poll_t *poll, int status, int events);

static void listen_again(HttpServer *server)
{
        if (!server->paused || !server->has_listener)
                return;
        server->paused = false;
        if (server->reserve_fd < 0)
                server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        uv_poll_start(&server->listener, UV_READABLE, on_listener);
}

static void on_timer(uv_timer_t *timer)
{
        HttpServer *server = timer->data;
        uint64_t now = now_usec(), earliest = UINT64_MAX;

        server->armed_usec = UINT64_MAX;
        listen_again(server);
        for (HttpConnection *c = server->connections; c; c = c->next) {
                if (c->deadline_usec <= now)
                        http_connection_expire(c);
                if (c->deadline_usec < earliest)
                        earliest = c->deadline_usec;
        }
        http_server_wake(server, earliest);
        http_server_run(server);
}

void http_server_run(HttpServer *server)
{
        MHD_UNSIGNED_LONG_LONG timeout;

        if (server->running || !server->mhd)
                return;
        server->running = true;
        MHD_run(server->mhd);
        server->running = false;
        /* It may have more to do though nothing new comes in, as with requests that came in one piece. */
        if (MHD_get_timeout(server->mhd, &timeout) == MHD_YES && timeout == 0)
                http_server_wake(server, now_usec());
        http_server_settle(server);
}

static void on_work(uv_poll_t *poll, int status, int events)
{
        http_server_run(poll->data);
}

/* What is due after the last answer, once closing. */
void http_server_settle(HttpServer *server)
{
        struct MHD_Daemon *mhd;

        if (!server->closing || server->running || server->n_pending > 0 || !server->mhd)
                return;
        uv_close((uv_handle_t *)&server->work, on_closed);
        uv_close((uv_handle_t *)&server->timer, on_closed);
        mhd = server->mhd;
        server->running = true;
        MHD_run(mhd); /* what was just answered is still suspended */
        server->mhd = NULL;
        MHD_stop_daemon(mhd);
        server->running = false;
}

/* With a descriptor kept in reserve even a process that has no more of them can tell so. */
static int accept_client(HttpServer *server, bool *ret_reserve)
{
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        *ret_reserve = false;
        if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || server->reserve_fd < 0)
                return fd >= 0 ? fd : -errno;
        close(TAKE_FD(server->reserve_fd));
        fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        *ret_reserve = true;
        return fd >= 0 ? fd : -errno;
}

static void refuse_for_want_of_descriptors(HttpServer *server, int fd)
{
        if (fd >= 0) {
                http_refuse_raw(fd, MHD_HTTP_SERVICE_UNAVAILABLE, "EMFILE",
                                _("The daemon has too many files open; try again later."));
                close(fd);
        }
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
        HttpServer *server = poll->data;
        int fd = 0;

        for (unsigned n = 0; n < ACCEPTS_MAX && fd >= 0; n++) {
                bool reserve;

                fd = accept_client(server, &reserve);
                if (reserve)
                        refuse_for_want_of_descriptors(server, fd);
                else if (fd >= 0)
                        http_server_adopt(server, fd);
        }
        if (fd < 0 && fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED) {
                server->paused = true;
                uv_poll_stop(&server->listener);
                http_server_wake(server, now_usec() + PAUSE_USEC);
        }
        http_server_run(server);
}

static void list(HttpServer *server, HttpConnection *connection)
{
        connection->next = server->connections;
        if (connection->next)
                connection->next->previous = connection;
        server->connections = connection;
        server->n_connections++;
}

void http_server_unlist(HttpServer *server, HttpConnection *connection)
{
        if (connection->next)
                connection->next->previous = connection->previous;
        if (connection->previous)
                connection->previous->next = connection->next;
        else
                server->connections = connection->next;
        server->n_connections--;
}

void http_server_adopt(HttpServer *server, int fd)
{
        const struct sockaddr address = {.sa_family = AF_UNIX};
        HttpConnection *connection;

        if (http_connection_new(server, fd, &connection) < 0) {
                close(fd);
                return;
        }
        if (http_connection_is_one_too_many(connection)) {
                http_connection_free(connection);
                close(fd);
                return;
        }
        list(server, connection);
        /* Calls http_on_connection(), which finds it by its descriptor; closes `fd` when it fails. */
        if (MHD_add_connection(server->mhd, fd, &address, sizeof(address.sa_family)) != MHD_YES)
                http_connection_end(connection);
}

static int start_mhd(HttpServer *server)
{
        server->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET,
                                       /* port= */ 0, /* apc= */ NULL, /* apc_cls= */ NULL, http_on_access,
                                       server, MHD_OPTION_CONNECTION_LIMIT, server->limits.connections + 1U,
                                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                                       MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_CONNECTION,
                                       http_on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
                                       http_on_completed, server, MHD_OPTION_URI_LOG_CALLBACK,
                                       http_on_request_line, server, MHD_OPTION_END);
        return server->mhd ? 0 : -ENOMEM;
}

/* Once libuv knows a handle the server must be freed by closing them, so nothing may fail behind. */
static int start_watching(HttpServer *server, int epoll_fd)
{
        int r;

        r = uv_poll_init(server->loop, &server->work, epoll_fd);
        if (r < 0)
                return r;
        server->handles++;
        r = uv_poll_init(server->loop, &server->listener, server->listen_fd);
        if (r < 0) {
                uv_close((uv_handle_t *)&server->work, on_closed);
                return r;
        }
        server->handles++;
        uv_timer_init(server->loop, &server->timer);
        server->handles++;
        server->has_listener = true;
        server->listener.data = server->timer.data = server;
        uv_poll_start(&server->listener, UV_READABLE, on_listener);
        uv_poll_start(&server->work, UV_READABLE, on_work);
        return 0;
}

int http_server_new(uv_loop_t *loop, int listen_fd, const HttpLimits *limits, HttpAuthorizeFn authorize,
                    HttpHandleFn handle, void *userdata, HttpServer **ret, MusterError **ret_error)
{
        CLEANUP(HttpServer) HttpServer *server = calloc(1, sizeof(*server));
        const union MHD_DaemonInfo *info;
        int r;

        if (!server) {
                close(listen_fd);
                return error_oom(ret_error);
        }
        *server = (HttpServer){
                .loop = loop,
                .listen_fd = listen_fd,
                .reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
                .limits = *limits,
                .authorize = authorize,
                .handle = handle,
                .userdata = userdata,
                .armed_usec = UINT64_MAX,
        };
        server->work.data = server;
        r = start_mhd(server);
        if (r < 0)
                return error_oom(ret_error);
        info = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        r = info ? start_watching(server, info->epoll_fd) : -ENOTSUP;
        if (r < 0 && server->handles > 0)
                server = NULL; /* goes with its handle */
        if (r < 0)
                return error_errno(ret_error, r, _("Cannot serve on the socket"));
        *ret = TAKE(server);
        return 0;
}

/* What was answered goes out as far as the sockets take it. As `running` is set, no callback takes a
 * connection off the list meanwhile. */
static void lose_everybody(HttpServer *server)
{
        for (HttpConnection *c = server->connections; c; c = c->next) {
                if (http_request_is_open(c->request))
                        http_request_lose(c->request);
                else if (c->request && c->request->stream)
                        http_stream_lose(c->request->stream);
                else if (!c->request || c->request->state != HTTP_STATE_ANSWERED)
                        shutdown(c->fd, SHUT_RDWR);
        }
}

HttpServer *http_server_close(HttpServer *server)
{
        bool was_running;

        if (!server || server->closing)
                return NULL;
        server->has_listener = false;
        uv_close((uv_handle_t *)&server->listener, on_closed);
        close(TAKE_FD(server->listen_fd));

        server->closing = true;
        was_running = server->running;
        server->running = true;
        lose_everybody(server);
        server->running = was_running;
        http_server_run(server);
        return NULL;
}

size_t http_server_connections(const HttpServer *server)
{
        return server->n_connections;
}
