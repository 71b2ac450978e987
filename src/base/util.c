/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"

#include <errno.h>
#include <time.h>

#include "base/cleanup.h"

uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

size_t strv_length(char *const *strings)
{
        size_t n = 0;

        while (strings && strings[n])
                n++;
        return n;
}

bool strv_contains(char *const *strings, const char *text)
{
        for (; strings && *strings; strings++)
                if (streq(*strings, text))
                        return true;
        return false;
}

int strv_append(char ***strings, const char *text)
{
        size_t n = strv_length(*strings);
        char **grown, *copy;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        grown = realloc(*strings, (n + 2) * sizeof(*grown));
        if (!grown) {
                free(copy);
                return -ENOMEM;
        }
        grown[n] = copy;
        grown[n + 1] = NULL;
        *strings = grown;
        return 0;
}

int strv_split(const char *text, const char *separators, char ***ret)
{
        CLEANUP(strv) char **parts = NULL;
        CLEANUP(free) char *copy = strdup(text);
        char *rest = copy, *part;
        int r;

        if (!copy)
                return -ENOMEM;
        parts = calloc(1, sizeof(*parts));
        if (!parts)
                return -ENOMEM;
        while ((part = strsep(&rest, separators))) {
                if (!*part)
                        continue;
                r = strv_append(&parts, part);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(parts);
        return 0;
}

/* Characters in more bytes than they need, surrogates, and more than Unicode has. */
static bool is_false_character(const unsigned char *s)
{
        return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
               (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90);
}

/* The length of the well-formed UTF-8 sequence at `s`, 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t size)
{
        size_t n = s[0] < 0x80                    ? 1
                   : s[0] >= 0xc2 && s[0] < 0xe0  ? 2
                   : s[0] >= 0xe0 && s[0] < 0xf0  ? 3
                   : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                  : 0;

        if (n > size)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        return n > 1 && is_false_character(s) ? 0 : n;
}

bool text_is_utf8(const char *text, size_t size)
{
        size_t n;

        for (size_t i = 0; i < size; i += n) {
                n = utf8_length((const unsigned char *)text + i, size - i);
                if (n == 0 || text[i] == '\0')
                        return false;
        }
        return true;
}

static size_t clean(const char *text, size_t size, char *out)
{
        const unsigned char *s = (const unsigned char *)text;
        size_t n, length = 0;

        for (size_t i = 0; i < size; i += n) {
                n = utf8_length(s + i, size - i);
                /* C1 control characters are as able to move a terminal's cursor as the C0 ones. */
                if (n == 0 || (n == 1 && (s[i] < 0x20 || s[i] == 0x7f)) ||
                    (n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0)) {
                        bool space = n == 1 && (s[i] == '\n' || s[i] == '\t' || s[i] == '\r');

                        out[length++] = space ? ' ' : '?';
                        n = n ? n : 1;
                        continue;
                }
                memcpy(out + length, s + i, n);
                length += n;
        }
        return length;
}

char *text_for_terminal(const char *text, size_t size, size_t max)
{
        CLEANUP(free) char *whole = malloc(size + 1);
        size_t length, half = max / 2;
        char *cut;

        if (!whole)
                return NULL;
        length = clean(text, size, whole);
        whole[length] = '\0';
        if (length <= max)
                return TAKE(whole);

        cut = malloc(max + sizeof(" … "));
        if (!cut)
                return NULL;
        while (half > 0 && ((unsigned char)whole[half] & 0xc0) == 0x80)
                half--;
        size = length - (max - half);
        while (size < length && ((unsigned char)whole[size] & 0xc0) == 0x80)
                size++;
        memcpy(cut, whole, half);
        strcpy(cut + half, " … ");
        strcat(cut, whole + size);
        return cut;
}

char *text_vformat(const char *format, va_list args)
{
        char *text;

        /* What vasprintf() leaves behind a failure is undefined. */
        return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *text_format(const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        return text;
}
