/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/schema-options.h"
#include "cli/session.h"
#include "cli/verbs.h"

#define DEPTH_DEFAULT 2
#define DEPTH_MAX     32

/*
 * The tree that muster_schema_show() answers, as an outline: a line a member, value or branch. The library
 * bounds its depth, and with it the recursion here.
 */

static void say_type(json_object *type, unsigned indent);

static void say_features(json_object *object, const char *key)
{
        CLEANUP(free) char *features = join_strings(json_get(object, key, json_type_array));

        if (features)
                say_styled(STYLE_OPEN, "  $%s", features);
}

/* "string", "[int]", "enum", "object ..." */
static void say_type_name(json_object *type)
{
        json_object *element = json_get(type, "of", json_type_object);
        const char *name = json_get_string(type, "type");

        if (streq_ptr(name, "array") && element) {
                say("[");
                say_type_name(element);
                say("]");
                return;
        }
        say_styled(STYLE_DIM, "%s", name ?: "?");
        if (json_get_bool(type, "recursive", false) || json_get_bool(type, "more", false))
                say_styled(STYLE_DIM, " ...");
}

static void say_values(json_object *values, unsigned indent)
{
        json_object *value;

        for (size_t i = 0; (value = array_object(values, i)); i++) {
                say("%*s^%s", (int)indent, "", json_get_string(value, "name") ?: "?");
                say_features(value, "features");
                say("\n");
        }
}

static void say_named(json_object *object, const char *key, const char *mark, unsigned indent)
{
        say("%*s%s", (int)indent, "", mark);
        say_styled(STYLE_BOLD, "%s", json_get_string(object, key) ?: "");
        say(": ");
        say_type_name(object);
        say_features(object, "features");
        say_features(object, "type-features");
        say("\n");
        say_type(object, indent + 4);
}

static void say_type(json_object *type, unsigned indent)
{
        json_object *list, *one;

        while ((one = json_get(type, "of", json_type_object)))
                type = one;
        say_values(json_get(type, "values", json_type_array), indent);
        list = json_get(type, "members", json_type_array);
        for (size_t i = 0; (one = array_object(list, i)); i++)
                say_named(one, "name", json_get_bool(one, "optional", false) ? "*" : "", indent);
        list = json_get(type, "branches", json_type_array);
        for (size_t i = 0; (one = array_object(list, i)); i++)
                say_named(one, "case", "+", indent);
        list = json_get(type, "choices", json_type_array);
        for (size_t i = 0; (one = array_object(list, i)); i++)
                say_named(one, "case", "| ", indent);
}

static void say_part(json_object *shown, const char *key, const char *path)
{
        json_object *type = json_get(shown, key, json_type_object);

        if (!type)
                return;
        say("  %s: ", path);
        say_type_name(type);
        say_features(type, "type-features");
        say("\n");
        say_type(type, 4);
}

static void say_shown(json_object *shown)
{
        say_styled(STYLE_BOLD, "%s", json_get_string(shown, "name") ?: "");
        say(" (%s)", json_get_string(shown, "kind") ?: "");
        say_features(shown, "features");
        say("\n");
        say_part(shown, "arguments", "arg-type");
        say_part(shown, "result", "ret-type");
}

static int get_depth(const Invocation *invocation, unsigned *ret, MusterError **ret_error)
{
        const char *text = option_value(invocation, &option_depth);

        *ret = DEPTH_DEFAULT;
        if (text && parse_number(text, DEPTH_MAX, ret) < 0)
                return error_set(ret_error, -EINVAL, _("'%s' is no depth; give a number from 0 to %d."),
                                 text, DEPTH_MAX);
        return 0;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *shown = NULL;
        SESSION(session);
        unsigned depth;
        int r;

        r = get_depth(invocation, &depth, ret_error);
        if (r >= 0)
                r = session_schema(&session, invocation, &schema, ret_error);
        if (r >= 0)
                r = muster_schema_show(schema, invocation->arguments[0], depth, &text, ret_error);
        if (r < 0)
                return r;
        if (r == 0) {
                if (option_given(invocation, &option_json))
                        say("{}\n");
                else
                        fprintf(stderr, _("muster: The schema has no command or event of this name.\n"));
                return EXIT_NO;
        }
        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &shown) < 0)
                return error_oom(ret_error);
        say_shown(shown);
        return EXIT_OK;
}

static const Option *const options[] = {SCHEMA_OPTIONS, &option_depth, NULL};

const Verb verb_schema_show = {
        .name = "schema show",
        .arguments = N_("NAME"),
        .summary = N_("describe a command or event as the emulator's schema has it"),
        .about = N_("Prints arguments and result as an outline: '*' marks optional members, '+' branches of "
                    "a union, '^' values, '$' features. Types are resolved by --depth levels. With --json "
                    "it is an object.\n"
                    "Exits with 0, 1 if the schema has no such command or event, 2 on an error."),
        .example = "muster schema show blockdev-add --depth 3",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .run = run,
};
