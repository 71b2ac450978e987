/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/schema-options.h"
#include "cli/session.h"
#include "cli/verbs.h"

const Option *const schema_options[] = {SCHEMA_OPTIONS, NULL};

static void say_faults(json_object *faults)
{
        json_object *fault;

        for (size_t i = 0; (fault = array_object(faults, i)); i++) {
                const char *path = json_get_string(fault, "path");
                bool warning = streq_ptr(json_get_string(fault, "severity"), "warning");

                say_styled(warning ? STYLE_OPEN : STYLE_BAD, "%s", warning ? _("warning") : _("error"));
                if (path && *path)
                        say("  %s", path);
                say("  %s\n", json_get_string(fault, "message") ?: json_get_string(fault, "fault") ?: "");
        }
}

static int check(const MusterSchema *schema, const char *command, const char *arguments,
                 const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *faults = NULL;
        int n, r = 0;

        n = muster_schema_check(schema, command, arguments, &text, ret_error);
        if (n < 0)
                return n;
        if (option_given(invocation, &option_json))
                r = say_json_text(text, ret_error);
        else if (json_parse(text, strlen(text), &faults) < 0)
                r = error_oom(ret_error);
        if (r < 0)
                return r;
        say_faults(faults);
        return n == 0 ? EXIT_OK : EXIT_NO;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(free) char *input = NULL;
        const char *arguments = invocation->arguments[1];
        SESSION(session);
        int r;

        if (streq(arguments, "-")) {
                r = read_stdin(&input, ret_error);
                if (r < 0)
                        return r;
                arguments = input;
        }
        r = session_schema(&session, invocation, &schema, ret_error);
        return r < 0 ? r : check(schema, invocation->arguments[0], arguments, invocation, ret_error);
}

const Verb verb_schema_check = {
        .name = "schema check",
        .arguments = N_("COMMAND JSON"),
        .summary = N_("check a command's arguments before they are sent"),
        .about = N_("Checks a JSON object ('-' reads it from standard input) against the arguments that the "
                    "emulator's schema has for the command: unknown and missing members, wrong types, "
                    "unions and alternates, each with its path. Deprecated and unstable members yield "
                    "warnings. With --json it is an array.\n"
                    "Exits with 0 if it may be sent, 1 if it is faulty, 2 on an error."),
        .example = "muster schema check blockdev-add '{\"driver\": \"null-co\", \"node-name\": \"n\"}'",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = schema_options,
        .run = run,
};
