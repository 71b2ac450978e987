/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *file = remote_file(invocation->arguments[0]);
        CLEANUP(json) json_object *answer = NULL;
        json_object *body = file ? body_text(body_new(), "file", file) : NULL;
        int r;

        if (option_given(invocation, &option_paused) || option_given(invocation, &option_running))
                body = body_bool(body, "paused", option_given(invocation, &option_paused));
        r = remote_call(client, "POST", strdup("/v1/restore"), body, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Domain restored from %s"),
                                   invocation->arguments[0], ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_paused, &option_running, REMOTE_OPTIONS, NULL};

const Verb verb_restore = {
        .name = "restore",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("FILE"),
        .summary = N_("start a guest from a saved state"),
        .about = N_("Goes on from a file that 'save' wrote, and which stays.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster restore /var/tmp/guest.save",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
