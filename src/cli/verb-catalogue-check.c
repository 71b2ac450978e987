/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/invocation.h"
#include "cli/verbs.h"

#define FILES_MAX 10000

static void say_faults(json_object *faults)
{
        json_object *fault;

        for (size_t i = 0; (fault = array_object(faults, i)); i++) {
                bool warning = streq_ptr(json_get_string(fault, "severity"), "warning");

                say("%s:%lld: ", json_get_string(fault, "file") ?: "",
                    (long long)json_get_int(fault, "line", 0));
                say_styled(warning ? STYLE_OPEN : STYLE_BAD, "%s", warning ? _("warning") : _("error"));
                say(": %s\n", json_get_string(fault, "message") ?: "");
        }
}

static int check(const char *file, json_object *all, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *faults = NULL;
        json_object *fault;
        int n;

        n = muster_catalogue_check(file, &text, ret_error);
        if (n < 0)
                return n;
        if (json_parse(text, strlen(text), &faults) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; (fault = array_object(faults, i)); i++)
                if (json_append(all, json_object_get(fault)) < 0)
                        return error_oom(ret_error);
        return n;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *faults = json_object_new_array();
        bool faulty = false;
        int r;

        if (!faults)
                return error_oom(ret_error);
        for (size_t i = 0; i < invocation->n_arguments; i++) {
                r = check(invocation->arguments[i], faults, ret_error);
                if (r < 0)
                        return r;
                faulty |= r > 0;
        }
        r = 0;
        if (option_given(invocation, &option_json))
                r = say_json(faults, ret_error);
        else
                say_faults(faults);
        if (r < 0)
                return r;
        return faulty ? EXIT_NO : EXIT_OK;
}

const Verb verb_catalogue_check = {
        .name = "catalogue check",
        .arguments = N_("FILE..."),
        .summary = N_("check files of the feature catalogue"),
        .about = N_("Reads files of the form that features.d folders hold and prints every fault as "
                    "file:line. With --json it is an array.\n"
                    "Exits with 0 if there is none (or warnings only), 1 if there is, 2 if a file cannot be "
                    "read."),
        .example = "muster catalogue check ~/.config/muster/features.d/mine.ini",
        .min_arguments = 1,
        .max_arguments = FILES_MAX,
        .complete = COMPLETE_FILE,
        .run = run,
};
