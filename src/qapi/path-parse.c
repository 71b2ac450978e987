/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A path is cut at its slashes; each component's first character says what it asks for. Whether a path is
 * well-formed is decided here, without a schema: what no schema could ever meet is an error of whoever wrote
 * it and must not look like a polite "not there".
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/path-internal.h"

typedef struct Parser {
        const char *text;
        uint32_t n;
        PathPart parts[PATH_PARTS_MAX];
        MusterError **ret_error;
} Parser;

static int bad(Parser *parser, const PathPart *part, const char *why)
{
        CLEANUP(free) char *path = text_for_terminal(parser->text, strlen(parser->text), 200);
        CLEANUP(free)
        char *component =
                text_for_terminal(parser->text + part->start, (size_t)(part->end - part->start), 60);

        if (!path || !component)
                return error_oom(parser->ret_error);
        return error_set(parser->ret_error, -EINVAL,
                         _("The schema path \"%s\" is malformed at \"%s\" (component %u, byte %u): %s."),
                         path, component, parser->n + 1, part->start + 1U, why);
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* By the first character; -EINVAL if none of the language's. */
static int kind_of(const char *text, PathKind *ret_kind, unsigned *ret_skip)
{
        static const struct {
                char sigil;
                PathKind kind;
        } sigils[] = {
                {' ', PATH_MEMBER},    {'*', PATH_OPTIONAL}, {'+', PATH_CASE},           {'^', PATH_VALUE},
                {'!', PATH_JSON_TYPE}, {'$', PATH_FEATURE},  {'@', PATH_MEMBER_FEATURE},
        };

        if (is_letter(*text)) {
                *ret_kind = PATH_MEMBER;
                *ret_skip = 0;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(sigils); i++)
                if (*text == sigils[i].sigil) {
                        *ret_kind = sigils[i].kind;
                        *ret_skip = 1;
                        return 0;
                }
        return -EINVAL;
}

static bool part_is(const Parser *parser, const PathPart *part, const char *name)
{
        size_t n = strlen(name);

        return (size_t)(part->end - part->start) == n && memcmp(parser->text + part->start, name, n) == 0;
}

/* The first component is a command or an event; the second one, what of it. */
static int parse_head(Parser *parser, PathPart *part)
{
        if (parser->n == 0) {
                if (part->kind != PATH_MEMBER)
                        return bad(parser, part, _("a path begins with the name of a command or an event"));
                part->kind = PATH_ROOT;
        } else if (part_is(parser, part, "arg-type"))
                part->kind = PATH_ARG_TYPE;
        else if (part_is(parser, part, "ret-type"))
                part->kind = PATH_RET_TYPE;
        else if (part->kind != PATH_FEATURE)
                return bad(parser, part,
                           _("behind a command or an event comes arg-type, ret-type or $feature"));
        return 0;
}

/* What may follow what. `previous` is the component before. */
static int parse_order(Parser *parser, const PathPart *part, PathKind previous)
{
        switch (previous) {
        case PATH_VALUE:
                if (part->kind != PATH_FEATURE)
                        return bad(parser, part, _("behind ^value comes only $feature"));
                return 0;
        case PATH_JSON_TYPE:
        case PATH_FEATURE:
        case PATH_MEMBER_FEATURE:
                return bad(parser, part, _("nothing comes behind !json-type, $feature and @feature"));
        default:
                break;
        }
        if (part->kind == PATH_MEMBER_FEATURE && previous != PATH_MEMBER && previous != PATH_OPTIONAL)
                return bad(parser, part, _("@feature comes behind the name of a member"));
        return 0;
}

static int parse_part(Parser *parser, size_t start, size_t end)
{
        PathPart *part = parser->parts + parser->n;
        unsigned skip = 0;
        int r;

        if (parser->n >= PATH_PARTS_MAX)
                return error_set(parser->ret_error, -EINVAL,
                                 _("The schema path has more than %d components."), PATH_PARTS_MAX);
        *part = (PathPart){.start = (uint16_t)start, .end = (uint16_t)end};
        if (start == end)
                return bad(parser, part, _("the component is empty"));
        r = kind_of(parser->text + start, &part->kind, &skip);
        if (r < 0)
                return bad(parser, part, _("a name that begins with no letter takes a space before it"));
        part->name = (uint16_t)(start + skip);
        if (part->name == part->end)
                return bad(parser, part, _("there is no name behind the first character"));
        if (part->kind == PATH_CASE && part_is(parser, part, "+*"))
                part->kind = PATH_ANY_CASE;
        if (parser->n < 2)
                r = parse_head(parser, part);
        if (r >= 0 && parser->n > 0)
                r = parse_order(parser, part, parser->parts[parser->n - 1].kind);
        if (r >= 0)
                parser->n++;
        return r;
}

int schema_path_parse(const char *text, SchemaPath **ret, MusterError **ret_error)
{
        Parser parser = {.text = text, .ret_error = ret_error};
        size_t size = strnlen(text, PATH_SIZE_MAX + 1);
        SchemaPath *path;
        int r;

        if (size > PATH_SIZE_MAX)
                return error_set(ret_error, -EINVAL, _("The schema path is longer than %d bytes."),
                                 PATH_SIZE_MAX);
        for (size_t start = 0;;) {
                size_t end = start + strcspn(text + start, "/");

                r = parse_part(&parser, start, end);
                if (r < 0)
                        return r;
                if (end == size)
                        break;
                start = end + 1;
        }
        path = malloc(sizeof(*path) + parser.n * sizeof(PathPart) + size + 1);
        if (!path)
                return error_oom(ret_error);
        path->n = parser.n;
        path->size = (uint32_t)size;
        memcpy(path->parts, parser.parts, parser.n * sizeof(PathPart));
        path->text = memcpy(path->parts + parser.n, text, size + 1);
        *ret = path;
        return 0;
}

SchemaPath *schema_path_free(SchemaPath *path)
{
        free(path);
        return NULL;
}

const char *schema_path_text(const SchemaPath *path)
{
        return path->text;
}

static bool is_case(const SchemaPath *path, uint32_t i, const char *name, size_t size)
{
        const PathPart *part = path->parts + i;

        return (part->kind == PATH_CASE || part->kind == PATH_ANY_CASE) &&
               (size_t)(part->end - part->name) == size && memcmp(path->text + part->name, name, size) == 0;
}

int schema_path_with_case(const SchemaPath *path, const char *from, const char *to, SchemaPath **ret)
{
        size_t n_from = strlen(from), n_to = strlen(to);
        CLEANUP(free) char *text = malloc(path->size + path->n * n_to + 1);
        char *at = text;

        if (!text)
                return -ENOMEM;
        for (uint32_t i = 0; i < path->n; i++) {
                const PathPart *part = path->parts + i;
                bool replace = is_case(path, i, from, n_from);

                if (i > 0)
                        *at++ = '/';
                if (replace)
                        *at++ = '+';
                at = mempcpy(at, replace ? to : path->text + part->start,
                             replace ? n_to : (size_t)(part->end - part->start));
        }
        *at = '\0';
        return schema_path_parse(text, ret, /* ret_error= */ NULL);
}

int schema_path_parent(const SchemaPath *path, SchemaPath **ret)
{
        const PathPart *last = path->parts + path->n - 1;
        CLEANUP(free) char *text = NULL;
        size_t size = path->size;

        if (last->kind == PATH_FEATURE || last->kind == PATH_MEMBER_FEATURE)
                size = last->start - 1U;
        text = strndup(path->text, size);
        if (!text)
                return -ENOMEM;
        return schema_path_parse(text, ret, /* ret_error= */ NULL);
}
