/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *file = remote_file(invocation->arguments[1]), *done = NULL;
        CLEANUP(json) json_object *answer = NULL;
        json_object *body = file ? body_text(body_new(), "file", file) : NULL;
        int r;

        body = body_bool(body, "paused", option_given(invocation, &option_paused));
        r = remote_call(client, "POST", remote_path(invocation, "save", NULL), body, &answer, ret_error);
        if (r < 0)
                return r;
        done = text_format(_("Domain '%s' saved to %s"),
                           json_get_string(answer, "name") ?: invocation->arguments[0],
                           invocation->arguments[1]);
        return done ? remote_done(client, invocation, answer, "%s", done, ret_error) : error_oom(ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_paused, REMOTE_OPTIONS, NULL};

const Verb verb_save = {
        .name = "save",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN FILE"),
        .summary = N_("save a guest's state to a file, and end it"),
        .about = N_("Writes the memory and devices of a running guest to a file, from which "
                    "'restore' goes on; its disks are not in it, and must not be changed until "
                    "then. This takes as long as the memory needs to be written.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster save guest /var/tmp/guest.save",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN_FILE,
        .run = run,
};
