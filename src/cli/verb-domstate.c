/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_reason = {
        .name = "reason",
        .help = N_("say why it is in that state"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *domain = NULL;
        const char *state, *reason;
        int r;

        r = remote_domain(client, invocation, &domain, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(domain, ret_error);
        state = json_get_string(domain, "state") ?: "?";
        reason = json_get_string(domain, "reason") ?: "unknown";
        if (option_given(invocation, &option_reason))
                say("%s (%s)\n", state, reason);
        else
                say("%s\n", state);
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_reason, REMOTE_OPTIONS, NULL};

const Verb verb_domstate = {
        .name = "domstate",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("print a domain's state"),
        .about = N_("running, paused, in shutdown, shut off, crashed or pmsuspended; with "
                    "--reason why, too.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster domstate guest --reason",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
