/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "qmp/stream.h"

typedef struct Heard {
        char text[4096];
        unsigned count, stop_at;
} Heard;

static int hear(json_object *message, void *userdata)
{
        Heard *heard = userdata;

        strcat(heard->text, json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN));
        strcat(heard->text, "|");
        return ++heard->count == heard->stop_at ? -ECANCELED : 0;
}

static const char conversation[] =
        "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"
        " {\"return\": {}, \"id\": 1}\r\n\n{\"event\":\"STOP {\\\"x\\\"\"}{\"return\":[]}\r\n";
static const char expected[] =
        "{\"QMP\":{\"version\":{},\"capabilities\":[\"oob\"]}}|{\"return\":{},\"id\":1}|"
        "{\"event\":\"STOP {\\\"x\\\"\"}|{\"return\":[]}|";

static int count(json_object *message, void *userdata)
{
        Heard *heard = userdata;

        assert_non_null(message);
        heard->count++;
        return 0;
}

/* Cut at every pair of places: the messages are the same. */
static void test_any_split_gives_the_same_messages(void **state)
{
        size_t n = sizeof(conversation) - 1;

        for (size_t a = 0; a <= n; a++)
                for (size_t b = a; b <= n; b += 7) {
                        CLEANUP(QmpStream) QmpStream *stream = NULL;
                        Heard heard = {0};

                        assert_int_equal(qmp_stream_new(QMP_MESSAGE_MAX, &stream), 0);
                        assert_int_equal(qmp_stream_feed(stream, conversation, a, hear, &heard), 0);
                        assert_int_equal(qmp_stream_feed(stream, conversation + a, b - a, hear, &heard), 0);
                        assert_int_equal(qmp_stream_feed(stream, conversation + b, n - b, hear, &heard), 0);
                        assert_string_equal(heard.text, expected);
                        assert_false(qmp_stream_is_midway(stream));
                }
}

static int feed(const char *text, size_t size, Heard *heard, QmpStream **ret)
{
        assert_int_equal(qmp_stream_new(4096, ret), 0);
        return qmp_stream_feed(*ret, text, size, hear, heard);
}

static void test_what_is_broken(void **state)
{
        static const struct {
                const char *text;
                int r;
        } rows[] = {
                {"hello", -EBADMSG}, {"[1]", -EBADMSG},
                {"\"x\"", -EBADMSG}, {"{\"a\" 1}", -EBADMSG},
                {"{} ]", -EBADMSG},  {"\xff{}", -EBADMSG},
                {"{,}", -EBADMSG},   {"{'a': 1}", -EBADMSG},
                {"   \r\n\t ", 0},   {"{", 0},
                {"{}{}{}", 0},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(QmpStream) QmpStream *stream = NULL;
                Heard heard = {0};
                int r = feed(rows[i].text, strlen(rows[i].text), &heard, &stream);

                if (r != rows[i].r)
                        fail_msg("%s: %d", rows[i].text, r);
                if (r < 0) {
                        assert_true(qmp_stream_offending(stream)[0] != '\0');
                        assert_int_equal(qmp_stream_feed(stream, "{}", 2, hear, &heard), -ESHUTDOWN);
                }
        }
}

static void test_bounds(void **state)
{
        CLEANUP(QmpStream) QmpStream *large = NULL, *deep = NULL, *exact = NULL;
        static char text[5000];
        Heard heard = {0};

        memset(text, 'x', sizeof(text));
        memcpy(text, "{\"x\": \"", 7);
        assert_int_equal(feed(text, sizeof(text), &heard, &large), -EMSGSIZE);

        memset(text, '[', sizeof(text));
        memcpy(text, "{\"x\":", 5);
        assert_int_equal(feed(text, 100, &heard, &deep), -EBADMSG);

        /* The bound is a message's, not the connection's. */
        memset(text, ' ', sizeof(text));
        for (int i = 0; i < 10; i++)
                memcpy(text + i * 500, "{\"n\":1}", 7);
        assert_int_equal(feed(text, sizeof(text), &heard, &exact), 0);
        assert_int_equal(heard.count, 10);
}

static void test_midway(void **state)
{
        CLEANUP(QmpStream) QmpStream *stream = NULL;
        Heard heard = {0};

        assert_int_equal(feed("{} {\"ret", 8, &heard, &stream), 0);
        assert_true(qmp_stream_is_midway(stream));
        assert_int_equal(heard.count, 1);
}

static void test_listener_stops(void **state)
{
        CLEANUP(QmpStream) QmpStream *stream = NULL;
        Heard heard = {.stop_at = 2};

        assert_int_equal(feed("{}{}{}", 6, &heard, &stream), -ECANCELED);
        assert_int_equal(heard.count, 2);
        assert_int_equal(qmp_stream_feed(stream, "{}", 2, hear, &heard), -ESHUTDOWN);
}

/* A reply as large as a schema, in the slices that a socket gives. */
static void test_large_message_in_slices(void **state)
{
        CLEANUP(QmpStream) QmpStream *stream = NULL;
        static const char element[] = "{\"name\":\"blockdev-add\",\"n\":[1,2,3]},";
        size_t size = 0, slice = 64 * 1024;
        CLEANUP(free) char *text = malloc(300 * 1024);
        Heard heard = {0};

        assert_non_null(text);
        size += (size_t)sprintf(text, "{\"return\":[");
        while (size < 260 * 1024)
                size += (size_t)sprintf(text + size, "%s", element);
        size += (size_t)sprintf(text + size, "0]}\r\n");
        assert_int_equal(qmp_stream_new(QMP_MESSAGE_MAX, &stream), 0);
        for (size_t at = 0; at < size; at += slice)
                assert_int_equal(qmp_stream_feed(stream, text + at, size - at < slice ? size - at : slice,
                                                 count, &heard),
                                 0);
        assert_int_equal(heard.count, 1);
        assert_false(qmp_stream_is_midway(stream));
}

/* Would be quadratic if something looked back: 8 MiB of white space between and within messages. */
static void test_white_space_is_linear(void **state)
{
        CLEANUP(QmpStream) QmpStream *stream = NULL;
        static char space[1024];
        Heard heard = {0};

        memset(space, ' ', sizeof(space));
        assert_int_equal(qmp_stream_new(QMP_MESSAGE_MAX, &stream), 0);
        for (unsigned i = 0; i < 4096; i++)
                assert_int_equal(qmp_stream_feed(stream, space, sizeof(space), count, &heard), 0);
        assert_false(qmp_stream_is_midway(stream));
        assert_int_equal(qmp_stream_feed(stream, "{", 1, count, &heard), 0);
        for (unsigned i = 0; i < 4096; i++)
                assert_int_equal(qmp_stream_feed(stream, space, sizeof(space), count, &heard), 0);
        assert_int_equal(qmp_stream_feed(stream, "}", 1, count, &heard), 0);
        assert_int_equal(heard.count, 1);
}

/* The verdict on a text is the same, whole and byte by byte. */
static void test_hostile_texts(void **state)
{
        static const struct {
                const char *text;
                size_t size;
                int r;
        } rows[] = {
#define ROW(text, r) {text, sizeof(text) - 1, r}
                ROW("{\"a\":\"\xc3\xa4\"}", 0),
                ROW("{\"a\":\"\xc3\"}", -EBADMSG),
                ROW("{\"a\":\"\xc0\x80\"}", -EBADMSG),
                ROW("{\"a\":\"\xed\xa0\x80\"}", -EBADMSG),
                ROW("{\"a\":\"\xf4\x90\x80\x80\"}", -EBADMSG),
                ROW("{\"a\":\"\xff\"}", -EBADMSG),
                ROW("{\"a\":\"\0\"}", -EBADMSG),
                ROW("{\"a\0\":1}", -EBADMSG),
                ROW("\0{}", -EBADMSG),
                ROW("{\"a\":\"\n\"}", -EBADMSG),
                ROW("{\"a\":\"\\u0000\\ud83d\\ude00\"}", 0),
                ROW("{\"a\":1]", -EBADMSG),
                ROW("{\"a\":[}]", -EBADMSG),
                ROW("{/*}*/}", -EBADMSG),
                ROW("{}x", -EBADMSG),
                ROW("{}{}\r\n{}", 0),
                ROW("{\"a\":1,}", -EBADMSG),
                ROW("{\"a\":[1,]}", -EBADMSG),
                ROW("{a:1}", -EBADMSG),
                ROW("{\"a\":1-}", -EBADMSG),
                ROW("{\"a\":[01]}", -EBADMSG),
                ROW("{\"a\":[1.]}", -EBADMSG),
                ROW("{\"a\":[-]}", -EBADMSG),
                ROW("{\"a\":[1e+]}", -EBADMSG),
                ROW("{\"a\":NaN}", -EBADMSG),
                ROW("{\"a\":tru}", -EBADMSG),
                ROW("{\"a\":[0,-0.5,1E5,10e-2]}", 0),
                ROW("{\"a\":-1.5e+10,\"b\":18446744073709551615,\"c\":null}", 0),
#undef ROW
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t step = 1; step <= rows[i].size; step++) {
                        CLEANUP(QmpStream) QmpStream *stream = NULL;
                        Heard heard = {0};
                        int r = 0;

                        assert_int_equal(qmp_stream_new(4096, &stream), 0);
                        for (size_t at = 0; r == 0 && at < rows[i].size; at += step)
                                r = qmp_stream_feed(stream, rows[i].text + at,
                                                    rows[i].size - at < step ? rows[i].size - at : step,
                                                    count, &heard);
                        if (r != rows[i].r)
                                fail_msg("%s by %zu: %d", rows[i].text, step, r);
                }
}

/* An endless number, which json-c would scan anew with every byte, and values that cost more than they
 * weigh. */
static void test_bounds_of_content(void **state)
{
        CLEANUP(QmpStream) QmpStream *number = NULL, *values = NULL;
        Heard heard = {0};
        size_t n = 0;
        int r = 0;

        assert_int_equal(qmp_stream_new(QMP_MESSAGE_MAX, &number), 0);
        assert_int_equal(qmp_stream_feed(number, "{\"a\":", 5, count, &heard), 0);
        for (; r == 0 && n < 10000; n++)
                r = qmp_stream_feed(number, "7", 1, count, &heard);
        assert_int_equal(r, -EBADMSG);
        assert_true(n > 400 && n < 1000);

        assert_int_equal(qmp_stream_new(QMP_MESSAGE_MAX, &values), 0);
        assert_int_equal(qmp_stream_feed(values, "{\"a\":[0", 7, count, &heard), 0);
        for (r = 0, n = 0; r == 0 && n < 1000000; n++)
                r = qmp_stream_feed(values, ",0,0,0,0", 8, count, &heard);
        assert_int_equal(r, -EMSGSIZE);
        assert_string_equal(qmp_stream_offending(values), "");
}

static void test_offending(void **state)
{
        static const struct {
                const char *text, *offending;
        } rows[] = {
                {"{} QEMU 7.2.0 monitor", "QEMU 7.2.0 monitor"},
                {"{\"a\" 1}", "{\"a\" 1}"},
                {"{\"a\":"
                 "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901\" b}",
                 "b}"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(QmpStream) QmpStream *stream = NULL;
                Heard heard = {0};

                assert_int_equal(feed(rows[i].text, strlen(rows[i].text), &heard, &stream), -EBADMSG);
                assert_string_equal(qmp_stream_offending(stream), rows[i].offending);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_split_gives_the_same_messages),
                cmocka_unit_test(test_what_is_broken),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_midway),
                cmocka_unit_test(test_listener_stops),
                cmocka_unit_test(test_large_message_in_slices),
                cmocka_unit_test(test_white_space_is_linear),
                cmocka_unit_test(test_hostile_texts),
                cmocka_unit_test(test_bounds_of_content),
                cmocka_unit_test(test_offending),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
