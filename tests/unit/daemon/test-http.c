/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>

#include "http-fixture.h"

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
        static const gid_t many[] = {4, 20, 24, 25, 27, 65533};
        CLEANUP(fd) int fd = -1;
        gid_t groups[64];
        Fixture f;
        int n;

        /* Whoever may not, is tested with the groups that it has. */
        if (setgroups(ELEMENTSOF(many), many) < 0)
                assert_int_equal(errno, EPERM);
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

/* Nor can those who may not do anything keep out those who may. */
static void test_strangers_take_little_room(void **state)
{
        HttpLimits limits = usual;
        int fds[8];
        Fixture f;
        Answer a;

        limits.connections = limits.connections_per_user = ELEMENTSOF(fds);
        start_with(&f, &limits);
        f.right = HTTP_RIGHT_NONE;
        for (unsigned i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = dial(&f);
        WAIT_FOR(&f, f.authorized == ELEMENTSOF(fds));
        assert_int_equal(http_server_connections(f.server), 2);
        get_answer(&f, fds[7], &a);
        assert_refusal(&a, 503, "EAGAIN");
        close(fds[7]);
        f.right = HTTP_RIGHT_READ;
        fds[7] = dial(&f);
        put(&f, fds[7], GET);
        assert_echo(&f, fds[7], "GET /x 0");
        for (unsigned i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
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
                cmocka_unit_test(test_strangers_take_little_room),
                cmocka_unit_test(test_limits_of_connections),
                cmocka_unit_test(test_no_descriptors_left),
                cmocka_unit_test(test_not_a_socket),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
