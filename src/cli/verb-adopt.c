/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *address = invocation->arguments[0], *path = startswith(address, "unix:") ?: address;
        CLEANUP(free) char *file = remote_file(path), *absolute = file ? text_format("unix:%s", file) : NULL;
        CLEANUP(json) json_object *answer = NULL;
        json_object *body = absolute ? body_text(body_new(), "address", absolute) : NULL;
        int r;

        if (invocation->n_arguments > 1)
                body = body_text(body, "name", invocation->arguments[1]);
        r = remote_call(client, "POST", strdup("/v1/adopt"), body, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Domain '%s' adopted"), NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_OPTIONS, NULL};

const Verb verb_adopt = {
        .name = "adopt",
        .arguments = N_("ADDRESS [NAME]"),
        .summary = N_("take a running emulator under management"),
        .about = N_("Connects to an emulator that somebody else started, by its QMP socket, "
                    "and makes a domain of it: from its command line where that can be mapped "
                    "to a definition, else to be looked at only. It goes on meanwhile, and "
                    "when the daemon ends.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster adopt unix:/run/guest.qmp guest",
        .min_arguments = 1,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
