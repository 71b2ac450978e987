/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = remote_call(client, "DELETE", remote_path(invocation, "managed-save", NULL), NULL, &answer,
                        ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer,
                                   _("Removed managedsave image for domain '%s'"), NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_OPTIONS, NULL};

const Verb verb_managedsave_remove = {
        .name = "managedsave-remove",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("remove the state that 'managedsave' saved"),
        .about = N_("The next 'start' boots the guest.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster managedsave-remove guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
