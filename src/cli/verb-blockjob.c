/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote-job.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_abort = {
        .name = "abort",
        .help = N_("end the job"),
};

static const Option option_info = {
        .name = "info",
        .help = N_("print how far it is, which is the default"),
};

static const Option option_raw = {
        .name = "raw",
        .help = N_("as numbers"),
};

static char *job_path(const Invocation *invocation)
{
        return remote_path(invocation, "jobs", invocation->arguments[1]);
}

static int show(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(json) json_object *job = NULL;
        CLEANUP(free) char *text = NULL;
        const char *type;
        int r;

        r = remote_call(client, "GET", job_path(invocation), NULL, &job, &error);
        if (r == -ENOENT && client->status == 404 && !option_given(invocation, &option_json)) {
                CLEANUP(json) json_object *domain = NULL;

                r = remote_domain(client, invocation, &domain, ret_error);
                if (r >= 0)
                        say(_("No current block job for %s\n"), invocation->arguments[1]);
                return r < 0 ? r : EXIT_OK;
        }
        if (r < 0) {
                HAND_OVER(ret_error, error);
                return r;
        }
        if (option_given(invocation, &option_json))
                return say_json(job, ret_error);
        if (option_given(invocation, &option_raw)) {
                say(" type=%s\n bandwidth=%lld\n cur=%lld\n end=%lld\n", json_get_string(job, "type") ?: "?",
                    (long long)json_get_int(job, "speed", 0), (long long)json_get_int(job, "offset", 0),
                    (long long)json_get_int(job, "length", 0));
                return EXIT_OK;
        }
        type = json_get_string(job, "type") ?: "?";
        text = job_progress(streq(type, "commit") ? _("Block Commit")
                            : streq(type, "pull") ? _("Block Pull")
                                                  : _("Block Copy"),
                            job);
        say("%s\n", text ?: "?");
        return EXIT_OK;
}

static int slow_down(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        json_object *body = body_new();
        int r;

        r = job_add_bandwidth(invocation, SIZE_MAX, &body, ret_error);
        if (r < 0) {
                json_object_put(body);
                return r;
        }
        r = remote_call(client, "PUT", job_path(invocation), body, NULL, ret_error);
        return r < 0 ? r : EXIT_OK;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool pivot = option_given(invocation, &option_pivot);
        CLEANUP(json) json_object *answer = NULL;
        int r;

        if (option_given(invocation, &option_job_bandwidth))
                return slow_down(client, invocation, ret_error);
        if (!pivot && !option_given(invocation, &option_abort))
                return show(client, invocation, ret_error);
        r = job_end(client, invocation, pivot, &answer, ret_error);
        if (r < 0)
                return r;
        return option_given(invocation, &option_json) ? say_json(answer, ret_error) : EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_abort, &option_pivot,  &option_async,
                                        &option_info,  &option_raw,    &option_job_bandwidth,
                                        &option_bytes, REMOTE_OPTIONS, NULL};

const Verb verb_blockjob = {
        .name = "blockjob",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN TARGET"),
        .summary = N_("look at, slow down or end a disk's job"),
        .about = N_("Prints how far the job on the disk is; --pivot lets the guest go on in "
                    "the new image of one that is ready, --abort ends it, --bandwidth bounds "
                    "it.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster blockjob guest vda",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
