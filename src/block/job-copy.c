/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/job-private.h"

/*
 * A mirror. The copy's node is added with the backing image that it will have, so that after the pivot
 * nothing has to be joined. Without the pivot a cancellation that is not forced ends it: both images are the
 * same at that moment (QEMU's "complete" of a mirror is the pivot).
 */

static int check_copy(const json_object *chain, const JobCopy *copy, const char *format, bool shallow,
                      MusterError **ret_error)
{
        if (shallow && streq(format, "raw"))
                return error_set(ret_error, -EINVAL,
                                 _("A raw image has no backing image, so the copy cannot be shallow; give "
                                   "another format, or copy all of it."));
        if (copy->pivot && json_get_bool(chain, "shared", false))
                return error_set(
                        ret_error, -EBUSY,
                        _("Disk %s is shared (<shareable/>), and other guests would stay on the old "
                          "image; make a copy without a pivot."),
                        chain_disk(chain));
        return 0;
}

static int add_number(json_object *arguments, const char *name, uint64_t value)
{
        return value > 0 ? json_add(arguments, name, json_object_new_uint64(value)) : 0;
}

static int start(JobPlan *plan, const json_object *chain, const JobCopy *copy, bool shallow,
                 const json_object *target)
{
        CLEANUP(json) json_object *arguments = step_named("job-id", plan->id);
        bool filtered = json_object_array_length(json_get(chain, "filters", json_type_array)) > 0;

        if (!arguments || json_add_string(arguments, "device", chain_top(chain)) < 0 ||
            json_add_string(arguments, "target", json_get_string(target, "node")) < 0 ||
            json_add_string(arguments, "sync", shallow ? "top" : "full") < 0 ||
            /* else the filters would go as well */
            (filtered &&
             json_add_string(arguments, "replaces", json_get_string(chain_image(chain, 0), "node")) < 0) ||
            (copy->synchronous && json_add_string(arguments, "copy-mode", "write-blocking") < 0) ||
            add_number(arguments, "speed", copy->speed) < 0 ||
            add_number(arguments, "granularity", copy->granularity) < 0 ||
            add_number(arguments, "buf-size", copy->buffer) < 0 ||
            json_add_bool(arguments, "auto-finalize", true) < 0 ||
            json_add_bool(arguments, "auto-dismiss", false) < 0)
                return -ENOMEM;
        return step_add(plan->steps, "blockdev-mirror", TAKE(arguments), /* undo= */ NULL,
                        /* undo_arguments= */ NULL, /* ret= */ NULL);
}

static int add_cancel(JobPlan *plan, json_object *steps, bool force)
{
        CLEANUP(json) json_object *arguments = step_named("device", plan->id);

        if (!arguments || (force && json_add_bool(arguments, "force", true) < 0))
                return -ENOMEM;
        return step_add(steps, "block-job-cancel", TAKE(arguments), /* undo= */ NULL,
                        /* undo_arguments= */ NULL, /* ret= */ NULL);
}

static int remove_image(const json_object *image, json_object *steps)
{
        int r;

        r = step_add_named(steps, "blockdev-del", "node-name", json_get_string(image, "node"));
        return r < 0 ? r
                     : step_add_named(steps, "blockdev-del", "node-name", json_get_string(image, "storage"));
}

/* What is not pivoted to is let go of. */
static int close_after(JobPlan *plan)
{
        size_t n = json_object_array_length(plan->access);

        return n > 0 ? json_add_string(json_object_array_get_idx(plan->access, n - 1), "after", NULL) : 0;
}

static int finish(JobPlan *plan, json_object *chain, const JobCopy *copy, bool shallow, json_object *target)
{
        size_t n = shallow ? 1 : chain_length(chain);
        json_object *made;
        int r;

        r = add_cancel(plan, plan->abort, /* force= */ true);
        if (r >= 0)
                r = job_add_dismissal(plan);
        if (r >= 0)
                r = remove_image(target, plan->failed);
        if (r >= 0)
                r = job_add_access(plan, target, /* before= */ false, /* during= */ true, copy->pivot);
        if (r < 0)
                return r;
        if (!copy->pivot) {
                r = close_after(plan);
                if (r < 0)
                        return r;
                r = add_cancel(plan, plan->pivot, /* force= */ false);
                if (r >= 0)
                        r = remove_image(target, plan->done);
                return r < 0 ? r : job_add_chain(plan, json_object_get(chain));
        }
        r = step_add_named(plan->pivot, "job-complete", "id", plan->id);
        if (r >= 0)
                r = chain_add_removal(chain, 0, n, plan->done);
        if (r >= 0)
                r = chain_replace(chain, n, json_object_get(target), &made);
        return r < 0 ? r : job_add_chain(plan, made);
}

int job_copy(const JobContext *context, const char *disk, const JobCopy *copy, JobPlan **ret,
             MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        CLEANUP(json) json_object *chain = NULL, *target = NULL;
        const json_object *before;
        bool shallow;
        JobImage image = {.disk = disk,
                          .file = copy->file,
                          .size = copy->size,
                          .block = copy->block,
                          .reuse = copy->reuse};
        int r;

        r = job_chain(context, disk, &before, ret_error);
        if (r < 0)
                return r;
        if (json_object_deep_copy((json_object *)before, &chain, NULL) < 0 ||
            job_plan_new("copy", disk, &plan) < 0)
                return error_oom(ret_error);
        image.like = chain_image(chain, 0);
        image.format = copy->format ?: json_get_string(image.like, "format");
        shallow = copy->shallow && chain_length(chain) > 1;
        image.above = shallow ? chain_image(chain, 1) : NULL;
        image.backing = shallow ? json_get_string(image.above, "node") : NULL;
        r = check_copy(chain, copy, image.format, shallow, ret_error);
        if (r >= 0)
                r = job_add_image(context, plan, chain, &image, &target, ret_error);
        if (r < 0)
                return r;
        plan->ready = true;
        if (start(plan, chain, copy, shallow, target) < 0 || finish(plan, chain, copy, shallow, target) < 0)
                return error_oom(ret_error);
        return job_finish(context, TAKE(plan), ret, ret_error);
}
