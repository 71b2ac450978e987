/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects and unions. A union is flat: its object holds the base's members, among them the tag, and those of
 * the branch that the tag's value chooses; a branch may be a union in turn. Without a tag that chooses a
 * branch nobody can tell which members belong, so those that any branch has are left alone then.
 */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/check-internal.h"
#include "qapi/near.h"

#define BRANCHES_MAX 16

/* The objects whose members may stand in one JSON object: a base, its branch, and so on. */
typedef struct Layers {
        uint32_t types[BRANCHES_MAX];
        unsigned n;
        uint32_t open; /* the union whose branch is not known; SCHEMA_NONE */
        bool any;      /* further members are not for us to judge */
} Layers;

static const SchemaMember *find_member(const MusterSchema *schema, uint32_t type, const char *name)
{
        const SchemaEntity *entity = schema_entity(schema, type);

        for (uint32_t i = 0; entity && entity->meta == SCHEMA_OBJECT && i < entity->members.count; i++) {
                const SchemaMember *member = schema->members + entity->members.first + i;

                if (streq(member->name, name))
                        return member;
        }
        return NULL;
}

/* The type of the branch that the tag chooses. SCHEMA_NONE: none; *ret_open if it should have. */
static uint32_t choose_branch(const Check *check, const SchemaEntity *entity, json_object *object,
                              bool *ret_open)
{
        const char *tag = plain_string(json_get(object, entity->tag, json_type_string));
        const SchemaMember *member =
                find_member(check->schema, (uint32_t)(entity - check->schema->entities), entity->tag);
        const SchemaEntity *values = member ? schema_entity(check->schema, member->type) : NULL;

        for (uint32_t i = 0; tag && i < entity->variants.count; i++) {
                const SchemaVariant *variant = check->schema->variants + entity->variants.first + i;

                if (streq_ptr(variant->case_name, tag))
                        return variant->type;
        }
        *ret_open = true;
        /* A value of the tag without a branch has no members of its own. */
        for (uint32_t i = 0; tag && values && values->meta == SCHEMA_ENUM && i < values->members.count; i++)
                if (streq(check->schema->values[values->members.first + i].name, tag))
                        *ret_open = false;
        return SCHEMA_NONE;
}

static int find_layers(Check *check, uint32_t type, json_object *object, const Place *place, Layers *layers)
{
        layers->open = SCHEMA_NONE;
        while (type != SCHEMA_NONE) {
                const SchemaEntity *entity = schema_entity(check->schema, type);
                bool open = false;

                if (!entity || entity->meta != SCHEMA_OBJECT) {
                        layers->any = true;
                        return 0;
                }
                if (layers->n == BRANCHES_MAX) {
                        layers->any = true;
                        return faults_add(&check->faults, place, FAULT_DEPTH,
                                          _("The schema leads from branch to branch without an end."));
                }
                layers->types[layers->n++] = type;
                if (!entity->tag)
                        return 0;
                type = choose_branch(check, entity, object, &open);
                if (open)
                        layers->open = layers->types[layers->n - 1];
        }
        return 0;
}

static int check_member(Check *check, const SchemaMember *member, json_object *object, const Place *place)
{
        const Place inner = {.parent = place, .key = member->name};
        json_object *value;
        int r;

        if (!json_object_object_get_ex(object, member->name, &value)) {
                if (member->optional)
                        return 0;
                return faults_add(&check->faults, &inner, FAULT_MISSING_MEMBER,
                                  _("\"%s\" is mandatory and missing."), member->name);
        }
        r = check_features(check, member->features, &inner, _("The argument"), member->name);
        return r < 0 ? r : check_value(check, member->type, value, &inner);
}

static int check_members(Check *check, const Layers *layers, json_object *object, const Place *place)
{
        int r = 0;

        for (unsigned i = 0; i < layers->n; i++) {
                const SchemaEntity *entity = check->schema->entities + layers->types[i];

                r = check_type_features(check, entity->features, place);
                for (uint32_t j = 0; r >= 0 && j < entity->members.count; j++)
                        r = check_member(check, check->schema->members + entity->members.first + j, object,
                                         place);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether `name` is a member here, or could be one of a branch that is not known. */
static bool is_member(const Check *check, const Layers *layers, const char *name)
{
        const SchemaEntity *open = schema_entity(check->schema, layers->open);

        for (unsigned i = 0; i < layers->n; i++)
                if (find_member(check->schema, layers->types[i], name))
                        return true;
        for (uint32_t i = 0; open && i < open->variants.count; i++) {
                uint32_t type = check->schema->variants[open->variants.first + i].type;
                const SchemaEntity *branch = schema_entity(check->schema, type);

                /* A branch with branches of its own: too far to judge by. */
                if (find_member(check->schema, type, name) || (branch && branch->tag))
                        return true;
        }
        return false;
}

static int unknown_member(Check *check, const Layers *layers, const char *key, const Place *place)
{
        const Place inner = {.parent = place, .key = key};
        CLEANUP(free) char *name = fault_name(key);
        Near near = {.wanted = key};

        if (!name)
                return -ENOMEM;
        for (unsigned i = 0; i < layers->n; i++) {
                const SchemaEntity *entity = check->schema->entities + layers->types[i];

                for (uint32_t j = 0; j < entity->members.count; j++)
                        near_offer(&near, check->schema->members[entity->members.first + j].name);
        }
        if (near.best)
                return faults_add(&check->faults, &inner, FAULT_UNKNOWN_MEMBER,
                                  _("There is no argument \"%s\" here; did you mean \"%s\"?"), name,
                                  near.best);
        return faults_add(&check->faults, &inner, FAULT_UNKNOWN_MEMBER,
                          _("There is no argument \"%s\" here."), name);
}

int check_object(Check *check, uint32_t type, json_object *object, bool any, const Place *place)
{
        Layers layers = {.any = any};
        int r;

        if (!json_object_is_type(object, json_type_object))
                return wrong_type(check, type, object, place);
        r = find_layers(check, type, object, place, &layers);
        if (r >= 0)
                r = check_members(check, &layers, object, place);
        if (r < 0 || layers.any)
                return r;
        json_object_object_foreach (object, key, value) {
                (void)value;
                if (is_member(check, &layers, key))
                        continue;
                r = unknown_member(check, &layers, key, place);
                if (r < 0)
                        return r;
        }
        return 0;
}
