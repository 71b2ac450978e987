/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "base/i18n.h"
#include "base/util.h"

static bool coloured, utf8;
static unsigned width;
static int write_errno; /* of the first write that failed: stdio keeps no more than that one did */

static void note_failure(void)
{
        if (!write_errno && ferror(stdout))
                write_errno = errno ?: EIO;
}

void output_init(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        struct winsize size;

        utf8 = streq(nl_langinfo(CODESET), "UTF-8");
        if (!isatty(STDOUT_FILENO))
                return;
        coloured = !(no_color && *no_color) && term && *term && !streq(term, "dumb");
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
                width = size.ws_col;
}

bool output_coloured(void)
{
        return coloured;
}

bool output_utf8(void)
{
        return utf8;
}

unsigned output_width(void)
{
        return width;
}

const char *style_escape(Style style)
{
        static const char *const escapes[] = {
                [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
                [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_OPEN] = "\033[33m",
                [STYLE_RESET] = "\033[0m",
        };

        return escapes[style];
}

size_t text_columns(const char *text)
{
        size_t columns = 0;

        for (; *text; text++)
                columns += ((unsigned char)*text & 0xc0) != 0x80;
        return columns;
}

char *text_clean(const char *text)
{
        size_t size = strlen(text);

        return text_for_terminal(text, size, /* max= */ 4 * size + 1);
}

/* Line by line, since a line's end is the one control character that may pass. */
static void print_clean(FILE *file, const char *text, const char *indent)
{
        while (*text) {
                size_t length = strcspn(text, "\n");
                CLEANUP(free) char *line = text_for_terminal(text, length, /* max= */ 4 * length + 1);

                if (*indent && length > 0)
                        fputs(indent, file);
                fputs(line ?: "?", file);
                text += length;
                if (*text == '\n') {
                        fputc('\n', file);
                        text++;
                }
        }
}

void say(const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0)
                text = NULL;
        else
                print_clean(stdout, text, "");
        note_failure();
}

void say_styled(Style style, const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;
        bool ends_line;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0) {
                text = NULL;
                return;
        }
        /* The style ends before the line does: what follows is not to begin with an escape. */
        ends_line = *text && text[strlen(text) - 1] == '\n';
        if (ends_line)
                text[strlen(text) - 1] = '\0';
        if (coloured)
                fputs(style_escape(style), stdout);
        print_clean(stdout, text, "");
        if (coloured && style != STYLE_PLAIN)
                fputs(style_escape(STYLE_RESET), stdout);
        if (ends_line)
                fputc('\n', stdout);
        note_failure();
}

void say_raw(const char *text)
{
        fputs(text, stdout);
        note_failure();
}

int say_json(const json_object *object, MusterError **ret_error)
{
        CLEANUP(free) char *text = json_to_pretty_text(object);

        if (!text)
                return error_oom(ret_error);
        fputs(text, stdout);
        fputc('\n', stdout);
        note_failure();
        return 0;
}

int say_json_text(const char *text, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;
        int r;

        r = json_parse(text, strlen(text), &object);
        if (r < 0)
                return error_set(ret_error, r, _("The library's answer is no JSON; please report this."));
        return say_json(object, ret_error);
}

void complain(const MusterError *error)
{
        const char *detail = muster_error_detail(error);

        progress(NULL);
        fputs("muster: ", stderr);
        print_clean(stderr, muster_error_message(error), "");
        fputc('\n', stderr);
        if (!detail || !*detail)
                return;
        print_clean(stderr, detail, "  ");
        if (detail[strlen(detail) - 1] != '\n')
                fputc('\n', stderr);
}

void note(const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (!text)
                return;
        /* Threads of a probe of all may have one to tell at the same time. */
        flockfile(stderr);
        progress(NULL);
        fprintf(stderr, "muster: %s: ", _("note"));
        print_clean(stderr, text, "");
        fputc('\n', stderr);
        funlockfile(stderr);
}

/* One paragraph's line, word by word; the cursor is `indent` columns in. */
static void wrap_line(const char *line, size_t length, unsigned indent, unsigned columns)
{
        unsigned at = indent;

        while (length > 0) {
                size_t word = 0, shown = 0;

                while (word < length && line[word] != ' ')
                        shown += ((unsigned char)line[word++] & 0xc0) != 0x80;
                if (at > indent && at + 1 + shown > columns) {
                        say("\n%*s", (int)indent, "");
                        at = indent;
                } else if (at > indent) {
                        say(" ");
                        at++;
                }
                say("%.*s", (int)word, line);
                at += (unsigned)shown;
                while (word < length && line[word] == ' ')
                        word++;
                line += word;
                length -= word;
        }
        say("\n");
}

void say_wrapped(const char *text, unsigned indent, unsigned columns)
{
        while (*text) {
                size_t length = strcspn(text, "\n");

                if (length == 0)
                        say("\n");
                else if (*text == ' ')
                        say("%*s%.*s\n", (int)indent, "", (int)length, text);
                else {
                        say("%*s", (int)indent, "");
                        wrap_line(text, length, indent, columns);
                }
                text += length + (text[length] == '\n');
        }
}

void say_hanging(const char *head, const char *text, unsigned indent, unsigned columns)
{
        size_t used = text_columns(head);

        if (used + 2 > indent)
                say("%s\n%*s", head, (int)indent, "");
        else
                say("%s%*s", head, (int)(indent - used), "");
        wrap_line(text, strlen(text), indent, columns);
}

void progress(const char *text)
{
        static bool shown;

        if (!text && shown)
                fputs("\r\033[K", stderr);
        shown = false;
        if (!text || !isatty(STDERR_FILENO))
                return;
        fputs("\r\033[K", stderr);
        print_clean(stderr, text, "");
        fflush(stderr);
        shown = true;
}

void progress_line(const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;

        if (isatty(STDERR_FILENO))
                return;
        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (!text)
                return;
        print_clean(stderr, text, "");
        fputc('\n', stderr);
}

int output_finish(MusterError **ret_error)
{
        if (fflush(stdout) != 0 || ferror(stdout))
                note_failure();
        if (!write_errno)
                return 0;
        return error_errno(ret_error, -write_errno, _("Cannot write the output"));
}
