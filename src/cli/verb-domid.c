/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *domain = NULL;
        int r;

        r = remote_domain(client, invocation, &domain, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(json_get(domain, "id", json_type_int), ret_error);
        if (json_get(domain, "id", json_type_int))
                say("%lld\n", (long long)json_get_int(domain, "id", 0));
        else
                say("-\n");
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_OPTIONS, NULL};

const Verb verb_domid = {
        .name = "domid",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("print a running domain's number"),
        .about = N_("The number that it has since its start, or - where it does not run.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster domid guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
