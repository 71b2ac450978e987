/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

#define USEC_PER_SEC      UINT64_C(1000000)
#define USEC_PER_MSEC     UINT64_C(1000)
#define NSEC_PER_USEC     UINT64_C(1000)
#define NSEC_PER_SEC      INT64_C(1000000000) /* signed, as times since the epoch are */

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* Equal, where either may be NULL. */
static inline bool streq_ptr(const char *a, const char *b)
{
        return a && b ? streq(a, b) : a == b;
}

/* The rest of `text` behind `prefix`, or NULL. */
static inline const char *startswith(const char *text, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* CLOCK_MONOTONIC in microseconds. */
uint64_t now_usec(void);

/* Appends a copy of `text` to the NULL-terminated array *strings, which grows; -ENOMEM. */
int strv_append(char ***strings, const char *text);

size_t strv_length(char *const *strings);

bool strv_contains(char *const *strings, const char *text);

/* Splits at every one of `separators`, leaving out empty parts. */
int strv_split(const char *text, const char *separators, char ***ret);

/* The formatted text, to free(); NULL when out of memory. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Whether `size` bytes are well-formed UTF-8 without NUL: what a JSON string that QEMU takes may hold. */
bool text_is_utf8(const char *text, size_t size);

/*
 * Text that came from outside (an emulator's stderr, a reply) made fit to print on one line: control
 * characters and broken UTF-8 become '?', the middle is cut at `max` bytes. NULL when out of memory.
 */
char *text_for_terminal(const char *text, size_t size, size_t max);
