/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The walk. A path's names are interned first, so that the walk itself compares pointers. Each step takes
 * the next component against what was reached last; every component consumes something, so that the schema's
 * cycles cannot hold the walk. What consumes nothing, arrays and alternates, is bounded by how deep it
 * nests; and since `+*` and alternates fan out, the steps of one walk are bounded as a whole.
 *
 * libvirt's virQEMUQAPISchemaPathGet() is followed where it speaks: members are looked up in the base part
 * of a union; what a component cannot be asked of (a value of an object) is not there, which is no error.
 */

#include <errno.h>

#include "qapi/path-internal.h"

#define NEST_MAX  16
#define STEPS_MAX (1U << 22)

static int enter_type(PathWalk *walk, const SchemaHit *hit, uint32_t type, uint32_t at, unsigned nest);

static int step(PathWalk *walk, const SchemaHit *hit, uint32_t at)
{
        if (at > walk->deepest) {
                walk->deepest = at;
                walk->reached = *hit;
        }
        if (at == walk->path->n)
                return walk->fn(walk, hit);
        return enter_type(walk, hit, hit->type, at, 0);
}

SchemaRange path_hit_features(const MusterSchema *schema, const SchemaHit *hit)
{
        if (hit->value)
                return hit->value->features;
        return schema->entities[hit->type != SCHEMA_NONE ? hit->type : hit->entity].features;
}

static int found_feature(PathWalk *walk, const SchemaHit *carrier, uint32_t entity, uint32_t at)
{
        SchemaHit hit = *carrier;

        hit.kind = SCHEMA_HIT_FEATURE;
        hit.entity = entity;
        hit.type = SCHEMA_NONE;
        hit.feature = walk->names[at];
        return step(walk, &hit, at + 1);
}

static int enter_object(PathWalk *walk, uint32_t type, uint32_t at)
{
        const SchemaEntity *entity = walk->schema->entities + type;
        PathKind kind = walk->path->parts[at].kind;
        int r;

        if (kind == PATH_MEMBER || kind == PATH_OPTIONAL)
                for (uint32_t i = 0; i < entity->members.count; i++) {
                        const SchemaMember *member = walk->schema->members + entity->members.first + i;
                        SchemaHit hit = {SCHEMA_HIT_MEMBER, .entity = type, .type = member->type,
                                         .member = member};

                        if (member->name != walk->names[at])
                                continue;
                        return kind == PATH_OPTIONAL && !member->optional ? 0 : step(walk, &hit, at + 1);
                }
        if (kind == PATH_CASE || kind == PATH_ANY_CASE)
                for (uint32_t i = 0; i < entity->variants.count; i++) {
                        const SchemaVariant *variant = walk->schema->variants + entity->variants.first + i;
                        SchemaHit hit = {SCHEMA_HIT_VARIANT, .entity = type, .type = variant->type,
                                         .variant = variant};

                        if (kind == PATH_CASE && variant->case_name != walk->names[at])
                                continue;
                        walk->cases[at] = variant;
                        r = step(walk, &hit, at + 1);
                        if (r < 0 || kind == PATH_CASE)
                                return r;
                }
        return 0;
}

static int enter_enum(PathWalk *walk, uint32_t type, uint32_t at)
{
        const SchemaEntity *entity = walk->schema->entities + type;

        for (uint32_t i = 0; i < entity->members.count; i++) {
                const SchemaValue *value = walk->schema->values + entity->members.first + i;
                SchemaHit hit = {SCHEMA_HIT_VALUE, .entity = type, .type = SCHEMA_NONE, .value = value};

                if (value->name == walk->names[at])
                        return step(walk, &hit, at + 1);
        }
        return 0;
}

static int enter_alternate(PathWalk *walk, const SchemaHit *hit, const SchemaEntity *entity, uint32_t at,
                           unsigned nest)
{
        int r;

        for (uint32_t i = 0; i < entity->variants.count; i++) {
                r = enter_type(walk, hit, walk->schema->variants[entity->variants.first + i].type, at,
                               nest + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Takes the component `at` against the root that was reached. */
static int enter_root(PathWalk *walk, const SchemaHit *hit, uint32_t at)
{
        const SchemaEntity *root = walk->schema->entities + hit->entity;
        PathKind kind = walk->path->parts[at].kind;
        uint32_t type = kind == PATH_ARG_TYPE ? root->arg_type : root->ret_type;
        SchemaHit next = {SCHEMA_HIT_ENTITY, .entity = type, .type = type};

        if (kind == PATH_FEATURE)
                return schema_has_feature(walk->schema, root->features, walk->names[at])
                               ? found_feature(walk, hit, hit->entity, at)
                               : 0;
        return type == SCHEMA_NONE ? 0 : step(walk, &next, at + 1);
}

/* Takes the component `at` against what `hit` reached; `type` is its type or what lies below that. */
static int enter_type(PathWalk *walk, const SchemaHit *hit, uint32_t type, uint32_t at, unsigned nest)
{
        const SchemaEntity *entity = schema_entity(walk->schema, type);
        PathKind kind = walk->path->parts[at].kind;

        /* Members, branches and values are searched one by one: they count as steps. */
        walk->steps += entity ? 1 + entity->members.count + entity->features.count : 1;
        if (walk->steps > STEPS_MAX)
                return -E2BIG;
        if (nest > NEST_MAX)
                return -EBADMSG;
        if (kind == PATH_MEMBER_FEATURE)
                return schema_has_feature(walk->schema, hit->member->features, walk->names[at])
                               ? found_feature(walk, hit, hit->entity, at)
                               : 0;
        if (hit->value)
                return schema_has_feature(walk->schema, hit->value->features, walk->names[at])
                               ? found_feature(walk, hit, hit->entity, at)
                               : 0;
        if (!entity)
                return enter_root(walk, hit, at);
        if (kind == PATH_FEATURE && schema_has_feature(walk->schema, entity->features, walk->names[at])) {
                SchemaHit carrier = {SCHEMA_HIT_FEATURE};

                return found_feature(walk, &carrier, type, at);
        }
        switch (entity->meta) {
        case SCHEMA_ARRAY:
                return enter_type(walk, hit, entity->arg_type, at, nest + 1);
        case SCHEMA_ALTERNATE:
                return enter_alternate(walk, hit, entity, at, nest);
        case SCHEMA_OBJECT:
                return enter_object(walk, type, at);
        case SCHEMA_ENUM:
                return kind == PATH_VALUE ? enter_enum(walk, type, at) : 0;
        case SCHEMA_BUILTIN:
                if (kind == PATH_JSON_TYPE && entity->json_type == walk->names[at])
                        return step(walk,
                                    &(SchemaHit){SCHEMA_HIT_JSON_TYPE, .entity = type, .type = SCHEMA_NONE},
                                    at + 1);
                return 0;
        default:
                return 0;
        }
}

int path_walk(PathWalk *walk, const MusterSchema *schema, const SchemaPath *path, PathWalkFn fn,
              void *userdata)
{
        SchemaHit root = {SCHEMA_HIT_ENTITY, .type = SCHEMA_NONE};
        uint32_t found;

        walk->schema = schema;
        walk->path = path;
        walk->fn = fn;
        walk->userdata = userdata;
        walk->steps = walk->deepest = 0;
        for (uint32_t i = 0; i < path->n; i++) {
                const PathPart *part = path->parts + i;

                walk->cases[i] = NULL;
                walk->names[i] =
                        schema_intern(schema, path->text + part->name, (size_t)(part->end - part->name));
        }
        if (!walk->names[0])
                return 0;
        found = schema_find(schema, walk->names[0]);
        if (found == SCHEMA_NONE ||
            (schema->entities[found].meta != SCHEMA_COMMAND && schema->entities[found].meta != SCHEMA_EVENT))
                return 0;
        root.entity = found;
        return step(walk, &root, 1);
}

/* Ends a walk at its first answer; no errno of the walk's own. */
#define FIRST (-ECANCELED)

static int take_first(PathWalk *walk, const SchemaHit *hit)
{
        *(SchemaHit *)walk->userdata = *hit;
        return FIRST;
}

int schema_path_eval(const MusterSchema *schema, const SchemaPath *path, SchemaHit *ret_hit)
{
        SchemaHit hit;
        PathWalk walk;
        int r;

        r = path_walk(&walk, schema, path, take_first, &hit);
        if (r != FIRST)
                return r;
        if (ret_hit)
                *ret_hit = hit;
        return 1;
}

typedef struct All {
        SchemaHitFn fn;
        void *userdata;
        int n;
} All;

static int take_each(PathWalk *walk, const SchemaHit *hit)
{
        All *all = walk->userdata;

        all->n++;
        return all->fn ? all->fn(hit, all->userdata) : 0;
}

int schema_path_eval_all(const MusterSchema *schema, const SchemaPath *path, SchemaHitFn fn, void *userdata)
{
        All all = {fn, userdata, 0};
        PathWalk walk;
        int r;

        r = path_walk(&walk, schema, path, take_each, &all);
        return r < 0 ? r : all.n;
}
