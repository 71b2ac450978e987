/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/device.h"
#include "daemon/files.h"
#include "daemon/judge.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/start.h"
#include "daemon/steps.h"
#include "block/step.h"

/*
 * A device for what runs, for what it is started from, or for both: both are worked out before anything is
 * done to either. What runs comes first, since an emulator may refuse; then the definition's file.
 */

static int check(Operation *operation)
{
        DeviceData *data = operation->data;
        Managed *managed = operation->managed;

        if (!data->live && !data->config) {
                data->live = managed->life != NULL;
                data->config = !data->live;
        }
        if (data->live) {
                int r = require_running(operation);

                if (r < 0)
                        return r;
        }
        if (data->config && !managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient: it has no definition that could be changed."),
                                 managed->name);
        data->work = calloc(1, sizeof(*data->work));
        return data->work ? 0 : error_oom(&operation->error);
}

static int step_recall(Operation *operation)
{
        return ((DeviceData *)operation->data)->live ? step_judge_recall(operation) : 0;
}

static int step_ask(Operation *operation)
{
        return ((DeviceData *)operation->data)->live ? step_judge_ask(operation) : 0;
}

static int step_take(Operation *operation)
{
        return ((DeviceData *)operation->data)->live ? step_judge_take(operation) : 0;
}

static int step_plan(Operation *operation)
{
        const DeviceData *data = operation->data;
        int r = device_work_fill(operation, data->work);

        return r < 0 ? error_oom(&operation->error) : operation_work(operation, device_work_plan);
}

/* --- what runs -------------------------------------------------------------------------------------- */

static int step_check_plan(Operation *operation)
{
        const DeviceData *data = operation->data;
        const DeviceChange *change = data->work->change;

        if (!change)
                return 0;
        if (change->processes && json_object_array_length(change->processes) > 0)
                return error_set(
                        &operation->error, -ENOTSUP,
                        _("This device needs a program of its own beside the emulator, which can only be "
                          "started with the domain; add it to the definition (config)."));
        return 0;
}

static int step_files(Operation *operation)
{
        const DeviceData *data = operation->data;

        if (!data->work->change || data->action == DEVICE_DETACH)
                return 0;
        return operation_work(operation, device_work_files);
}

static int append_all(json_object *to, const json_object *from)
{
        for (size_t i = 0; from && i < json_object_array_length(from); i++)
                if (json_append(to, json_object_get(json_object_array_get_idx(from, i))) < 0)
                        return -ENOMEM;
        return 0;
}

static bool has_descriptors(const DeviceData *data)
{
        const DeviceChange *change = data->work->change;

        return change && data->action == DEVICE_ATTACH && json_object_array_length(change->fds) > 0;
}

/* On record before they are made. */
static int step_keep_links(Operation *operation)
{
        const DeviceData *data = operation->data;
        Life *life = operation->managed->life;

        if (!has_descriptors(data))
                return 0;
        return append_all(life->links, data->work->links) < 0
                       ? error_oom(&operation->error)
                       : life_record_write(operation->managed, &operation->error);
}

static int step_open(Operation *operation)
{
        return has_descriptors(operation->data) ? operation_work(operation, device_work_open) : 0;
}

/* One after the other: with an answer the emulator has taken it, and has room for the next one. */
static int step_send(Operation *operation)
{
        const DeviceData *data = operation->data;
        Life *life = operation->managed->life;
        CLEANUP(json) json_object *arguments = NULL;
        CLEANUP(free) char *name = NULL;
        int fd, r;

        if (!has_descriptors(data) || !device_work_next(data->work, &fd, &name))
                return 0;
        arguments = name ? step_named("fdname", name) : NULL;
        if (!arguments) {
                close(fd);
                return error_oom(&operation->error);
        }
        r = life->monitor ? qmp_client_send_fd(life->monitor, fd) : (close(fd), -ENOTCONN);
        if (r < 0)
                return error_errno(&operation->error, r, "getfd");
        operation->must_undo = true;
        operation_repeat(operation);
        return operation_call(operation, "getfd", TAKE(arguments), 0);
}

static json_object *witness_of(const DeviceData *data)
{
        CLEANUP(json) json_object *witness = json_object_new_object();

        if (!witness || json_add_string(witness, "device", data->work->change->alias ?: "?") < 0 ||
            (data->action == DEVICE_DETACH && json_add_bool(witness, "gone", true) < 0))
                return NULL;
        return TAKE(witness);
}

/* A changed medium has no witness in the list of devices, and is left as the emulator has it. */
static int step_begin(Operation *operation)
{
        DeviceData *data = operation->data;
        const DeviceChange *change = data->work->change;
        Life *life = operation->managed->life;

        if (!change)
                return 0;
        if (append_all(life->remove, data->work->remove) < 0 ||
            append_all(life->granted, data->work->granted) < 0 ||
            steps_begin(operation, change->steps, 0) < 0)
                return error_oom(&operation->error);
        if (data->action != DEVICE_UPDATE)
                return recover_note(operation, witness_of(data),
                                    data->action == DEVICE_DETACH ? change->steps : NULL, change->steps,
                                    change->xml, data->work->blocks);
        return 0;
}

static int step_do(Operation *operation)
{
        const DeviceData *data = operation->data;

        return data->work->change ? step_carry_out(operation) : 0;
}

static int step_keep_live(Operation *operation)
{
        DeviceData *data = operation->data;
        const DeviceChange *change = data->work->change;

        if (!change)
                return 0;
        recover_forget(operation);
        return life_take_change(operation->managed->life, change->xml, change->disk, change->chain,
                                &operation->error);
}

/* --- what it is started from ------------------------------------------------------------------------ */

static int work_write(Operation *operation, MusterError **ret_error)
{
        const DeviceData *data = operation->data;

        return definition_write(data->work->path, data->work->new_config, ret_error);
}

static int step_write_config(Operation *operation)
{
        DeviceData *data = operation->data;

        if (!data->work->new_config)
                return 0;
        data->work->path = managed_definition_path(operation->managed);
        return data->work->path ? operation_work(operation, work_write) : error_oom(&operation->error);
}

static int step_keep_config(Operation *operation)
{
        DeviceData *data = operation->data;
        Managed *managed = operation->managed;

        if (!data->work->new_config)
                return 0;
        free(managed->definition);
        managed->definition = TAKE(data->work->new_config);
        return managed_emit(managed, "lifecycle", "updated", NULL);
}

static int step_answer(Operation *operation)
{
        static const char *const events[] = {"attached", "detached", "updated"};
        DeviceData *data = operation->data;
        const DeviceChange *change = data->work->change;
        json_object *detail = json_object_new_object();

        operation->answer = json_object_new_object();
        if (!operation->answer || !detail ||
            (change && json_add_string(detail, "alias", change->alias) < 0)) {
                json_object_put(detail);
                return error_oom(&operation->error);
        }
        if (change && (json_add_string(operation->answer, "alias", change->alias) < 0 ||
                       json_add_string(operation->answer, "device", change->device) < 0))
                return error_oom(&operation->error);
        if (change && change->warnings && json_object_array_length(change->warnings) > 0)
                (void)json_add(operation->answer, "warnings", json_object_get(change->warnings));
        if (change && change->decisions)
                (void)json_add(operation->answer, "decisions", json_object_get(change->decisions));
        return managed_emit(operation->managed, "device", events[data->action], detail);
}

/*
 * The steps have undone themselves. A guest that was asked to let go of a device may still do so: then what
 * was to follow is done when it has.
 */
static int undo_note(Operation *operation)
{
        const DeviceData *data = operation->data;

        if (data->action == DEVICE_DETACH && operation->result == -ETIMEDOUT)
                return 0;
        recover_forget(operation);
        return operation->managed->life ? life_record_write(operation->managed, NULL) : 0;
}

/* What no step has taken from it is closed, which lets a tap device vanish; the rest it no longer knows. */
static int undo_descriptors(Operation *operation)
{
        const DeviceData *data = operation->data;
        const Life *life = operation->managed->life;
        CLEANUP(free) char *name = NULL;
        json_object *arguments;

        if (!data->work || !life || !life->monitor || !device_work_last(data->work, &name))
                return 0;
        arguments = name ? step_named("fdname", name) : NULL;
        if (!arguments)
                return 0;
        operation_repeat(operation);
        return operation_call(operation, "closefd", arguments, OPERATION_TOLERATE);
}

static void clear(void *pointer)
{
        DeviceData *data = pointer;

        free(data->device);
        device_work_free(data->work);
}

const OperationKind op_device = {
        .name = "device",
        .size = sizeof(DeviceData),
        .steps = (const OperationStep[]){check, step_recall, step_ask, step_take, step_plan, step_check_plan,
                                         step_files, step_keep_links, step_open, step_send, step_begin,
                                         step_do, step_keep_live, step_write_config, step_keep_config,
                                         step_answer, NULL},
        .undo = (const OperationStep[]){undo_descriptors, undo_note, NULL},
        .clear = clear,
        .timeout_usec = 90 * USEC_PER_SEC,
};
