/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/remote-job.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cancel.h"
#include "cli/remote-events.h"

#define LOOK_USEC    (100 * USEC_PER_MSEC)
#define OUTCOME_USEC (10 * USEC_PER_SEC)
#define MIB          (1024 * 1024)

const Option option_job_bandwidth = {
        .name = "bandwidth",
        .argument = N_("MiB/s"),
        .help = N_("copy no faster than this"),
};

const Option option_bytes = {
        .name = "bytes",
        .help = N_("the bandwidth is in bytes a second"),
};

const Option option_wait = {
        .name = "wait",
        .help = N_("answer when the job is done, or cancel it with Ctrl-C or after --timeout"),
};

const Option option_pivot = {
        .name = "pivot",
        .help = N_("let the guest go on in the new image as soon as it has all"),
};

const Option option_async = {
        .name = "async",
        .help = N_("as always: the daemon waits for a cancelled job"),
};

typedef struct Job {
        Client *client;
        const Invocation *invocation;
        const JobWords *words;
        JobEnd end;
        int64_t after;     /* the last event before it */
        uint64_t deadline; /* of --timeout */
} Job;

int job_add_bandwidth(const Invocation *invocation, size_t position, json_object **body,
                      MusterError **ret_error)
{
        const char *text = option_value(invocation, &option_job_bandwidth);
        uint64_t unit = option_given(invocation, &option_bytes) ? 1 : MIB;
        unsigned number;

        if (!text && position < invocation->n_arguments)
                text = invocation->arguments[position];
        if (!text)
                return 0;
        if (parse_number(text, INT_MAX, &number) < 0)
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no bandwidth; give a number of MiB a second."), text);
        return *body && json_add_int(*body, "bandwidth", (int64_t)(number * unit)) < 0 ? error_oom(ret_error)
                                                                                       : 0;
}

char *job_progress(const char *name, const json_object *job)
{
        int64_t offset = json_get_int(job, "offset", 0), length = json_get_int(job, "length", 0);
        int percent = length > 0 ? (int)(100.0 * (double)offset / (double)length) : 0;

        /* Of an empty disk there is nothing to be done. */
        if (length == 0 && streq_ptr(json_get_string(job, "status"), "ready"))
                percent = 100;
        return text_format("%s: [%3d %%]", name, percent);
}

/* Whether the disk's name needs encoding is client_path()'s matter. */
static char *job_path(const Invocation *invocation, const char *more)
{
        return client_path("/v1/domains", (const char *const[]){invocation->arguments[0], "jobs",
                                                                invocation->arguments[1], more, NULL});
}

int job_end(Client *client, const Invocation *invocation, bool pivot, json_object **ret,
            MusterError **ret_error)
{
        return remote_call(client, pivot ? "POST" : "DELETE", job_path(invocation, pivot ? "pivot" : NULL),
                           pivot ? body_new() : NULL, ret, ret_error);
}

/* --- the outcome ------------------------------------------------------------------------------------ */

typedef struct Outcome {
        const char *disk;
        char event[16];
        char *error;
} Outcome;

static int on_event(const char *kind, const json_object *event, void *userdata)
{
        Outcome *outcome = userdata;
        const char *name = json_get_string(event, "event") ?: "", *error = json_get_string(event, "error");

        if (!streq(kind, "job") || !streq_ptr(json_get_string(event, "disk"), outcome->disk) ||
            (!streq(name, "completed") && !streq(name, "failed") && !streq(name, "cancelled")))
                return 0;
        snprintf(outcome->event, sizeof(outcome->event), "%s", name);
        outcome->error = error ? strdup(error) : NULL;
        return 1;
}

/* The job is not there any more: how it ended stands in the events. */
static int tell_outcome(const Job *job, const char *done, MusterError **ret_error)
{
        const Invocation *invocation = job->invocation;
        Outcome outcome = {.disk = invocation->arguments[1]};
        CLEANUP(free) char *error = NULL;
        int r;

        job->client->usec = OUTCOME_USEC;
        r = remote_events(job->client, invocation->arguments[0], job->after, on_event, &outcome, ret_error);
        error = outcome.error;
        if (r < 0)
                return r;
        if (streq(outcome.event, "completed")) {
                say("%s\n", done);
                return EXIT_OK;
        }
        if (streq(outcome.event, "cancelled"))
                return error_set(ret_error, -EIO, _("%s was cancelled by somebody else."), job->words->name);
        return error_set_detail(ret_error, -EIO, error, _("%s has failed."), job->words->name);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

static int pause_a_little(MusterError **ret_error)
{
        struct pollfd wait = {.fd = cancel_begin(ret_error), .events = POLLIN};

        if (wait.fd < 0)
                return wait.fd;
        return cancel_end(poll(&wait, 1, (int)(LOOK_USEC / USEC_PER_MSEC)) > 0 ? -ECANCELED : 0);
}

/* 1: ready; 0: not there any more. */
static int wait_for(const Job *job, MusterError **ret_error)
{
        bool verbose = option_given(job->invocation, &option_verbose);

        for (;;) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(json) json_object *answer = NULL;
                CLEANUP(free) char *text = NULL;
                int r;

                r = remote_call(job->client, "GET", job_path(job->invocation, NULL), NULL, &answer, &error);
                if (r == -ENOENT && job->client->status == 404)
                        return 0;
                if (r < 0) {
                        HAND_OVER(ret_error, error);
                        return r;
                }
                if (verbose && (text = job_progress(job->words->name, answer)))
                        progress(text);
                if (streq_ptr(json_get_string(answer, "status"), "ready"))
                        return 1;
                if (now_usec() >= job->deadline)
                        return -ETIMEDOUT;
                r = pause_a_little(ret_error);
                if (r < 0)
                        return r;
        }
}

/* Whoever waits means the job to end with the waiting. */
static int abort_job(const Job *job, int r, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *ignored = NULL;
        CLEANUP(json) json_object *answer = NULL;

        progress(NULL);
        job->client->usec = CLIENT_TIMEOUT_USEC;
        if (job_end(job->client, job->invocation, /* pivot= */ false, &answer, &ignored) < 0)
                return error_set_detail(ret_error, r, ignored ? muster_error_message(ignored) : NULL,
                                        _("%s could not be cancelled and goes on; see 'muster blockjob'."),
                                        job->words->name);
        return error_set(ret_error, r, _("%s aborted."), job->words->name);
}

static int wait_and_end(const Job *job, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = wait_for(job, ret_error);
        if (r == -ECANCELED || r == -ETIMEDOUT) {
                if (ret_error && *ret_error) {
                        muster_error_free(*ret_error);
                        *ret_error = NULL;
                }
                return abort_job(job, r, ret_error);
        }
        progress(NULL);
        if (r < 0)
                return r;
        if (r == 0)
                return tell_outcome(job, job->words->complete, ret_error);
        if (job->end != JOB_STAYS)
                r = job_end(job->client, job->invocation, job->end != JOB_CANCEL, &answer, ret_error);
        if (r < 0)
                return r;
        say("%s\n", job->end == JOB_STAYS   ? job->words->ready
                    : job->end == JOB_PIVOT ? _("Successfully pivoted")
                                            : job->words->kept);
        return EXIT_OK;
}

int job_run(Client *client, const Invocation *invocation, json_object *body, JobEnd end,
            const JobWords *words, MusterError **ret_error)
{
        Job job = {.client = client, .invocation = invocation, .words = words, .end = end};
        bool waits = end != JOB_STAYS || option_given(invocation, &option_wait);
        CLEANUP(json) json_object *answer = NULL, *owned = body;
        int r = 0;

        job.deadline = client->usec == CLIENT_NO_TIMEOUT ? UINT64_MAX : now_usec() + client->usec;
        client->usec = CLIENT_TIMEOUT_USEC;
        if (waits)
                r = cancel_hold(ret_error);
        if (waits && r >= 0)
                r = remote_last_event(client, &job.after, ret_error);
        if (r >= 0)
                r = remote_call(client, "POST", remote_path(invocation, "jobs", NULL), TAKE(owned), &answer,
                                ret_error);
        if (r >= 0 && waits)
                r = wait_and_end(&job, ret_error);
        else if (r >= 0)
                r = remote_done(client, invocation, answer, "%s", words->started, ret_error);
        cancel_release();
        return r;
}
