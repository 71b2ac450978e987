/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"
#include "daemon/http-private.h"

/*
 * Nobody but libmicrohttpd closes the socket. It does not look at a suspended connection, so while a request
 * waits for its answer, or a stream for something to send, the loop watches the same socket for the client's
 * end. A client that only said that it will send no more (shutdown(SHUT_WR), as `nc -N` and socat do) still
 * wants its answer, and UV_DISCONNECT would report it for ever; so what is asked for is urgent data, which
 * nobody sends, since POLLHUP and POLLERR come unasked.
 *
 * The watch is made when first needed and stays: most connections of a daemon that answers at once never
 * need it.
 */

/* Of the connections, for users without any right: one in so many. */
#define STRANGERS_SHARE 8U

#define GROUPS_MAX      65536U /* NGROUPS_MAX of Linux */

static int read_groups(int fd, HttpPeer *peer)
{
        CLEANUP(free) gid_t *groups = NULL;
        socklen_t size = 0;

        while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
                if (errno != ERANGE || size == 0 || size > GROUPS_MAX * sizeof(gid_t))
                        return -errno;
                free(groups);
                groups = malloc(size);
                if (!groups)
                        return -ENOMEM;
        }
        peer->n_groups = size / sizeof(gid_t);
        peer->groups = TAKE(groups);
        return 0;
}

static int read_peer(int fd, HttpPeer *peer)
{
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        peer->pid = credentials.pid;
        peer->uid = credentials.uid;
        peer->gid = credentials.gid;
        return read_groups(fd, peer);
}

HttpConnection *http_connection_free(HttpConnection *connection)
{
        if (!connection)
                return NULL;
        http_request_free(connection->request);
        free((gid_t *)connection->peer.groups);
        free(connection);
        return NULL;
}

int http_connection_new(HttpServer *server, int fd, HttpConnection **ret)
{
        CLEANUP(HttpConnection) HttpConnection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection)
                return -ENOMEM;
        connection->server = server;
        connection->fd = fd;
        connection->deadline_usec = UINT64_MAX;
        connection->watch.data = connection;
        r = read_peer(fd, &connection->peer);
        if (r < 0)
                return r;
        connection->peer.right = server->authorize(&connection->peer, server->userdata);
        *ret = TAKE(connection);
        return 0;
}

/* Those who may not do anything have to come in to be told so properly; they get little room for it. */
static size_t most_of_its_kind(const HttpConnection *connection)
{
        const HttpLimits *limits = &connection->server->limits;
        size_t strangers = 1 + limits->connections / STRANGERS_SHARE;

        return connection->peer.right == HTTP_RIGHT_NONE && strangers < limits->connections
                       ? strangers
                       : limits->connections;
}

static bool refuse_one_too_many(const HttpConnection *connection)
{
        http_refuse_raw(connection->fd, MHD_HTTP_SERVICE_UNAVAILABLE, "EAGAIN",
                        _("The daemon serves as many clients as it may; try again later."));
        return true;
}

bool http_connection_is_one_too_many(const HttpConnection *connection)
{
        const HttpServer *server = connection->server;
        size_t of_user = 0, of_kind = 0;

        if (server->n_connections >= server->limits.connections)
                return refuse_one_too_many(connection);
        for (const HttpConnection *c = server->connections; c; c = c->next) {
                of_user += c->peer.uid == connection->peer.uid;
                of_kind += c->peer.right == connection->peer.right;
        }
        if (of_kind >= most_of_its_kind(connection))
                return refuse_one_too_many(connection);
        if (of_user < server->limits.connections_per_user)
                return false;
        http_refuse_raw(connection->fd, MHD_HTTP_TOO_MANY_REQUESTS, "EAGAIN",
                        _("This user has as many connections to the daemon as one may have; "
                          "close one and try again."));
        return true;
}

void http_connection_set_deadline(HttpConnection *connection, uint64_t deadline_usec)
{
        connection->deadline_usec = deadline_usec;
        http_server_wake(connection->server, deadline_usec);
}

static void on_watch(uv_poll_t *poll_handle, int status, int events);

static void watch(HttpConnection *connection)
{
        HttpServer *server = connection->server;

        if (!connection->has_watch) {
                if (uv_poll_init(server->loop, &connection->watch, connection->fd) < 0)
                        return; /* its going away shows when it is answered */
                connection->has_watch = true;
                server->handles++;
        }
        uv_poll_start(&connection->watch, UV_PRIORITIZED, on_watch);
}

static void unwatch(HttpConnection *connection)
{
        if (connection->has_watch)
                uv_poll_stop(&connection->watch);
}

/* The client is gone, for certain: neither does it send any more nor does it read. */
static void lose(HttpConnection *connection)
{
        unwatch(connection);
        if (http_request_is_open(connection->request))
                http_request_lose(connection->request);
        else if (connection->request && connection->request->stream)
                http_stream_lose(connection->request->stream);
}

/* Comes for the end, or else for urgent data, of which HTTP knows nothing. */
static void on_watch(uv_poll_t *poll_handle, int status, int events)
{
        HttpConnection *connection = poll_handle->data;
        struct pollfd state = {.fd = connection->fd};

        if (status < 0 || poll(&state, 1, /* timeout= */ 0) != 0)
                lose(connection);
        else
                unwatch(connection);
}

void http_connection_suspend(HttpConnection *connection)
{
        MHD_suspend_connection(connection->mhd);
        watch(connection);
}

/* It goes on with the next MHD_run(), of which libmicrohttpd gives no sign on its epoll descriptor. */
void http_connection_resume(HttpConnection *connection)
{
        unwatch(connection);
        MHD_resume_connection(connection->mhd);
        http_server_wake(connection->server, /* deadline_usec= */ 0);
}

char *http_refusal(const char *name, const char *message)
{
        CLEANUP(json) json_object *root = json_object_new_object();
        json_object *error = json_object_new_object();

        if (!root || !error || json_add_string(error, "errno", name) < 0 ||
            json_add_string(error, "message", message) < 0) {
                json_object_put(error);
                return NULL;
        }
        return json_add(root, "error", error) < 0 ? NULL : json_to_text(root);
}

void http_refuse_raw(int fd, unsigned status, const char *name, const char *message)
{
        CLEANUP(free) char *body = http_refusal(name, message), *text = NULL;
        char unread[4096];

        if (body)
                text = text_format("HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
                                   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                                   status, MHD_get_reason_phrase_for(status), strlen(body), body);
        if (text)
                (void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        /* A socket that is closed with something unread in it fails at the client's end (ECONNRESET). */
        for (unsigned n = 0; n < 16 && recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0; n++)
                ;
        shutdown(fd, SHUT_RDWR);
}

/* Before the first request nobody can tell a client that sends nothing from one that began to; behind it, an
 * answer to no request would be taken for the next one's. */
void http_connection_expire(HttpConnection *connection)
{
        const HttpRequest *request = connection->request;

        connection->deadline_usec = UINT64_MAX;
        if (request ? request->state == HTTP_STATE_RECEIVING : !connection->served)
                http_refuse_raw(connection->fd, MHD_HTTP_REQUEST_TIMEOUT, "ETIMEDOUT",
                                _("The request did not come in whole in time."));
        else
                shutdown(connection->fd, SHUT_RDWR);
}

static HttpConnection *find_by_fd(const HttpServer *server, int fd)
{
        for (HttpConnection *c = server->connections; c; c = c->next)
                if (c->fd == fd && !c->mhd)
                        return c;
        return NULL;
}

static void start(HttpServer *server, struct MHD_Connection *mhd, void **context)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        HttpConnection *connection = info ? find_by_fd(server, info->connect_fd) : NULL;

        *context = connection;
        if (!connection)
                return;
        connection->mhd = mhd;
        http_connection_set_deadline(connection, now_usec() + server->limits.idle_usec);
}

static void on_watch_closed(uv_handle_t *handle)
{
        HttpConnection *connection = handle->data;
        HttpServer *server = connection->server;

        http_connection_free(connection);
        http_server_handle_closed(server);
}

/* Behind this the descriptor is closed, perhaps to be the next client's. */
void http_connection_end(HttpConnection *connection)
{
        http_server_unlist(connection->server, connection);
        if (connection->has_watch)
                uv_close((uv_handle_t *)&connection->watch, on_watch_closed);
        else
                http_connection_free(connection);
}

void http_on_connection(void *userdata, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                start(userdata, mhd, context);
        else if (*context)
                http_connection_end(TAKE(*context));
}
