/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/device.h"

#include <errno.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/files.h"
#include "daemon/start.h"
#include "domain/xml.h"
#include "emulator/proc.h"

DeviceWork *device_work_free(DeviceWork *work)
{
        if (!work)
                return NULL;
        free(work->live);
        free(work->config);
        free(work->drive);
        free(work->name);
        muster_verdicts_unref(work->verdicts);
        json_object_put(work->chains);
        free(work->run_directory);
        free(work->state_directory);
        device_change_free(work->change);
        free(work->new_config);
        json_object_put(work->remove);
        json_object_put(work->granted);
        json_object_put(work->blocks);
        free(work->path);
        json_object_put(work->links);
        descriptors_close(&work->descriptors);
        free(work);
        return NULL;
}

int device_work_fill(Operation *operation, DeviceWork *work)
{
        const DeviceData *data = operation->data;
        const Managed *managed = operation->managed;
        const Life *life = managed->life;

        work->name = strdup(managed->name);
        work->run_directory = daemon_run_directory(operation->daemon);
        work->state_directory = daemon_state_directory(operation->daemon);
        work->root = !operation->daemon->settings.session;
        if (!work->name || !work->run_directory || !work->state_directory)
                return -ENOMEM;
        if (data->config && !(work->config = strdup(managed->definition)))
                return -ENOMEM;
        if (!data->live)
                return 0;
        work->live = strdup(life->definition);
        work->verdicts = muster_verdicts_ref(life->verdicts);
        work->has_user = start_user(life, &work->user);
        work->pid = life->process ? process_pid(life->process) : 0;
        if (!work->live || json_object_deep_copy(life->blocks, &work->chains, NULL) < 0)
                return -ENOMEM;
        return 0;
}

/* --- in the pool ------------------------------------------------------------------------------------ */

/*
 * The XML is of the disk as it should be, so its source is that of no drive: the target says which one is
 * meant. Without a source the drive is emptied.
 */
static int take_drive(const DeviceData *data, DeviceWork *work, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {};
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *target;
        const char *name;

        if (xml_parse(data->device, strlen(data->device), /* root= */ NULL, &faults, &xml) == -ENOMEM)
                return error_oom(ret_error);
        target = xml ? xml_child(xml->root, "target") : NULL;
        name = target ? xml_attribute(target, "dev") : NULL;
        work->drive = strdup(name ?: data->device);
        if (!work->drive)
                return error_oom(ret_error);
        if (!xml || xml_child(xml->root, "source")) {
                work->medium = data->device;
                work->medium_size = strlen(data->device);
        }
        return 0;
}

static int plan_live(const DeviceData *data, DeviceWork *work, MusterError **ret_error)
{
        CLEANUP(DomainHost) DomainHost *host = NULL;
        size_t size = strlen(data->device);
        LiveDomain live = {.xml = work->live,
                           .size = strlen(work->live),
                           .verdicts = work->verdicts,
                           .chains = work->chains,
                           .evidence = true};
        int r;

        r = host_local_at(work->run_directory, work->state_directory, &host, ret_error);
        if (r < 0)
                return r;
        host->root = host->descriptors = work->root;
        live.host = host;
        switch (data->action) {
        case DEVICE_ATTACH:
                return device_attach(&live, data->device, size, &work->change, ret_error);
        case DEVICE_DETACH:
                return device_detach(&live, data->device, &work->change, ret_error);
        case DEVICE_UPDATE:
                return device_change_media(&live, work->drive, work->medium, work->medium_size, data->force,
                                           &work->change, ret_error);
        }
        return -EINVAL;
}

static int plan_config(const DeviceData *data, DeviceWork *work, MusterError **ret_error)
{
        size_t size = strlen(data->device), config_size = strlen(work->config);

        switch (data->action) {
        case DEVICE_ATTACH:
                return definition_attach(work->config, config_size, data->device, size, &work->new_config,
                                         ret_error);
        case DEVICE_DETACH:
                return definition_detach(work->config, config_size, data->device, &work->new_config,
                                         ret_error);
        case DEVICE_UPDATE:
                return definition_change_media(work->config, config_size, work->drive, work->medium,
                                               work->medium_size, &work->new_config, ret_error);
        }
        return -EINVAL;
}

static bool needs_helper(const DeviceChange *change)
{
        for (size_t i = 0; i < json_object_array_length(change->steps); i++) {
                json_object *arguments =
                        json_get(json_object_array_get_idx(change->steps, i), "arguments", json_type_object);

                if (arguments && json_get_string(arguments, "helper"))
                        return true;
        }
        return false;
}

/* As its command line says, behind which it may have been started by anybody. */
static bool may_spawn(pid_t pid)
{
        CLEANUP(free) char *line = NULL;
        char path[PROC_PATH_SIZE];
        size_t size = 0;

        if (pid <= 0 || read_file(proc_path(pid, "cmdline", path), JSON_SIZE_MAX, &line, &size) < 0)
                return true;
        return !memmem(line, size, "spawn=deny", strlen("spawn=deny"));
}

/* The kernel kills an emulator that starts a program although it is confined. */
static int check_helper(const DeviceData *data, const DeviceWork *work, MusterError **ret_error)
{
        if (data->action != DEVICE_ATTACH || !needs_helper(work->change) || may_spawn(work->pid))
                return 0;
        return error_set(
                ret_error, -ENOTSUP,
                _("This card takes a program that joins it to a bridge, and the emulator runs confined "
                  "and may start none; add it to the definition (config), with which it is started so "
                  "that it may, or take type='user'."));
}

/* The chains as they will be, for whoever finds that it was done. */
static int work_out_blocks(DeviceWork *work)
{
        const DeviceChange *change = work->change;

        if (json_object_deep_copy(work->chains, &work->blocks, NULL) < 0)
                return -ENOMEM;
        if (!change->disk)
                return 0;
        if (!change->chain) {
                json_object_object_del(work->blocks, change->disk);
                return 0;
        }
        return json_add(work->blocks, change->disk, json_object_get(change->chain));
}

int device_work_plan(Operation *operation, MusterError **ret_error)
{
        const DeviceData *data = operation->data;
        DeviceWork *work = data->work;
        int r = 0;

        if (data->action == DEVICE_UPDATE)
                r = take_drive(data, work, ret_error);
        if (r >= 0 && data->live)
                r = plan_live(data, work, ret_error);
        if (r >= 0 && work->change)
                r = check_helper(data, work, ret_error);
        if (r >= 0 && work->change && work_out_blocks(work) < 0)
                r = error_oom(ret_error);
        if (r >= 0 && data->config)
                r = plan_config(data, work, ret_error);
        return r;
}

/* The nodes of the steps say which files are written. */
static json_object *nodes_of(const DeviceChange *change)
{
        json_object *nodes = json_object_new_array();

        for (size_t i = 0; nodes && i < json_object_array_length(change->steps); i++) {
                const json_object *step = json_object_array_get_idx(change->steps, i);
                json_object *arguments = json_get(step, "arguments", json_type_object);

                if (streq_ptr(json_get_string(step, "execute"), "blockdev-add") && arguments &&
                    json_append(nodes, json_object_get(arguments)) < 0) {
                        json_object_put(nodes);
                        return NULL;
                }
        }
        return nodes;
}

int device_work_files(Operation *operation, MusterError **ret_error)
{
        DeviceWork *work = ((DeviceData *)operation->data)->work;
        CLEANUP(free)
        char *run = text_format("%s/%s", work->run_directory, work->name),
             *state = text_format("%s/%s", work->state_directory, work->name);
        CLEANUP(json) json_object *nodes = nodes_of(work->change);
        const FilesInput input = {
                .run_directory = run,
                .state_directory = state,
                .files = work->change->files,
                .blockdev = nodes,
                .user = work->has_user ? &work->user : NULL,
        };

        int r;

        if (!run || !state || !nodes)
                return error_oom(ret_error);
        r = files_prepare(&input, &work->remove, &work->granted, ret_error);
        return r < 0 ? r : descriptors_settle(work->change->fds, &work->links, ret_error);
}

int device_work_open(Operation *operation, MusterError **ret_error)
{
        DeviceWork *work = ((DeviceData *)operation->data)->work;
        DeviceChange *change = work->change;
        char *named;
        int r;

        r = descriptors_open(change->fds, &work->descriptors, ret_error);
        if (r < 0 || json_object_object_length(work->descriptors.names) == 0)
                return r;
        r = live_name_targets(change->xml, strlen(change->xml), work->descriptors.names, &named, ret_error);
        if (r < 0)
                return r;
        free(change->xml);
        change->xml = named;
        return 0;
}

/* --- handing over ----------------------------------------------------------------------------------- */

/* Numbers begin with 3, as the plan had it. */
static char *name_of(const DeviceWork *work, size_t i)
{
        const json_object *fds = work->change->fds;
        int64_t number = (int64_t)i + 3;

        for (size_t k = json_object_array_length(fds); k-- > 0;) {
                const json_object *entry = json_object_array_get_idx(fds, k);

                if (json_get_int(entry, "fd", INT64_MAX) <= number)
                        return text_format("%s-%lld", json_get_string(entry, "alias") ?: "",
                                           (long long)number);
        }
        return NULL;
}

bool device_work_next(DeviceWork *work, int *ret_fd, char **ret_name)
{
        size_t i = work->n_sent;

        if (i >= work->descriptors.n)
                return false;
        work->n_sent++;
        *ret_fd = TAKE_FD(work->descriptors.fds[i]);
        *ret_name = name_of(work, i);
        return true;
}

bool device_work_last(DeviceWork *work, char **ret_name)
{
        if (work->n_sent == 0)
                return false;
        *ret_name = name_of(work, --work->n_sent);
        return true;
}
