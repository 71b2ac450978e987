/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_validate = {
        .name = "validate",
        .help = N_("hold it against the RELAX NG schema, too"),
};

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        char *path = client_query(strdup("/v1/domains"), "transient", "true");

        if (option_given(invocation, &option_paused))
                path = client_query(path, "paused", "true");
        if (option_given(invocation, &option_validate))
                path = client_query(path, "validate", "true");
        return remote_definition_file(client, invocation, path, _("Domain '%s' created from %s"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_paused, &option_validate, REMOTE_OPTIONS, NULL};

const Verb verb_create = {
        .name = "create",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("FILE.xml"),
        .summary = N_("start a domain from XML without defining it"),
        .about = N_("Starts a guest by a definition in libvirt's XML format ('-' reads "
                    "standard input) that is not kept: when the guest ends, the domain is "
                    "gone. Faults are told as by 'define'.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster create guest.xml",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
