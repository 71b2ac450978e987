/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        CLEANUP(free) char *path = remote_path(invocation, "xml", NULL), *text = NULL;
        ClientRequest request = {.method = "GET"};
        int r;

        if (option_given(invocation, &option_inactive))
                path = client_query(path, "inactive", "true");
        if (!path)
                return error_oom(ret_error);
        request.path = path;
        r = client_call(client, &request, NULL, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json)) {
                answer = body_text(body_new(), "xml", text);
                return answer ? say_json(answer, ret_error) : error_oom(ret_error);
        }
        say("%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_inactive, REMOTE_OPTIONS, NULL};

const Verb verb_dumpxml = {
        .name = "dumpxml",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("print a domain's definition"),
        .about = N_("Of a guest that runs, what it runs with; with --inactive what its next "
                    "start will have.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster dumpxml guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
