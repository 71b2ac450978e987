/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments of a command against the schema, as QEMU's input visitor reads them, but told in full: QEMU
 * names the first fault, this names all.
 *
 * An alternate is entered by what the value looks like in JSON. Where the schema says int, QEMU takes
 * no 1.0; where it says number, both. Ranges of integers are not in the schema.
 *
 * Three commands have taken more than their schema told: QAPI hands their arguments over as they come
 * ('gen': false) to what only QEMU's object model or option parser knows. The schema does not say so. It is
 * the rule here that device_add (all releases), netdev_add (to 5.0) and object-add (to 5.2) may have any
 * further members as long as their arguments are no union; the latter two became unions when they were
 * described in full, and then they are checked in full. The members that the schema does name are always
 * checked.
 *
 * The recursion follows the arguments, whose depth the parser bounds; where the schema goes on without the
 * arguments (branches of branches, in check-object.c), a bound of its own does.
 */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/describe.h"
#include "qapi/check-internal.h"
#include "qapi/near.h"

/* Warnings */

int check_features(Check *check, SchemaRange features, const Place *place, const char *what,
                   const char *name)
{
        int r = 0;

        if (schema_has_feature(check->schema, features, check->deprecated))
                r = faults_add(&check->faults, place, FAULT_DEPRECATED,
                               _("%s \"%s\" is deprecated: QEMU may drop it."), what, name);
        if (r >= 0 && schema_has_feature(check->schema, features, check->unstable))
                r = faults_add(&check->faults, place, FAULT_UNSTABLE,
                               _("%s \"%s\" is unstable: QEMU may change or drop it at any time."), what,
                               name);
        return r;
}

int check_type_features(Check *check, SchemaRange features, const Place *place)
{
        int r = 0;

        if (schema_has_feature(check->schema, features, check->deprecated))
                r = faults_add(&check->faults, place, FAULT_DEPRECATED,
                               _("What stands here is deprecated: QEMU may drop it."));
        if (r >= 0 && schema_has_feature(check->schema, features, check->unstable))
                r = faults_add(&check->faults, place, FAULT_UNSTABLE,
                               _("What stands here is unstable: QEMU may change or drop it at any time."));
        return r;
}

/* Values */

static const char *json_words(const json_object *value)
{
        switch (json_object_get_type(value)) {
        case json_type_null:
                return "null";
        case json_type_boolean:
                return "boolean";
        case json_type_int:
                return "int";
        case json_type_double:
                return "number";
        case json_type_string:
                return "string";
        case json_type_array:
                return "array";
        case json_type_object:
                return "object";
        }
        return "?";
}

int wrong_type(Check *check, uint32_t type, const json_object *value, const Place *place)
{
        CLEANUP(free) char *wanted = schema_type_text(check->schema, type);

        if (!wanted)
                return -ENOMEM;
        return faults_add(&check->faults, place, FAULT_TYPE, _("This is of type %s, where %s is wanted."),
                          json_words(value), wanted);
}

static int check_builtin(Check *check, uint32_t type, json_object *value, const Place *place)
{
        const char *wanted = check->schema->entities[type].json_type;
        const char *is = json_words(value);

        /* Newer than muster: let QEMU judge. */
        if (!wanted || streq(wanted, "value") || streq(wanted, is) ||
            (streq(wanted, "number") && streq(is, "int")))
                return 0;
        return wrong_type(check, type, value, place);
}

static int unknown_value(Check *check, const SchemaEntity *entity, const char *text, const Place *place)
{
        CLEANUP(free) char *name = fault_name(text);
        Near near = {.wanted = text};

        if (!name)
                return -ENOMEM;
        for (uint32_t i = 0; i < entity->members.count; i++)
                near_offer(&near, check->schema->values[entity->members.first + i].name);
        if (near.best)
                return faults_add(&check->faults, place, FAULT_UNKNOWN_VALUE,
                                  _("There is no value \"%s\" here; did you mean \"%s\"?"), name, near.best);
        return faults_add(&check->faults, place, FAULT_UNKNOWN_VALUE, _("There is no value \"%s\" here."),
                          name);
}

const char *plain_string(json_object *value)
{
        const char *text;

        if (!json_object_is_type(value, json_type_string))
                return NULL;
        text = json_object_get_string(value);
        return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static int check_enum(Check *check, uint32_t type, json_object *value, const Place *place)
{
        const SchemaEntity *entity = check->schema->entities + type;
        const char *text = plain_string(value);

        if (!json_object_is_type(value, json_type_string))
                return wrong_type(check, type, value, place);
        for (uint32_t i = 0; text && i < entity->members.count; i++) {
                const SchemaValue *known = check->schema->values + entity->members.first + i;

                if (streq(known->name, text))
                        return check_features(check, known->features, place, _("The value"), known->name);
        }
        return unknown_value(check, entity, json_object_get_string(value), place);
}

static int check_array(Check *check, uint32_t type, json_object *value, const Place *place)
{
        Place inner = {.parent = place};
        size_t n;
        int r = 0;

        if (!json_object_is_type(value, json_type_array))
                return wrong_type(check, type, value, place);
        n = json_object_array_length(value);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                inner.element = i;
                r = check_value(check, check->schema->entities[type].arg_type,
                                json_object_array_get_idx(value, i), &inner);
        }
        return r;
}

static int check_alternate(Check *check, uint32_t type, json_object *value, const Place *place)
{
        const SchemaEntity *entity = check->schema->entities + type;
        const char *looks = json_words(value);
        uint32_t branch =
                schema_alternate_branch(check->schema, entity, streq(looks, "int") ? "number" : looks);
        const SchemaEntity *inner;

        if (branch == SCHEMA_NONE)
                branch = schema_alternate_branch(check->schema, entity, "value");
        /* One alternate in another has no look, so it is never chosen: no circles here. */
        inner = schema_entity(check->schema, branch);
        if (!inner)
                return wrong_type(check, type, value, place);
        return check_value(check, branch, value, place);
}

int check_value(Check *check, uint32_t type, json_object *value, const Place *place)
{
        const SchemaEntity *entity = schema_entity(check->schema, type);
        int r;

        if (!entity)
                return 0;
        if (entity->meta != SCHEMA_OBJECT) {
                r = check_type_features(check, entity->features, place);
                if (r < 0)
                        return r;
        }
        switch (entity->meta) {
        case SCHEMA_BUILTIN:
                return check_builtin(check, type, value, place);
        case SCHEMA_ENUM:
                return check_enum(check, type, value, place);
        case SCHEMA_ARRAY:
                return check_array(check, type, value, place);
        case SCHEMA_ALTERNATE:
                return check_alternate(check, type, value, place);
        case SCHEMA_OBJECT:
                return check_object(check, type, value, /* any= */ false, place);
        default:
                return 0;
        }
}

/* Commands */

static bool takes_any(const MusterSchema *schema, const SchemaEntity *command)
{
        static const char *const names[] = {"device_add", "netdev_add", "object-add"};
        const SchemaEntity *arguments = schema_entity(schema, command->arg_type);

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(command->name, names[i]))
                        return arguments && !arguments->tag;
        return false;
}

static int no_such_command(const MusterSchema *schema, const char *command, MusterError **ret_error)
{
        CLEANUP(free) char *name = fault_name(command);
        Near near = {.wanted = command};

        if (!name)
                return error_oom(ret_error);
        for (uint32_t i = 0; i < schema->n_entities; i++)
                if (schema->entities[i].meta == SCHEMA_COMMAND)
                        near_offer(&near, schema->entities[i].name);
        if (near.best)
                return error_set(ret_error, -ENOENT,
                                 _("The emulator has no command \"%s\"; did you mean \"%s\"?"), name,
                                 near.best);
        return error_set(ret_error, -ENOENT, _("The emulator has no command \"%s\"."), name);
}

static int parse_arguments(const char *text, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;
        int r = json_parse(text, strlen(text), &object);

        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0)
                return error_set(ret_error, -EINVAL,
                                 r == -E2BIG ? _("The arguments are larger than 64 MiB.")
                                             : _("The arguments are not valid JSON."));
        if (!json_object_is_type(object, json_type_object))
                return error_set(ret_error, -EINVAL,
                                 _("The arguments are no JSON object ({\"name\": value, …})."));
        *ret = TAKE(object);
        return 0;
}

static void cleanup_check(Check *check)
{
        faults_done(&check->faults);
}

static int run(Check *check, const SchemaEntity *command, json_object *arguments)
{
        int r = faults_init(&check->faults);

        if (r >= 0)
                r = check_features(check, command->features, NULL, _("The command"), command->name);
        if (r >= 0)
                r = check_object(check, command->arg_type, arguments, takes_any(check->schema, command),
                                 NULL);
        /* The faults are full: the rest was not looked at, and the last of them says so. */
        return r == -E2BIG ? 0 : r;
}

_public_ int muster_schema_check(const MusterSchema *schema, const char *command, const char *arguments,
                                 char **ret_json, MusterError **ret_error)
{
        const SchemaEntity *entity = schema_find_root(schema, command);
        CLEANUP(json) json_object *object = NULL;
        __attribute__((cleanup(cleanup_check))) Check check = {.schema = schema};
        char *text;
        int r;

        if (!entity || entity->meta != SCHEMA_COMMAND)
                return no_such_command(schema, command, ret_error);
        r = parse_arguments(arguments, &object, ret_error);
        if (r < 0)
                return r;
        check.deprecated = schema_intern(schema, "deprecated", strlen("deprecated"));
        check.unstable = schema_intern(schema, "unstable", strlen("unstable"));
        r = run(&check, entity, object);
        if (r < 0)
                return error_oom(ret_error);
        if (ret_json) {
                text = json_to_text(check.faults.array);
                if (!text)
                        return error_oom(ret_error);
                *ret_json = text;
        }
        return (int)check.faults.n_errors;
}
