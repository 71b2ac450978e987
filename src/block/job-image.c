/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"
#include "block/job-private.h"

/*
 * A new image of a disk: its file and header are made by the emulator, its nodes by the gate, with the
 * caches and the like of the image that it stands for.
 */

static int check_image(const JobContext *context, const JobImage *image, MusterError **ret_error)
{
        const char *user = chains_find_user(context->chains, image->file, "");

        if (image->file[0] != '/')
                return error_set(ret_error, -EINVAL, _("\"%s\" is no absolute path; write it from / on."),
                                 image->file);
        if (user)
                return error_set(ret_error, -EEXIST,
                                 _("%s is in use as an image of disk %s; give another file."), image->file,
                                 user);
        if (!streq(image->format, "qcow2") && !streq(image->format, "raw") && !image->reuse)
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("Muster makes images of format qcow2 or raw; make this one of format %s "
                                   "with qemu-img, and have it reused."),
                                 image->format);
        if (!image->reuse && image->size == 0)
                return error_set(ret_error, -EINVAL, _("The size of disk %s is not known."), image->disk);
        return 0;
}

/* `names`: those of `from` that a new image takes over. */
static int take_over(const json_object *from, const char *const *names, json_object **ret)
{
        CLEANUP(json) json_object *made = json_object_new_object();

        if (!made)
                return -ENOMEM;
        for (; *names; names++) {
                json_object *value = NULL;

                if (from && json_object_object_get_ex((json_object *)from, *names, &value) &&
                    json_add(made, *names, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE(made);
        return 0;
}

static int make_extra(const JobImage *image, RequestExtra *ret)
{
        static const char *const of_storage[] = {"cache", "aio", "discard", NULL};
        static const char *const of_format[] = {"cache", "discard", "detect-zeroes", NULL};
        static const char *const of_qcow2[] = {"cache",      "discard",          "detect-zeroes",
                                               "cache-size", "discard-no-unref", NULL};
        json_object *options = json_get(image->like, "options", json_type_object);
        bool local = streq_ptr(json_get_string(image->like, "driver"), "file") ||
                     streq_ptr(json_get_string(image->like, "driver"), "host_device");
        bool qcow2 =
                streq(image->format, "qcow2") && streq_ptr(json_get_string(image->like, "format"), "qcow2");
        RequestExtra extra = {0};
        int r;

        r = take_over(json_get(options, "storage", json_type_object), of_storage, &extra.storage);
        if (r >= 0)
                r = take_over(json_get(options, "format", json_type_object), qcow2 ? of_qcow2 : of_format,
                              &extra.format);
        if (r >= 0 && !local)
                json_object_object_del(extra.storage, "aio");
        if (r < 0)
                request_extra_clear(&extra);
        else
                *ret = extra;
        return r;
}

static int make_request(const JobImage *image, const char *name, MusterGateRequest **ret)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        RequestExtra extra;
        int r;

        r = muster_gate_request_new(&request);
        if (r >= 0)
                r = muster_gate_request_set_node_name(request, name);
        if (r >= 0)
                r = muster_gate_request_set_driver(request, image->block ? "host_device" : "file");
        if (r >= 0)
                r = muster_gate_request_set_filename(request, image->file);
        if (r >= 0)
                r = muster_gate_request_set_format(request, image->format);
        if (r >= 0)
                r = make_extra(image, &extra);
        if (r < 0)
                return r;
        request_set_extra(request, 0, extra);
        muster_gate_request_set_access(request, MUSTER_ACCESS_RW);
        request->chain_ends = true;
        *ret = TAKE(request);
        return 0;
}

static int add_decision(const JobContext *context, JobPlan *plan, const char *driver,
                        const MusterGateResult *result)
{
        CLEANUP(json) json_object *decision = step_named("feature", JOB_FEATURE);
        bool reopens =
                json_get_bool(json_object_array_get_idx(result->arguments, 0), "auto-read-only", false);
        int verdict = muster_verdict(context->verdicts, JOB_FEATURE, driver);

        if (!decision ||
            json_add_string(decision, "verdict",
                            verdict < 0 ? "unknown" : muster_verdict_name((MusterVerdict)verdict)) < 0 ||
            json_add_string(decision, "driver", driver) < 0 ||
            json_add_string(decision, "choice",
                            reopens ? _("the new image is opened read-write while there is a writer "
                                        "(auto-read-only)")
                                    : _("the new image is opened read-write from the start")) < 0 ||
            (context->evidence && json_add(decision, "evidence", json_object_get(result->evidence)) < 0))
                return -ENOMEM;
        return json_append(plan->decisions, TAKE(decision));
}

/* Storage and format node, in this order. */
static int decide(const JobContext *context, JobPlan *plan, const JobImage *image, const char *name,
                  json_object **ret_nodes, MusterError **ret_error)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        int r;

        r = make_request(image, name, &request);
        if (r < 0)
                return error_errno(ret_error, r, "%s", image->file);
        r = muster_gate(context->verdicts, request, &result, ret_error);
        if (r < 0)
                return r;
        if (result->decision == MUSTER_DECISION_REFUSED)
                return error_set(ret_error, -EOPNOTSUPP, "%s", result->reason ?: "?");
        if (add_decision(context, plan, request->driver, result) < 0)
                return error_oom(ret_error);
        *ret_nodes = json_object_get(result->arguments);
        return 0;
}

/* Whoever carried this out before may have died before the job was dismissed, and its name is taken since.
 */
static int add_retry(json_object *step, const char *id)
{
        CLEANUP(json)
        json_object *retry = step_named("execute", "job-dismiss"), *arguments = step_named("id", id);

        if (!retry || !arguments || json_add(retry, "arguments", TAKE(arguments)) < 0)
                return -ENOMEM;
        return json_add(step, "retry", TAKE(retry));
}

/* A job of its own that fills a file or a format's header. Takes `options`. */
static int add_creation(JobPlan *plan, const JobImage *image, json_object *options)
{
        CLEANUP(json) json_object *owned = options, *arguments = json_object_new_object();
        CLEANUP(free) char *id = text_format("muster-create-%s", image->disk);
        json_object *step;
        int r;

        if (!owned || !arguments || !id || json_add_string(arguments, "job-id", id) < 0 ||
            json_add(arguments, "options", TAKE(owned)) < 0)
                return -ENOMEM;
        r = step_add(plan->steps, "blockdev-create", TAKE(arguments), /* undo= */ NULL,
                     /* undo_arguments= */ NULL, &step);
        if (r >= 0)
                r = step_wait_job(step, id);
        if (r >= 0)
                r = add_retry(step, id);
        return r < 0 ? r : step_add_named(plan->steps, "job-dismiss", "id", id);
}

static int add_file(JobPlan *plan, const JobImage *image)
{
        CLEANUP(json) json_object *options = step_named("driver", "file"), *file = NULL;
        bool raw = streq(image->format, "raw");

        if (image->block)
                return 0;
        file = step_named("path", image->file);
        if (!options || !file || json_add_string(options, "filename", image->file) < 0 ||
            json_add(options, "size", json_object_new_uint64(raw ? image->size : 0)) < 0 ||
            json_add_string(file, "action", "create") < 0 || json_add_string(file, "purpose", "image") < 0)
                return -ENOMEM;
        if (json_append(plan->files, TAKE(file)) < 0)
                return -ENOMEM;
        return add_creation(plan, image, TAKE(options));
}

static int add_header(JobPlan *plan, const JobImage *image, const char *storage)
{
        CLEANUP(json) json_object *options = step_named("driver", "qcow2");
        CLEANUP(free) char *below = image->above ? chain_backing_name(image->above) : NULL;

        if (streq(image->format, "raw"))
                return 0;
        if (!options || (image->above && !below) || json_add_string(options, "file", storage) < 0 ||
            json_add(options, "size", json_object_new_uint64(image->size)) < 0 ||
            (below &&
             (json_add_string(options, "backing-file", below) < 0 ||
              json_add_string(options, "backing-fmt", json_get_string(image->above, "format")) < 0)))
                return -ENOMEM;
        return add_creation(plan, image, TAKE(options));
}

static int add_node(JobPlan *plan, json_object *node)
{
        json_object *undo = step_named("node-name", json_get_string(node, "node-name"));

        return step_add(plan->steps, "blockdev-add", json_object_get(node), "blockdev-del", undo,
                        /* ret= */ NULL);
}

static int add_all(JobPlan *plan, const JobImage *image, json_object *nodes)
{
        json_object *storage = json_object_array_get_idx(nodes, 0),
                    *format = json_object_array_get_idx(nodes, 1);
        int r = 0;

        if (image->backing)
                r = json_add_string(format, "backing", image->backing);
        if (r >= 0 && !image->reuse)
                r = add_file(plan, image);
        if (r >= 0)
                r = add_node(plan, storage);
        if (r >= 0 && !image->reuse)
                r = add_header(plan, image, json_get_string(storage, "node-name"));
        return r < 0 ? r : add_node(plan, format);
}

int job_add_image(const JobContext *context, JobPlan *plan, json_object *chain, const JobImage *image,
                  json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *nodes = NULL, *made = NULL;
        char name[CHAIN_NODE_NAME_MAX + 1];
        int r;

        r = check_image(context, image, ret_error);
        if (r < 0)
                return r;
        if (chain_new_name(chain, name) < 0)
                return error_oom(ret_error);
        r = decide(context, plan, image, name, &nodes, ret_error);
        if (r < 0)
                return r;
        if (json_object_array_length(nodes) != 2)
                return error_set(ret_error, -EBADMSG, _("The gate did not make two nodes of %s."),
                                 image->file);
        if (add_all(plan, image, nodes) < 0)
                return error_oom(ret_error);
        r = chain_new(nodes, image->disk, "", "", name, &made, ret_error);
        if (r >= 0)
                *ret = json_object_get(chain_image(made, 0));
        return r;
}
