/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote-job.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_base = {
        .name = "base",
        .argument = N_("FILE"),
        .help = N_("the image that stays below; without it none does"),
        .complete = COMPLETE_FILE,
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const JobWords words = {
                .name = _("Block Pull"),
                .started = _("Block Pull started"),
                .complete = _("Pull complete"),
                .ready = _("Pull complete"),
                .kept = _("Pull complete"),
        };
        json_object *body =
                body_text(body_text(body_new(), "type", "pull"), "disk", invocation->arguments[1]);
        int r;

        body = body_text(body, "base", option_value(invocation, &option_base));
        r = job_add_bandwidth(invocation, 2, &body, ret_error);
        if (r < 0)
                return json_object_put(body), r;
        return job_run(client, invocation, body, JOB_STAYS, &words, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_base, JOB_OPTIONS, REMOTE_OPTIONS, NULL};

const Verb verb_blockpull = {
        .name = "blockpull",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET [BANDWIDTH]"),
        .summary = N_("write a disk's lower images into the one in use"),
        .about = N_("Fills the image in use with what those below it hold, down to above "
                    "--base or to the last, and takes them off the chain; their files stay. "
                    "With --wait it answers when the job is done; Ctrl-C then cancels the job, "
                    "and so does --timeout.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster blockpull guest vda --wait --verbose",
        .min_arguments = 2,
        .max_arguments = 3,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
