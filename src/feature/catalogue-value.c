/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The values of a catalogue file: ties and what a feature governs. */

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/catalogue-parse.h"

#define NAME_MAX_SIZE 64
#define PATHS_MAX     8
#define DRIVERS_MAX   64

static const char *const kind_names[] = {
        [TIE_SCHEMA] = "schema",   [TIE_RUNTIME] = "runtime",   [TIE_OPTION] = "option",
        [TIE_TYPE] = "type",       [TIE_PROPERTY] = "property", [TIE_MEASURED] = "measured",
        [TIE_VERSION] = "version",
};

const char *tie_kind_name(TieKind kind)
{
        return kind < ELEMENTSOF(kind_names) ? kind_names[kind] : "?";
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static bool name_valid(const char *name, const char *letters)
{
        size_t n = strspn(name, letters);

        return n > 0 && n <= NAME_MAX_SIZE && !name[n] && isalnum((unsigned char)name[0]);
}

bool catalogue_name_valid(const char *name)
{
        return name_valid(name, NAME_LETTERS);
}

bool catalogue_libvirt_name_valid(const char *name)
{
        return name_valid(name, NAME_LETTERS "+");
}

void tie_clear(Tie *tie)
{
        for (size_t i = 0; i < tie->n_paths; i++)
                schema_path_free(tie->paths[i]);
        free(tie->paths);
        free(tie->ref);
        free(tie->object);
        free(tie->part);
        *tie = (Tie){0};
}

void governs_clear(Governs *governs)
{
        free(governs->command);
        strv_free(governs->drivers);
        free(governs->member);
        *governs = (Governs){0};
}

/* A copy of [text, text + size) without the blanks around it. */
static char *trimmed(const char *text, size_t size)
{
        while (size > 0 && isblank((unsigned char)*text)) {
                text++;
                size--;
        }
        while (size > 0 && isblank((unsigned char)text[size - 1]))
                size--;
        return strndup(text, size);
}

static int add_path(Tie *tie, const char *text, MusterError **ret_error)
{
        SchemaPath **grown;
        int r;

        if (tie->n_paths >= PATHS_MAX)
                return error_set(ret_error, -EINVAL,
                                 _("A tie holds at most %d paths; make two features of it."), PATHS_MAX);
        grown = reallocarray(tie->paths, tie->n_paths + 1, sizeof(*grown));
        if (!grown)
                return error_oom(ret_error);
        tie->paths = grown;
        r = schema_path_parse(text, &tie->paths[tie->n_paths], ret_error);
        if (r < 0)
                return r;
        tie->n_paths++;
        return 0;
}

/* PATH, or several joined by " & ". */
static int parse_schema(Tie *tie, MusterError **ret_error)
{
        const char *at = tie->ref, *next;
        int r;

        do {
                CLEANUP(free) char *text = NULL;

                next = strstr(at, " & ");
                text = trimmed(at, next ? (size_t)(next - at) : strlen(at));
                if (!text)
                        return error_oom(ret_error);
                if (strchr(text, '&'))
                        return error_set(ret_error, -EINVAL,
                                         _("A \"&\" stands between two paths, with blanks around it."));
                r = add_path(tie, text, ret_error);
                if (r < 0)
                        return r;
                at = next ? next + strlen(" & ") : NULL;
        } while (at);
        return 0;
}

static int parse_name(Tie *tie, MusterError **ret_error)
{
        if (!catalogue_name_valid(tie->ref))
                return error_set(ret_error, -EINVAL, _("\"%s\" is no name that a %s tie could ask for."),
                                 tie->ref, tie_kind_name(tie->kind));
        tie->object = strdup(tie->ref);
        return tie->object ? 0 : error_oom(ret_error);
}

/* The member must be in the schema of query-qemu-features too: a value that no schema declares is no
 * promise. */
static int parse_runtime(Tie *tie, MusterError **ret_error)
{
        CLEANUP(free) char *path = NULL;
        int r;

        r = parse_name(tie, ret_error);
        if (r < 0)
                return r;
        if (asprintf(&path, "query-qemu-features/ret-type/%s%s",
                     isalpha((unsigned char)tie->object[0]) ? "" : " ", tie->object) < 0) {
                path = NULL;
                return error_oom(ret_error);
        }
        return add_path(tie, path, ret_error);
}

static int split_at(Tie *tie, const char *separator, MusterError **ret_error)
{
        tie->object = strndup(tie->ref, (size_t)(separator - tie->ref));
        tie->part = strdup(separator + 1);
        if (!tie->object || !tie->part)
                return error_oom(ret_error);
        if (!catalogue_name_valid(tie->object) || !catalogue_name_valid(tie->part))
                return error_set(ret_error, -EINVAL, _("\"%s\" is malformed; a %s tie looks like %s."),
                                 tie->ref, tie_kind_name(tie->kind),
                                 tie->kind == TIE_OPTION ? "OPTION/PARAMETER" : "TYPE.PROPERTY");
        return 0;
}

static int parse_option(Tie *tie, MusterError **ret_error)
{
        const char *slash = strchr(tie->ref, '/');

        return slash ? split_at(tie, slash, ret_error) : parse_name(tie, ret_error);
}

/* Types' names have dots (pc-i440fx-7.2-machine), properties' names have none: the last one separates. */
static int parse_property(Tie *tie, MusterError **ret_error)
{
        const char *dot = strrchr(tie->ref, '.');

        if (!dot)
                return error_set(ret_error, -EINVAL,
                                 _("\"%s\" is malformed; a property tie looks like TYPE.PROPERTY."),
                                 tie->ref);
        return split_at(tie, dot, ret_error);
}

/* "4.2" or "4.2.1"; parts that are left out become `rest`. */
static int parse_triple(const char *text, unsigned rest, unsigned ret[3])
{
        unsigned triple[3] = {rest, rest, rest};

        for (int i = 0; i < 3; i++) {
                size_t digits = strspn(text, "0123456789");

                if (digits == 0 || digits > 5)
                        return -EINVAL;
                triple[i] = (unsigned)strtoul(text, NULL, 10);
                text += digits;
                if (!*text) {
                        memcpy(ret, triple, sizeof(triple));
                        return 0;
                }
                if (*text++ != '.')
                        return -EINVAL;
        }
        return -EINVAL;
}

static int bad_range(const Tie *tie, MusterError **ret_error)
{
        return error_set(
                ret_error, -EINVAL,
                _("\"%s\" is no version range; write \"4.0.0 .. 4.0.99\", \".. 4.2\" or \"4.1 ..\"."),
                tie->ref);
}

/* An end that leaves parts out means all of it: ".. 4.2" includes 4.2.1. */
static int parse_version(Tie *tie, MusterError **ret_error)
{
        const char *dots = strstr(tie->ref, "..");
        CLEANUP(free) char *from = NULL, *to = NULL;

        if (!dots)
                return bad_range(tie, ret_error);
        from = trimmed(tie->ref, (size_t)(dots - tie->ref));
        to = trimmed(dots + 2, strlen(dots + 2));
        if (!from || !to)
                return error_oom(ret_error);
        if (!*from && !*to)
                return bad_range(tie, ret_error);
        memset(tie->to, 0xff, sizeof(tie->to));
        if ((*from && parse_triple(from, 0, tie->from) < 0) ||
            (*to && parse_triple(to, UINT_MAX, tie->to) < 0))
                return bad_range(tie, ret_error);
        for (int i = 0; i < 3; i++) {
                if (tie->from[i] > tie->to[i])
                        return error_set(ret_error, -EINVAL,
                                         _("The version range \"%s\" ends before it begins."), tie->ref);
                if (tie->from[i] < tie->to[i])
                        break;
        }
        return 0;
}

static int (*const kind_parsers[])(Tie *, MusterError **) = {
        [TIE_SCHEMA] = parse_schema,   [TIE_RUNTIME] = parse_runtime,   [TIE_OPTION] = parse_option,
        [TIE_TYPE] = parse_name,       [TIE_PROPERTY] = parse_property, [TIE_MEASURED] = parse_name,
        [TIE_VERSION] = parse_version,
};

static int parse_kind(const char *text, size_t size, TieKind *ret)
{
        for (size_t i = 0; i < ELEMENTSOF(kind_names); i++)
                if (strlen(kind_names[i]) == size && strncmp(text, kind_names[i], size) == 0) {
                        *ret = (TieKind)i;
                        return 0;
                }
        return -EINVAL;
}

int tie_parse(const char *text, Tie *ret, MusterError **ret_error)
{
        size_t size = strcspn(text, " \t");
        Tie tie = {0};
        int r;

        if (parse_kind(text, size, &tie.kind) < 0)
                return error_set(
                        ret_error, -EINVAL,
                        _("\"%.*s\" is no kind of tie; there are: schema, runtime, option, type, property, "
                          "measured, version."),
                        (int)size, text);
        tie.ref = trimmed(text + size, strlen(text + size));
        if (!tie.ref)
                return error_oom(ret_error);
        r = kind_parsers[tie.kind](&tie, ret_error);
        if (r < 0) {
                tie_clear(&tie);
                return r;
        }
        *ret = tie;
        return 0;
}

static int parse_drivers(const char *text, Governs *governs, MusterError **ret_error)
{
        int r;

        strv_free(governs->drivers);
        governs->drivers = NULL;
        r = strv_split(text, ",", &governs->drivers);
        if (r < 0)
                return error_oom(ret_error);
        if (!governs->drivers[0] || strv_length(governs->drivers) > DRIVERS_MAX)
                return error_set(ret_error, -EINVAL, _("\"driver=%s\" names no driver, or more than %d."),
                                 text, DRIVERS_MAX);
        for (char **driver = governs->drivers; *driver; driver++)
                if (!catalogue_name_valid(*driver))
                        return error_set(ret_error, -EINVAL, _("\"%s\" is no name of a driver."), *driver);
        return 0;
}

static int parse_governs_word(const char *word, Governs *governs, MusterError **ret_error)
{
        const char *value;

        value = startswith(word, "driver=");
        if (value && !governs->drivers[0])
                return parse_drivers(value, governs, ret_error);
        value = startswith(word, "member=");
        if (value && !governs->member && catalogue_name_valid(value)) {
                governs->member = strdup(value);
                return governs->member ? 0 : error_oom(ret_error);
        }
        return error_set(
                ret_error, -EINVAL,
                _("\"%s\" is not understood; write governs = COMMAND [driver=NAME,NAME] [member=NAME]."),
                word);
}

int governs_parse(const char *text, Governs *ret, MusterError **ret_error)
{
        CLEANUP(strv) char **words = NULL;
        Governs governs = {.drivers = calloc(1, sizeof(char *))};
        int r = 0;

        if (!governs.drivers || strv_split(text, " \t", &words) < 0) {
                governs_clear(&governs);
                return error_oom(ret_error);
        }
        if (!words[0] || !catalogue_name_valid(words[0]))
                r = error_set(ret_error, -EINVAL, _("\"%s\" does not begin with the name of a command."),
                              text);
        for (size_t i = 1; r == 0 && words[i]; i++)
                r = parse_governs_word(words[i], &governs, ret_error);
        if (r == 0) {
                governs.command = strdup(words[0]);
                r = governs.command ? 0 : error_oom(ret_error);
        }
        if (r < 0) {
                governs_clear(&governs);
                return r;
        }
        *ret = governs;
        return 0;
}

/* The driver in COMMAND/arg-type/+DRIVER; what stands further down is a branch of something else. */
static const char *driver_of_path(const char *path, const char *command, size_t *ret_size)
{
        const char *rest = startswith(path, command);

        rest = rest ? startswith(rest, "/arg-type/+") : NULL;
        if (rest)
                *ret_size = strcspn(rest, "/");
        return rest;
}

static bool contains_span(char *const *strings, const char *text, size_t size)
{
        for (; *strings; strings++)
                if (strlen(*strings) == size && strncmp(*strings, text, size) == 0)
                        return true;
        return false;
}

const char *tie_foreign_driver(const Tie *tie, const Governs *governs, size_t *ret_size)
{
        for (size_t i = 0; governs->drivers[0] && i < tie->n_paths; i++) {
                const char *driver =
                        driver_of_path(schema_path_text(tie->paths[i]), governs->command, ret_size);

                if (driver && !contains_span(governs->drivers, driver, *ret_size))
                        return driver;
        }
        return NULL;
}
