/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/driver.h"
#include "qapi/near.h"

/*
 * Options that a person types, `server.path=/run/x`, made into JSON. First the dotted keys become a tree of
 * objects with texts as leaves; then the tree is read along the schema, which tells a number from a text
 * ("80" is a port for one driver and a name for another), picks a union's branch by its tag wherever in the
 * list the tag was given, and takes "0", "1", … as an array's places.
 */

typedef struct Reader {
        const MusterSchema *schema;
        MusterError **ret_error;
} Reader;

static int read_value(const Reader *reader, uint32_t type, json_object *from, const char *path,
                      unsigned depth, json_object **ret);

/* --- dotted keys to a tree of texts -------------------------------------------------------------- */

static int place_option(json_object *tree, const RequestOption *option, MusterError **ret_error)
{
        CLEANUP(strv) char **parts = NULL;
        json_object *at = tree;
        size_t n;

        if (strv_split(option->key, ".", &parts) < 0)
                return error_oom(ret_error);
        n = strv_length(parts);
        for (size_t i = 0; i < n; i++) {
                json_object *child = NULL;
                bool there = json_object_object_get_ex(at, parts[i], &child), last = i + 1 == n;

                if (there && (last || !json_object_is_type(child, json_type_object)))
                        return error_set(ret_error, -EINVAL,
                                         _("Option '%s' contradicts an earlier one; give each "
                                           "member once."),
                                         option->key);
                if (there) {
                        at = child;
                        continue;
                }
                child = last ? json_object_new_string(option->value) : json_object_new_object();
                if (json_add(at, parts[i], child) < 0)
                        return error_oom(ret_error);
                at = child;
        }
        return 0;
}

/* --- the tree along the schema ------------------------------------------------------------------- */

static int read_builtin(const Reader *reader, const char *json_type, const char *text, const char *path,
                        json_object **ret)
{
        json_object *value = NULL;
        char *end = NULL;

        errno = 0;
        if (streq(json_type, "string"))
                value = json_object_new_string(text);
        else if (streq(json_type, "boolean") && (streq(text, "true") || streq(text, "on")))
                value = json_object_new_boolean(1);
        else if (streq(json_type, "boolean") && (streq(text, "false") || streq(text, "off")))
                value = json_object_new_boolean(0);
        else if (streq(json_type, "int")) {
                bool negative = text[0] == '-';
                int64_t i = negative ? strtoll(text, &end, 0) : 0;
                uint64_t u = negative ? 0 : strtoull(text, &end, 0);

                if (!*text || *end || errno || strchr(" \t+", text[0]))
                        end = NULL;
                else
                        value = negative ? json_object_new_int64(i) : json_object_new_uint64(u);
        } else if (streq(json_type, "number")) {
                double d = strtod(text, &end);

                if (*text && !*end && !errno && __builtin_isfinite(d))
                        value = json_object_new_double(d);
        } else if (streq(json_type, "value")) {
                if (json_parse(text, strlen(text), &value) < 0 || !value)
                        value = json_object_new_string(text);
        }
        if (!value)
                return error_set(reader->ret_error, -EINVAL, _("Option '%s' is of type %s; '%s' is none."),
                                 path, json_type, text);
        *ret = value;
        return 0;
}

static bool enum_has(const MusterSchema *schema, const SchemaEntity *entity, const char *text)
{
        for (uint32_t i = 0; i < entity->members.count; i++)
                if (streq(schema->values[entity->members.first + i].name, text))
                        return true;
        return false;
}

static int read_enum(const Reader *reader, const SchemaEntity *entity, const char *text, const char *path,
                     json_object **ret)
{
        Near near = {.wanted = text};

        if (enum_has(reader->schema, entity, text)) {
                *ret = json_object_new_string(text);
                return *ret ? 0 : error_oom(reader->ret_error);
        }
        for (uint32_t i = 0; i < entity->members.count; i++)
                near_offer(&near, reader->schema->values[entity->members.first + i].name);
        if (near.best)
                return error_set(reader->ret_error, -EINVAL,
                                 _("Option '%s' has no value '%s'; did you mean '%s'?"), path, text,
                                 near.best);
        return error_set(
                reader->ret_error, -EINVAL,
                _("Option '%s' has no value '%s'; `muster schema show blockdev-add` lists those it has."),
                path, text);
}

static const SchemaMember *find_member(const MusterSchema *schema, const SchemaEntity *object,
                                       const char *name)
{
        for (uint32_t i = 0; i < object->members.count; i++)
                if (streq(schema->members[object->members.first + i].name, name))
                        return schema->members + object->members.first + i;
        return NULL;
}

/* A member of the object, or of the branch that the tag's value in `from` chooses; NULL. */
static const SchemaMember *find_member_by_tag(const MusterSchema *schema, const SchemaEntity *object,
                                              const json_object *from, const char *name)
{
        const SchemaMember *member = find_member(schema, object, name);
        const char *tag = object->tag ? json_get_string(from, object->tag) : NULL;

        for (uint32_t i = 0; !member && tag && i < object->variants.count; i++) {
                const SchemaVariant *variant = schema->variants + object->variants.first + i;
                const SchemaEntity *branch = schema_entity(schema, variant->type);

                if (variant->case_name && streq(variant->case_name, tag) && branch &&
                    branch->meta == SCHEMA_OBJECT)
                        member = find_member_by_tag(schema, branch, from, name);
        }
        return member;
}

static int read_object(const Reader *reader, const SchemaEntity *entity, json_object *from, const char *path,
                       unsigned depth, json_object **ret)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object)
                return error_oom(reader->ret_error);
        json_object_object_foreach (from, key, value) {
                const SchemaMember *member = find_member_by_tag(reader->schema, entity, from, key);
                CLEANUP(free) char *below = NULL;
                json_object *read = NULL;
                int r;

                if (asprintf(&below, "%s%s%s", path, *path ? "." : "", key) < 0) {
                        below = NULL;
                        return error_oom(reader->ret_error);
                }
                if (!member)
                        return error_set(reader->ret_error, -EINVAL,
                                         _("This emulator has no option '%s' here."), below);
                r = read_value(reader, member->type, value, below, depth + 1, &read);
                if (r < 0)
                        return r;
                if (json_add(object, key, read) < 0)
                        return error_oom(reader->ret_error);
        }
        *ret = TAKE(object);
        return 0;
}

static int read_array(const Reader *reader, const SchemaEntity *entity, json_object *from, const char *path,
                      unsigned depth, json_object **ret)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        int n = json_object_object_length(from);

        if (!array)
                return error_oom(reader->ret_error);
        for (int i = 0; i < n; i++) {
                CLEANUP(free) char *below = NULL;
                json_object *value, *read = NULL;
                char key[16];
                int r;

                snprintf(key, sizeof(key), "%d", i);
                if (asprintf(&below, "%s.%s", path, key) < 0) {
                        below = NULL;
                        return error_oom(reader->ret_error);
                }
                if (!json_object_object_get_ex(from, key, &value))
                        return error_set(
                                reader->ret_error, -EINVAL,
                                _("Option '%s' is a list: number its places from 0 (%s is missing)."), path,
                                below);
                r = read_value(reader, entity->arg_type, value, below, depth + 1, &read);
                if (r < 0)
                        return r;
                if (json_append(array, read) < 0)
                        return error_oom(reader->ret_error);
        }
        *ret = TAKE(array);
        return 0;
}

/* How well a branch of an alternate fits what was typed; the best one wins, 0 does not fit. */
static unsigned branch_fit(const MusterSchema *schema, const SchemaEntity *branch, json_object *from)
{
        const char *text = json_object_is_type(from, json_type_string) ? json_object_get_string(from) : NULL;
        char *end;

        if (!branch)
                return 0;
        if (!text)
                return branch->meta == SCHEMA_OBJECT || branch->meta == SCHEMA_ARRAY;
        if (branch->meta == SCHEMA_ENUM)
                return enum_has(schema, branch, text) ? 5 : 0;
        if (branch->meta != SCHEMA_BUILTIN || !branch->json_type)
                return 0;
        if (streq(branch->json_type, "boolean"))
                return streq(text, "true") || streq(text, "false") ? 4 : 0;
        if (streq(branch->json_type, "int") && *text)
                return (void)strtoll(text, &end, 0), *end ? 0 : 3;
        return streq(branch->json_type, "string") ? 2 : 0;
}

static int read_alternate(const Reader *reader, const SchemaEntity *entity, json_object *from,
                          const char *path, unsigned depth, json_object **ret)
{
        uint32_t best = SCHEMA_NONE;
        unsigned fit = 0;

        for (uint32_t i = 0; i < entity->variants.count; i++) {
                uint32_t type = reader->schema->variants[entity->variants.first + i].type;
                unsigned f = branch_fit(reader->schema, schema_entity(reader->schema, type), from);

                if (f > fit) {
                        fit = f;
                        best = type;
                }
        }
        if (best == SCHEMA_NONE)
                return error_set(reader->ret_error, -EINVAL, _("Option '%s' does not take such a value."),
                                 path);
        return read_value(reader, best, from, path, depth + 1, ret);
}

static int read_value(const Reader *reader, uint32_t type, json_object *from, const char *path,
                      unsigned depth, json_object **ret)
{
        const SchemaEntity *entity = schema_entity(reader->schema, type);
        const char *text = json_object_is_type(from, json_type_string) ? json_object_get_string(from) : NULL;

        if (!entity || depth > 4 * REQUEST_KEY_DEPTH_MAX)
                return error_set(reader->ret_error, -EINVAL, _("Option '%s' leads nowhere in the schema."),
                                 path);
        if (entity->meta == SCHEMA_ALTERNATE)
                return read_alternate(reader, entity, from, path, depth, ret);
        if (text && entity->meta == SCHEMA_BUILTIN && entity->json_type)
                return read_builtin(reader, entity->json_type, text, path, ret);
        if (text && entity->meta == SCHEMA_ENUM)
                return read_enum(reader, entity, text, path, ret);
        if (!text && entity->meta == SCHEMA_OBJECT)
                return read_object(reader, entity, from, path, depth, ret);
        if (!text && entity->meta == SCHEMA_ARRAY)
                return read_array(reader, entity, from, path, depth, ret);
        if (text)
                return error_set(reader->ret_error, -EINVAL,
                                 _("Option '%s' has members of its own; give them as "
                                   "'%s.MEMBER'."),
                                 path, path);
        return error_set(reader->ret_error, -EINVAL, _("Option '%s' is a plain value; it has no members."),
                         path);
}

int block_options_to_json(const BlockSchema *block, const char *driver, const RequestOption *options,
                          size_t count, json_object *node, MusterError **ret_error)
{
        CLEANUP(json) json_object *tree = json_object_new_object();
        const Reader reader = {block->schema, ret_error};
        int r;

        if (!tree)
                return error_oom(ret_error);
        for (size_t i = 0; i < count; i++) {
                r = place_option(tree, options + i, ret_error);
                if (r < 0)
                        return r;
        }
        json_object_object_foreach (tree, key, from) {
                const SchemaMember *member = block_driver_member(block, driver, key);
                json_object *value = NULL;

                if (!member)
                        return error_set(ret_error, -EINVAL,
                                         _("Driver '%s' of this emulator has no option '%s'."), driver, key);
                if (json_object_object_get_ex(node, key, NULL))
                        return error_set(ret_error, -EINVAL,
                                         _("Option '%s' is set by the gate itself; leave it out."), key);
                r = read_value(&reader, member->type, from, key, 0, &value);
                if (r < 0)
                        return r;
                if (json_add(node, key, value) < 0)
                        return error_oom(ret_error);
        }
        return 0;
}
