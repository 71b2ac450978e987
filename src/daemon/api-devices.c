/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/api.h"
#include "daemon/jobs.h"

/* Devices, images and block jobs of a domain. */

/* --- devices ---------------------------------------------------------------------------------------- */

static void submit_device(ApiCall *call, DeviceAction action, const char *what)
{
        const DeviceData data = {
                .action = action,
                .device = strdup(what),
                .live = api_flag(call, "live"),
                .config = api_flag(call, "config"),
                .force = api_flag(call, "force"),
        };

        if (!data.device)
                api_fail(call, -ENOMEM, NULL, NULL);
        else
                api_submit(call, &op_device, &data);
}

static void submit_body(ApiCall *call, DeviceAction action)
{
        size_t size;
        const char *text = http_request_body(call->request, &size);

        if (size == 0)
                api_refuse(call, -EINVAL, _("The body has to be the XML of the device."));
        else
                submit_device(call, action, text);
}

static void post_device(ApiCall *call)
{
        submit_body(call, DEVICE_ATTACH);
}

static void put_device(ApiCall *call)
{
        submit_body(call, DEVICE_UPDATE);
}

static void delete_device(ApiCall *call)
{
        const char *which = http_request_query(call->request, "alias");

        if (!which)
                which = http_request_query(call->request, "target");
        if (which)
                submit_device(call, DEVICE_DETACH, which);
        else
                submit_body(call, DEVICE_DETACH);
}

/* --- images ----------------------------------------------------------------------------------------- */

/* As it runs: images from the top down, with the names of their nodes; and what job there is. */
static void get_disks(ApiCall *call)
{
        const Life *life = call->managed->life;
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!life) {
                api_refuse(call, -ESTALE, _("Domain %s does not run, so none of its disks has block nodes."),
                           call->managed->name);
                return;
        }
        if (!object || json_add(object, "disks", json_object_get(life->blocks)) < 0)
                api_answer(call, 200, NULL);
        else
                api_answer(call, 200, TAKE(object));
}

static int copy_text(const json_object *object, const char *key, char **ret)
{
        const char *text = json_get_string(object, key);

        if (!text)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int take_disks(const json_object *array, SnapshotData *data)
{
        size_t n = json_object_array_length(array);

        data->disks = calloc(n, sizeof(*data->disks));
        if (!data->disks)
                return -ENOMEM;
        data->n_disks = n;
        for (size_t i = 0; i < n; i++) {
                const json_object *item = json_object_array_get_idx(array, i);
                SnapshotDisk *disk = &data->disks[i];

                if (!json_get_string(item, "target") || !json_get_string(item, "file"))
                        return -EINVAL;
                if (copy_text(item, "target", &disk->disk) < 0 || copy_text(item, "file", &disk->file) < 0 ||
                    copy_text(item, "format", &disk->format) < 0)
                        return -ENOMEM;
                disk->reuse = json_get_bool(item, "reuse", false);
                disk->block = json_get_bool(item, "block", false);
        }
        return 0;
}

static void post_snapshot(ApiCall *call)
{
        json_object *disks = json_get(call->body, "disks", json_type_array);
        SnapshotData data = {};
        int r = -EINVAL;

        if (disks && json_object_array_length(disks) > 0)
                r = take_disks(disks, &data);
        if (r >= 0)
                r = copy_text(call->body, "name", &data.name);
        if (r == -EINVAL) {
                op_snapshot.clear(&data);
                api_refuse(call, r,
                           _("Name the disks: {\"disks\": [{\"target\": \"vda\", \"file\": \"/…\"}]}."));
                return;
        }
        if (r < 0) {
                op_snapshot.clear(&data);
                api_fail(call, r, NULL, NULL);
                return;
        }
        api_submit(call, &op_snapshot, &data);
}

/* --- jobs ------------------------------------------------------------------------------------------- */

static int job_type(const char *name)
{
        static const char *const names[] = {"commit", "pull", "copy"};

        for (size_t i = 0; name && i < ELEMENTSOF(names); i++)
                if (streq(names[i], name))
                        return (int)i;
        return -EINVAL;
}

static void post_job(ApiCall *call)
{
        const json_object *body = call->body;
        int type = job_type(json_get_string(body, "type")), r;
        JobData data = {};

        if (type < 0 || !json_get_string(body, "disk")) {
                api_refuse(call, -EINVAL,
                           _("Give \"type\" (commit, pull or copy) and \"disk\" (the target: \"vda\")."));
                return;
        }
        data.type = (JobType)type;
        data.active = json_get_bool(body, "active", false);
        data.delete_files = json_get_bool(body, "delete", false);
        data.shallow = json_get_bool(body, "shallow", false);
        data.reuse = json_get_bool(body, "reuse", false);
        data.block = json_get_bool(body, "block", false);
        data.synchronous = json_get_bool(body, "synchronous", false);
        data.keep = json_get_bool(body, "keep", false);
        data.speed = (uint64_t)json_get_int(body, "bandwidth", 0);
        r = copy_text(body, "disk", &data.disk);
        if (r >= 0)
                r = copy_text(body, "base", &data.base);
        if (r >= 0)
                r = copy_text(body, "top", &data.top);
        if (r >= 0)
                r = copy_text(body, "file", &data.file);
        if (r >= 0)
                r = copy_text(body, "format", &data.format);
        if (r < 0) {
                op_job.clear(&data);
                api_fail(call, r, NULL, NULL);
                return;
        }
        api_submit(call, &op_job, &data);
}

static int describe_job(const json_object *job, const json_object *reply, json_object *array)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        const char *id = json_get_string(job, "id");
        int r = object ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_add_string(object, "disk", json_get_string(job, "disk"));
        if (r >= 0)
                r = json_add_string(object, "type", json_get_string(job, "type"));
        if (r >= 0)
                r = json_add_string(object, "status", json_get_string(job, "status"));
        for (size_t i = 0; r >= 0 && i < json_length(reply); i++) {
                const json_object *item = json_object_array_get_idx(reply, i);

                if (!streq_ptr(json_get_string(item, "device"), id))
                        continue;
                r = json_add_int(object, "offset", json_get_int(item, "offset", 0));
                if (r >= 0)
                        r = json_add_int(object, "length", json_get_int(item, "len", 0));
                if (r >= 0)
                        r = json_add_int(object, "speed", json_get_int(item, "speed", 0));
        }
        return r < 0 ? r : json_append(array, TAKE(object));
}

/* Progress is asked for beside whatever the domain is busy with. */
static void on_jobs(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        ApiCall *call = userdata;
        const Life *life = call->managed->life;
        const char *disk = call->words[4];
        CLEANUP(json) json_object *object = json_object_new_object(), *array = json_object_new_array();
        int r = object && array ? 0 : -ENOMEM;

        if (life && r >= 0) {
                json_object_object_foreach (life->jobs, name, job) {
                        if (r >= 0 && (!disk || streq(disk, name)))
                                r = describe_job(job, result, array);
                }
        }
        if (r >= 0 && disk && json_object_array_length(array) == 0) {
                api_refuse(call, -ENOENT, _("There is no job on disk %s of domain %s."), disk,
                           call->managed->name);
                return;
        }
        if (r >= 0 && disk) {
                api_answer(call, 200, json_object_get(json_object_array_get_idx(array, 0)));
                return;
        }
        if (r < 0 || json_add(object, "jobs", TAKE(array)) < 0)
                api_answer(call, 200, NULL);
        else
                api_answer(call, 200, TAKE(object));
}

static void get_jobs(ApiCall *call)
{
        const Life *life = call->managed->life;

        if (!life || !life->monitor || json_object_object_length(life->jobs) == 0 ||
            qmp_client_call(life->monitor, "query-block-jobs", NULL, 0, call->daemon->settings.call_usec,
                            on_jobs, call, NULL) < 0)
                on_jobs(NULL, NULL, 0, call);
}

static void submit_end(ApiCall *call, bool pivot)
{
        const JobEndData data = {.disk = strdup(call->words[4]), .pivot = pivot};

        api_submit(call, &op_job_end, &data);
}

static void delete_job(ApiCall *call)
{
        submit_end(call, false);
}

static void post_pivot(ApiCall *call)
{
        submit_end(call, true);
}

static void put_job(ApiCall *call)
{
        const JobEndData data = {.disk = strdup(call->words[4]),
                                 .speed = (uint64_t)json_get_int(call->body, "bandwidth", 0)};

        api_submit(call, &op_job_speed, &data);
}

const ApiRoute api_device_routes[] = {
        {"POST", "/v1/domains/{domain}/devices", HTTP_RIGHT_ALL, API_BODY_XML, post_device,
         "live:boolean config:boolean"},
        {"PUT", "/v1/domains/{domain}/devices", HTTP_RIGHT_ALL, API_BODY_XML, put_device,
         "live:boolean config:boolean force:boolean"},
        {"DELETE", "/v1/domains/{domain}/devices", HTTP_RIGHT_ALL, API_BODY_XML, delete_device,
         "live:boolean config:boolean alias:string target:string"},
        {"GET", "/v1/domains/{domain}/disks", HTTP_RIGHT_READ, API_BODY_NONE, get_disks},
        {"POST", "/v1/domains/{domain}/snapshots", HTTP_RIGHT_ALL, API_BODY_JSON, post_snapshot, NULL,
         "name:string disks:array"},
        {"POST", "/v1/domains/{domain}/jobs", HTTP_RIGHT_ALL, API_BODY_JSON, post_job, NULL,
         "type:string disk:string base:string top:string active:boolean delete:boolean file:string "
         "format:string shallow:boolean reuse:boolean block:boolean synchronous:boolean keep:boolean "
         "bandwidth:integer"},
        {"GET", "/v1/domains/{domain}/jobs", HTTP_RIGHT_READ, API_BODY_NONE, get_jobs},
        {"GET", "/v1/domains/{domain}/jobs/{disk}", HTTP_RIGHT_READ, API_BODY_NONE, get_jobs},
        {"DELETE", "/v1/domains/{domain}/jobs/{disk}", HTTP_RIGHT_ALL, API_BODY_NONE, delete_job},
        {"PUT", "/v1/domains/{domain}/jobs/{disk}", HTTP_RIGHT_ALL, API_BODY_JSON, put_job, NULL,
         "bandwidth:integer"},
        {"POST", "/v1/domains/{domain}/jobs/{disk}/pivot", HTTP_RIGHT_ALL, API_BODY_JSON, post_pivot},
        {},
};
