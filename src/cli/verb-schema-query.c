/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/schema-options.h"
#include "cli/session.h"
#include "cli/verbs.h"

static void say_strings(const char *key, json_object *array)
{
        CLEANUP(free) char *joined = join_strings(array);

        say_field(key, joined);
}

/* One place that met the path: where, then what stands there, a line a key. */
static void say_place(json_object *place)
{
        say_styled(STYLE_BOLD, "%s\n", json_get_string(place, "path") ?: "");
        json_object_object_foreach (place, key, value) {
                if (streq(key, "path"))
                        continue;
                if (json_object_is_type(value, json_type_string))
                        say_field(key, json_object_get_string(value));
                else if (json_object_is_type(value, json_type_array))
                        say_strings(key, value);
                else
                        say_field(key,
                                  json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE |
                                                                                JSON_C_TO_STRING_SPACED));
        }
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *places = NULL;
        json_object *place;
        SESSION(session);
        int met, r;

        r = session_schema(&session, invocation, &schema, ret_error);
        if (r < 0)
                return r;
        met = muster_schema_query(schema, invocation->arguments[0], &text, ret_error);
        if (met < 0)
                return met;
        if (option_given(invocation, &option_json))
                r = say_json_text(text ?: "[]", ret_error);
        else if (text && json_parse(text, strlen(text), &places) < 0)
                r = error_oom(ret_error);
        for (size_t i = 0; r >= 0 && (place = array_object(places, i)); i++)
                say_place(place);
        if (r < 0)
                return r;
        return met ? EXIT_OK : EXIT_NO;
}

const Verb verb_schema_query = {
        .name = "schema query",
        .arguments = N_("PATH"),
        .summary = N_("ask the emulator's schema for what stands at a path"),
        .about =
                N_("A path starts at a command or event and walks on by slashes:\n"
                   "  arg-type, ret-type  the arguments or data; the result\n"
                   "  name, *name         a member; a member that is optional\n"
                   "  +case, +*           a branch of a union; any branch\n"
                   "  ^value              a value of an enumeration\n"
                   "  !json-type          the JSON type of a built-in\n"
                   "  $feature            a feature of the command, event, type or value\n"
                   "  @feature            a feature of the member just named\n"
                   "Arrays are entered silently and alternates tried in turn. Every place that meets the "
                   "path is printed; with --json as an array.\n"
                   "Exits with 0 if the path is met, 1 if not, 2 on an error, a malformed path among them."),
        .example = "muster schema query 'blockdev-add/arg-type/+file/$dynamic-auto-read-only'",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = schema_options,
        .run = run,
};
