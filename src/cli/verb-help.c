/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

static int say_names(MusterError **ret_error)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (const Verb *const *verb = verbs; *verb; verb++) {
                json_object *object = json_object_new_object();

                if (!object || json_append(array, object) < 0 ||
                    json_add_string(object, "verb", (*verb)->name) < 0 ||
                    json_add_string(object, "summary", _((*verb)->summary)) < 0)
                        return error_oom(ret_error);
        }
        return say_json(array, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        Suggestion suggestion = {0};
        CLEANUP(free) char *name = NULL;
        const Verb *verb;

        if (option_given(invocation, &option_json))
                return say_names(ret_error);
        if (invocation->n_arguments == 0) {
                help_overview(stdout);
                return EXIT_OK;
        }
        if (asprintf(&name, "%s%s%s", invocation->arguments[0], invocation->n_arguments > 1 ? " " : "",
                     invocation->n_arguments > 1 ? invocation->arguments[1] : "") < 0) {
                name = NULL;
                return error_oom(ret_error);
        }
        verb = verb_find(name);
        if (verb) {
                help_verb(verb);
                return EXIT_OK;
        }
        if (verb_is_group(name)) {
                help_group(stdout, name);
                return EXIT_OK;
        }
        suggestion.word = name;
        for (const Verb *const *v = verbs; *v; v++)
                suggestion_feed(&suggestion, (*v)->name);
        if (suggestion.best)
                return error_set(ret_error, -EINVAL, _("There is no verb '%s'; did you mean '%s'?"), name,
                                 suggestion.best);
        return error_set(ret_error, -EINVAL, _("There is no verb '%s'; 'muster help' lists them all."),
                         name);
}

const Verb verb_help = {
        .name = "help",
        .group = VERB_GROUP_MUSTER,
        .arguments = N_("[VERB]"),
        .summary = N_("say what muster or one of its verbs does"),
        .about = N_("Without a verb, lists them all; with --json as an array of verb and summary."),
        .example = "muster help schema query",
        .max_arguments = 2,
        .complete = COMPLETE_VERB,
        .run = run,
};
