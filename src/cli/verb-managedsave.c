/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        return remote_action(client, invocation, "managed-save",
                             body_bool(body_new(), "paused", option_given(invocation, &option_paused)),
                             _("Domain '%s' state saved by muster"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_paused, REMOTE_OPTIONS, NULL};

const Verb verb_managedsave = {
        .name = "managedsave",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("save a guest's state, from which its next start goes on"),
        .about = N_("Writes the memory and devices of a running guest to a file of the "
                    "daemon's and ends the guest; the next 'start' goes on from there.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster managedsave guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
