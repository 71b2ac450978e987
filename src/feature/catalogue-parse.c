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
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/catalogue-parse.h"

#define VALUE_MAX   4096
#define TIES_MAX    256
#define GOVERNS_MAX 32
#define LIBVIRT_MAX 32

typedef struct Parser {
        const char *name;
        const char *data;
        size_t size, at;
        unsigned line;     /* the one that inih is at */
        bool owed;         /* inih owes a call for it */
        bool continuation; /* it goes on with the value of an earlier line */
        bool has_key;      /* inih has a key that an indented line would continue */
        bool in_feature;
        char *key, *value; /* held back until complete */
        unsigned value_line;
        size_t room, fault_room;
        CatalogueFile out;
        int r; /* -ENOMEM, from then on nothing is done */
} Parser;

void feature_clear(Feature *feature)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                governs_clear(&feature->governs[i]);
        for (size_t i = 0; i < feature->n_ties; i++)
                tie_clear(&feature->ties[i]);
        free(feature->name);
        free(feature->summary);
        free(feature->since);
        free(feature->note);
        strv_free(feature->libvirt);
        free(feature->governs);
        free(feature->ties);
        free(feature->file);
        *feature = (Feature){0};
}

void catalogue_file_clear(CatalogueFile *file)
{
        for (size_t i = 0; i < file->n_features; i++)
                feature_clear(&file->features[i]);
        free(file->features);
        for (size_t i = 0; i < file->n_faults; i++)
                free(file->faults[i].message);
        free(file->faults);
        *file = (CatalogueFile){0};
}

static void add_fault(Parser *p, unsigned line, bool warning, char *message)
{
        CLEANUP(free) char *owned = message;

        if (!owned) {
                p->r = -ENOMEM;
                return;
        }
        if (!warning)
                p->out.n_errors++;
        if (p->out.n_faults >= CATALOGUE_FAULTS_MAX)
                return;
        if (p->out.n_faults == p->fault_room) {
                size_t room = p->fault_room ? p->fault_room * 2 : 8;
                CatalogueFault *grown = realloc(p->out.faults, room * sizeof(*grown));

                if (!grown) {
                        p->r = -ENOMEM;
                        return;
                }
                p->out.faults = grown;
                p->fault_room = room;
        }
        p->out.faults[p->out.n_faults++] = (CatalogueFault){line, warning, TAKE(owned)};
}

static void fault(Parser *p, unsigned line, bool warning, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
static void fault(Parser *p, unsigned line, bool warning, const char *format, ...)
{
        char *message;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&message, format, args);
        va_end(args);
        add_fault(p, line, warning, r < 0 ? NULL : message);
}

/* Makes a fault of what a value's parser said, and the parser's own failure of anything else. */
static void value_fault(Parser *p, int r, const MusterError *error)
{
        if (r == -EINVAL)
                fault(p, p->value_line, false, "%s", muster_error_message(error));
        else if (r < 0)
                p->r = r;
}

static Feature *current(Parser *p)
{
        return p->in_feature ? &p->out.features[p->out.n_features - 1] : NULL;
}

static void set_text(Parser *p, char **text)
{
        if (*text)
                fault(p, p->value_line, false, _("The key \"%s\" is there twice."), p->key);
        else if (!*p->value)
                fault(p, p->value_line, false, _("The key \"%s\" has no value."), p->key);
        else
                *text = TAKE(p->value);
}

static void set_summary(Parser *p, Feature *feature)
{
        set_text(p, &feature->summary);
}

static void set_since(Parser *p, Feature *feature)
{
        set_text(p, &feature->since);
}

static void set_note(Parser *p, Feature *feature)
{
        set_text(p, &feature->note);
}

static void add_libvirt(Parser *p, Feature *feature)
{
        CLEANUP(strv) char **names = NULL;

        if (strv_split(p->value, ", \t", &names) < 0) {
                p->r = -ENOMEM;
                return;
        }
        if (!names[0])
                fault(p, p->value_line, false, _("The key \"%s\" has no value."), p->key);
        for (char **name = names; *name; name++) {
                if (!catalogue_name_valid(*name) || strv_length(feature->libvirt) >= LIBVIRT_MAX) {
                        fault(p, p->value_line, false, _("\"%s\" is no name of a flag, or one too many."),
                              *name);
                        return;
                }
                if (strv_append(&feature->libvirt, *name) < 0)
                        p->r = -ENOMEM;
        }
}

static void add_governs(Parser *p, Feature *feature)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Governs governs, *grown;
        int r;

        if (feature->n_governs >= GOVERNS_MAX) {
                fault(p, p->value_line, false, _("A feature has at most %d lines \"%s\"."), GOVERNS_MAX,
                      p->key);
                return;
        }
        r = governs_parse(p->value, &governs, &error);
        if (r < 0) {
                value_fault(p, r, error);
                return;
        }
        grown = realloc(feature->governs, (feature->n_governs + 1) * sizeof(*grown));
        if (!grown) {
                governs_clear(&governs);
                p->r = -ENOMEM;
                return;
        }
        feature->governs = grown;
        feature->governs[feature->n_governs++] = governs;
}

static void add_any_tie(Parser *p, Feature *feature, bool bad)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Tie tie, *grown;
        int r;

        if (feature->n_ties >= TIES_MAX) {
                fault(p, p->value_line, false, _("A feature has at most %d ties."), TIES_MAX);
                return;
        }
        r = tie_parse(p->value, &tie, &error);
        if (r < 0) {
                value_fault(p, r, error);
                return;
        }
        tie.bad = bad;
        tie.line = p->value_line;
        grown = realloc(feature->ties, (feature->n_ties + 1) * sizeof(*grown));
        if (!grown) {
                tie_clear(&tie);
                p->r = -ENOMEM;
                return;
        }
        feature->ties = grown;
        feature->ties[feature->n_ties++] = tie;
}

static void add_tie(Parser *p, Feature *feature)
{
        add_any_tie(p, feature, false);
}

static void add_bad(Parser *p, Feature *feature)
{
        add_any_tie(p, feature, true);
}

static const struct {
        const char *name;
        void (*set)(Parser *p, Feature *feature);
} keys[] = {
        {"summary", set_summary}, {"governs", add_governs}, {"tie", add_tie},         {"bad", add_bad},
        {"since", set_since},     {"note", set_note},       {"libvirt", add_libvirt},
};

static void set_value(Parser *p)
{
        Feature *feature = current(p);

        if (!feature) {
                fault(p, p->value_line, false, _("The key \"%s\" stands before the first [feature]."),
                      p->key);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].name, p->key)) {
                        keys[i].set(p, feature);
                        return;
                }
        fault(p, p->value_line, false,
              _("\"%s\" is no key; there are: summary, governs, tie, bad, since, note, libvirt."), p->key);
}

/* The value held back is complete. */
static void flush(Parser *p)
{
        if (p->key && p->value && p->r == 0)
                set_value(p);
        free(TAKE(p->key));
        free(TAKE(p->value));
}

static void lint_drivers(Parser *p, const Feature *feature)
{
        CLEANUP(strv) char **drivers = NULL;

        if (feature_drivers(feature, &drivers) < 0) {
                p->r = -ENOMEM;
                return;
        }
        for (size_t i = 0; drivers[0] && i < feature->n_ties; i++) {
                size_t size;
                const char *driver = tie_foreign_driver(&feature->ties[i], drivers, &size);

                if (driver)
                        fault(p, feature->ties[i].line, true,
                              _("The tie speaks of +%.*s, which no \"governs\" line names as a driver."),
                              (int)size, driver);
        }
}

/* The feature at hand is complete. */
static void finish(Parser *p)
{
        Feature *feature;
        bool tied = false;

        flush(p);
        feature = current(p);
        if (!feature || p->r < 0)
                return;
        for (size_t i = 0; i < feature->n_ties; i++)
                tied = tied || !feature->ties[i].bad;
        if (!feature->summary)
                fault(p, feature->line, false, _("The feature \"%s\" has no summary."), feature->name);
        if (!tied)
                fault(p, feature->line, false, _("The feature \"%s\" has no tie, so nothing could show it."),
                      feature->name);
        if (!feature->since)
                fault(p, feature->line, true, _("The feature \"%s\" does not say since when (since = …)."),
                      feature->name);
        lint_drivers(p, feature);
}

static int begin(Parser *p, const char *name, size_t size)
{
        Feature *feature;

        finish(p);
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
static bool section(Parser *p, const char *line)
{
        const char *end = strchr(line, ']');
        size_t size = end ? (size_t)(end - line) - 1 : strlen(line + 1);
        const char *rest = end ? end + 1 + strspn(end + 1, " \t") : "";
        bool valid;

        if (begin(p, line + 1, size) < 0) {
                p->r = -ENOMEM;
                return false;
        }
        valid = end && (!*rest || strchr(";#", *rest)) && catalogue_name_valid(current(p)->name);
        if (!valid)
                fault(p, p->line, false,
                      _("\"%s\" is no [feature]; a name has up to 64 letters, digits, dots, dashes and "
                        "underscores."),
                      line);
        return valid;
}

/* Tells what inih will make of the line in `buffer`, and keeps from it what it would get wrong. */
static void classify(Parser *p, char *buffer)
{
        const char *start = buffer + strspn(buffer, " \t");

        p->owed = p->continuation = false;
        if (!*start || strchr(";#", *start))
                return;
        if (start > buffer && p->has_key) {
                p->owed = p->continuation = true;
        } else if (*start == '[' && start > buffer) {
                fault(p, p->line, false, _("A [feature] must stand at the beginning of its line."));
                *buffer = '\0';
        } else if (*start == '[') {
                if (!section(p, buffer))
                        strcpy(buffer, "[]");
        } else {
                p->owed = true;
        }
}

/* No control characters and no broken UTF-8, so that names and summaries may be shown anywhere. */
static bool printable(Parser *p, const char *line, size_t size)
{
        CLEANUP(free) char *clean = text_for_terminal(line, size, size);

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
static const char *next_line(Parser *p, size_t *ret_size)
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

static void settle(Parser *p)
{
        if (p->owed)
                fault(p, p->line, false, _("The line is neither [feature] nor \"key = value\"."));
        p->owed = false;
}

/* inih's reader, in the manner of fgets(). */
static char *read_line(char *buffer, int room, void *userdata)
{
        Parser *p = userdata;
        const char *line;
        size_t size;

        settle(p);
        if (p->at >= p->size || p->r < 0)
                return NULL;
        line = next_line(p, &size);
        buffer[0] = '\0';
        if (size + 1 > (size_t)room) {
                fault(p, p->line, false,
                      _("The line is longer than %d bytes; go on in another line that begins with blanks."),
                      room - 1);
        } else if (!printable(p, line, size)) {
                fault(p, p->line, false, _("The line holds control characters or is not UTF-8."));
        } else {
                memcpy(buffer, line, size);
                buffer[size] = '\0';
                classify(p, buffer);
        }
        return buffer;
}

/* `  tie = …` under another key would silently become a part of that key's value. */
static bool looks_like_key(const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *rest = startswith(text, keys[i].name);

                if (rest && rest[strspn(rest, " \t")] == '=')
                        return true;
        }
        return false;
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

static void extend(Parser *p, const char *text)
{
        size_t size = without_comment(text), have;
        char *grown;

        if (!p->value)
                return;
        if (looks_like_key(text)) {
                fault(p, p->line, false,
                      _("The line begins with blanks, so it continues \"%s\"; take them away."), p->key);
                return;
        }
        have = strlen(p->value);
        if (have + size + 1 > VALUE_MAX) {
                fault(p, p->line, false, _("The value of \"%s\" is longer than %d bytes."), p->key,
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
        Parser *p = userdata;

        p->owed = false;
        if (p->r < 0)
                return 1;
        if (p->continuation) {
                extend(p, value);
                return 1;
        }
        flush(p);
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

static void find_doubles(Parser *p)
{
        if (p->out.n_features == 0)
                return;
        qsort(p->out.features, p->out.n_features, sizeof(Feature), compare_features);
        for (size_t i = 1; i < p->out.n_features; i++)
                if (streq(p->out.features[i - 1].name, p->out.features[i].name))
                        fault(p, p->out.features[i].line, false,
                              _("The feature \"%s\" is in this file twice; first in line %u."),
                              p->out.features[i].name, p->out.features[i - 1].line);
}

int catalogue_parse(const char *name, const char *data, size_t size, CatalogueFile *ret)
{
        Parser p = {.name = name, .data = data, .size = size};

        /* What inih returns is the first line that it did not like; settle() has them all. */
        (void)ini_parse_stream(read_line, &p, on_value, &p);
        settle(&p);
        finish(&p);
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

int catalogue_file_error(const CatalogueFile *file, const char *name, MusterError **ret_error)
{
        for (size_t i = 0; i < file->n_faults; i++)
                if (!file->faults[i].warning)
                        return error_set(ret_error, -EBADMSG, "%s:%u: %s", name, file->faults[i].line,
                                         file->faults[i].message);
        /* The faults that were kept are all warnings. */
        return error_set(ret_error, -EBADMSG, _("%s has %zu errors; \"muster catalogue check\" lists them."),
                         name, file->n_errors);
}
