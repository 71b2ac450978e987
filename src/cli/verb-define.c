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
        char *path = strdup("/v1/domains");

        if (option_given(invocation, &option_validate))
                path = client_query(path, "validate", "true");
        return remote_definition_file(client, invocation, path, _("Domain '%s' defined from %s"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_validate, REMOTE_OPTIONS, NULL};

const Verb verb_define = {
        .name = "define",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("FILE.xml"),
        .summary = N_("define a domain from XML, or change its definition"),
        .about = N_("Reads a definition in libvirt's XML format ('-' reads standard input), "
                    "which is checked as 'validate' does it and stored with all that was "
                    "completed; nothing is started. A domain that runs keeps what it runs with "
                    "until its next start. Faults are told one a line, FILE:LINE: PATH: what "
                    "is wrong.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster define guest.xml",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
