/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = remote_call(client, "POST", remote_path(invocation, "rename", NULL),
                        body_text(body_new(), "name", invocation->arguments[1]), &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Domain successfully renamed"), NULL,
                                   ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_OPTIONS, NULL};

const Verb verb_domrename = {
        .name = "domrename",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN NEW-NAME"),
        .summary = N_("give a domain another name"),
        .about = N_("The domain must be defined and must not run.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster domrename guest other",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
