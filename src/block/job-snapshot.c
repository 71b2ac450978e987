/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/job-private.h"

/*
 * Overlays are made and added first, each without a backing image, so that nothing has happened to any disk
 * when one of them fails; the transaction then covers all disks at one moment, or none.
 */

static int add_action(json_object *actions, const json_object *chain, const json_object *overlay)
{
        CLEANUP(json)
        json_object *action = step_named("type", "blockdev-snapshot"),
                    *data = step_named("node", json_get_string(chain_image(chain, 0), "node"));

        if (!action || !data || json_add_string(data, "overlay", json_get_string(overlay, "node")) < 0 ||
            json_add(action, "data", TAKE(data)) < 0)
                return -ENOMEM;
        return json_append(actions, TAKE(action));
}

static int check_twice(const JobOverlay *disks, size_t n, MusterError **ret_error)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        if (streq(disks[i].disk, disks[k].disk) || streq(disks[i].file, disks[k].file))
                                return error_set(
                                        ret_error, -EINVAL,
                                        _("Disks %s and %s are one, or get the same overlay %s; name "
                                          "each disk once, and give each its own file."),
                                        disks[k].disk, disks[i].disk, disks[i].file);
        return 0;
}

static int record(JobPlan *plan, const json_object *chain, json_object *overlay)
{
        const json_object *covered = chain_image(chain, 0);
        json_object *made;
        int r;

        /* With raw, a writer has it open, and nobody knows of one. */
        r = job_add_access(plan, covered, /* before= */ true, /* during= */ true, job_open_at_rest(covered));
        if (r >= 0)
                r = job_add_access(plan, overlay, /* before= */ false, /* during= */ true,
                                   /* after= */ true);
        if (r >= 0)
                r = chain_push(chain, json_object_get(overlay), &made);
        return r < 0 ? r : job_add_chain(plan, made);
}

static int add_disk(const JobContext *context, JobPlan *plan, const JobOverlay *disk, json_object *actions,
                    MusterError **ret_error)
{
        CLEANUP(json) json_object *chain = NULL, *overlay = NULL;
        const json_object *before;
        JobImage image = {.disk = disk->disk,
                          .file = disk->file,
                          .format = disk->format ?: "qcow2",
                          .size = disk->size,
                          .block = disk->block,
                          .reuse = disk->reuse};
        int r;

        r = job_chain(context, disk->disk, &before, ret_error);
        if (r >= 0)
                r = job_need_writable_disk(before, ret_error);
        if (r < 0)
                return r;
        if (!streq(image.format, "qcow2"))
                return error_set(ret_error, -EINVAL,
                                 _("An overlay is of format qcow2, since it names what is below it; %s "
                                   "is none."),
                                 image.format);
        if (json_get_bool(before, "shared", false))
                return error_set(ret_error, -EBUSY,
                                 _("Disk %s is shared (<shareable/>), and an overlay would hide from others "
                                   "what this guest writes; take the snapshot of it on the storage's side."),
                                 disk->disk);
        if (json_object_deep_copy((json_object *)before, &chain, NULL) < 0)
                return error_oom(ret_error);
        image.like = image.above = chain_image(chain, 0);
        r = job_add_image(context, plan, chain, &image, &overlay, ret_error);
        if (r < 0)
                return r;
        if (add_action(actions, chain, overlay) < 0 || record(plan, chain, overlay) < 0)
                return error_oom(ret_error);
        return 0;
}

int job_snapshot(const JobContext *context, const JobOverlay *disks, size_t n, JobPlan **ret,
                 MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        CLEANUP(json) json_object *actions = json_object_new_array(), *arguments = json_object_new_object();
        int r;

        if (!actions || !arguments || job_plan_new(/* what= */ NULL, /* disk= */ NULL, &plan) < 0)
                return error_oom(ret_error);
        if (n == 0)
                return error_set(ret_error, -EINVAL, _("A snapshot is of one disk at least; name one."));
        r = check_twice(disks, n, ret_error);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_disk(context, plan, &disks[i], actions, ret_error);
        if (r < 0)
                return r;
        if (json_add(arguments, "actions", TAKE(actions)) < 0 ||
            step_add(plan->steps, "transaction", TAKE(arguments), /* undo= */ NULL,
                     /* undo_arguments= */ NULL, /* ret= */ NULL) < 0)
                return error_oom(ret_error);
        return job_finish(context, TAKE(plan), ret, ret_error);
}
