/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A catalogue file, read with libinih, whose parser tells its handler neither the line's number nor that a
 * line was split, and calls nothing at all for a section without keys. So the lines are classified on
 * their way in, by the reader that inih asks for each of them:
 *
 *   - it counts them, which is what faults are reported by;
 *   - a line that does not fit inih's buffer (200 bytes in Debian's build), or is no printable UTF-8, is a
 *     fault and reaches inih as an empty one: inih would take the tail of a long line for a new line;
 *   - a line `[name]` begins a feature here; inih's own notion of the section (cut at 49 bytes) is not used;
 *   - a line for which inih then makes no call, though it is neither empty nor a comment, is malformed.
 *
 * inih calls the handler once more, with the same key, for every indented line (a continuation). A value is
 * therefore held back until the next key, section or the end, and parsed as a whole. ` ;` begins a comment
 * within a line; inih 55 does not cut it from a continuation, so that is done here.
 */

#include <ctype.h>
#include <errno.h>
#include <ini.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/catalogue-parser.h"

#define VALUE_MAX 4096

static int begin(CatalogueParser *p, const char *name, size_t size)
{
        Feature *feature;

        catalogue_finish(p);
        if (p->out.n_features == p->room) {
                size_t room = p->room ? p->room * 2 : 8;
                Feature *grown = realloc(p->out.features, room * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                p->out.features = grown;
                p->room = room;
        }
        feature = &p->out.features[p->out.n_features];
        *feature = (Feature){.name = strndup(name, size), .file = strdup(p->name), .line = p->line};
        if (!feature->name || !feature->file) {
                feature_clear(feature);
                return -ENOMEM;
        }
        p->out.n_features++;
        p->in_feature = true;
        p->has_key = false;
        return 0;
}

/* A line that begins with '['. Returns whether it is well-formed. */
static bool section(CatalogueParser *p, const char *line)
{
        const char *end = strchr(line, ']');
        size_t size = end ? (size_t)(end - line) - 1 : strlen(line + 1);
        const char *rest = end ? end + 1 + strspn(end + 1, " \t") : "";
        bool valid;

        if (begin(p, line + 1, size) < 0) {
                p->r = -ENOMEM;
                return false;
        }
        valid = end && (!*rest || strchr(";#", *rest)) && catalogue_name_valid(catalogue_current(p)->name);
        if (!valid)
                catalogue_fault(
                        p, p->line, false,
                        _("\"%s\" is no [feature]; a name has up to 64 letters, digits, dots, dashes and "
                          "underscores."),
                        line);
        return valid;
}

/* Tells what inih will make of the line in `buffer`, and keeps from it what it would get wrong. */
static void classify(CatalogueParser *p, char *buffer)
{
        const char *start = buffer + strspn(buffer, " \t");

        p->owed = p->continuation = false;
        if (!*start || strchr(";#", *start))
                return;
        if (start > buffer && p->has_key) {
                p->owed = p->continuation = true;
        } else if (*start == '[' && start > buffer) {
                catalogue_fault(p, p->line, false,
                                _("A [feature] must stand at the beginning of its line."));
                *buffer = '\0';
        } else if (*start == '[') {
                if (!section(p, buffer))
                        strcpy(buffer, "[]");
        } else {
                p->owed = true;
        }
}

static bool plain_ascii(const char *line, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~')
                        return false;
        return true;
}

/* No control characters and no broken UTF-8, so that names and summaries may be shown anywhere. */
static bool printable(CatalogueParser *p, const char *line, size_t size)
{
        CLEANUP(free) char *clean = NULL;

        if (plain_ascii(line, size))
                return true;
        clean = text_for_terminal(line, size, size);
        if (!clean) {
                p->r = -ENOMEM;
                return true;
        }
        for (size_t i = 0; i < size; i++)
                if (line[i] != clean[i] && line[i] != '\t')
                        return false;
        return true;
}

/* The bounds of the next line, without its end and, on the first line, the byte order mark. */
static const char *next_line(CatalogueParser *p, size_t *ret_size)
{
        const char *line = p->data + p->at;
        const char *end = memchr(line, '\n', p->size - p->at);
        size_t size = end ? (size_t)(end - line) : p->size - p->at;

        p->at += size + (end ? 1 : 0);
        p->line++;
        if (size > 0 && line[size - 1] == '\r')
                size--;
        if (p->line == 1 && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
                line += 3;
                size -= 3;
        }
        *ret_size = size;
        return line;
}

static void settle(CatalogueParser *p)
{
        if (p->owed)
                catalogue_fault(p, p->line, false, _("The line is neither [feature] nor \"key = value\"."));
        p->owed = false;
}

/* inih's reader, in the manner of fgets(). */
static char *read_line(char *buffer, int room, void *userdata)
{
        CatalogueParser *p = userdata;
        const char *line;
        size_t size;

        settle(p);
        if (p->at >= p->size || p->r < 0)
                return NULL;
        line = next_line(p, &size);
        buffer[0] = '\0';
        if (size + 1 > (size_t)room) {
                catalogue_fault(p, p->line, false,
                                _("The line is longer than %d bytes; go on in another line that begins with "
                                  "blanks."),
                                room - 1);
        } else if (!printable(p, line, size)) {
                catalogue_fault(p, p->line, false, _("The line holds control characters or is not UTF-8."));
        } else {
                memcpy(buffer, line, size);
                buffer[size] = '\0';
                classify(p, buffer);
        }
        return buffer;
}

static size_t without_comment(const char *text)
{
        size_t n = strlen(text);

        for (size_t i = 1; i < n; i++)
                if (text[i] == ';' && isblank((unsigned char)text[i - 1]))
                        n = i;
        while (n > 0 && isblank((unsigned char)text[n - 1]))
                n--;
        return n;
}

static void extend(CatalogueParser *p, const char *text)
{
        size_t size = without_comment(text), have;
        char *grown;

        if (!p->value)
                return;
        /* `  tie = …` under another key would silently become a part of that key's value. */
        if (catalogue_looks_like_key(text)) {
                catalogue_fault(p, p->line, false,
                                _("The line begins with blanks, so it continues \"%s\"; take them away."),
                                p->key);
                return;
        }
        have = strlen(p->value);
        if (have + size + 1 > VALUE_MAX) {
                catalogue_fault(p, p->line, false, _("The value of \"%s\" is longer than %d bytes."), p->key,
                                VALUE_MAX);
                free(TAKE(p->value));
                return;
        }
        grown = realloc(p->value, have + size + 2);
        if (!grown) {
                p->r = -ENOMEM;
                return;
        }
        p->value = grown;
        if (have > 0)
                grown[have++] = ' ';
        memcpy(grown + have, text, size);
        grown[have + size] = '\0';
}

static int on_value(void *userdata, const char *inih_section, const char *name, const char *value)
{
        CatalogueParser *p = userdata;

        p->owed = false;
        if (p->r < 0)
                return 1;
        if (p->continuation) {
                extend(p, value);
                return 1;
        }
        catalogue_flush(p);
        p->has_key = *name != '\0';
        p->value_line = p->line;
        p->key = strdup(name);
        p->value = strdup(value);
        if (!p->key || !p->value)
                p->r = -ENOMEM;
        return 1;
}

static int compare_features(const void *a, const void *b)
{
        const Feature *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int compare_faults(const void *a, const void *b)
{
        const CatalogueFault *x = a, *y = b;

        return x->line != y->line ? (x->line < y->line ? -1 : 1) : (int)x->warning - (int)y->warning;
}

static void find_doubles(CatalogueParser *p)
{
        if (p->out.n_features == 0)
                return;
        qsort(p->out.features, p->out.n_features, sizeof(Feature), compare_features);
        for (size_t i = 1; i < p->out.n_features; i++)
                if (streq(p->out.features[i - 1].name, p->out.features[i].name))
                        catalogue_fault(p, p->out.features[i].line, false,
                                        _("The feature \"%s\" is in this file twice; first in line %u."),
                                        p->out.features[i].name, p->out.features[i - 1].line);
}

int catalogue_parse(const char *name, const char *data, size_t size, CatalogueFile *ret)
{
        CatalogueParser p = {.name = name, .data = data, .size = size};

        /* What inih returns is the first line that it did not like; settle() has them all. */
        (void)ini_parse_stream(read_line, &p, on_value, &p);
        settle(&p);
        catalogue_finish(&p);
        find_doubles(&p);
        if (p.r < 0) {
                catalogue_file_clear(&p.out);
                return p.r;
        }
        if (p.out.n_faults > 0)
                qsort(p.out.faults, p.out.n_faults, sizeof(CatalogueFault), compare_faults);
        *ret = p.out;
        return 0;
}
