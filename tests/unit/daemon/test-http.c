/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/json.h"
#include "base/util.h"
#include "daemon/http.h"

/*
 * The server and its clients share one thread: whoever waits for something runs the loop meanwhile, so that
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

static char *format_echo(const HttpRequest *request)
{
        size_t size;
        const char *body = http_request_body(request, &size);

        assert_int_equal(body[size], '\0');
        return text_format("%s %s %zu", http_request_method(request), http_request_path(request), size);
}

static void answer(HttpRequest *request)
{
        char *body = format_echo(request);

        http_request_answer(request, 200, "text/plain", body, strlen(body));
}

static void on_gone(HttpRequest *request, void *userdata)
{
        Fixture *f = userdata;

        f->gone++;
        for (unsigned i = 0; f->answer_when_gone && i < f->n_held; i++)
                if (f->held[i] == request)
                        f->held[i] = NULL;
        if (f->answer_when_gone)
                answer(request);
}

static void note(Fixture *f, const HttpRequest *request)
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

static void on_closed(HttpStream *stream, void *userdata)
{
        Fixture *f = userdata;

        f->closed++;
        assert_ptr_equal(stream, f->stream);
        f->stream = NULL;
}

static void on_request(HttpRequest *request, void *userdata)
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

static HttpRight on_authorize(const HttpPeer *peer, void *userdata)
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

static void start_with(Fixture *f, const HttpLimits *limits)
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

static void start(Fixture *f)
{
        start_with(f, &usual);
}

static void answer_held(Fixture *f)
{
        for (unsigned i = 0; i < f->n_held; i++)
                if (f->held[i])
                        answer(TAKE(f->held[i]));
        f->n_held = 0;
}

/* The loop has to be empty then: nothing is left open. */
static void stop(Fixture *f)
{
        f->server = http_server_close(f->server);
        answer_held(f);
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&f->loop), 0);
        assert_null(f->stream);
}

/* Waits for the loop or for `fd`, and runs the loop; twice, as what callbacks ask for is only then known to
 * the kernel. */
static void turn(Fixture *f, int fd, short events)
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

static int dial(Fixture *f)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
        return fd;
}

static void hang_up(int *fd)
{
        close(TAKE_FD(*fd));
}

/* Sends all, running the loop; a server that closes meanwhile is no failure here. */
static void put_bytes(Fixture *f, int fd, const char *data, size_t size)
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

static void put(Fixture *f, int fd, const char *text)
{
        put_bytes(f, fd, text, strlen(text));
}

typedef struct Answer {
        unsigned status;
        bool closed; /* the server closed behind it */
        char text[16384], *body;
        size_t size;
} Answer;

static bool receive(int fd, Answer *a)
{
        ssize_t n = recv(fd, a->text + a->size, sizeof(a->text) - 1 - a->size, 0);

        if (n > 0)
                a->size += (size_t)n;
        a->text[a->size] = '\0';
        a->closed |= n == 0 || (n < 0 && errno != EAGAIN);
        return n > 0;
}

static size_t wanted_size(const Answer *a, bool head)
{
        const char *end = strstr(a->text, "\r\n\r\n"), *length = strcasestr(a->text, "Content-Length:");

        if (!end)
                return SIZE_MAX;
        return (size_t)(end + 4 - a->text) + (!head && length ? strtoul(length + 15, NULL, 10) : 0);
}

/* One answer, of which no byte more is taken: the next one's stay in the socket. */
static void get_answer_to(Fixture *f, int fd, Answer *a, bool head)
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

static void get_answer(Fixture *f, int fd, Answer *a)
{
        get_answer_to(f, fd, a, /* head= */ false);
}

static void wait_closed(Fixture *f, int fd)
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

static void assert_refusal(const Answer *a, unsigned status, const char *name)
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

static void assert_echo(Fixture *f, int fd, const char *expected)
{
        Answer a;

        get_answer(f, fd, &a);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, expected);
}

static void test_answers_and_stays_open(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;

        start(&f);
        fd = dial(&f);
        put(&f, fd, "GET /a%20b/c?q=1%2B1&r HTTP/1.1\r\nHost: m\r\nx-Y: z\r\n\r\n");
        assert_echo(&f, fd, "GET /a b/c 0");
        assert_string_equal(f.query, "1+1");
        assert_string_equal(f.header, "z");
        put(&f, fd, "POST /p HTTP/1.1\r\nHost: m\r\nContent-Length: 5\r\n\r\nhello");
        assert_echo(&f, fd, "POST /p 5");
        assert_string_equal(f.body, "hello");
        put(&f, fd, "GET /with-body HTTP/1.1\r\nHost: m\r\nContent-Length: 3\r\n\r\nabc");
        assert_echo(&f, fd, "GET /with-body 3");
        put(&f, fd, "DELETE /d HTTP/1.1\r\nHost: m\r\n\r\n");
        assert_echo(&f, fd, "DELETE /d 0");
        assert_int_equal(f.authorized, 1);
        assert_int_equal(http_server_connections(f.server), 1);
        hang_up(&fd);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void test_knows_its_peer(void **state)
{
        CLEANUP(fd) int fd = -1;
        gid_t groups[64];
        Fixture f;
        int n;

        start(&f);
        fd = dial(&f);
        put(&f, fd, GET);
        assert_echo(&f, fd, "GET /x 0");
        assert_int_equal(f.peer.pid, getpid());
        assert_int_equal(f.peer.uid, geteuid());
        assert_int_equal(f.peer.gid, getegid());
        n = getgroups(ELEMENTSOF(groups), groups);
        assert_true(n >= 0);
        assert_int_equal(f.peer.n_groups, n);
        assert_memory_equal(f.groups, groups, (size_t)n * sizeof(gid_t));
        stop(&f);
}

static void test_any_split(void **state)
{
        static const char text[] =
                "PUT /s?q=v HTTP/1.1\r\nHost: m\r\nX-Y: w\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
        CLEANUP(fd) int fd = -1;
        Fixture f;

        start(&f);
        fd = dial(&f);
        for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
                put_bytes(&f, fd, text, cut);
                for (unsigned i = 0; i < 3; i++)
                        uv_run(&f.loop, UV_RUN_NOWAIT);
                put_bytes(&f, fd, text + cut, sizeof(text) - 1 - cut);
                assert_echo(&f, fd, "PUT /s 5");
                assert_string_equal(f.body, "abcde");
                assert_string_equal(f.query, "v");
                assert_string_equal(f.header, "w");
        }
        for (size_t at = 0; at < sizeof(text) - 1; at++) {
                put_bytes(&f, fd, text + at, 1);
                uv_run(&f.loop, UV_RUN_NOWAIT);
        }
        assert_echo(&f, fd, "PUT /s 5");
        stop(&f);
}

static void test_answers_later_in_any_order(void **state)
{
        int fds[3];
        Fixture f;

        start(&f);
        f.hold = true;
        for (unsigned i = 0; i < 3; i++) {
                CLEANUP(free) char *text = text_format("GET /%u HTTP/1.1\r\nHost: m\r\n\r\n", i);

                fds[i] = dial(&f);
                put(&f, fds[i], text);
                WAIT_FOR(&f, f.n_held == i + 1);
        }
        for (unsigned i = 3; i-- > 0;) {
                CLEANUP(free) char *text = text_format("GET /%u 0", i);

                answer(TAKE(f.held[i]));
                assert_echo(&f, fds[i], text);
                close(fds[i]);
        }
        assert_int_equal(f.gone, 0);
        f.n_held = 0;
        stop(&f);
}

static void test_pipelined(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;

        start(&f);
        f.hold = true;
        fd = dial(&f);
        put(&f, fd,
            "GET /1 HTTP/1.1\r\nHost: m\r\n\r\nPOST /2 HTTP/1.1\r\nHost: m\r\nContent-Length: 2\r\n\r\nab"
            "GET /3 HTTP/1.1\r\nHost: m\r\n\r\n");
        for (unsigned i = 0; i < 3; i++) {
                static const char *const expected[] = {"GET /1 0", "POST /2 2", "GET /3 0"};

                WAIT_FOR(&f, f.n_held == i + 1);
                assert_int_equal(f.requests, i + 1); /* one after the other */
                answer(TAKE(f.held[i]));
                assert_echo(&f, fd, expected[i]);
        }
        f.n_held = 0;
        f.hold = false;
        put(&f, fd, GET GET GET);
        for (unsigned i = 0; i < 3; i++)
                assert_echo(&f, fd, "GET /x 0");
        stop(&f);
}

static void test_expect_continue(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;
        Answer a;

        start(&f);
        fd = dial(&f);
        put(&f, fd, "POST /e HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        get_answer(&f, fd, &a);
        assert_int_equal(a.status, 100);
        put(&f, fd, "abcd");
        assert_echo(&f, fd, "POST /e 4");
        /* One that will not be taken is told so before it is sent. */
        put(&f, fd,
            "POST /e HTTP/1.1\r\nHost: m\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
        get_answer(&f, fd, &a);
        assert_refusal(&a, 413, "EMSGSIZE");
        wait_closed(&f, fd);
        assert_int_equal(f.requests, 1);
        stop(&f);
}

static void test_head_and_close(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;
        Answer a;

        start(&f);
        fd = dial(&f);
        put(&f, fd, "HEAD /h HTTP/1.1\r\nHost: m\r\n\r\n");
        get_answer_to(&f, fd, &a, /* head= */ true);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.text, "Content-Length: 9\r\n"));
        put(&f, fd, "GET /c HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
        assert_echo(&f, fd, "GET /c 0");
        wait_closed(&f, fd);
        hang_up(&fd);
        fd = dial(&f);
        put(&f, fd, "GET /old HTTP/1.0\r\n\r\n");
        assert_echo(&f, fd, "GET /old 0");
        wait_closed(&f, fd);
        stop(&f);
}

/* What is not to be understood, or too large, is refused, and the handler never sees it. */
static void test_refusals(void **state)
{
        static const struct {
                const char *text;
                unsigned status;
                const char *name; /* NULL: libmicrohttpd's own answer */
        } cases[] = {
                {"GET /a%00b HTTP/1.1\r\nHost: m\r\n\r\n", 400, "EINVAL"},
                {"GET /a?b=%00b HTTP/1.1\r\nHost: m\r\n\r\n", 400, "EINVAL"},
                {"GET http://m/a HTTP/1.1\r\nHost: m\r\n\r\n", 400, "EINVAL"},
                {"GET /a?q=%c3 HTTP/1.1\r\nHost: m\r\n\r\n", 400, "EINVAL"},
                {"GET /a%ff HTTP/1.1\r\nHost: m\r\n\r\n", 400, "EINVAL"},
                {"POST /a HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "EINVAL"},
                {"POST /a HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
                 "0\r\n\r\n",
                 400, "EINVAL"},
                {"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400,
                 "EINVAL"},
                {"DELETE /a HTTP/1.1\r\nHost: m\r\nContent-Length: 1048577\r\n\r\nGET / HTTP/1.1\r\n\r\n",
                 413, "EMSGSIZE"},
                {"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: -1\r\n\r\n", 400, NULL},
                {"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413,
                 NULL},
        };
        Fixture f;

        start(&f);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(fd) int fd = dial(&f);
                Answer a;

                put(&f, fd, cases[i].text);
                get_answer(&f, fd, &a);
                if (cases[i].name)
                        assert_refusal(&a, cases[i].status, cases[i].name);
                else
                        assert_int_equal(a.status, cases[i].status);
                wait_closed(&f, fd);
        }
        assert_int_equal(f.requests, 0);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void test_garbage(void **state)
{
        static const char *const garbage[] = {
                "\r\n\r\n\r\n",
                "garbage\r\n\r\n",
                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                "GET\r\n\r\n",
                "GET / HTTP/9.9\r\n\r\n",
                "GET / HTTP/1.1\r\n: x\r\n\r\n",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
                "{\"execute\": \"qmp_capabilities\"}\n",
        };
        Fixture f;

        start(&f);
        for (size_t i = 0; i < ELEMENTSOF(garbage); i++) {
                CLEANUP(fd) int fd = dial(&f);

                put(&f, fd, garbage[i]);
                turn(&f, -1, 0);
                shutdown(fd, SHUT_WR);
                wait_closed(&f, fd);
        }
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void test_oversized(void **state)
{
        const size_t size = 2U << 20;
        CLEANUP(free) char *text = malloc(size);
        CLEANUP(fd) int fd = -1;
        HttpLimits limits = usual;
        Fixture f;
        Answer a;
        int n;

        assert_non_null(text);
        memset(text, 'a', size);
        limits.body = 100000;
        start_with(&f, &limits);

        fd = dial(&f);
        put(&f, fd, "GET /");
        put_bytes(&f, fd, text, size);
        get_answer(&f, fd, &a);
        assert_int_equal(a.status, 414);
        hang_up(&fd);

        fd = dial(&f);
        put(&f, fd, "GET / HTTP/1.1\r\nHost: m\r\nX: ");
        put_bytes(&f, fd, text, size);
        get_answer(&f, fd, &a);
        assert_int_equal(a.status, 431);
        hang_up(&fd);

        /* Chunked it shows only when it is there. */
        fd = dial(&f);
        put(&f, fd, "POST / HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n1ffff8\r\n");
        put_bytes(&f, fd, text, size);
        get_answer(&f, fd, &a);
        assert_refusal(&a, 413, "EMSGSIZE");
        wait_closed(&f, fd);
        hang_up(&fd);

        /* To the byte. */
        for (size_t extra = 0; extra < 2; extra++) {
                char head[128];

                fd = dial(&f);
                n = snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: m\r\nContent-Length: %zu\r\n\r\n",
                             limits.body + extra);
                put_bytes(&f, fd, head, (size_t)n);
                put_bytes(&f, fd, text, limits.body + extra);
                get_answer(&f, fd, &a);
                assert_int_equal(a.status, extra ? 413 : 200);
                hang_up(&fd);
        }
        assert_int_equal(f.requests, 1);
        stop(&f);
}

static void test_forbidden(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;
        Answer a;

        start(&f);
        f.right = HTTP_RIGHT_NONE;
        fd = dial(&f);
        put(&f, fd, "POST /x HTTP/1.1\r\nHost: m\r\nContent-Length: 3\r\n\r\nabc");
        get_answer(&f, fd, &a);
        assert_refusal(&a, 403, "EPERM");
        assert_int_equal(f.requests, 0);
        wait_closed(&f, fd);
        stop(&f);
}

static void test_limits_of_connections(void **state)
{
        HttpLimits limits = usual;
        int fds[3];
        Fixture f;
        Answer a;

        for (unsigned round = 0; round < 2; round++) {
                limits.connections = round ? 2 : 10;
                limits.connections_per_user = round ? 10 : 2;
                start_with(&f, &limits);
                for (unsigned i = 0; i < 3; i++)
                        fds[i] = dial(&f);
                get_answer(&f, fds[2], &a);
                assert_refusal(&a, round ? 503 : 429, "EAGAIN");
                wait_closed(&f, fds[2]);
                put(&f, fds[1], GET);
                assert_echo(&f, fds[1], "GET /x 0");
                close(fds[0]);
                WAIT_FOR(&f, http_server_connections(f.server) == 1);
                close(fds[2]);
                fds[2] = dial(&f); /* there is room again */
                put(&f, fds[2], GET);
                assert_echo(&f, fds[2], "GET /x 0");
                close(fds[1]);
                close(fds[2]);
                stop(&f);
        }
}

/* Nobody is left hanging, nor does the loop spin, when the process has no descriptors left. */
static void test_no_descriptors_left(void **state)
{
        struct rlimit old, low;
        int fds[3], next;
        Fixture f;
        Answer a;

        start(&f);
        for (unsigned i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = dial(&f);
        next = fcntl(fds[2], F_DUPFD_CLOEXEC, 0);
        assert_true(next >= 0);
        close(next);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        low = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        for (unsigned i = 0; i < ELEMENTSOF(fds); i++) {
                get_answer(&f, fds[i], &a);
                assert_int_equal(a.status, 503);
                assert_non_null(strstr(a.body, "EMFILE"));
                wait_closed(&f, fds[i]);
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        for (unsigned i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        fds[0] = dial(&f);
        put(&f, fds[0], GET);
        assert_echo(&f, fds[0], "GET /x 0");
        close(fds[0]);
        stop(&f);
}

static void test_not_a_socket(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        HttpServer *server = NULL;
        uv_loop_t loop;

        assert_int_equal(uv_loop_init(&loop), 0);
        assert_true(http_server_new(&loop, fd, &usual, on_authorize, on_request, NULL, &server, &error) < 0);
        assert_non_null(error);
        assert_null(server);
        assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&loop), 0);
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was taken over */
}

static void test_many(void **state)
{
        enum { N = 200 };
        int fds[N];
        Fixture f;

        start(&f);
        f.hold = true;
        for (unsigned i = 0; i < N; i++) {
                fds[i] = dial(&f);
                put(&f, fds[i], GET);
        }
        WAIT_FOR(&f, f.n_held == N);
        assert_int_equal(http_server_connections(f.server), N);
        answer_held(&f);
        for (unsigned i = 0; i < N; i++)
                assert_echo(&f, fds[i], "GET /x 0");
        for (unsigned i = 0; i < N; i++)
                close(fds[i]);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void test_client_gone(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;

        for (unsigned round = 0; round < 2; round++) {
                start(&f);
                f.hold = true;
                f.answer_when_gone = round == 1;
                fd = dial(&f);
                put(&f, fd, GET);
                WAIT_FOR(&f, f.n_held == 1);
                hang_up(&fd);
                WAIT_FOR(&f, f.gone == 1);
                if (round == 0)
                        /* Until it is answered it counts. */
                        assert_int_equal(http_server_connections(f.server), 1);
                answer_held(&f);
                WAIT_FOR(&f, http_server_connections(f.server) == 0);
                assert_int_equal(f.gone, 1);
                stop(&f);
        }
}

/* Having sent all is not being gone. */
static void test_client_that_sends_no_more(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;

        for (unsigned round = 0; round < 3; round++) {
                uint64_t until;
                unsigned turns = 0;

                start(&f);
                f.hold = round > 0;
                fd = dial(&f);
                put(&f, fd, GET);
                shutdown(fd, SHUT_WR);
                if (f.hold) {
                        WAIT_FOR(&f, f.n_held == 1);
                        until = now_usec() + USEC_PER_SEC / 5;
                        for (; now_usec() < until; turns++)
                                turn(&f, -1, 0);
                        assert_true(turns < 30); /* its half-close does not wake the loop again and again */
                        assert_int_equal(f.gone, 0);
                }
                if (round == 2) {
                        hang_up(&fd);
                        WAIT_FOR(&f, f.gone == 1);
                } else {
                        answer_held(&f);
                        assert_echo(&f, fd, "GET /x 0");
                        wait_closed(&f, fd);
                        hang_up(&fd);
                }
                stop(&f);
        }
}

static void test_idle_limit(void **state)
{
        HttpLimits limits = usual;
        int silent, half_line, half_head, half_body, waiting, between;
        uint64_t since = now_usec();
        Fixture f;
        Answer a;

        limits.idle_usec = USEC_PER_SEC / 10;
        start_with(&f, &limits);
        silent = dial(&f);
        half_line = dial(&f);
        put(&f, half_line, "GET /");
        half_head = dial(&f);
        put(&f, half_head, "GET / HTTP/1.1\r\nHost:");
        half_body = dial(&f);
        put(&f, half_body, "POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\n\r\nab");
        between = dial(&f);
        put(&f, between, GET);
        assert_echo(&f, between, "GET /x 0");
        f.hold = true;
        waiting = dial(&f);
        put(&f, waiting, GET);
        WAIT_FOR(&f, f.n_held == 1);

        for (unsigned i = 0; i < 4; i++) {
                int fd = (int[]){silent, half_line, half_head, half_body}[i];

                get_answer(&f, fd, &a);
                assert_refusal(&a, 408, "ETIMEDOUT");
                wait_closed(&f, fd);
                close(fd);
        }
        get_answer(&f, between, &a); /* closed without a word */
        assert_int_equal(a.size, 0);
        close(between);
        WAIT_FOR(&f, now_usec() > since + 3 * limits.idle_usec);
        assert_int_equal(http_server_connections(f.server), 1);
        answer_held(&f);
        assert_echo(&f, waiting, "GET /x 0");
        wait_closed(&f, waiting);
        close(waiting);
        stop(&f);
}

/* A byte now and then does not buy more time. */
static void test_slowloris(void **state)
{
        HttpLimits limits = usual;
        CLEANUP(fd) int fd = -1;
        uint64_t since;
        Fixture f;
        Answer a = {};

        limits.idle_usec = USEC_PER_SEC / 5;
        start_with(&f, &limits);
        fd = dial(&f);
        since = now_usec();
        put(&f, fd, "GET / HTTP/1.1\r\nX: ");
        while (!a.closed) {
                assert_true(now_usec() < since + PATIENCE_USEC);
                (void)send(fd, "a", 1, MSG_NOSIGNAL);
                turn(&f, -1, 0);
                receive(fd, &a);
        }
        assert_true(now_usec() - since >= limits.idle_usec);
        assert_non_null(strstr(a.text, " 408 "));
        stop(&f);
}

/* A client that does not read a large answer is rid of, in the time that its size is worth. */
static void test_answer_not_read(void **state)
{
        HttpLimits limits = usual;
        CLEANUP(fd) int fd = -1;
        Fixture f;

        limits.idle_usec = USEC_PER_SEC / 500;
        start_with(&f, &limits);
        fd = dial(&f);
        put(&f, fd, "GET /large HTTP/1.1\r\nHost: m\r\n\r\n");
        WAIT_FOR(&f, f.requests == 1);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void count_turn(uv_prepare_t *prepare)
{
        ++*(unsigned *)prepare->data;
}

static void quit(uv_timer_t *timer)
{
        uv_stop(timer->loop);
}

/* With connections idle, suspended and streaming nothing wakes the loop. */
static void test_quiet_when_idle(void **state)
{
        enum { N = 4 };
        unsigned turns = 0;
        uv_prepare_t prepare = {.data = &turns};
        uv_timer_t timer;
        int fds[3 * N];
        Fixture f;

        start(&f);
        for (unsigned i = 0; i < 3 * N; i++) {
                fds[i] = dial(&f);
                f.hold = i >= 2 * N;
                put(&f, fds[i], i < N ? GET : "GET /quiet HTTP/1.1\r\nHost: m\r\n\r\n");
                WAIT_FOR(&f, f.requests == i + 1);
        }
        for (unsigned n = 0; n < 10; n++)
                turn(&f, -1, 0);
        uv_prepare_init(&f.loop, &prepare);
        uv_prepare_start(&prepare, count_turn);
        uv_timer_init(&f.loop, &timer);
        uv_timer_start(&timer, quit, 1100, 0);
        uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_true(turns <= 3); /* the first, and that of the timer here */
        uv_close((uv_handle_t *)&prepare, NULL);
        uv_close((uv_handle_t *)&timer, NULL);
        for (unsigned i = 0; i < 3 * N; i++)
                close(fds[i]);
        stop(&f);
}

static void test_stream(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;
        Answer a = {};

        start(&f);
        fd = dial(&f);
        put(&f, fd, "GET /stream HTTP/1.1\r\nHost: m\r\n\r\n");
        WAIT_FOR(&f, f.stream);
        while (!strstr(a.text, "\r\n\r\n")) {
                turn(&f, fd, POLLIN);
                receive(fd, &a);
        }
        assert_non_null(strstr(a.text, "Content-Type: text/event-stream\r\n"));
        assert_non_null(strstr(a.text, "Transfer-Encoding: chunked\r\n"));
        for (unsigned i = 0; i < 5; i++) {
                CLEANUP(free) char *text = text_format("data: %u\n\n", i);

                http_stream_send(f.stream, text, strlen(text));
                while (!strstr(a.text, text)) { /* it is not kept for more */
                        turn(&f, fd, POLLIN);
                        receive(fd, &a);
                }
        }
        http_stream_send(f.stream, "one", 3);
        http_stream_send(f.stream, "two", 3);
        http_stream_end(TAKE(f.stream));
        while (!strstr(a.text, "\r\n0\r\n\r\n")) {
                turn(&f, fd, POLLIN);
                receive(fd, &a);
        }
        assert_non_null(strstr(a.text, "6\r\nonetwo\r\n"));
        put(&f, fd, GET); /* and on it goes */
        assert_echo(&f, fd, "GET /x 0");
        assert_int_equal(f.closed, 0);
        stop(&f);
}

static void test_stream_client_gone(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;

        start(&f);
        fd = dial(&f);
        put(&f, fd, "GET /stream HTTP/1.1\r\nHost: m\r\n\r\n");
        WAIT_FOR(&f, f.stream);
        turn(&f, -1, 0);
        hang_up(&fd);
        WAIT_FOR(&f, f.closed == 1);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

static void test_stream_not_read(void **state)
{
        CLEANUP(fd) int fd = -1;
        char block[4096] = {};
        size_t sent = 0;
        Fixture f;

        start(&f);
        fd = dial(&f);
        put(&f, fd, "GET /stream HTTP/1.1\r\nHost: m\r\n\r\n");
        WAIT_FOR(&f, f.stream);
        while (f.stream) {
                assert_true(sent < 8U << 20);
                for (unsigned i = 0; f.stream && i < 64; i++, sent += sizeof(block))
                        http_stream_send(f.stream, block, sizeof(block));
                turn(&f, -1, 0);
        }
        assert_true(sent >= 1U << 20);
        assert_int_equal(f.closed, 1);
        WAIT_FOR(&f, http_server_connections(f.server) == 0);
        stop(&f);
}

/* Too much at once ends it too, but from the loop: not while it is being sent. */
static void test_stream_flooded(void **state)
{
        CLEANUP(free) char *block = calloc(1, 2U << 20);
        CLEANUP(fd) int fd = -1;
        Fixture f;

        for (unsigned round = 0; round < 2; round++) {
                start(&f);
                fd = dial(&f);
                put(&f, fd, "GET /stream HTTP/1.1\r\nHost: m\r\n\r\n");
                WAIT_FOR(&f, f.stream);
                for (unsigned i = 0; round && i < 10; i++)
                        turn(&f, -1, 0);
                http_stream_send(f.stream, block, 2U << 20);
                assert_int_equal(f.closed, 0);
                http_stream_send(f.stream, block, 1);
                WAIT_FOR(&f, f.closed == 1);
                hang_up(&fd);
                stop(&f);
        }
}

static void test_close_with_all_kinds_open(void **state)
{
        int idle, half, pending, streaming;
        Fixture f;
        Answer a;

        for (unsigned round = 0; round < 2; round++) {
                start(&f);
                f.answer_when_gone = round == 1;
                idle = dial(&f);
                half = dial(&f);
                put(&f, half, "GET / HT");
                streaming = dial(&f);
                put(&f, streaming, "GET /stream HTTP/1.1\r\nHost: m\r\n\r\n");
                WAIT_FOR(&f, f.stream);
                f.hold = true;
                pending = dial(&f);
                put(&f, pending, GET);
                WAIT_FOR(&f, f.n_held == 1);
                f.server = http_server_close(f.server);
                assert_int_equal(f.gone, 1);
                for (unsigned i = 0; i < 3; i++)
                        wait_closed(&f, (int[]){idle, half, streaming}[i]);
                assert_int_equal(f.closed, 1);
                if (round == 0)
                        answer(TAKE(f.held[0]));
                f.n_held = 0;
                get_answer(&f, pending, &a);
                assert_int_equal(a.size, 0);
                close(idle);
                close(half);
                close(pending);
                close(streaming);
                stop(&f);
        }
}

/* The answer to "end yourself" arrives. */
static void test_close_within_handler(void **state)
{
        CLEANUP(fd) int fd = -1;
        Fixture f;
        Answer a;

        for (unsigned round = 0; round < 2; round++) {
                start(&f);
                f.close_then = true;
                f.hold = round == 1;
                fd = dial(&f);
                put(&f, fd, GET);
                WAIT_FOR(&f, f.requests == 1);
                assert_int_equal(f.gone, 1);
                answer_held(&f);
                wait_closed(&f, fd);
                hang_up(&fd);
                stop(&f);
        }
        /* Answered first, it goes out. */
        start(&f);
        f.hold = true;
        fd = dial(&f);
        put(&f, fd, GET);
        WAIT_FOR(&f, f.n_held == 1);
        answer_held(&f);
        f.server = http_server_close(f.server);
        get_answer(&f, fd, &a);
        assert_string_equal(a.body, "GET /x 0");
        stop(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers_and_stays_open),
                cmocka_unit_test(test_knows_its_peer),
                cmocka_unit_test(test_any_split),
                cmocka_unit_test(test_answers_later_in_any_order),
                cmocka_unit_test(test_pipelined),
                cmocka_unit_test(test_expect_continue),
                cmocka_unit_test(test_head_and_close),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_oversized),
                cmocka_unit_test(test_forbidden),
                cmocka_unit_test(test_limits_of_connections),
                cmocka_unit_test(test_no_descriptors_left),
                cmocka_unit_test(test_not_a_socket),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_client_gone),
                cmocka_unit_test(test_client_that_sends_no_more),
                cmocka_unit_test(test_idle_limit),
                cmocka_unit_test(test_slowloris),
                cmocka_unit_test(test_answer_not_read),
                cmocka_unit_test(test_quiet_when_idle),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_stream_client_gone),
                cmocka_unit_test(test_stream_not_read),
                cmocka_unit_test(test_stream_flooded),
                cmocka_unit_test(test_close_with_all_kinds_open),
                cmocka_unit_test(test_close_within_handler),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
