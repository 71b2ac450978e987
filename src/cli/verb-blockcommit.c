/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/remote-job.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_base = {
        .name = "base",
        .argument = N_("FILE"),
        .help = N_("the image that is written into; without it the lowest"),
        .complete = COMPLETE_FILE,
};

static const Option option_top = {
        .name = "top",
        .argument = N_("FILE"),
        .help = N_("the topmost image that is taken off; without it that in use"),
        .complete = COMPLETE_FILE,
};

static const Option option_shallow = {
        .name = "shallow",
        .help = N_("only one image: --base is the one below --top"),
};

static const Option option_active = {
        .name = "active",
        .help = N_("the image in use, too"),
};

static const Option option_delete = {
        .name = "delete",
        .help = N_("remove the files that are taken off"),
};

static const Option option_keep_overlay = {
        .name = "keep-overlay",
        .help = N_("go on in the image in use when all of it has been written below"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const JobWords words = {
                .name = _("Block commit"),
                .started = _("Block Commit started"),
                .complete = _("Commit complete"),
                .ready = _("Now in synchronized phase"),
                .kept = _("Commit complete, overlay image kept"),
        };
        bool keep = option_given(invocation, &option_keep_overlay),
             pivot = option_given(invocation, &option_pivot);
        JobEnd end = pivot ? JOB_PIVOT : keep ? JOB_CANCEL : JOB_STAYS;
        json_object *body =
                body_text(body_text(body_new(), "type", "commit"), "disk", invocation->arguments[1]);
        int r;

        if (pivot && keep)
                return json_object_put(body),
                       error_set(ret_error, -EINVAL, _("Give either --pivot or --keep-overlay."));
        body = body_text(body, "base", option_value(invocation, &option_base));
        body = body_text(body, "top", option_value(invocation, &option_top));
        if (option_given(invocation, &option_active) || end != JOB_STAYS)
                body = body_bool(body, "active", true);
        if (option_given(invocation, &option_shallow))
                body = body_bool(body, "shallow", true);
        if (option_given(invocation, &option_delete))
                body = body_bool(body, "delete", true);
        r = job_add_bandwidth(invocation, 2, &body, ret_error);
        if (r < 0)
                return json_object_put(body), r;
        return job_run(client, invocation, body, end, &words, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_base,   &option_top,   &option_shallow,      &option_active,
                                        &option_delete, &option_pivot, &option_keep_overlay, JOB_OPTIONS,
                                        REMOTE_OPTIONS, NULL};

const Verb verb_blockcommit = {
        .name = "blockcommit",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET [BANDWIDTH]"),
        .summary = N_("write a disk's upper images into a lower one"),
        .about = N_("Writes what the images from --top (the image in use, with --active) down "
                    "to above --base hold into --base, and takes them off the chain. An active "
                    "one becomes ready and goes on mirroring what the guest writes, until "
                    "'blockjob --pivot' or --pivot lets the guest go on in --base. With --wait "
                    "it answers when the job is done; Ctrl-C then cancels the job, and so does "
                    "--timeout.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster blockcommit guest vda --active --pivot --verbose",
        .min_arguments = 2,
        .max_arguments = 3,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
