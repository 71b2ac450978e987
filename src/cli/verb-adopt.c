/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

/* --connect is the emulator's here, as of every verb that speaks to one; the daemon is the usual one. */
static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *address = option_value(invocation, &option_connect);
        const char *path = address ? startswith(address, "unix:") : NULL;
        CLEANUP(free)
        char *file = path ? remote_file(path) : NULL, *absolute = file ? text_format("unix:%s", file) : NULL;
        CLEANUP(json) json_object *answer = NULL;
        json_object *body = absolute ? body_text(body_new(), "address", absolute) : NULL;
        int r;

        if (!path) {
                json_object_put(body);
                return error_set(ret_error, -EINVAL,
                                 _("Name the QMP socket of the emulator: --connect unix:PATH."));
        }
        if (invocation->n_arguments > 0)
                body = body_text(body, "name", invocation->arguments[0]);
        r = remote_call(client, "POST", strdup("/v1/adopt"), body, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Domain '%s' adopted"), NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_connect, &option_session, &option_answer_timeout, NULL};

const Verb verb_adopt = {
        .name = "adopt",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("[NAME]"),
        .summary = N_("take a running emulator under management"),
        .about = N_("Connects to an emulator that somebody else started, by its QMP socket, "
                    "and makes a domain of it: from its command line where that can be mapped "
                    "to a definition, else to be looked at only. It goes on meanwhile, and "
                    "when the daemon ends.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster adopt --connect unix:/run/guest.qmp guest",
        .max_arguments = 1,
        .options = options,
        .run = run,
};
