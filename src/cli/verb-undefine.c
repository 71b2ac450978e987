/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_managed_save = {
        .name = "managed-save",
        .help = N_("remove the saved state, too"),
};

static const Option option_nvram = {
        .name = "nvram",
        .help = N_("remove the firmware's variables and the TPM's state, too"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        char *path = remote_path(invocation, NULL, NULL);
        int r;

        if (option_given(invocation, &option_managed_save))
                path = client_query(path, "managed-save", "true");
        if (option_given(invocation, &option_nvram))
                path = client_query(path, "nvram", "true");
        r = remote_call(client, "DELETE", path, NULL, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Domain '%s' has been undefined"), NULL,
                                   ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_managed_save, &option_nvram, REMOTE_OPTIONS, NULL};

const Verb verb_undefine = {
        .name = "undefine",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("remove a domain's definition"),
        .about = N_("A domain that runs goes on, and is gone when it ends. A saved state is "
                    "not lost unless --managed-save says so; --nvram removes the guest's "
                    "firmware variables and TPM with it. Disks stay.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster undefine guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
