/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What goes to standard output and standard error. All text may hold what an emulator said, so control
 * characters and broken UTF-8 never pass; colour is set by style, on a terminal only, and not with NO_COLOR.
 */

#include "base/error.h"
#include "base/json.h"
#include "base/util.h"

typedef enum Style {
        STYLE_PLAIN,
        STYLE_BOLD,
        STYLE_DIM,
        STYLE_GOOD,
        STYLE_BAD,
        STYLE_OPEN,
        STYLE_RESET, /* not to be asked for */
} Style;

/* Once, before any output. */
void output_init(void);

bool output_coloured(void);

/* Whether the locale can show more than ASCII. */
bool output_utf8(void);

/* Columns of the terminal at standard output; 0 where it is none: no limit. */
unsigned output_width(void);

/* The escape sequence of a style. */
const char *style_escape(Style style);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_styled(Style style, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text that is fit to print as it stands: a table, a page of the manual. */
void say_raw(const char *text);

/* `text` (JSON from the library) or `object`, pretty, as all that is printed. 0 or -EBADMSG, -ENOMEM. */
int say_json(const json_object *object, MusterError **ret_error);
int say_json_text(const char *text, MusterError **ret_error);

/* "muster: sentence" and the detail below it, on standard error. */
void complain(const MusterError *error);

/*
 * `text` broken into lines of `width` columns, each `indent` columns in. A line that starts with a blank
 * stays.
 */
void say_wrapped(const char *text, unsigned indent, unsigned width);

/* "muster: note: sentence" on standard error: something that went another way, and not wrong. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `head`, and beside it (below it, where it is too long) one paragraph, `indent` columns in. */
void say_hanging(const char *head, const char *text, unsigned indent, unsigned width);

/* One line of state on a terminal's standard error, overwritten by the next; NULL clears it. */
void progress(const char *text);

/* The same where standard error is no terminal: a line of its own, for what took time. */
void progress_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes. 0, or a negative errno with a sentence where not all could be written. */
int output_finish(MusterError **ret_error);

/* How many columns UTF-8 text takes: code points, which is right for all that muster prints. */
size_t text_columns(const char *text);

/* text_for_terminal() of a string, nothing cut. NULL when out of memory. */
char *text_clean(const char *text);
