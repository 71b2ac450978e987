/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The adapter between a QmpSession, which knows neither time nor descriptors, and libuv. At most one write
 * is under way; what queues up meanwhile stays with the session. Every turn ends in settle(): write what
 * there is to write, set the timer to the earliest deadline, tell who wanted to know that the session became
 * ready or ended.
 *
 * Closing may happen within any callback, so the client is freed only when libuv has closed its last handle,
 * which it tells from the loop and never from within our callbacks.
 */

#include "qmp/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"

#define READ_SIZE (64U * 1024)

struct QmpClient {
        QmpSession *session;
        uv_pipe_t in, out; /* `out` is used only where the peer reads from another pipe */
        uv_timer_t timer;
        uv_write_t write;
        char *writing; /* the bytes of the write that is under way */
        bool has_out, closing, ready_told, closed_told;
        unsigned n_handles;
        pid_t peer;
        QmpReadyFn on_ready;
        QmpClosedFn on_closed;
        void *userdata;
        char buffer[READ_SIZE];
};

static void on_handle_closed(uv_handle_t *handle)
{
        QmpClient *client = handle->data;

        if (--client->n_handles > 0)
                return;
        qmp_session_free(client->session);
        free(client->writing);
        free(client);
}

static void close_handle(uv_handle_t *handle)
{
        if (!uv_is_closing(handle))
                uv_close(handle, on_handle_closed);
}

static void close_handles(QmpClient *client)
{
        close_handle((uv_handle_t *)&client->timer);
        close_handle((uv_handle_t *)&client->in);
        if (client->has_out)
                close_handle((uv_handle_t *)&client->out);
}

QmpClient *qmp_client_close(QmpClient *client)
{
        if (!client || client->closing)
                return NULL;
        client->closing = true;
        client->closed_told = true;
        qmp_session_hang_up(client->session, -ECANCELED, NULL);
        close_handles(client);
        return NULL;
}

/* The session has ended: stop reading, tell once. */
static void ended(QmpClient *client, int error, MusterError *why)
{
        uv_read_stop((uv_stream_t *)&client->in);
        uv_timer_stop(&client->timer);
        if (client->closed_told)
                return;
        client->closed_told = true;
        if (client->on_closed)
                client->on_closed(error, why, client->userdata);
}

static void break_off(QmpClient *client, int error)
{
        CLEANUP(MusterError) MusterError *why = NULL;
        int r;

        if (client->closing || qmp_session_state(client->session) == QMP_STATE_CLOSED)
                return;
        r = qmp_session_hang_up(client->session, error, &why);
        ended(client, r, why);
}

static void settle(QmpClient *client);

static void on_written(uv_write_t *request, int status)
{
        QmpClient *client = request->data;

        free(TAKE(client->writing));
        if (client->closing)
                return;
        /* EPIPE: the peer is gone. What it said before is still to be read, and its end will be. */
        if (status < 0 && status != UV_EPIPE && status != UV_ECANCELED)
                break_off(client, status);
        else if (status == 0)
                settle(client);
}

static void flush(QmpClient *client)
{
        uv_stream_t *stream = (uv_stream_t *)(client->has_out ? &client->out : &client->in);
        const char *data;
        uv_buf_t buf;
        size_t size;
        int r;

        if (client->writing)
                return;
        data = qmp_session_output(client->session, &size);
        if (size == 0)
                return;
        client->writing = malloc(size);
        if (!client->writing) {
                break_off(client, -ENOMEM);
                return;
        }
        memcpy(client->writing, data, size);
        qmp_session_sent(client->session, size);
        buf = uv_buf_init(client->writing, (unsigned)size);
        client->write.data = client;
        r = uv_write(&client->write, stream, &buf, 1, on_written);
        if (r < 0) {
                free(TAKE(client->writing));
                if (r != UV_EPIPE)
                        break_off(client, r);
        }
}

static void on_timer(uv_timer_t *timer)
{
        QmpClient *client = timer->data;

        qmp_session_tick(client->session, now_usec());
        settle(client);
}

static void arm(QmpClient *client)
{
        uint64_t deadline = qmp_session_deadline(client->session), now;

        if (deadline == UINT64_MAX) {
                uv_timer_stop(&client->timer);
                return;
        }
        now = now_usec();
        uv_update_time(client->timer.loop);
        /* Rounded up: a timer that fires early would find nothing overdue and spin. */
        uv_timer_start(&client->timer, on_timer,
                       deadline <= now ? 0 : (deadline - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, 0);
}

static void settle(QmpClient *client)
{
        if (client->closing || qmp_session_state(client->session) == QMP_STATE_CLOSED)
                return;
        if (!client->ready_told && qmp_session_state(client->session) == QMP_STATE_READY) {
                client->ready_told = true;
                if (client->on_ready)
                        client->on_ready(client->userdata);
                if (client->closing)
                        return;
        }
        flush(client);
        if (!client->closing && qmp_session_state(client->session) != QMP_STATE_CLOSED)
                arm(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
        QmpClient *client = handle->data;

        (void)suggested;
        *buf = uv_buf_init(client->buffer, sizeof(client->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        CLEANUP(MusterError) MusterError *why = NULL;
        QmpClient *client = stream->data;
        int r;

        if (n == 0 || client->closing)
                return;
        if (n < 0) {
                /* ECONNRESET: the peer closed with our bytes unread, which is its end all the same. */
                break_off(client, n == UV_EOF || n == UV_ECONNRESET ? 0 : (int)n);
                return;
        }
        r = qmp_session_feed(client->session, buf->base, (size_t)n, &why);
        if (client->closing)
                return;
        if (r < 0)
                ended(client, r, why);
        else
                settle(client);
}

static int open_pipe(uv_loop_t *loop, uv_pipe_t *pipe, QmpClient *client, int *fd)
{
        int r;

        r = uv_pipe_init(loop, pipe, /* ipc= */ 0);
        if (r < 0)
                return r;
        pipe->data = client;
        client->n_handles++;
        r = uv_pipe_open(pipe, *fd);
        if (r >= 0)
                *fd = -1;
        return r;
}

/* Takes over descriptors that it sets to -1. After a failure the client goes as the loop runs on. */
static int client_start(QmpClient *client, uv_loop_t *loop, int *read_fd, int *write_fd)
{
        int r;

        uv_timer_init(loop, &client->timer);
        client->timer.data = client;
        client->n_handles++;
        r = open_pipe(loop, &client->in, client, read_fd);
        if (r >= 0 && write_fd) {
                client->has_out = true;
                r = open_pipe(loop, &client->out, client, write_fd);
        }
        if (r >= 0)
                r = uv_read_start((uv_stream_t *)&client->in, on_alloc, on_read);
        return r;
}

static int client_open(uv_loop_t *loop, int read_fd, int *write_fd, pid_t peer, QmpClient **ret,
                       MusterError **ret_error)
{
        CLEANUP(fd) int in = read_fd;
        CLEANUP(fd) int out = write_fd ? *write_fd : -1;
        QmpClient *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return error_oom(ret_error);
        if (qmp_session_new(&client->session) < 0) {
                free(client);
                return error_oom(ret_error);
        }
        client->peer = peer;
        r = client_start(client, loop, &in, write_fd ? &out : NULL);
        if (r < 0) {
                qmp_client_close(client);
                return error_errno(ret_error, r, _("The connection to the emulator cannot be watched"));
        }
        *ret = client;
        return 0;
}

static pid_t socket_peer(int fd)
{
        struct ucred cred;
        socklen_t size = sizeof(cred);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 ? 0 : cred.pid;
}

int qmp_client_open_socket(uv_loop_t *loop, int fd, QmpClient **ret, MusterError **ret_error)
{
        return client_open(loop, fd, NULL, socket_peer(fd), ret, ret_error);
}

int qmp_client_open_pipes(uv_loop_t *loop, int read_fd, int write_fd, QmpClient **ret,
                          MusterError **ret_error)
{
        return client_open(loop, read_fd, &write_fd, /* peer= */ 0, ret, ret_error);
}

int qmp_client_connect(uv_loop_t *loop, const char *path, QmpClient **ret, MusterError **ret_error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return error_set(
                        ret_error, -ENAMETOOLONG,
                        _("The socket's path %s is longer than the %zu bytes that a Unix socket may have; "
                          "use a shorter path or a link to its folder."),
                        path, sizeof(address.sun_path) - 1);
        strcpy(address.sun_path, path);
        /* Not blocking: where the listener's backlog is full, that is EAGAIN instead of waiting for ever. */
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_errno(ret_error, -errno, _("A socket cannot be made"));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                if (errno == EAGAIN)
                        return error_set(
                                ret_error, -EBUSY,
                                _("The monitor at %s has other clients waiting already; give the emulator a "
                                  "further -qmp socket for muster."),
                                path);
                return error_errno(ret_error, -errno, _("The monitor at %s cannot be reached"), path);
        }
        return qmp_client_open_socket(loop, TAKE_FD(fd), ret, ret_error);
}

void qmp_client_set_handlers(QmpClient *client, QmpReadyFn ready, QmpClosedFn closed, QmpEventFn event,
                             void *userdata)
{
        client->on_ready = ready;
        client->on_closed = closed;
        client->userdata = userdata;
        qmp_session_set_event_handler(client->session, event, userdata);
}

int qmp_client_peer_pid(const QmpClient *client, pid_t *ret)
{
        if (client->peer <= 0)
                return -ESRCH;
        *ret = client->peer;
        return 0;
}

QmpSession *qmp_client_session(QmpClient *client)
{
        return client->session;
}

int qmp_client_call(QmpClient *client, const char *command, json_object *arguments, unsigned flags,
                    uint64_t timeout_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot)
{
        int r;

        if (client->closing)
                return -ESHUTDOWN;
        r = qmp_session_call(client->session, command, arguments, flags, now_usec() + timeout_usec, fn,
                             userdata, ret_slot);
        if (r < 0)
                return r;
        settle(client);
        return 0;
}
