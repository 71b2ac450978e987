/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A file, read with libinih, which is more forgiving than a daemon's configuration should be: it tells no
 * line's number, splits what exceeds its buffer (200 bytes in Debian's build) and takes the tail for a new
 * line, cuts a section's name at 49 bytes, calls nothing for a section without keys, ignores what stands
 * behind "[section]", and goes on with the last key in a line that begins with blanks. So the lines are
 * looked at on their way in, by the reader that inih asks for each of them: sections are recognized here,
 * and what inih would get wrong is a fault. The first fault ends it.
 */

#include <errno.h>
#include <ini.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/settings-private.h"

typedef struct Reading {
        const char *name;
        const char *at, *end;
        unsigned line;
        const char *section; /* of the table; NULL: none yet */
        bool owed;           /* this line is to make a call of on_value() */
        Settings *settings;
        bool *set;
        int r;
        MusterError *error;
} Reading;

static void fault(Reading *reading, MusterError *error)
{
        reading->r = muster_error_code(error);
        reading->error = error;
        if (reading->r != -ENOMEM)
                error_prefix(&reading->error, "%s:%u", reading->name, reading->line);
}

#define FAULT(reading, ...)                                                                                 \
        do {                                                                                                \
                MusterError *_error = NULL;                                                                 \
                error_set(&_error, -EINVAL, __VA_ARGS__);                                                   \
                fault(reading, _error);                                                                     \
        } while (0)

static const char *find_section(const char *name, size_t size)
{
        for (size_t i = 0; i < settings_n_keys; i++)
                if (strlen(settings_keys[i].section) == size &&
                    strncmp(settings_keys[i].section, name, size) == 0)
                        return settings_keys[i].section;
        return NULL;
}

static void begin_section(Reading *reading, const char *line)
{
        const char *end = strchr(line, ']'), *rest = end ? end + 1 + strspn(end + 1, " \t") : "";

        if (!end || (*rest && !strchr(";#", *rest))) {
                FAULT(reading, _("\"%s\" is no [section]."), line);
                return;
        }
        reading->section = find_section(line + 1, (size_t)(end - line) - 1);
        if (!reading->section)
                FAULT(reading,
                      _("There is no section [%.*s]; paths, access, limits and emulator there are."),
                      (int)(end - line) - 1, line + 1);
}

static void classify(Reading *reading, const char *line)
{
        const char *start = line + strspn(line, " \t");

        if (!*start || strchr(";#", *start))
                return;
        if (start > line)
                FAULT(reading, _("The line begins with blanks; take them away."));
        else if (*start == '[')
                begin_section(reading, line);
        else
                reading->owed = true;
}

static void settle(Reading *reading)
{
        if (reading->owed && reading->r == 0)
                FAULT(reading, _("The line is neither [section] nor \"key = value\"."));
        reading->owed = false;
}

/* No control characters but tabs, and no broken UTF-8: names and paths are shown everywhere. */
static bool is_text(const char *line, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
                        return false;
        return text_is_utf8(line, size);
}

/* Without its end and, on the first line, the byte order mark. */
static const char *next_line(Reading *reading, size_t *ret_size)
{
        const char *line = reading->at;
        const char *end = memchr(line, '\n', (size_t)(reading->end - line)) ?: reading->end;

        reading->at = end < reading->end ? end + 1 : end;
        reading->line++;
        if (end > line && end[-1] == '\r')
                end--;
        if (reading->line == 1 && end - line >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
                line += 3;
        *ret_size = (size_t)(end - line);
        return line;
}

/* inih's reader, in the manner of fgets(). */
static char *read_line(char *buffer, int room, void *userdata)
{
        Reading *reading = userdata;
        const char *line;
        size_t size;

        settle(reading);
        if (reading->r < 0 || reading->at == reading->end)
                return NULL;
        line = next_line(reading, &size);
        if (size + 1 > (size_t)room) {
                FAULT(reading, _("The line is longer than %d bytes."), room - 1);
                return NULL;
        }
        if (!is_text(line, size)) {
                FAULT(reading, _("The line holds control characters or is not UTF-8."));
                return NULL;
        }
        memcpy(buffer, line, size);
        buffer[size] = '\0';
        classify(reading, buffer);
        return reading->r < 0 ? NULL : buffer;
}

static void take(Reading *reading, const char *name, const char *value)
{
        MusterError *error = NULL;
        size_t i = 0;

        while (i < settings_n_keys &&
               !(streq(settings_keys[i].section, reading->section) && streq(settings_keys[i].name, name)))
                i++;
        if (i == settings_n_keys)
                FAULT(reading, _("[%s] has no key \"%s\"; musterd.conf(5) names those that there are."),
                      reading->section, name);
        else if (reading->set[i])
                FAULT(reading, _("[%s] %s is given twice; keep one."), reading->section, name);
        else if (reading->settings->session && settings_keys[i].system_only)
                FAULT(reading,
                      _("[%s] %s is for the system's instance; a user's has not the rights for it, so "
                        "remove the line."),
                      reading->section, name);
        else if (setting_parse(&settings_keys[i], value, reading->settings, &error) < 0)
                fault(reading, error);
        else
                reading->set[i] = true;
}

static int on_value(void *userdata, const char *section, const char *name, const char *value)
{
        Reading *reading = userdata;

        reading->owed = false;
        if (reading->r < 0)
                return 1;
        if (reading->section)
                take(reading, name, value ?: "");
        else
                FAULT(reading, _("\"%s\" stands before any [section]."), name);
        return 1;
}

int settings_parse(const char *name, const char *text, size_t size, Settings *settings, bool *set,
                   MusterError **ret_error)
{
        Reading reading = {.name = name, .at = text, .end = text + size, .settings = settings, .set = set};
        int r = ini_parse_stream(read_line, &reading, on_value, &reading);

        settle(&reading);
        if (reading.r == 0 && r != 0)
                return error_oom(ret_error); /* Everything else that it can find fault with was found. */
        if (reading.r < 0) {
                if (ret_error)
                        *ret_error = reading.error;
                else
                        muster_error_free(reading.error);
        }
        return reading.r;
}
