/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_graceful = {
        .name = "graceful",
        .help = N_("let the emulator end by itself; fail where it does not"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        return remote_action(client, invocation, "destroy",
                             body_bool(body_new(), "graceful", option_given(invocation, &option_graceful)),
                             _("Domain '%s' destroyed"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_graceful, REMOTE_OPTIONS, NULL};

const Verb verb_destroy = {
        .name = "destroy",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("end a guest at once"),
        .about = N_("Ends the emulator, as if the power were cut; the definition stays. With "
                    "--graceful the emulator is asked to end, which lets it write what it "
                    "holds, and the call fails rather than kill it.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster destroy guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
