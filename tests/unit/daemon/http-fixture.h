/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/json.h"
#include "base/util.h"
#include "daemon/http.h"

/*
 * An HTTP server with a handler that does what the test says, and clients that write and read bytes. The
 * server and its clients share one thread: whoever waits for something runs the loop meanwhile, so that
 * nothing depends on luck but the deadlines, which are generous.
 */

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define HELD_MAX      256
#define GET           "GET /x HTTP/1.1\r\nHost: m\r\n\r\n"

typedef struct Fixture {
        uv_loop_t loop;
        HttpServer *server;
        struct sockaddr_un address;
        HttpRight right;
        bool hold;       /* requests are kept in held[] rather than answered */
        bool close_then; /* the handler closes the server */
        unsigned requests, gone, authorized, closed;
        HttpRequest *held[HELD_MAX];
        unsigned n_held;
        bool answer_when_gone;
        HttpStream *stream;
        HttpPeer peer;
        gid_t groups[64];
        char method[16], path[256], body[4096], query[64], header[64];
        size_t body_size;
} Fixture;

static inline char *format_echo(const HttpRequest *request)
{
        size_t size;
        const char *body = http_request_body(request, &size);

        assert_int_equal(body[size], '\0');
        return text_format("%s %s %zu", http_request_method(request), http_request_path(request), size);
}

static inline void answer(HttpRequest *request)
{
        char *body = format_echo(request);

        http_request_answer(request, 200, "text/plain", body, strlen(body));
}

static inline void on_gone(HttpRequest *request, void *userdata)
{
        Fixture *f = userdata;

        f->gone++;
        for (unsigned i = 0; f->answer_when_gone && i < f->n_held; i++)
                if (f->held[i] == request)
                        f->held[i] = NULL;
        if (f->answer_when_gone)
                answer(request);
}

static inline void note(Fixture *f, const HttpRequest *request)
{
        const char *query = http_request_query(request, "q"), *header = http_request_header(request, "X-y");
        const char *body = http_request_body(request, &f->body_size);

        f->requests++;
        snprintf(f->method, sizeof(f->method), "%s", http_request_method(request));
        snprintf(f->path, sizeof(f->path), "%s", http_request_path(request));
        snprintf(f->query, sizeof(f->query), "%s", query ? query : "(none)");
        snprintf(f->header, sizeof(f->header), "%s", header ? header : "(none)");
        snprintf(f->body, sizeof(f->body), "%s", body);
        assert_int_equal(http_request_peer(request)->uid, getuid());
}

static inline void on_closed(HttpStream *stream, void *userdata)
{
        Fixture *f = userdata;

        f->closed++;
        assert_ptr_equal(stream, f->stream);
        f->stream = NULL;
}

static inline void on_request(HttpRequest *request, void *userdata)
{
        Fixture *f = userdata;

        note(f, request);
        http_request_set_gone_handler(request, on_gone, f);
        if (f->close_then)
                f->server = http_server_close(f->server);
        if (f->hold) {
                assert_true(f->n_held < HELD_MAX);
                f->held[f->n_held++] = request;
        } else if (startswith(http_request_path(request), "/stream")) {
                f->stream = http_request_stream(request, "text/event-stream", on_closed, f);
                assert_non_null(f->stream);
        } else if (startswith(http_request_path(request), "/quiet"))
                assert_non_null(http_request_stream(request, "text/event-stream", NULL, NULL));
        else if (startswith(http_request_path(request), "/large"))
                http_request_answer(request, 200, "text/plain", calloc(1, 8U << 20), 8U << 20);
        else
                answer(request);
}

static inline HttpRight on_authorize(const HttpPeer *peer, void *userdata)
{
        Fixture *f = userdata;

        f->authorized++;
        f->peer = *peer;
        assert_true(peer->n_groups <= ELEMENTSOF(f->groups));
        if (peer->n_groups > 0)
                memcpy(f->groups, peer->groups, peer->n_groups * sizeof(gid_t));
        return f->right;
}

static const HttpLimits usual = {
        .connections = 300,
        .connections_per_user = 250,
        .body = 1U << 20,
        .idle_usec = 30 * USEC_PER_SEC,
};

static inline void start_with(Fixture *f, const HttpLimits *limits)
{
        static unsigned n;
        CLEANUP(MusterError) MusterError *error = NULL;
        int fd;

        *f = (Fixture){.right = HTTP_RIGHT_ALL, .address.sun_family = AF_UNIX};
        assert_int_equal(uv_loop_init(&f->loop), 0);
        /* An abstract one leaves nothing behind. */
        snprintf(f->address.sun_path + 1, sizeof(f->address.sun_path) - 1, "http-test-%d-%u", (int)getpid(),
                 n++);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
        assert_int_equal(listen(fd, 512), 0);
        assert_int_equal(
                http_server_new(&f->loop, fd, limits, on_authorize, on_request, f, &f->server, &error), 0);
}

static inline void start(Fixture *f)
{
        start_with(f, &usual);
}

static inline void answer_held(Fixture *f)
{
        for (unsigned i = 0; i < f->n_held; i++)
                if (f->held[i])
                        answer(TAKE(f->held[i]));
        f->n_held = 0;
}

/* The loop has to be empty then: nothing is left open. */
static inline void stop(Fixture *f)
{
        f->server = http_server_close(f->server);
        answer_held(f);
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&f->loop), 0);
        assert_null(f->stream);
}

/* Waits for the loop or for `fd`, and runs the loop; twice, as what callbacks ask for is only then known to
 * the kernel. */
static inline void turn(Fixture *f, int fd, short events)
{
        int timeout = uv_backend_timeout(&f->loop);
        struct pollfd fds[2] = {{.fd = uv_backend_fd(&f->loop), .events = POLLIN},
                                {.fd = fd, .events = events}};

        poll(fds, 2, timeout >= 0 && timeout < 20 ? timeout : 20);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

#define WAIT_FOR(f, condition)                                                                              \
        do {                                                                                                \
                uint64_t _deadline = now_usec() + PATIENCE_USEC;                                            \
                while (!(condition)) {                                                                      \
                        assert_true(now_usec() < _deadline);                                                \
                        turn(f, -1, 0);                                                                     \
                }                                                                                           \
        } while (0)

static inline int dial(Fixture *f)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
        return fd;
}

static inline void hang_up(int *fd)
{
        close(TAKE_FD(*fd));
}

/* Sends all, running the loop; a server that closes meanwhile is no failure here. */
static inline void put_bytes(Fixture *f, int fd, const char *data, size_t size)
{
        uint64_t deadline = now_usec() + PATIENCE_USEC;

        for (size_t at = 0; at < size;) {
                ssize_t n = send(fd, data + at, size - at, MSG_NOSIGNAL);

                assert_true(now_usec() < deadline);
                if (n > 0)
                        at += (size_t)n;
                else if (errno == EAGAIN)
                        turn(f, fd, POLLOUT);
                else
                        return;
        }
}

static inline void put(Fixture *f, int fd, const char *text)
{
        put_bytes(f, fd, text, strlen(text));
}

typedef struct Answer {
        unsigned status;
        bool closed; /* the server closed behind it */
        char text[16384], *body;
        size_t size;
} Answer;

static inline bool receive(int fd, Answer *a)
{
        ssize_t n = recv(fd, a->text + a->size, sizeof(a->text) - 1 - a->size, 0);

        if (n > 0)
                a->size += (size_t)n;
        a->text[a->size] = '\0';
        a->closed |= n == 0 || (n < 0 && errno != EAGAIN);
        return n > 0;
}

static inline size_t wanted_size(const Answer *a, bool head)
{
        const char *end = strstr(a->text, "\r\n\r\n"), *length = strcasestr(a->text, "Content-Length:");

        if (!end)
                return SIZE_MAX;
        return (size_t)(end + 4 - a->text) + (!head && length ? strtoul(length + 15, NULL, 10) : 0);
}

/* One answer, of which no byte more is taken: the next one's stay in the socket. */
static inline void get_answer_to(Fixture *f, int fd, Answer *a, bool head)
{
        uint64_t deadline = now_usec() + PATIENCE_USEC;
        size_t wanted = SIZE_MAX;

        *a = (Answer){};
        while (a->size < wanted && !a->closed) {
                ssize_t n = recv(fd, a->text + a->size, 1, 0);

                assert_true(now_usec() < deadline);
                if (n == 1) {
                        a->text[++a->size] = '\0';
                        wanted = wanted_size(a, head);
                } else if (n == 0 || errno != EAGAIN)
                        a->closed = true;
                else
                        turn(f, fd, POLLIN);
        }
        a->status = a->size > 12 ? (unsigned)strtoul(a->text + 9, NULL, 10) : 0;
        a->body = strstr(a->text, "\r\n\r\n");
        a->body = a->body ? a->body + 4 : a->text + a->size;
}

static inline void get_answer(Fixture *f, int fd, Answer *a)
{
        get_answer_to(f, fd, a, /* head= */ false);
}

static inline void wait_closed(Fixture *f, int fd)
{
        uint64_t deadline = now_usec() + PATIENCE_USEC;
        Answer rest = {};

        while (!rest.closed) {
                assert_true(now_usec() < deadline);
                rest.size = 0;
                if (!receive(fd, &rest) && !rest.closed)
                        turn(f, fd, POLLIN);
        }
}

static inline void assert_refusal(const Answer *a, unsigned status, const char *name)
{
        CLEANUP(json) json_object *root = NULL;
        json_object *error;

        assert_int_equal(a->status, status);
        assert_non_null(strstr(a->text, "Content-Type: application/json\r\n"));
        assert_int_equal(json_parse(a->body, strlen(a->body), &root), 0);
        error = json_get(root, "error", json_type_object);
        assert_string_equal(json_get_string(error, "errno"), name);
        assert_true(strlen(json_get_string(error, "message")) > 10);
}

static inline void assert_echo(Fixture *f, int fd, const char *expected)
{
        Answer a;

        get_answer(f, fd, &a);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, expected);
}
