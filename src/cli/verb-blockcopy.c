/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/remote-job.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_dest = {
        .name = "dest",
        .argument = N_("FILE"),
        .help = N_("the copy"),
        .complete = COMPLETE_FILE,
};

static const Option option_copy_format = {
        .name = "format",
        .argument = N_("FORMAT"),
        .help = N_("the copy's format; without it that of the disk"),
        .complete = "raw qcow2",
};

static const Option option_shallow = {
        .name = "shallow",
        .help = N_("only the image in use; the copy has the same one below"),
};

static const Option option_reuse = {
        .name = "reuse-external",
        .help = N_("the copy's image is there already"),
};

static const Option option_blockdev = {
        .name = "blockdev",
        .help = N_("the copy is a block device"),
};

static const Option option_synchronous = {
        .name = "synchronous-writes",
        .help = N_("a write of the guest's is done when the copy has it, too"),
};

static const Option option_finish = {
        .name = "finish",
        .help = N_("leave the copy as it is when it has all"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const JobWords words = {
                .name = _("Block Copy"),
                .started = _("Block Copy started"),
                .complete = _("Copy complete"),
                .ready = _("Now in mirroring phase"),
                .kept = _("Successfully copied"),
        };
        bool pivot = option_given(invocation, &option_pivot),
             finish = option_given(invocation, &option_finish);
        const char *destination = option_value(invocation, &option_dest);
        CLEANUP(free) char *file = NULL;
        json_object *body;
        int r;

        if (!destination && invocation->n_arguments > 2)
                destination = invocation->arguments[2];
        if (!destination || (pivot && finish))
                return error_set(ret_error, -EINVAL,
                                 destination ? _("Give either --pivot or --finish.")
                                             : _("Name the copy: --dest FILE."));
        file = remote_file(destination);
        if (!file)
                return error_oom(ret_error);
        body = body_text(body_text(body_new(), "type", "copy"), "disk", invocation->arguments[1]);
        body = body_text(body_text(body, "file", file), "format",
                         option_value(invocation, &option_copy_format));
        if (finish)
                body = body_bool(body, "keep", true);
        if (option_given(invocation, &option_shallow))
                body = body_bool(body, "shallow", true);
        if (option_given(invocation, &option_reuse))
                body = body_bool(body, "reuse", true);
        if (option_given(invocation, &option_blockdev))
                body = body_bool(body, "block", true);
        if (option_given(invocation, &option_synchronous))
                body = body_bool(body, "synchronous", true);
        r = job_add_bandwidth(invocation, 3, &body, ret_error);
        if (r < 0)
                return json_object_put(body), r;
        return job_run(client, invocation, body,
                       pivot    ? JOB_PIVOT
                       : finish ? JOB_FINISH
                                : JOB_STAYS,
                       &words, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_dest,
                                        &option_copy_format,
                                        &option_shallow,
                                        &option_reuse,
                                        &option_blockdev,
                                        &option_synchronous,
                                        &option_pivot,
                                        &option_finish,
                                        JOB_OPTIONS,
                                        REMOTE_OPTIONS,
                                        NULL};

const Verb verb_blockcopy = {
        .name = "blockcopy",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET [DEST [BANDWIDTH]]"),
        .summary = N_("copy a disk while it is used"),
        .about = N_("Copies the disk to --dest, and goes on mirroring what the guest writes "
                    "until 'blockjob --pivot' or --pivot lets the guest go on in the copy, or "
                    "'blockjob --abort' or --finish leaves the copy as it is then. With --wait "
                    "it answers when the job is done; Ctrl-C then cancels the job, and so does "
                    "--timeout.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster blockcopy guest vda --dest /var/lib/images/copy.qcow2 --format qcow2 --finish",
        .min_arguments = 2,
        .max_arguments = 4,
        .options = options,
        .complete = COMPLETE_DOMAIN_FILE,
        .run = run,
};
