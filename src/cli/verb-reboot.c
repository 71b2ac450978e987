/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        return remote_action(client, invocation, "reboot",
                             body_text(body_new(), "mode", option_value(invocation, &option_mode)),
                             _("Domain '%s' is being rebooted"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_mode, REMOTE_OPTIONS, NULL};

const Verb verb_reboot = {
        .name = "reboot",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("ask a guest to reboot"),
        .about = N_("Asks the guest, and says so when it was asked.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster reboot guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
