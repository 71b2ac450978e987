/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/http-answer.h"

typedef struct Body {
        char text[256];
        size_t size;
} Body;

static int on_body(const char *data, size_t size, void *userdata)
{
        Body *body = userdata;

        assert_true(body->size + size < sizeof(body->text));
        memcpy(body->text + body->size, data, size);
        body->size += size;
        return 0;
}

/* In pieces of `piece` bytes; then the end of the connection if all was taken. */
static int read_all(const char *text, size_t piece, HttpAnswer *ret, Body *ret_body)
{
        size_t size = strlen(text);
        int r = 0;

        *ret_body = (Body){0};
        assert_int_equal(http_answer_init(ret, on_body, ret_body), 0);
        for (size_t at = 0; r >= 0 && at < size; at += piece)
                r = http_answer_feed(ret, text + at, size - at < piece ? size - at : piece);
        return r;
}

static const struct {
        const char *text, *body;
        unsigned status;
        bool ends; /* only with the connection */
} good[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
         "{}", 200, false},
        {"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nContent-Type:application/json\r\n\r\nhello",
         "hello", 404, false},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n"
         "A;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
         "abc0123456789", 200, false},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nall that comes", "all that comes", 200,
         true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: "
         "application/json\r\nContent-Length: "
         "1\r\n\r\nx",
         "x", 201, false},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", "", 200, false},
};

static void test_answers_are_read_however_they_are_cut(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                for (size_t piece = 1; piece < 80; piece++) {
                        HttpAnswer answer;
                        Body body;

                        assert_int_equal(read_all(good[i].text, piece, &answer, &body), 0);
                        assert_int_equal(http_answer_done(&answer), !good[i].ends);
                        assert_int_equal(http_answer_end(&answer), 0);
                        assert_int_equal(answer.status, good[i].status);
                        assert_string_equal(answer.type, "application/json");
                        assert_int_equal(body.size, strlen(good[i].body));
                        assert_memory_equal(body.text, good[i].body, body.size);
                        http_answer_clear(&answer);
                }
}

static void test_what_is_cut_short_is_no_answer(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                size_t size = strlen(good[i].text);

                for (size_t cut = 0; !good[i].ends && cut < size; cut++) {
                        CLEANUP(free) char *text = strndup(good[i].text, cut);
                        HttpAnswer answer;
                        Body body;

                        assert_int_equal(read_all(text, 7, &answer, &body), 0);
                        assert_int_equal(http_answer_end(&answer), -ECONNRESET);
                        http_answer_clear(&answer);
                }
        }
}

static void test_what_is_no_http_is_refused(void **state)
{
        static const char *const bad[] = {
                "SSH-2.0-OpenSSH\r\n\r\n",
                "HTTP/2 200\r\n\r\n",
                "HTTP/1.1 20\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                for (size_t piece = 1; piece < 80; piece++) {
                        HttpAnswer answer;
                        Body body;

                        assert_int_equal(read_all(bad[i], piece, &answer, &body), -EBADMSG);
                        http_answer_clear(&answer);
                }
}

static void test_a_head_without_end_is_bounded(void **state)
{
        HttpAnswer answer;
        Body body = {0};
        int r = 0;

        assert_int_equal(http_answer_init(&answer, on_body, &body), 0);
        for (size_t i = 0; r == 0 && i < 2 * HTTP_HEAD_MAX; i++)
                r = http_answer_feed(&answer, "x", 1);
        assert_int_equal(r, -E2BIG);
        http_answer_clear(&answer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers_are_read_however_they_are_cut),
                cmocka_unit_test(test_what_is_cut_short_is_no_answer),
                cmocka_unit_test(test_what_is_no_http_is_refused),
                cmocka_unit_test(test_a_head_without_end_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
