/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Three ways out. Where stderr is the journal's stream (its device and inode are in $JOURNAL_STREAM), native
 * entries with fields, since a stream has none but the text and the level. Where that fails, the stream all
 * the same, with the level as "<N>". Elsewhere plain lines for a person. Each message is one write(), so
 * that those of several threads do not mix. What is logged comes from emulators and clients, too: no control
 * character of theirs gets through, and no line is endless.
 */

#define SD_JOURNAL_SUPPRESS_LOCATION

#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "base/util.h"

#define IDENTIFIER     "musterd"
#define LINE_MAX_BYTES 4096
#define DETAIL_LINES   64

static int log_level = LOG_INFO;
static bool log_journal;

static bool stderr_is_journal(void)
{
        const char *stream = secure_getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

void log_open(int level)
{
        __atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
        __atomic_store_n(&log_journal, stderr_is_journal(), __ATOMIC_RELAXED);
}

/* NULL out of memory. */
static char *clean(const char *text)
{
        return text ? text_for_terminal(text, strlen(text), LINE_MAX_BYTES) : NULL;
}

/* Every line of it cleaned, up to the bound; NULL: nothing in it. */
static char **detail_lines(const char *detail)
{
        CLEANUP(strv) char **lines = NULL;

        for (unsigned i = 0; detail && *detail && i < DETAIL_LINES; i++) {
                size_t size = strcspn(detail, "\r\n");
                CLEANUP(free) char *line = text_for_terminal(detail, size, LINE_MAX_BYTES);

                if (!line || (size > 0 && strv_append(&lines, line) < 0))
                        break;
                detail += size;
                detail += strspn(detail, "\r\n");
        }
        return TAKE(lines);
}

/* --- the journal --------------------------------------------------------------------------------- */

static char *join(char *const *lines)
{
        char *text = NULL;
        size_t size;
        FILE *out = lines ? open_memstream(&text, &size) : NULL;

        for (char *const *line = lines; out && *line; line++)
                fprintf(out, "%s%s", line == lines ? "" : "\n", *line);
        if (out)
                fclose(out);
        return text;
}

/* Fields that have no value are left out; so is one for which there is no memory. */
static int send_fields(const char *const names[], const char *const values[], size_t n)
{
        struct iovec fields[8];
        char *texts[ELEMENTSOF(fields)];
        size_t n_fields = 0;
        int r;

        for (size_t i = 0; i < n && n_fields < ELEMENTSOF(fields); i++) {
                char *text = values[i] ? text_format("%s=%s", names[i], values[i]) : NULL;

                if (!text)
                        continue;
                texts[n_fields] = text;
                fields[n_fields++] = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
        }
        r = sd_journal_sendv(fields, (int)n_fields);
        while (n_fields > 0)
                free(texts[--n_fields]);
        return r;
}

static int send_to_journal(int level, const char *domain, const char *operation, const char *message,
                           char *const *lines)
{
        static const char *const names[] = {"MESSAGE",       "PRIORITY",         "SYSLOG_IDENTIFIER",
                                            "MUSTER_DOMAIN", "MUSTER_OPERATION", "MUSTER_DETAIL"};
        const char priority[] = {(char)('0' + LOG_PRI(level)), '\0'};
        CLEANUP(free) char *detail = join(lines);
        /* Those who read the journal without its fields want to know who it is about, too. */
        CLEANUP(free) char *text = domain ? text_format("%s: %s", domain, message) : strdup(message);
        const char *const values[] = {text ?: message, priority, IDENTIFIER, domain, operation, detail};

        return send_fields(names, values, ELEMENTSOF(names));
}

/* --- stderr -------------------------------------------------------------------------------------- */

static void write_all(const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(STDERR_FILENO, text, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return; /* Nobody is left to be told. */
                text += n;
                size -= (size_t)n;
        }
}

static void write_lines(const char *prefix, const char *domain, const char *operation, const char *message,
                        char *const *lines)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return;
        fputs(prefix, out);
        if (domain)
                fprintf(out, "[%s] ", domain);
        if (operation)
                fprintf(out, "%s: ", operation);
        fprintf(out, "%s\n", message);
        for (char *const *line = lines; line && *line; line++)
                fprintf(out, "%s  %s\n", prefix, *line);
        if (fclose(out) == 0)
                write_all(text, size);
}

static void emit(int level, const char *domain, const char *operation, const char *message,
                 const char *detail)
{
        CLEANUP(free) char *line = clean(message), *where = clean(domain), *what = clean(operation);
        CLEANUP(strv) char **lines = detail_lines(detail);
        bool journal = __atomic_load_n(&log_journal, __ATOMIC_RELAXED);
        char prefix[] = "<N>";

        if (!line)
                return;
        if (journal && send_to_journal(level, where, what, line, lines) >= 0)
                return;
        prefix[1] = (char)('0' + LOG_PRI(level));
        write_lines(journal ? prefix : IDENTIFIER ": ", where, what, line, lines);
}

static bool is_left_out(int level)
{
        return LOG_PRI(level) > __atomic_load_n(&log_level, __ATOMIC_RELAXED);
}

void log_message(int level, const char *domain, const char *operation, const char *format, ...)
{
        CLEANUP(free) char *message = NULL;
        va_list args;

        if (is_left_out(level))
                return;
        va_start(args, format);
        message = text_vformat(format, args);
        va_end(args);
        if (message)
                emit(level, domain, operation, message, NULL);
}

void log_error(int level, const char *domain, const char *operation, const MusterError *error,
               const char *format, ...)
{
        CLEANUP(free) char *what = NULL, *message = NULL;
        va_list args;

        if (is_left_out(level))
                return;
        va_start(args, format);
        what = text_vformat(format, args);
        va_end(args);
        if (!what)
                return;
        message = error ? text_format("%s: %s", what, muster_error_message(error)) : NULL;
        emit(level, domain, operation, message ?: what, error ? muster_error_detail(error) : NULL);
}
