/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Why a path is not met: the walk says how far it came and what it reached; here that is put into words,
 * with the names that could have stood in the path instead. They come from the emulator, so the sentence is
 * made fit to print, and both the list and the sentence are bounded.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/path-internal.h"

#define LIST_MAX 8
#define TEXT_MAX 1000

static char *say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *say(const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return NULL;
        }
        return text_for_terminal(text, (size_t)n, TEXT_MAX);
}

/* The i-th name of a run, by the kind of the run. */
typedef const char *(*NameFn)(const MusterSchema *schema, uint32_t i);

static const char *feature_name(const MusterSchema *schema, uint32_t i)
{
        return schema->features[i];
}

static const char *member_name(const MusterSchema *schema, uint32_t i)
{
        return schema->members[i].name;
}

static const char *case_name(const MusterSchema *schema, uint32_t i)
{
        return schema->variants[i].case_name;
}

static const char *value_name(const MusterSchema *schema, uint32_t i)
{
        return schema->values[i].name;
}

/* "a, b, c and 12 more", or "(none)". */
static char *list(const MusterSchema *schema, SchemaRange range, NameFn name)
{
        uint32_t n = range.count < LIST_MAX ? range.count : LIST_MAX;
        char *text = NULL;
        size_t size = 0;
        FILE *file;

        if (range.count == 0)
                return strdup(_("(none)"));
        file = open_memstream(&text, &size);
        if (!file)
                return NULL;
        for (uint32_t i = 0; i < n; i++)
                fprintf(file, "%s%.60s", i > 0 ? ", " : "", name(schema, range.first + i));
        if (range.count > n)
                fprintf(file, _(" and %u more"), range.count - n);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* What the path asked for, and what led there. */
typedef struct Question {
        const MusterSchema *schema;
        const SchemaHit *hit;
        char *where; /* "blockdev-add/arg-type/+file" */
        const char *name;
        PathKind kind;
} Question;

/* Behind arrays, which have no component of their own. */
static const SchemaEntity *flat_type(const MusterSchema *schema, uint32_t type)
{
        const SchemaEntity *entity = schema_entity(schema, type);

        for (unsigned i = 0; i < 16 && entity && entity->meta == SCHEMA_ARRAY; i++)
                entity = schema_entity(schema, entity->arg_type);
        return entity;
}

static char *explain_feature(const Question *q)
{
        const SchemaHit *hit = q->hit;
        const SchemaEntity *type = flat_type(q->schema, hit->type);
        CLEANUP(free) char *has = NULL;

        if (q->kind == PATH_MEMBER_FEATURE) {
                has = list(q->schema, hit->member->features, feature_name);
                return has ? say(_("the member %s has the features: %s"), q->where, has) : NULL;
        }
        has = list(q->schema, type ? type->features : path_hit_features(q->schema, hit), feature_name);
        if (!has)
                return NULL;
        if (hit->value)
                return q->schema->entities[hit->entity].values_have_features
                               ? say(_("the value %s has the features: %s"), q->where, has)
                               : say(_("this schema does not tell the features of values such as %s"),
                                     q->where);
        if (!type)
                return say(_("the %s %s has the features: %s"),
                           schema_meta_name(q->schema->entities[hit->entity].meta), q->where, has);
        return say(_("type of %s has the features: %s"), q->where, has);
}

static char *explain_member(const Question *q, const SchemaEntity *object)
{
        CLEANUP(free) char *has = NULL;

        for (uint32_t i = 0; i < object->members.count; i++)
                if (streq(q->schema->members[object->members.first + i].name, q->name))
                        return say(_("the member %s of %s is mandatory"), q->name, q->where);
        has = list(q->schema, object->members, member_name);
        return has ? say(_("the object at %s has no member %s; its members: %s"), q->where, q->name, has)
                   : NULL;
}

static char *explain_case(const Question *q, const SchemaEntity *object)
{
        CLEANUP(free) char *has = NULL;

        if (object->variants.count == 0)
                return say(_("the object at %s has no branches"), q->where);
        has = list(q->schema, object->variants, case_name);
        return has ? say(_("the union at %s has no branch %s; its branches: %s"), q->where, q->name, has)
                   : NULL;
}

static char *explain_value(const Question *q, const SchemaEntity *entity)
{
        CLEANUP(free) char *has = list(q->schema, entity->members, value_name);

        return has ? say(_("the enumeration at %s has no value %s; its values: %s"), q->where, q->name, has)
                   : NULL;
}

static char *explain(const Question *q)
{
        const SchemaEntity *type = flat_type(q->schema, q->hit->type);
        bool member = q->kind == PATH_MEMBER || q->kind == PATH_OPTIONAL;

        if (q->kind == PATH_FEATURE || q->kind == PATH_MEMBER_FEATURE)
                return explain_feature(q);
        if (!type)
                return say(_("the event %s has no result"), q->where);
        if (type->meta == SCHEMA_OBJECT && member)
                return explain_member(q, type);
        if (type->meta == SCHEMA_OBJECT && (q->kind == PATH_CASE || q->kind == PATH_ANY_CASE))
                return explain_case(q, type);
        if (type->meta == SCHEMA_ENUM && q->kind == PATH_VALUE)
                return explain_value(q, type);
        if (type->meta == SCHEMA_BUILTIN)
                return say(_("what stands at %s is of the JSON type %s"), q->where, type->json_type);
        if (type->meta == SCHEMA_ALTERNATE)
                return say(_("no branch of the alternate at %s has %s"), q->where, q->name);
        return say(_("what stands at %s is of the meta-type %s, which has no such thing as %s"), q->where,
                   schema_meta_name(type->meta), q->name);
}

static int keep_walking(PathWalk *walk, const SchemaHit *hit)
{
        return 0;
}

int schema_path_explain(const MusterSchema *schema, const SchemaPath *path, size_t *ret_met, char **ret_text)
{
        CLEANUP(free) char *where = NULL;
        CLEANUP(free) char *name = NULL;
        const PathPart *part;
        PathWalk walk;
        char *text;
        size_t met;
        int r;

        r = path_walk(&walk, schema, path, keep_walking, /* userdata= */ NULL);
        if (r < 0)
                return r;
        met = walk.deepest == 0 ? 0 : path->parts[walk.deepest - 1].end;
        part = path->parts + (walk.deepest < path->n ? walk.deepest : path->n - 1);
        where = strndup(path->text, met);
        name = strndup(path->text + part->name, (size_t)(part->end - part->name));
        if (!where || !name)
                return -ENOMEM;
        if (walk.deepest == path->n)
                text = say(_("%s is there"), where);
        else if (walk.deepest == 0)
                text = say(_("there is no command and no event %s"), name);
        else
                text = explain(&(Question){schema, &walk.reached, where, name, part->kind});
        if (!text)
                return -ENOMEM;
        *ret_met = met;
        *ret_text = text;
        return 0;
}
