/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_force_boot = {
        .name = "force-boot",
        .help = N_("boot, and forget the saved state"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        json_object *body = body_bool(body_new(), "paused", option_given(invocation, &option_paused));

        body = body_bool(body, "force-boot", option_given(invocation, &option_force_boot));
        return remote_action(client, invocation, "start", body, _("Domain '%s' started"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_paused, &option_force_boot, REMOTE_OPTIONS, NULL};

const Verb verb_start = {
        .name = "start",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("start a domain"),
        .about = N_("Starts what is defined, from where 'managedsave' left it, and answers "
                    "when the guest runs; with --force-boot that saved state is removed and "
                    "the guest boots.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster start guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
