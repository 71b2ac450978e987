/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/stream.h"

#include <errno.h>

#include "base/util.h"

/*
 * Two readers run over the same bytes. The scanner is a few bits of state a byte: it knows where strings
 * begin and end and how many brackets are open, so it knows where a message starts and stops; it skips the
 * white space between messages, and it refuses at once what json-c would let through or would take too much
 * memory or time for. What it has framed goes, slice by slice, to json-c's incremental tokener, which is the
 * judge of the JSON and must find the end of the message at the same byte. Every byte is looked at twice,
 * however the bytes are cut.
 *
 * Why json-c alone will not do:
 *  - its UTF-8 check forgets, from one call to the next, that it is within a character (0.16);
 *  - it treats a NUL byte as the end of the text;
 *  - it scans an unfinished number again from its start in every call, so that an endless number which
 *    comes byte by byte takes quadratic time, and whether it takes `1-` depends on where it was cut;
 *  - it takes comments and single quotes in places, strict or not (here they are words, and no good ones);
 *  - `[[],[],…` costs some hundred times its size in memory, so a bound on bytes alone bounds little.
 */

/* The longest number that means anything has some 330 digits; QEMU writes at most 24. */
#define WORD_MAX 512U

/* A schema of 250 kB has about 20,000 values; an empty object, the dearest for its size, takes some 800
 * bytes. */
#define VALUES_MAX    (512U * 1024)

#define OFFENDING_MAX 80U

/* json_tokener_parse_ex() takes an int. */
#define SLICE_MAX (16U * 1024 * 1024)

struct QmpStream {
        struct json_tokener *tokener;
        size_t max_message;

        /* The message under way: all zero between messages. */
        struct {
                size_t size;
                size_t values;
                size_t open;   /* brackets */
                unsigned word; /* bytes of a number, true, false or null, which are checked as wholes */
                char word_text[WORD_MAX + 1];
                unsigned continuation;   /* bytes missing of a UTF-8 character */
                unsigned char low, high; /* what the next of them may be */
                bool in_string, escaped;
        } now;

        bool failed;
        size_t head_size;
        char head[OFFENDING_MAX + 1]; /* how the message under way begins */
};

int qmp_stream_new(size_t max_message, QmpStream **ret)
{
        CLEANUP(QmpStream) QmpStream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        stream->max_message = max_message;
        stream->tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!stream->tokener)
                return -ENOMEM;
        /* Trailing characters: should json-c end a message before the scanner does, the offset tells. */
        json_tokener_set_flags(stream->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
        *ret = TAKE(stream);
        return 0;
}

QmpStream *qmp_stream_free(QmpStream *stream)
{
        if (!stream)
                return NULL;
        if (stream->tokener)
                json_tokener_free(stream->tokener);
        free(stream);
        return NULL;
}

/* The lead byte of a UTF-8 character within a string (Unicode's table 3-7: no overlong forms, no
 * surrogates). */
static int scan_utf8_lead(QmpStream *stream, unsigned char c)
{
        stream->now.low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        stream->now.high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        if (c >= 0xc2 && c <= 0xdf)
                stream->now.continuation = 1;
        else if (c >= 0xe0 && c <= 0xef)
                stream->now.continuation = 2;
        else if (c >= 0xf0 && c <= 0xf4)
                stream->now.continuation = 3;
        else
                return -EBADMSG;
        return 0;
}

static int scan_in_string(QmpStream *stream, unsigned char c)
{
        if (stream->now.continuation > 0) {
                if (c < stream->now.low || c > stream->now.high)
                        return -EBADMSG;
                stream->now.low = 0x80;
                stream->now.high = 0xbf;
                stream->now.continuation--;
                return 0;
        }
        if (c < 0x20)
                return -EBADMSG;
        if (c >= 0x80)
                return scan_utf8_lead(stream, c);
        if (stream->now.escaped)
                stream->now.escaped = false;
        else if (c == '\\')
                stream->now.escaped = true;
        else if (c == '"')
                stream->now.in_string = false;
        return 0;
}

static const char *skip_digits(const char *text)
{
        return text + strspn(text, "0123456789");
}

static bool is_number(const char *text)
{
        const char *end;

        text += *text == '-';
        end = skip_digits(text);
        if (end == text || (*text == '0' && end > text + 1))
                return false;
        if (*end == '.') {
                text = end + 1;
                end = skip_digits(text);
                if (end == text)
                        return false;
        }
        if (*end == 'e' || *end == 'E') {
                text = end + 1 + (end[1] == '+' || end[1] == '-');
                end = skip_digits(text);
                if (end == text)
                        return false;
        }
        return *end == '\0';
}

static int scan_word_end(QmpStream *stream)
{
        const char *text = stream->now.word_text;

        if (stream->now.word == 0)
                return 0;
        stream->now.word_text[stream->now.word] = '\0';
        stream->now.word = 0;
        return streq(text, "true") || streq(text, "false") || streq(text, "null") || is_number(text)
                       ? 0
                       : -EBADMSG;
}

static int scan_between_strings(QmpStream *stream, unsigned char c)
{
        switch (c) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case ':':
                break;
        case '"':
                stream->now.in_string = true;
                break;
        case '{':
        case '[':
                stream->now.open++;
                stream->now.values++;
                break;
        case '}':
        case ']':
                stream->now.open--;
                break;
        case ',':
                stream->now.values++;
                break;
        default:
                if (c < 0x20 || c >= 0x7f || stream->now.word >= WORD_MAX)
                        return -EBADMSG;
                stream->now.word_text[stream->now.word++] = (char)c;
                return 0;
        }
        if (stream->now.values > VALUES_MAX)
                return -EMSGSIZE;
        return scan_word_end(stream);
}

/*
 * Moves *at to the end of the message under way, to the byte that cannot stand there, or to the end of the
 * data, whichever comes first. 0: the message goes on, 1: it is whole.
 */
static int scan(QmpStream *stream, const char *data, size_t size, size_t *at)
{
        int r;

        for (; *at < size; (*at)++) {
                unsigned char c = (unsigned char)data[*at];

                if (stream->now.size >= stream->max_message)
                        return -EMSGSIZE;
                r = stream->now.in_string ? scan_in_string(stream, c) : scan_between_strings(stream, c);
                if (r < 0)
                        return r;
                stream->now.size++;
                if (stream->head_size < OFFENDING_MAX)
                        stream->head[stream->head_size++] = (char)c;
                if (stream->now.open == 0) {
                        (*at)++;
                        return 1;
                }
        }
        return 0;
}

/* Remembers how the bytes from data[at] on read: with the whole message's start, if that is not far. */
static int fail(QmpStream *stream, int r, const char *data, size_t size, size_t at)
{
        stream->failed = true;
        if (r == -EMSGSIZE) {
                /* Nothing wrong stands where the bound happens to fall. */
                stream->head[0] = '\0';
                return r;
        }
        if (stream->now.size >= OFFENDING_MAX)
                stream->head_size = 0;
        for (; at < size && stream->head_size < OFFENDING_MAX; at++)
                stream->head[stream->head_size++] = data[at];
        for (size_t i = 0; i < stream->head_size; i++)
                if (stream->head[i] == '\0')
                        stream->head[i] = '?';
        stream->head[stream->head_size] = '\0';
        return r;
}

/* Gives the tokener the next bytes of a message. *ret is set if they end one. */
static int tokenize(QmpStream *stream, const char *data, size_t size, bool whole, json_object **ret)
{
        CLEANUP(json) json_object *message = NULL;
        enum json_tokener_error error;

        if (size == 0)
                return 0;
        message = json_tokener_parse_ex(stream->tokener, data, (int)size);
        error = json_tokener_get_error(stream->tokener);
        if (error == json_tokener_continue)
                return whole ? -EBADMSG : 0;
        if (error != json_tokener_success || !whole || !message ||
            json_tokener_get_parse_end(stream->tokener) != size)
                return -EBADMSG;
        *ret = TAKE(message);
        return 0;
}

/* One message, or the part of it that is here: moves *at behind it. */
static int feed_message(QmpStream *stream, const char *data, size_t size, size_t *at, QmpMessageFn fn,
                        void *userdata)
{
        CLEANUP(json) json_object *message = NULL;
        size_t start = *at;
        int r, scanned;

        scanned = scan(stream, data, size, at);
        r = tokenize(stream, data + start, *at - start, scanned == 1, &message);
        if (r < 0) {
                /* The head goes as far as the scanner did, which was ahead of the tokener. */
                if (stream->now.size >= OFFENDING_MAX)
                        *at = start + json_tokener_get_parse_end(stream->tokener);
                return fail(stream, r, data, size, *at);
        }
        if (scanned < 0)
                return fail(stream, scanned, data, size, *at);
        if (!message)
                return 0;
        memset(&stream->now, 0, sizeof(stream->now));
        stream->head_size = 0;
        stream->head[0] = '\0';
        r = fn(message, userdata);
        if (r < 0)
                stream->failed = true;
        return r;
}

static size_t skip_space(const char *data, size_t size)
{
        size_t n = 0;

        while (n < size && (data[n] == ' ' || data[n] == '\t' || data[n] == '\r' || data[n] == '\n'))
                n++;
        return n;
}

int qmp_stream_feed(QmpStream *stream, const char *data, size_t size, QmpMessageFn fn, void *userdata)
{
        size_t at = 0;
        int r;

        if (stream->failed)
                return -ESHUTDOWN;
        while (at < size) {
                if (!qmp_stream_is_midway(stream)) {
                        at += skip_space(data + at, size - at);
                        if (at == size)
                                break;
                        if (data[at] != '{')
                                return fail(stream, -EBADMSG, data, size, at);
                }
                r = feed_message(stream, data, size - at > SLICE_MAX ? at + SLICE_MAX : size, &at, fn,
                                 userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

bool qmp_stream_is_midway(const QmpStream *stream)
{
        return stream->now.size > 0;
}

const char *qmp_stream_offending(const QmpStream *stream)
{
        return stream->failed ? stream->head : "";
}
