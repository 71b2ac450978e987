/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/http-answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/util.h"

/*
 * Written out rather than had from libcurl: loading that takes eight times as long as /bin/true runs, and
 * `muster list` is to take five times as long. The other end is muster's own daemon.
 */

int http_answer_init(HttpAnswer *answer, HttpBodyFn fn, void *userdata)
{
        *answer = (HttpAnswer){.fn = fn, .userdata = userdata};
        answer->head = malloc(HTTP_HEAD_MAX + 1);
        return answer->head ? 0 : -ENOMEM;
}

void http_answer_clear(HttpAnswer *answer)
{
        free(answer->head);
        *answer = (HttpAnswer){0};
}

/* "name: value" where the name is this one: the value. */
static const char *header_value(const char *line, const char *name)
{
        size_t size = strlen(name);

        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
                return NULL;
        return line + size + 1 + strspn(line + size + 1, " \t");
}

static int parse_number_of(const char *text, int base, uint64_t *ret)
{
        char *end;
        unsigned long long number;

        if (!strchr("0123456789abcdefABCDEF", *text) || !*text)
                return -EBADMSG;
        errno = 0;
        number = strtoull(text, &end, base);
        /* A chunk's size may be followed by extensions. */
        if (errno || number > INT64_MAX || (*end && !strchr(" \t;", *end)))
                return -EBADMSG;
        *ret = number;
        return 0;
}

static int parse_header(HttpAnswer *answer, const char *line)
{
        const char *value = header_value(line, "Content-Length");

        if (value) {
                if (answer->place == HTTP_IN_REST)
                        answer->place = HTTP_IN_LENGTH;
                return parse_number_of(value, 10, &answer->left);
        }
        value = header_value(line, "Transfer-Encoding");
        if (value) {
                if (strcasecmp(value, "chunked") != 0)
                        return -EBADMSG;
                answer->place = HTTP_IN_CHUNK_SIZE;
        }
        value = header_value(line, "Content-Type");
        if (value)
                snprintf(answer->type, sizeof(answer->type), "%.*s", (int)strcspn(value, "; "), value);
        return 0;
}

static int parse_status(HttpAnswer *answer, const char *line)
{
        const char *text = startswith(line, "HTTP/1.");

        if (!text || (text[0] != '0' && text[0] != '1') || text[1] != ' ')
                return -EBADMSG;
        answer->status = 0;
        for (text += 2; *text >= '0' && *text <= '9' && answer->status < 1000; text++)
                answer->status = answer->status * 10 + (unsigned)(*text - '0');
        return answer->status >= 100 && answer->status < 600 ? 0 : -EBADMSG;
}

static int parse_head(HttpAnswer *answer)
{
        char *save = NULL, *line = strtok_r(answer->head, "\r\n", &save);
        int r = line ? parse_status(answer, line) : -EBADMSG;

        answer->place = HTTP_IN_REST;
        while (r >= 0 && (line = strtok_r(NULL, "\r\n", &save)))
                r = parse_header(answer, line);
        answer->n_head = 0;
        if (r < 0)
                return r;
        if (answer->status < 200)
                answer->place = HTTP_IN_HEAD; /* the answer itself follows */
        else if (answer->status == 204 || answer->status == 304 ||
                 (answer->place == HTTP_IN_LENGTH && answer->left == 0))
                answer->place = HTTP_DONE;
        return 0;
}

static bool head_ends(const HttpAnswer *answer)
{
        return answer->n_head >= 4 && memcmp(answer->head + answer->n_head - 4, "\r\n\r\n", 4) == 0;
}

static int put_head(HttpAnswer *answer, char c)
{
        if (answer->n_head >= HTTP_HEAD_MAX)
                return -E2BIG;
        answer->head[answer->n_head++] = c;
        answer->head[answer->n_head] = '\0';
        return 0;
}

static int feed_head(HttpAnswer *answer, char c)
{
        int r = c ? put_head(answer, c) : -EBADMSG;

        return r < 0 || !head_ends(answer) ? r : parse_head(answer);
}

/* Lines between chunks: a size, the end of a chunk, what follows the last one. */
static int feed_line(HttpAnswer *answer, char c)
{
        int r;

        if (c != '\n')
                return c == '\r' ? 0 : put_head(answer, c);
        if (answer->place == HTTP_IN_CHUNK_END) {
                if (answer->n_head > 0)
                        return -EBADMSG;
                answer->place = HTTP_IN_CHUNK_SIZE;
                return 0;
        }
        if (answer->place == HTTP_IN_TRAILER) {
                if (answer->n_head == 0)
                        answer->place = HTTP_DONE;
                answer->n_head = 0;
                return 0;
        }
        answer->head[answer->n_head] = '\0';
        r = parse_number_of(answer->head, 16, &answer->left);
        answer->n_head = 0;
        answer->place = answer->left > 0 ? HTTP_IN_CHUNK : HTTP_IN_TRAILER;
        return r;
}

/* How many bytes of the body there were. */
static ssize_t feed_body(HttpAnswer *answer, const char *data, size_t size)
{
        bool counted = answer->place != HTTP_IN_REST;
        int r;

        if (counted && size > answer->left)
                size = answer->left;
        r = answer->fn(data, size, answer->userdata);
        if (r < 0)
                return r;
        if (counted) {
                answer->left -= size;
                if (answer->left == 0)
                        answer->place = answer->place == HTTP_IN_CHUNK ? HTTP_IN_CHUNK_END : HTTP_DONE;
        }
        return (ssize_t)size;
}

int http_answer_feed(HttpAnswer *answer, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = 1;

                switch (answer->place) {
                case HTTP_IN_HEAD:
                        n = feed_head(answer, *data) ?: 1;
                        break;
                case HTTP_IN_CHUNK_SIZE:
                case HTTP_IN_CHUNK_END:
                case HTTP_IN_TRAILER:
                        n = feed_line(answer, *data) ?: 1;
                        break;
                case HTTP_IN_LENGTH:
                case HTTP_IN_CHUNK:
                case HTTP_IN_REST:
                        n = feed_body(answer, data, size);
                        break;
                case HTTP_DONE:
                        return -EBADMSG;
                }
                if (n < 0)
                        return (int)n;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

int http_answer_end(HttpAnswer *answer)
{
        if (answer->place == HTTP_IN_REST)
                answer->place = HTTP_DONE;
        return http_answer_done(answer) ? 0 : -ECONNRESET;
}
