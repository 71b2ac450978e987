/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        char *path =
                client_query(remote_path(invocation, "devices", NULL), "target", invocation->arguments[1]);
        int r;

        r = remote_where(client, invocation, &path, ret_error);
        if (r >= 0)
                r = remote_call(client, "DELETE", path, NULL, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Disk detached successfully"), NULL,
                                   ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_WHERE, REMOTE_OPTIONS, NULL};

const Verb verb_detach_disk = {
        .name = "detach-disk",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET"),
        .summary = N_("remove a disk"),
        .about = N_("By its target, as 'domblklist' prints it; answers when the guest has let "
                    "it go. By default it changes the guest if it runs, else the definition.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster detach-disk guest vdb",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
