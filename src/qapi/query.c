/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The public query: each answer of a path as a JSON object, with the branches named that `+*` stood for. */

#include <errno.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/path-internal.h"

/* How deep types are told: behind arrays and alternates, which are all that nests here. */
#define TYPE_DEPTH_MAX 4

/* More answers than any schema holds places: each `+*` in a path multiplies. */
#define ANSWERS_MAX 10000

/* Names and types in one reply; alternates of alternates multiply too. */
#define NAMES_MAX (1U << 19)

typedef struct Query {
        const MusterSchema *schema;
        json_object *array;
        uint32_t left; /* of NAMES_MAX */
        bool too_big;
} Query;

static bool spend(Query *query, uint32_t n)
{
        if (n > query->left) {
                query->too_big = true;
                return false;
        }
        query->left -= n;
        return true;
}

/* NULL: out of memory or beyond the bound, here and below. */
static json_object *names_array(Query *query, SchemaRange range, const char *const *names, size_t stride)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        if (!spend(query, range.count))
                return NULL;
        for (uint32_t i = 0; array && i < range.count; i++) {
                const void *name = (const char *)names + (range.first + i) * stride;

                if (json_append_string(array, *(const char *const *)name) < 0)
                        return NULL;
        }
        return TAKE(array);
}

static json_object *features_array(Query *query, SchemaRange range)
{
        return names_array(query, range, query->schema->features, sizeof(char *));
}

static json_object *type_json(Query *query, uint32_t type, unsigned depth);

static json_object *branches_json(Query *query, const SchemaEntity *alternate, unsigned depth)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (uint32_t i = 0; array && i < alternate->variants.count; i++) {
                uint32_t type = query->schema->variants[alternate->variants.first + i].type;

                if (json_append(array, type_json(query, type, depth)) < 0)
                        return NULL;
        }
        return TAKE(array);
}

/* What distinguishes a type of this meta-type. */
static int add_type(json_object *json, Query *query, const SchemaEntity *entity, unsigned depth)
{
        const MusterSchema *schema = query->schema;
        int r;

        switch (entity->meta) {
        case SCHEMA_BUILTIN:
                return json_add_string(json, "json-type", entity->json_type);
        case SCHEMA_ENUM:
                return json_add(
                        json, "values",
                        names_array(query, entity->members, &schema->values->name, sizeof(SchemaValue)));
        case SCHEMA_ARRAY:
                return depth == 0 ? 0
                                  : json_add(json, "element", type_json(query, entity->arg_type, depth - 1));
        case SCHEMA_ALTERNATE:
                return depth == 0 ? 0 : json_add(json, "branches", branches_json(query, entity, depth - 1));
        case SCHEMA_OBJECT:
                r = json_add(
                        json, "members",
                        names_array(query, entity->members, &schema->members->name, sizeof(SchemaMember)));
                if (r < 0 || !entity->tag)
                        return r;
                r = json_add_string(json, "tag", entity->tag);
                if (r < 0)
                        return r;
                return json_add(json, "branches",
                                names_array(query, entity->variants, &schema->variants->case_name,
                                            sizeof(SchemaVariant)));
        default:
                return 0;
        }
}

static json_object *type_json(Query *query, uint32_t type, unsigned depth)
{
        const SchemaEntity *entity = query->schema->entities + type;
        CLEANUP(json) json_object *json = json_object_new_object();

        if (!json || !spend(query, 1) || json_add_string(json, "meta", schema_meta_name(entity->meta)) < 0)
                return NULL;
        if (entity->features.count > 0 &&
            json_add(json, "features", features_array(query, entity->features)) < 0)
                return NULL;
        if (add_type(json, query, entity, depth) < 0)
                return NULL;
        return TAKE(json);
}

/* The path with the case that was taken in the place of each `+*`; to free(). */
static char *concrete_path(const PathWalk *walk)
{
        const SchemaPath *path = walk->path;
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;
        for (uint32_t i = 0; i < path->n; i++) {
                const PathPart *part = path->parts + i;

                if (i > 0)
                        fputc('/', file);
                if (part->kind == PATH_ANY_CASE)
                        fprintf(file, "+%s", walk->cases[i]->case_name);
                else
                        fprintf(file, "%.*s", part->end - part->start, path->text + part->start);
        }
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static const char *hit_kind(const MusterSchema *schema, const SchemaHit *hit)
{
        switch (hit->kind) {
        case SCHEMA_HIT_MEMBER:
                return "member";
        case SCHEMA_HIT_VARIANT:
                return "branch";
        case SCHEMA_HIT_VALUE:
                return "value";
        case SCHEMA_HIT_FEATURE:
                return "feature";
        case SCHEMA_HIT_JSON_TYPE:
                return "json-type";
        case SCHEMA_HIT_ENTITY:
                break;
        }
        return schema_meta_name(schema->entities[hit->entity].meta);
}

/* What carries the feature. */
static const char *hit_carrier(const MusterSchema *schema, const SchemaHit *hit)
{
        if (hit->member)
                return "member";
        return hit->value ? "value" : schema_meta_name(schema->entities[hit->entity].meta);
}

/* A member's own features are those that `@` asks for; its type's are told with the type. */
static SchemaRange own_features(const MusterSchema *schema, const SchemaHit *hit)
{
        if (hit->kind == SCHEMA_HIT_FEATURE)
                return (SchemaRange){0, 0};
        return hit->member ? hit->member->features : path_hit_features(schema, hit);
}

static json_object *hit_json(const PathWalk *walk, const SchemaHit *hit)
{
        Query *query = walk->userdata;
        const MusterSchema *schema = query->schema;
        CLEANUP(json) json_object *json = json_object_new_object();
        CLEANUP(free) char *path = concrete_path(walk);
        int r;

        if (!json || !path)
                return NULL;
        r = json_add_string(json, "path", path);
        if (r == 0)
                r = json_add_string(json, "kind", hit_kind(schema, hit));
        if (r == 0 && hit->kind == SCHEMA_HIT_FEATURE)
                r = json_add_string(json, "on", hit_carrier(schema, hit));
        if (r == 0 && hit->kind == SCHEMA_HIT_MEMBER)
                r = json_add_bool(json, "optional", hit->member->optional);
        if (r == 0)
                r = json_add(json, "features", features_array(query, own_features(schema, hit)));
        if (r == 0 && hit->type != SCHEMA_NONE)
                r = json_add(json, "type", type_json(query, hit->type, TYPE_DEPTH_MAX));
        return r < 0 ? NULL : TAKE(json);
}

static int append_hit(PathWalk *walk, const SchemaHit *hit)
{
        Query *query = walk->userdata;
        int r;

        if (json_object_array_length(query->array) >= ANSWERS_MAX)
                return -E2BIG;
        r = json_append(query->array, hit_json(walk, hit));
        return query->too_big ? -E2BIG : r;
}

static int query_all(const MusterSchema *schema, const SchemaPath *path, char **ret_json)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        Query query = {schema, array, NAMES_MAX, false};
        PathWalk walk;
        char *text;
        int r;

        if (!array)
                return -ENOMEM;
        r = path_walk(&walk, schema, path, append_hit, &query);
        if (r < 0 || json_object_array_length(array) == 0)
                return r;
        text = json_to_text(array);
        if (!text)
                return -ENOMEM;
        *ret_json = text;
        return 1;
}

_public_ int muster_schema_query(const MusterSchema *schema, const char *path, char **ret_json,
                                 MusterError **ret_error)
{
        CLEANUP(SchemaPath) SchemaPath *parsed = NULL;
        int r;

        r = schema_path_parse(path, &parsed, ret_error);
        if (r < 0)
                return r;
        r = ret_json ? query_all(schema, parsed, ret_json) : schema_path_eval(schema, parsed, NULL);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -E2BIG)
                return error_set(ret_error, r,
                                 _("The schema path \"%s\" leads to too many places; name branches."), path);
        if (r < 0)
                return error_set(ret_error, r, _("The schema makes no sense on the way of \"%s\"."), path);
        return r;
}
