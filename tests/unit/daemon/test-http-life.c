/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "http-fixture.h"

/* How requests, streams and servers end: by answers, by time, by clients that leave, by closing. */

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

/* One that resets the connection, as whoever leaves something unread does, and one that sends urgent data.
 */
static void test_client_gone_rudely(void **state)
{
        Fixture f;

        start(&f);
        f.hold = true;
        for (unsigned round = 0; round < 2; round++) {
                CLEANUP(fd) int fd = dial(&f);
                uint64_t until;
                unsigned turns = 0;

                f.hold = false;
                put(&f, fd, GET);
                WAIT_FOR(&f, f.requests == 2 * round + 1);
                f.hold = true;
                put(&f, fd, GET);
                WAIT_FOR(&f, f.n_held == 1);
                if (round == 1) {
                        send(fd, "!", 1, MSG_OOB); /* not every kernel has it */
                        until = now_usec() + USEC_PER_SEC / 10;
                        for (; now_usec() < until; turns++)
                                turn(&f, -1, 0);
                        assert_true(turns < 20);
                        assert_int_equal(f.gone, 1);
                } else {
                        hang_up(&fd);
                        WAIT_FOR(&f, f.gone == 1);
                }
                answer_held(&f);
        }
        stop(&f);
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
        uint64_t since, next = 0;
        Fixture f;
        Answer a = {};

        limits.idle_usec = USEC_PER_SEC / 5;
        start_with(&f, &limits);
        fd = dial(&f);
        since = now_usec();
        put(&f, fd, "GET / HTTP/1.1\r\nX: ");
        while (!a.closed) {
                assert_true(now_usec() < since + PATIENCE_USEC);
                if (now_usec() >= next) { /* far from too large a header */
                        (void)send(fd, "a", 1, MSG_NOSIGNAL);
                        next = now_usec() + limits.idle_usec / 50;
                }
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
        answer(TAKE(f.held[0]));
        assert_echo(&f, fds[2 * N], "GET /quiet 0");
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
                cmocka_unit_test(test_client_gone),
                cmocka_unit_test(test_client_gone_rudely),
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
