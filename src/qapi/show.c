/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command or event spelt out as a tree of JSON objects:
 *
 *   {"name", "kind": "command"|"event", "allow-oob"?, "features"?, "arguments": TYPE, "result"?: TYPE}
 *   TYPE: {"type": "object", "type-features"?, "members": [{"name", "optional", "features"?, TYPE's keys}],
 *          "tag"?, "branches"?: [{"case", TYPE's keys}]}
 *         {"type": "enum", "values": [{"name", "features"?}]}
 *         {"type": "array", "of": TYPE}
 *         {"type": "alternate", "choices": [TYPE]}
 *         {"type": "string"|"number"|"int"|"boolean"|"null"|"value"}
 *
 * The types' features stand as "type-features", so that a member's own are told from those of its type. The
 * graph has cycles: an object inside of itself is only named, with "recursive": true. One beyond the depth,
 * or beyond what a reader could use, has "more": true.
 */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/describe.h"

#define SHOW_DEPTH_MAX 32
#define SHOW_NODES_MAX 20000

typedef struct Show {
        const MusterSchema *schema;
        uint32_t chain[SHOW_DEPTH_MAX]; /* the objects that are being described */
        unsigned n_chain;
        unsigned depth;
        size_t n_nodes; /* types, values and features put out so far */
} Show;

static int put_type(Show *show, uint32_t type, json_object *out);

static int put_features(Show *show, SchemaRange features, const char *key, json_object *out)
{
        json_object *array;
        int r;

        if (features.count == 0)
                return 0;
        show->n_nodes += features.count;
        array = json_object_new_array();
        r = json_add(out, key, array);
        for (uint32_t i = 0; r >= 0 && i < features.count; i++)
                r = json_append_string(array, show->schema->features[features.first + i]);
        return r;
}

/* A new object, owned by `array`; NULL when out of memory. */
static json_object *new_in(json_object *array)
{
        json_object *object = json_object_new_object();

        return json_append(array, object) < 0 ? NULL : object;
}

static json_object *new_array_in(json_object *object, const char *key)
{
        json_object *array = json_object_new_array();

        return json_add(object, key, array) < 0 ? NULL : array;
}

static int put_values(Show *show, const SchemaEntity *entity, json_object *out)
{
        json_object *array = new_array_in(out, "values");
        int r = array ? 0 : -ENOMEM;

        show->n_nodes += entity->members.count;
        for (uint32_t i = 0; r >= 0 && i < entity->members.count; i++) {
                const SchemaValue *value = show->schema->values + entity->members.first + i;
                json_object *object = new_in(array);

                r = object ? json_add_string(object, "name", value->name) : -ENOMEM;
                if (r >= 0)
                        r = put_features(show, value->features, "features", object);
        }
        return r;
}

static int put_members(Show *show, const SchemaEntity *entity, json_object *out)
{
        json_object *array = new_array_in(out, "members");
        int r = array ? 0 : -ENOMEM;

        for (uint32_t i = 0; r >= 0 && i < entity->members.count; i++) {
                const SchemaMember *member = show->schema->members + entity->members.first + i;
                json_object *object = new_in(array);

                r = object ? json_add_string(object, "name", member->name) : -ENOMEM;
                if (r >= 0)
                        r = json_add_bool(object, "optional", member->optional);
                if (r >= 0)
                        r = put_features(show, member->features, "features", object);
                if (r >= 0)
                        r = put_type(show, member->type, object);
        }
        return r;
}

static int put_variants(Show *show, const SchemaEntity *entity, const char *key, json_object *out)
{
        json_object *array;
        int r = 0;

        if (entity->variants.count == 0)
                return 0;
        array = new_array_in(out, key);
        if (!array)
                return -ENOMEM;
        for (uint32_t i = 0; r >= 0 && i < entity->variants.count; i++) {
                const SchemaVariant *variant = show->schema->variants + entity->variants.first + i;
                json_object *object = new_in(array);

                r = object ? 0 : -ENOMEM;
                if (r >= 0 && variant->case_name)
                        r = json_add_string(object, "case", variant->case_name);
                if (r >= 0)
                        r = put_type(show, variant->type, object);
        }
        return r;
}

static int put_inside(Show *show, const SchemaEntity *entity, json_object *out)
{
        json_object *element;
        int r = 0;

        switch (entity->meta) {
        case SCHEMA_ARRAY:
                element = json_object_new_object();
                r = json_add(out, "of", element);
                return r < 0 ? r : put_type(show, entity->arg_type, element);
        case SCHEMA_ALTERNATE:
                return put_variants(show, entity, "choices", out);
        case SCHEMA_OBJECT:
                r = put_members(show, entity, out);
                if (r >= 0 && entity->tag)
                        r = json_add_string(out, "tag", entity->tag);
                return r < 0 ? r : put_variants(show, entity, "branches", out);
        default:
                return 0;
        }
}

static bool in_chain(const Show *show, uint32_t type)
{
        for (unsigned i = 0; i < show->n_chain; i++)
                if (show->chain[i] == type)
                        return true;
        return false;
}

/* Arrays and alternates are no level of their own: what a reader asks for is what lies in them. */
static unsigned level(const Show *show)
{
        unsigned n = 0;

        for (unsigned i = 0; i < show->n_chain; i++)
                n += show->schema->entities[show->chain[i]].meta == SCHEMA_OBJECT;
        return n;
}

static int put_type(Show *show, uint32_t type, json_object *out)
{
        const SchemaEntity *entity = schema_entity(show->schema, type);
        bool builtin = entity && entity->meta == SCHEMA_BUILTIN;
        int r;

        if (!entity)
                return json_add_string(out, "type", NULL);
        show->n_nodes++;
        r = json_add_string(out, "type", builtin ? entity->json_type : schema_meta_name(entity->meta));
        if (r < 0 || builtin)
                return r;
        if (show->n_nodes > SHOW_NODES_MAX)
                return json_add_bool(out, "more", true);
        r = put_features(show, entity->features, "type-features", out);
        if (r < 0)
                return r;
        if (entity->meta == SCHEMA_ENUM)
                return put_values(show, entity, out);
        if (in_chain(show, type))
                return json_add_bool(out, "recursive", true);
        if (show->n_chain == SHOW_DEPTH_MAX || (entity->meta == SCHEMA_OBJECT && level(show) >= show->depth))
                return json_add_bool(out, "more", true);
        show->chain[show->n_chain++] = type;
        r = put_inside(show, entity, out);
        show->n_chain--;
        return r;
}

static int put_root(Show *show, const SchemaEntity *root, json_object *out)
{
        json_object *arguments = json_object_new_object(), *result;
        int r = json_add(out, "arguments", arguments);

        if (r >= 0)
                r = put_type(show, root->arg_type, arguments);
        if (r < 0 || root->meta != SCHEMA_COMMAND)
                return r;
        result = json_object_new_object();
        r = json_add(out, "result", result);
        return r < 0 ? r : put_type(show, root->ret_type, result);
}

_public_ int muster_schema_show(const MusterSchema *schema, const char *name, unsigned depth,
                                char **ret_json, MusterError **ret_error)
{
        const SchemaEntity *root = schema_find_root(schema, name);
        CLEANUP(json) json_object *out = NULL;
        Show show = {.schema = schema, .depth = depth};
        char *text;
        int r;

        if (!root)
                return 0;
        out = json_object_new_object();
        r = json_add_string(out, "name", root->name);
        if (r >= 0)
                r = json_add_string(out, "kind", schema_meta_name(root->meta));
        if (r >= 0 && root->allow_oob)
                r = json_add_bool(out, "allow-oob", true);
        if (r >= 0)
                r = put_features(&show, root->features, "features", out);
        if (r >= 0)
                r = put_root(&show, root, out);
        text = r < 0 ? NULL : json_to_text(out);
        if (!text)
                return error_oom(ret_error);
        if (ret_json)
                *ret_json = text;
        else
                free(text);
        return 1;
}
