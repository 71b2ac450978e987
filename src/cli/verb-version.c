/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "cli/verbs.h"

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;

        if (!option_given(invocation, &option_json)) {
                say("muster %s\n", muster_version());
                return EXIT_OK;
        }
        object = json_object_new_object();
        if (!object || json_add_string(object, "version", muster_version()) < 0)
                return error_oom(ret_error);
        return say_json(object, ret_error);
}

const Verb verb_version = {
        .name = "version",
        .group = VERB_GROUP_MUSTER,
        .summary = N_("print muster's version"),
        .about = N_("Prints the name and the version, or with --json an object of version."),
        .example = "muster version",
        .run = run,
};
