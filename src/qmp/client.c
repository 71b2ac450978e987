/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"

/*
 * uv_poll_t and own reads and writes rather than uv_pipe_t, for three reasons: libuv writes without
 * MSG_NOSIGNAL, so that a dead emulator would kill a program that forgot to ignore SIGPIPE; it reads up to
 * 32 buffers in a row, so that a flooding emulator would hold up its siblings, where one read a turn is
 * fair; and it copies nothing that cannot be written at once, whereas here that stays in the session.
 *
 * All work is done in on_poll() and on_timer(), and every path through them ends in finish(), which says
 * once that the session is ready or has ended, and then writes and sets the timer. What callers do within
 * callbacks only changes the session; finish() comes behind. So no callback ever runs within
 * qmp_client_call().
 *
 * Life: the polls and the timer lie in the client, so it is freed when libuv has closed the last of them,
 * which is never before the callback that asked for it returned. `closing` is looked at behind every
 * call that may run a callback.
 *
 * The end: reading decides. A failed write says only that nobody reads; what the emulator said before it
 * died is still to be read, so the write error counts only when there is nothing left to read.
 */

#define READ_SIZE (64U * 1024)

/* Reads before calls are judged overdue: 1 MiB is more than a socket holds and than any reply takes. */
#define LATE_READS 16U

/* How long a socket's queue of clients may stay full. QEMU's monitors have room for a client or two in it.
 */
#define CONNECT_MAX_USEC (USEC_PER_SEC / 2)

struct QmpClient {
        QmpSession *session;
        uv_timer_t timer;
        uv_poll_t reader, writer; /* the writer only if write_fd is not read_fd */
        unsigned handles;         /* that libuv knows, in this order */
        int read_fd, write_fd;    /* -1 once hung up */
        int sent_fd;              /* goes with the next bytes; -1: none does */
        bool has_writer, is_socket;
        pid_t peer;

        int watched_read, watched_write; /* the events that are asked of reader and writer */
        uint64_t armed_usec;             /* the deadline that the timer waits for */
        int write_error;

        bool busy, closing, told_ready, told_closed;
        MusterError *why;
        QmpReadyFn ready_fn;
        QmpClosedFn closed_fn;
        void *userdata;
};

/* For the time before libuv knows any handle, and for after it has closed the last. */
static QmpClient *client_free(QmpClient *client)
{
        if (!client)
                return NULL;
        qmp_session_free(client->session);
        muster_error_free(client->why);
        free(client);
        return NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
        QmpClient *client = handle->data;

        if (--client->handles == 0)
                client_free(client);
}

/* Closes the descriptors at once, so that the emulator sees its client gone and its slot free. */
static void hang_up(QmpClient *client)
{
        int read_fd = TAKE_FD(client->read_fd), write_fd = TAKE_FD(client->write_fd),
            sent_fd = TAKE_FD(client->sent_fd);

        if (client->handles >= 1)
                uv_timer_stop(&client->timer);
        if (client->handles >= 2)
                uv_poll_stop(&client->reader);
        if (client->handles >= 3)
                uv_poll_stop(&client->writer);
        if (read_fd >= 0)
                close(read_fd);
        if (write_fd >= 0 && write_fd != read_fd)
                close(write_fd);
        if (sent_fd >= 0)
                close(sent_fd);
}

/* With the first of these bytes, at the latest with which the command that takes it comes. */
static ssize_t write_socket(QmpClient *client, const char *data, size_t size)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec bytes = {.iov_base = (char *)data, .iov_len = size};
        struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
        ssize_t n;

        if (client->sent_fd >= 0) {
                control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
                                                  .cmsg_level = SOL_SOCKET,
                                                  .cmsg_type = SCM_RIGHTS};
                memcpy(CMSG_DATA(&control.header), &client->sent_fd, sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
        }
        n = sendmsg(client->write_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0 && client->sent_fd >= 0)
                close(TAKE_FD(client->sent_fd));
        return n;
}

/* A pipe has no MSG_NOSIGNAL: the SIGPIPE of this very write is held back and taken, anyone else's is left.
 */
static ssize_t write_pipe(int fd, const char *data, size_t size)
{
        const struct timespec at_once = {};
        sigset_t pending, pipe_only, old;
        ssize_t n;
        int error;

        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        sigpending(&pending);
        if (sigismember(&pending, SIGPIPE))
                return write(fd, data, size); /* pending means blocked: another one changes nothing */
        pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
        n = write(fd, data, size);
        error = errno;
        if (n < 0 && error == EPIPE)
                while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
                        ;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        errno = error;
        return n;
}

/* Writes what can be written; the rest stays in the session. */
static void flush(QmpClient *client)
{
        while (client->write_error == 0) {
                size_t size;
                const char *data = qmp_session_output(client->session, &size);
                ssize_t n;

                if (size == 0)
                        return;
                if (client->is_socket)
                        n = write_socket(client, data, size);
                else
                        n = write_pipe(client->write_fd, data, size);
                if (n >= 0)
                        qmp_session_sent(client->session, (size_t)n);
                else if (errno == EAGAIN)
                        return;
                else if (errno != EINTR)
                        client->write_error = -errno;
        }
}

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

static void watch_handle(uv_poll_t *poll, int events, int *watched)
{
        if (events == *watched)
                return;
        *watched = events;
        if (events)
                uv_poll_start(poll, events, on_poll);
        else
                uv_poll_stop(poll);
}

static void watch(QmpClient *client)
{
        size_t size;
        int write_events;

        qmp_session_output(client->session, &size);
        write_events = size > 0 && client->write_error == 0 ? UV_WRITABLE : 0;
        watch_handle(&client->reader, UV_READABLE | (client->has_writer ? 0 : write_events),
                     &client->watched_read);
        if (client->has_writer)
                watch_handle(&client->writer, write_events, &client->watched_write);
}

/* After a failed write the timer comes at once, to read what is left and to end the session. */
static void arm(QmpClient *client)
{
        uint64_t deadline = client->write_error < 0 ? 0 : qmp_session_deadline(client->session), now;

        if (deadline == client->armed_usec)
                return;
        client->armed_usec = deadline;
        if (deadline == UINT64_MAX) {
                uv_timer_stop(&client->timer);
                return;
        }
        /* Rounded up; should the loop's clock lag behind, the timer comes early and is set again. */
        now = now_usec();
        uv_timer_start(&client->timer, on_timer,
                       deadline > now ? (deadline - now - 1) / USEC_PER_MSEC + 1 : 0, /* repeat= */ 0);
}

/* What is due behind everything that may have changed the session. */
static void settle(QmpClient *client)
{
        if (client->busy || client->closing || client->read_fd < 0)
                return;
        flush(client);
        watch(client);
        arm(client);
}

static void tell(QmpClient *client)
{
        QmpState state = qmp_session_state(client->session);

        if (state == QMP_STATE_READY && !client->told_ready) {
                client->told_ready = true;
                if (client->ready_fn)
                        client->ready_fn(client->userdata);
        }
        if (client->closing || qmp_session_state(client->session) != QMP_STATE_CLOSED || client->told_closed)
                return;
        client->told_closed = true;
        hang_up(client);
        if (client->closed_fn)
                client->closed_fn(muster_error_code(client->why), client->why, client->userdata);
}

static void finish(QmpClient *client)
{
        if (!client->closing)
                tell(client);
        client->busy = false;
        settle(client);
}

static void client_hang_up(QmpClient *client, int error)
{
        /* Those two say no more than the end of file does, for which the session has better sentences. */
        if (error == -EPIPE || error == -ECONNRESET)
                error = 0;
        qmp_session_hang_up(client->session, error, &client->why);
}

/* One read. `broken`: there will be no more than what is here. Returns whether more may be here. */
static bool read_some(QmpClient *client, bool broken)
{
        char buffer[READ_SIZE];
        ssize_t n;

        n = read(client->read_fd, buffer, sizeof(buffer));
        if (n > 0)
                return qmp_session_feed(client->session, buffer, (size_t)n, &client->why) >= 0 &&
                       !client->closing;
        if (n == 0)
                client_hang_up(client, /* error= */ 0);
        else if (errno == EAGAIN || errno == EINTR) {
                if (errno == EAGAIN && broken)
                        client_hang_up(client, client->write_error);
        } else
                client_hang_up(client, -errno);
        return false;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        QmpClient *client = poll->data;
        bool is_writer = poll == &client->writer;

        if (client->closing || client->read_fd < 0)
                return;
        client->busy = true;
        if (status < 0) {
                /* POLLERR: libuv has stopped the handle. The other end is gone, maybe with words left to
                 * read. */
                *(is_writer ? &client->watched_write : &client->watched_read) = 0;
                if (is_writer)
                        client->write_error = -EPIPE;
        }
        if (status < 0 || (events & UV_READABLE))
                read_some(client, status < 0);
        finish(client);
}

static void on_timer(uv_timer_t *timer)
{
        QmpClient *client = timer->data;

        if (client->closing || client->read_fd < 0)
                return;
        client->busy = true;
        client->armed_usec = UINT64_MAX;
        /* A loop that was held up elsewhere runs its timers first: a reply that is here is not late. */
        for (unsigned i = 0; i < LATE_READS && read_some(client, client->write_error < 0); i++)
                ;
        if (!client->closing)
                qmp_session_tick(client->session, now_usec());
        finish(client);
}

static int add_poll(QmpClient *client, uv_loop_t *loop, uv_poll_t *poll, int fd)
{
        int r;

        r = uv_poll_init(loop, poll, fd);
        if (r < 0)
                return r;
        poll->data = client;
        client->handles++;
        return 0;
}

static int add_handles(QmpClient *client, uv_loop_t *loop)
{
        int r;

        r = uv_timer_init(loop, &client->timer);
        if (r < 0)
                return r;
        client->timer.data = client;
        client->handles++;
        r = add_poll(client, loop, &client->reader, client->read_fd);
        if (r < 0 || !client->has_writer)
                return r;
        return add_poll(client, loop, &client->writer, client->write_fd);
}

static void look_at_descriptors(QmpClient *client)
{
        struct ucred credentials = {};
        socklen_t size = sizeof(credentials);
        struct stat st;

        fcntl(client->read_fd, F_SETFD, FD_CLOEXEC);
        fcntl(client->write_fd, F_SETFD, FD_CLOEXEC);
        client->has_writer = client->write_fd != client->read_fd;
        client->is_socket = fstat(client->write_fd, &st) == 0 && S_ISSOCK(st.st_mode);
        if (getsockopt(client->read_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
                client->peer = credentials.pid;
}

static int client_open(uv_loop_t *loop, int read_fd, int write_fd, QmpClient **ret, MusterError **ret_error)
{
        QmpClient *client = calloc(1, sizeof(*client));
        int r;

        if (!client) {
                close(read_fd);
                if (write_fd != read_fd)
                        close(write_fd);
                return error_oom(ret_error);
        }
        client->read_fd = read_fd;
        client->write_fd = write_fd;
        client->sent_fd = -1;
        client->armed_usec = UINT64_MAX;
        look_at_descriptors(client);
        r = qmp_session_new(&client->session);
        if (r >= 0)
                r = add_handles(client, loop);
        if (r < 0) {
                qmp_client_close(client);
                return error_errno(ret_error, r,
                                   _("Cannot watch the QMP connection; it must be a socket or pipes"));
        }
        watch(client);
        *ret = client;
        return 0;
}

int qmp_client_open_socket(uv_loop_t *loop, int fd, QmpClient **ret, MusterError **ret_error)
{
        return client_open(loop, fd, fd, ret, ret_error);
}

int qmp_client_open_pipes(uv_loop_t *loop, int read_fd, int write_fd, QmpClient **ret,
                          MusterError **ret_error)
{
        return client_open(loop, read_fd, write_fd, ret, ret_error);
}

static void set_connect_limit(int fd, uint64_t usec)
{
        const struct timeval limit = {
                .tv_sec = (time_t)(usec / USEC_PER_SEC),
                .tv_usec = (suseconds_t)(usec % USEC_PER_SEC),
        };

        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* A full queue makes the kernel wait, as long as SO_SNDTIMEO says, and then say EAGAIN. */
static int connect_in_time(int fd, const struct sockaddr_un *address)
{
        uint64_t end = now_usec() + CONNECT_MAX_USEC, now;

        while ((now = now_usec()) < end) {
                set_connect_limit(fd, end - now);
                if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                        return 0;
                if (errno != EINTR)
                        return -errno;
        }
        return -EAGAIN;
}

static int describe_connect(const char *path, int r, MusterError **ret_error)
{
        switch (r) {
        case -EAGAIN:
                return error_set(
                        ret_error, r,
                        _("%s does not accept connections: other clients hold or await this QMP monitor; "
                          "end one of them, or give the emulator a second monitor."),
                        path);
        case -ECONNREFUSED:
                return error_set(
                        ret_error, r,
                        _("Nobody listens on %s: the emulator that made it has ended, or it is no socket."),
                        path);
        case -ENOENT:
                return error_set(ret_error, r, _("There is no socket %s; is the emulator running?"), path);
        case -EACCES:
                return error_set(ret_error, r,
                                 _("No permission to connect to %s; become its owner's user or root."),
                                 path);
        case -EPROTOTYPE:
                return error_set(ret_error, r, _("%s is a socket, but not one for QMP (no stream socket)."),
                                 path);
        default:
                return error_errno(ret_error, r, _("Cannot connect to %s"), path);
        }
}

int qmp_client_connect(uv_loop_t *loop, const char *path, QmpClient **ret, MusterError **ret_error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = -1;
        int r;

        /* An empty path would be an abstract address of the kernel's choice. */
        if (!*path)
                return error_set(ret_error, -EINVAL,
                                 _("The QMP socket's path is empty; give one, as in unix:PATH."));
        if (strlen(path) >= sizeof(address.sun_path))
                return error_set(ret_error, -ENAMETOOLONG,
                                 _("The socket's path %s is longer than the %zu bytes that a socket's may "
                                   "have; use a "
                                   "relative path or a symbolic link to its folder."),
                                 path, sizeof(address.sun_path) - 1);
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_errno(ret_error, -errno, _("Cannot make a socket"));
        r = connect_in_time(fd, &address);
        if (r < 0)
                return describe_connect(path, r, ret_error);
        return qmp_client_open_socket(loop, TAKE_FD(fd), ret, ret_error);
}

void qmp_client_set_handlers(QmpClient *client, QmpReadyFn ready, QmpClosedFn closed, QmpEventFn event,
                             void *userdata)
{
        client->ready_fn = ready;
        client->closed_fn = closed;
        client->userdata = userdata;
        qmp_session_set_event_handler(client->session, event, userdata);
}

int qmp_client_peer_pid(const QmpClient *client, pid_t *ret)
{
        /* 0 also stands for a process of another PID namespace. */
        if (client->peer <= 0)
                return -ENODATA;
        *ret = client->peer;
        return 0;
}

QmpSession *qmp_client_session(QmpClient *client)
{
        return client->session;
}

int qmp_client_send_fd(QmpClient *client, int fd)
{
        CLEANUP(fd) int owned = fd;

        if (!client->is_socket || client->write_fd < 0)
                return -ENOTSOCK;
        if (client->sent_fd >= 0)
                return -EBUSY;
        client->sent_fd = TAKE_FD(owned);
        return 0;
}

int qmp_client_call(QmpClient *client, const char *command, json_object *arguments, unsigned flags,
                    uint64_t timeout_usec, QmpReplyFn fn, void *userdata, QmpSlot **ret_slot)
{
        uint64_t now = now_usec();
        int r;

        r = qmp_session_call(client->session, command, arguments, flags,
                             timeout_usec < UINT64_MAX - now ? now + timeout_usec : UINT64_MAX, fn, userdata,
                             ret_slot);
        if (r < 0)
                return r;
        settle(client);
        return 0;
}

QmpClient *qmp_client_close(QmpClient *client)
{
        unsigned handles;

        if (!client || client->closing)
                return NULL;
        client->closing = true;
        if (client->session) {
                qmp_session_set_event_handler(client->session, /* fn= */ NULL, /* userdata= */ NULL);
                qmp_session_hang_up(client->session, -ECANCELED, /* ret_error= */ NULL);
        }
        hang_up(client);
        handles = client->handles;
        if (handles == 0)
                return client_free(client);
        uv_close((uv_handle_t *)&client->timer, on_handle_closed);
        if (handles >= 2)
                uv_close((uv_handle_t *)&client->reader, on_handle_closed);
        if (handles >= 3)
                uv_close((uv_handle_t *)&client->writer, on_handle_closed);
        return NULL;
}
