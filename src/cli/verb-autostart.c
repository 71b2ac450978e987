/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_disable = {
        .name = "disable",
        .help = N_("do not start it by itself any more"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool disable = option_given(invocation, &option_disable);
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = remote_call(client, "PUT", remote_path(invocation, "autostart", NULL),
                        body_bool(body_new(), "autostart", !disable), &answer, ret_error);
        if (r < 0)
                return r;
        return remote_done(client, invocation, answer,
                           disable ? _("Domain '%s' unmarked as autostarted")
                                   : _("Domain '%s' marked as autostarted"),
                           NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_disable, REMOTE_OPTIONS, NULL};

const Verb verb_autostart = {
        .name = "autostart",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("have a domain started with the daemon, or not"),
        .about = N_("A domain that is marked starts when the daemon does, once a boot.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster autostart guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
