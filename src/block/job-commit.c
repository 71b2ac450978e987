/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/job-private.h"

/* Commit and pull: what stays is the lower image, or the upper one. */

static int check_range(const json_object *chain, size_t top, size_t base, size_t end,
                       MusterError **ret_error)
{
        if (top < base && base <= end)
                return 0;
        return error_set(ret_error, -EINVAL,
                         _("Disk %s has %zu images, and of these the first that is meant must be above the "
                           "other; there is nothing between %zu and %zu."),
                         chain_disk(chain), chain_length(chain), top, base);
}

/* Takes none of the arguments; what every job has. */
static int new_arguments(const JobPlan *plan, const char *device, uint64_t speed, json_object **ret)
{
        CLEANUP(json) json_object *arguments = step_named("job-id", plan->id);

        if (!arguments || json_add_string(arguments, "device", device) < 0 ||
            (speed > 0 && json_add(arguments, "speed", json_object_new_uint64(speed)) < 0) ||
            json_add_bool(arguments, "auto-finalize", true) < 0 ||
            json_add_bool(arguments, "auto-dismiss", false) < 0)
                return -ENOMEM;
        *ret = TAKE(arguments);
        return 0;
}

static int add_backing_name(json_object *arguments, const json_object *image)
{
        CLEANUP(free) char *name = chain_backing_name(image);

        return name ? json_add_string(arguments, "backing-file", name) : -ENOMEM;
}

static int add_start(JobPlan *plan, const char *command, json_object *arguments)
{
        return step_add(plan->steps, command, arguments, /* undo= */ NULL, /* undo_arguments= */ NULL,
                        /* ret= */ NULL);
}

static int add_abort(JobPlan *plan)
{
        CLEANUP(json) json_object *arguments = step_named("device", plan->id);

        if (!arguments || json_add_bool(arguments, "force", true) < 0)
                return -ENOMEM;
        return step_add(plan->abort, "block-job-cancel", TAKE(arguments), /* undo= */ NULL,
                        /* undo_arguments= */ NULL, /* ret= */ NULL);
}

/* --- commit -------------------------------------------------------------------------------------- */

static int check_commit(const JobContext *context, const json_object *chain, size_t top, size_t base,
                        MusterError **ret_error)
{
        int r;

        r = check_range(chain, top, base, chain_length(chain) - 1, ret_error);
        if (r >= 0)
                r = job_need_writable_disk(chain, ret_error);
        if (r >= 0)
                r = job_need_alone(context, chain, top, base, ret_error);
        if (r >= 0)
                r = job_need_reopen(context, chain_image(chain, base), _("the commit writes to it"),
                                    ret_error);
        if (r >= 0 && top > 0)
                r = job_need_reopen(context, chain_image(chain, top - 1),
                                    _("the commit writes the name of its new backing image into its header"),
                                    ret_error);
        return r;
}

static int start_commit(JobPlan *plan, const json_object *chain, size_t top, size_t base, uint64_t speed)
{
        const json_object *lower = chain_image(chain, base);
        CLEANUP(json) json_object *arguments = NULL;

        if (new_arguments(plan, chain_top(chain), speed, &arguments) < 0 ||
            json_add_string(arguments, "top-node", json_get_string(chain_image(chain, top), "node")) < 0 ||
            json_add_string(arguments, "base-node", json_get_string(lower, "node")) < 0 ||
            /* Of an active commit there is no header to write it into. */
            (top > 0 && add_backing_name(arguments, lower) < 0))
                return -ENOMEM;
        return add_start(plan, "block-commit", TAKE(arguments));
}

static int record_commit(JobPlan *plan, const json_object *chain, size_t top, size_t base)
{
        const json_object *lower = chain_image(chain, base);
        bool rest = job_open_at_rest(lower);
        json_object *made;
        int r;

        r = job_add_access(plan, lower, rest, /* during= */ true, rest || top == 0);
        if (r >= 0 && top > 1) {
                rest = job_open_at_rest(chain_image(chain, top - 1));
                r = job_add_access(plan, chain_image(chain, top - 1), rest, rest, rest);
        }
        if (r >= 0)
                r = chain_drop(chain, top, base - top, &made);
        return r < 0 ? r : job_add_chain(plan, made);
}

int job_commit(const JobContext *context, const char *disk, size_t top, size_t base, uint64_t speed,
               JobPlan **ret, MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        const json_object *chain;
        int r;

        r = job_chain(context, disk, &chain, ret_error);
        if (r >= 0)
                r = check_commit(context, chain, top, base, ret_error);
        if (r < 0)
                return r;
        if (job_plan_new("commit", disk, &plan) < 0 || start_commit(plan, chain, top, base, speed) < 0 ||
            add_abort(plan) < 0 || job_add_dismissal(plan) < 0 ||
            chain_add_removal(chain, top, base - top, plan->done) < 0 ||
            record_commit(plan, chain, top, base) < 0)
                return error_oom(ret_error);
        plan->ready = top == 0;
        if (plan->ready && (step_add_named(plan->pivot, "job-complete", "id", plan->id) < 0 ||
                            job_add_read_only(context, plan->failed, chain_image(chain, base),
                                              chain_image(chain, base + 1)) < 0))
                return error_oom(ret_error);
        return job_finish(context, TAKE(plan), ret, ret_error);
}

/* --- pull ---------------------------------------------------------------------------------------- */

static int start_pull(JobPlan *plan, const json_object *chain, size_t top, size_t base, uint64_t speed)
{
        const json_object *lower = chain_image(chain, base);
        CLEANUP(json) json_object *arguments = NULL;

        if (new_arguments(plan, json_get_string(chain_image(chain, top), "node"), speed, &arguments) < 0 ||
            (lower && (json_add_string(arguments, "base-node", json_get_string(lower, "node")) < 0 ||
                       add_backing_name(arguments, lower) < 0)))
                return -ENOMEM;
        return add_start(plan, "block-stream", TAKE(arguments));
}

static int finish_pull(const JobContext *context, JobPlan *plan, const json_object *chain, size_t top,
                       size_t base)
{
        const json_object *upper = chain_image(chain, top);
        bool rest = job_open_at_rest(upper) || top == 0;
        json_object *made;
        int r;

        r = job_add_dismissal(plan);
        if (r >= 0)
                r = chain_add_removal(chain, top + 1, base - top - 1, plan->done);
        if (r >= 0 && top > 0)
                r = job_add_read_only(context, plan->done, upper, chain_image(chain, base));
        if (r >= 0)
                r = job_add_access(plan, upper, rest, /* during= */ true, rest);
        if (r >= 0)
                r = chain_drop(chain, top + 1, base - top - 1, &made);
        return r < 0 ? r : job_add_chain(plan, made);
}

static int check_pull(const JobContext *context, const json_object *chain, size_t top, size_t base,
                      MusterError **ret_error)
{
        bool open = json_get_bool(chain, "open", false) && base == chain_length(chain);
        int r;

        if (top < chain_length(chain) && base == top + 1 && !open)
                return error_set(ret_error, -EINVAL,
                                 _("There is no image between these two of disk %s, so there is nothing to "
                                   "pull."),
                                 chain_disk(chain));
        r = check_range(chain, top, base, chain_length(chain), ret_error);
        if (r >= 0)
                r = job_need_writable_disk(chain, ret_error);
        if (r >= 0 && top > 0)
                r = job_need_alone(context, chain, top, top, ret_error);
        if (r >= 0 && top > 0)
                r = job_need_reopen(context, chain_image(chain, top), _("the pull writes to it"), ret_error);
        return r;
}

int job_pull(const JobContext *context, const char *disk, size_t top, size_t base, uint64_t speed,
             JobPlan **ret, MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        const json_object *chain;
        int r;

        r = job_chain(context, disk, &chain, ret_error);
        if (r >= 0)
                r = check_pull(context, chain, top, base, ret_error);
        if (r < 0)
                return r;
        if (job_plan_new("pull", disk, &plan) < 0 || start_pull(plan, chain, top, base, speed) < 0 ||
            add_abort(plan) < 0 || finish_pull(context, plan, chain, top, base) < 0)
                return error_oom(ret_error);
        return job_finish(context, TAKE(plan), ret, ret_error);
}
