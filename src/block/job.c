/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/job-private.h"
#include "qapi/schema.h"

/*
 * What block jobs do to the open modes of images was measured on QEMU 5.2, 7.2, 10.0 and 11.1, which agree
 * but where a release is named:
 *
 *  - A backing image is `read-only: true` above a storage node. The job makes the format node writable by
 *    itself and read-only again. If its storage node has auto-read-only (and no read-only), the file is open
 *    O_RDONLY before, O_RDWR while the job runs, O_RDONLY after. If that was `read-only: true`, with or
 *    without auto-read-only beside it, block-commit and block-stream refuse it ("Block node is read-only");
 *    if it was neither, the file is O_RDWR all the time.
 *  - block-commit rewrites the header of the image above `top` when all is copied. If that image cannot
 *    become writable, the emulator dies there of a null pointer, all releases alike: what the gate must
 *    never let through.
 *  - The base of an active commit stays open O_RDWR after the pivot, as the guest writes to it; and after an
 *    abort, too, though it is a backing image then: so blockdev-reopen makes it read-only.
 *  - block-stream into an image that is not the disk's own leaves it writable since 10.0 (5.2 and 7.2 make
 *    it read-only again): so that, too, is made read-only by blockdev-reopen.
 *  - block-commit and blockdev-mirror take a root node as `device` only, so the uppermost filter; a mirror
 *    then takes that filter's place unless `replaces` says which node is meant. `top-node` is the format.
 *  - blockdev-snapshot puts the overlay between a format and the filters above it, and makes what it covers
 *    read-only.
 */

JobPlan *job_plan_free(JobPlan *plan)
{
        if (!plan)
                return NULL;
        free(plan->id);
        json_object_put(plan->files);
        json_object_put(plan->steps);
        json_object_put(plan->pivot);
        json_object_put(plan->abort);
        json_object_put(plan->done);
        json_object_put(plan->failed);
        json_object_put(plan->chains);
        json_object_put(plan->access);
        json_object_put(plan->decisions);
        free(plan);
        return NULL;
}

int job_plan_new(const char *what, const char *disk, JobPlan **ret)
{
        CLEANUP(JobPlan) JobPlan *plan = calloc(1, sizeof(*plan));

        if (!plan)
                return -ENOMEM;
        if (what) {
                plan->id = text_format("muster-%s-%s", what, disk);
                if (!plan->id)
                        return -ENOMEM;
        }
        plan->files = json_object_new_array();
        plan->steps = json_object_new_array();
        plan->pivot = json_object_new_array();
        plan->abort = json_object_new_array();
        plan->done = json_object_new_array();
        plan->failed = json_object_new_array();
        plan->chains = json_object_new_object();
        plan->access = json_object_new_array();
        plan->decisions = json_object_new_array();
        if (!plan->files || !plan->steps || !plan->pivot || !plan->abort || !plan->done || !plan->failed ||
            !plan->chains || !plan->access || !plan->decisions)
                return -ENOMEM;
        *ret = TAKE(plan);
        return 0;
}

json_object *job_plan_to_json(const JobPlan *plan)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || (plan->id && json_add_string(object, "id", plan->id) < 0) ||
            json_add_bool(object, "ready", plan->ready) < 0 ||
            json_add(object, "files", json_object_get(plan->files)) < 0 ||
            json_add(object, "steps", json_object_get(plan->steps)) < 0 ||
            json_add(object, "pivot", json_object_get(plan->pivot)) < 0 ||
            json_add(object, "abort", json_object_get(plan->abort)) < 0 ||
            json_add(object, "done", json_object_get(plan->done)) < 0 ||
            json_add(object, "failed", json_object_get(plan->failed)) < 0 ||
            json_add(object, "chains", json_object_get(plan->chains)) < 0 ||
            json_add(object, "access", json_object_get(plan->access)) < 0 ||
            json_add(object, "decisions", json_object_get(plan->decisions)) < 0)
                return NULL;
        return TAKE(object);
}

/* --- what must hold ------------------------------------------------------------------------------ */

int job_chain(const JobContext *context, const char *disk, const json_object **ret, MusterError **ret_error)
{
        const json_object *chain =
                context->chains ? json_get(context->chains, disk, json_type_object) : NULL;

        if (!chain)
                return error_set(
                        ret_error, -ENOENT,
                        _("The domain has no disk %s with an image in it; `muster domblklist` shows "
                          "its disks."),
                        disk);
        if (json_get_bool(chain, "transient", false))
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("Disk %s is transient: its topmost image goes when the domain ends, so there "
                          "is nothing to keep of it; remove <transient/>, and start the domain anew."),
                        disk);
        *ret = chain;
        return chain_check(chain, ret_error);
}

static const char *name_of(const json_object *image)
{
        return json_get_string(image, "file") ?: json_get_string(image, "node");
}

int job_need_writable_disk(const json_object *chain, MusterError **ret_error)
{
        if (!json_get_bool(chain_image(chain, 0), "read-only", false))
                return 0;
        return error_set(ret_error, -EROFS,
                         _("Disk %s is read-only, so its images stay as they are; remove <readonly/>, and "
                           "start the domain anew."),
                         chain_disk(chain));
}

static int refuse_reopen(const JobContext *context, const json_object *image, const char *why,
                         MusterError **ret_error)
{
        const char *driver = json_get_string(image, "driver");
        const Judgement *judgement = verdicts_find(context->verdicts, JOB_FEATURE, driver);
        CLEANUP(json) json_object *evidence = judgement ? judgement_evidence_to_json(judgement) : NULL;
        CLEANUP(free) char *detail = evidence ? json_to_text(evidence) : NULL;

        if (judgement && judgement->verdict != MUSTER_VERDICT_PRESENT)
                return error_set_detail(
                        ret_error, -EROFS, detail,
                        _("%s was opened read-only for good, and %s: %s is not given for driver '%s' (%s) "
                          "Shut the domain down and do it with qemu-img, or run it on a newer emulator."),
                        name_of(image), why, JOB_FEATURE, driver, judgement->why);
        return error_set_detail(
                ret_error, -EROFS, detail,
                _("%s was opened read-only for good, and %s: as the domain started it was not to be "
                  "reopened (driver '%s'). Start the domain anew so that it is, or do it with qemu-img "
                  "while "
                  "it is shut off."),
                name_of(image), why, driver);
}

int job_need_reopen(const JobContext *context, const json_object *image, const char *why,
                    MusterError **ret_error)
{
        /* raw above a slice passes on what is asked of it, but was itself told to be read-only. */
        bool slice = json_get_string(image, "slice") != NULL;

        if (!json_get_bool(image, "read-only", false))
                return 0;
        if (chain_storage_mode(image) != CHAIN_STORAGE_READ_ONLY && !slice)
                return 0;
        return refuse_reopen(context, image, why, ret_error);
}

int job_need_alone(const JobContext *context, const json_object *chain, size_t first, size_t last,
                   MusterError **ret_error)
{
        if (json_get_bool(chain, "shared", false))
                return error_set(ret_error, -EBUSY,
                                 _("Disk %s is shared (<shareable/>), so another guest may be reading these "
                                   "images; do it while nobody runs."),
                                 chain_disk(chain));
        for (size_t i = first; i <= last; i++) {
                const char *file = json_get_string(chain_image(chain, i), "file");
                const char *user = chains_find_user(context->chains, file, chain_disk(chain));

                if (user)
                        return error_set(
                                ret_error, -EBUSY,
                                _("%s is an image of disk %s, too, which would find other data in it; pull "
                                  "the data into the upper image instead (blockpull), or detach that disk."),
                                file, user);
        }
        return 0;
}

bool job_open_at_rest(const json_object *image)
{
        return chain_storage_mode(image) == CHAIN_STORAGE_WRITABLE;
}

static const char *open_mode(bool writable)
{
        return writable ? "O_RDWR" : "O_RDONLY";
}

int job_add_access(JobPlan *plan, const json_object *image, bool before, bool during, bool after)
{
        const char *file = json_get_string(image, "file");
        CLEANUP(json) json_object *item = NULL;

        if (!file)
                return 0;
        item = json_object_new_object();
        if (!item || json_add_string(item, "file", file) < 0 ||
            json_add_string(item, "node", json_get_string(image, "node")) < 0 ||
            json_add_string(item, "before", open_mode(before)) < 0 ||
            json_add_string(item, "during", open_mode(during)) < 0 ||
            json_add_string(item, "after", open_mode(after)) < 0)
                return -ENOMEM;
        return json_append(plan->access, TAKE(item));
}

/* --- back to read-only ---------------------------------------------------------------------------- */

/* All that it was given, since what is left out would go back to its default. */
static int reopened(const json_object *image, const json_object *lower, json_object **ret)
{
        json_object *options =
                json_get(json_get(image, "options", json_type_object), "format", json_type_object);
        CLEANUP(json) json_object *node = step_named("driver", json_get_string(image, "format"));
        const char *file = json_get_string(image, "slice") ?: json_get_string(image, "storage");

        if (!node || json_add_string(node, "node-name", json_get_string(image, "node")) < 0 ||
            json_add_string(node, "file", file) < 0 ||
            json_add_string(node, "backing", lower ? json_get_string(lower, "node") : NULL) < 0 ||
            json_add_bool(node, "read-only", true) < 0)
                return -ENOMEM;
        if (options) {
                json_object_object_foreach (options, key, value) {
                        if (json_add(node, key, json_object_get(value)) < 0)
                                return -ENOMEM;
                }
        }
        *ret = TAKE(node);
        return 0;
}

int job_add_read_only(const JobContext *context, json_object *steps, const json_object *image,
                      const json_object *lower)
{
        const MusterSchema *schema = muster_facts_schema(verdicts_facts(context->verdicts));
        bool stable = schema_find_root(schema, "blockdev-reopen") != NULL;
        CLEANUP(json)
        json_object *node = NULL, *list = json_object_new_array(), *arguments = json_object_new_object();
        json_object *step;

        /* Before 6.1 of one node at a time, and not yet promised. */
        if (!stable && !schema_find_root(schema, "x-blockdev-reopen"))
                return 0;
        if (!list || !arguments || reopened(image, lower, &node) < 0)
                return -ENOMEM;
        if (stable && (json_append(list, TAKE(node)) < 0 || json_add(arguments, "options", TAKE(list)) < 0))
                return -ENOMEM;
        if (step_add(steps, stable ? "blockdev-reopen" : "x-blockdev-reopen",
                     json_object_get(stable ? arguments : node),
                     /* undo= */ NULL, /* undo_arguments= */ NULL, &step) < 0)
                return -ENOMEM;
        return json_add_bool(step, "ignore", true);
}

/* --- the end ------------------------------------------------------------------------------------- */

int job_add_chain(JobPlan *plan, json_object *chain)
{
        return chain ? json_add(plan->chains, chain_disk(chain), chain) : -ENOMEM;
}

int job_add_dismissal(JobPlan *plan)
{
        int r;

        r = step_add_named(plan->done, "job-dismiss", "id", plan->id);
        return r < 0 ? r : step_add_named(plan->failed, "job-dismiss", "id", plan->id);
}

int job_finish(const JobContext *context, JobPlan *plan, JobPlan **ret, MusterError **ret_error)
{
        CLEANUP(JobPlan) JobPlan *owned = plan;
        json_object *const lists[] = {owned->steps, owned->pivot, owned->abort, owned->done, owned->failed};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lists); i++)
                r = step_check_all(context->verdicts, lists[i], ret_error);
        if (r >= 0)
                *ret = TAKE(owned);
        return r;
}

int job_speed(const char *id, uint64_t speed, json_object **ret_steps)
{
        CLEANUP(json) json_object *steps = json_object_new_array(), *arguments = step_named("device", id);
        int r;

        if (!steps || !arguments || json_add(arguments, "speed", json_object_new_uint64(speed)) < 0)
                return -ENOMEM;
        r = step_add(steps, "block-job-set-speed", TAKE(arguments), /* undo= */ NULL,
                     /* undo_arguments= */ NULL, /* ret= */ NULL);
        if (r >= 0)
                *ret_steps = TAKE(steps);
        return r;
}
