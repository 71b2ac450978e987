/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/rename.h"

/*
 * rename.h says what is done on the disk. Meanwhile the new name is held by a domain that is none, so that
 * nobody else takes it.
 */

static void let_go(RenameData *data)
{
        Managed *holder = TAKE(data->holder);

        if (!holder)
                return;
        holder->held = false;
        managed_maybe_drop(holder);
        managed_unref(holder);
}

static void clear(void *pointer)
{
        RenameData *data = pointer;

        let_go(data);
        free(data->name);
        free(data->old_name);
        free(data->definition);
        free(data->path);
}

/* Its UUID is none, and no other one's. */
static int hold_name(Operation *operation)
{
        RenameData *data = operation->data;
        char uuid[UUID_TEXT_SIZE];
        int r;

        memcpy(uuid, operation->managed->uuid, sizeof(uuid));
        uuid[0] = 'x';
        r = managed_new(operation->daemon, data->name, uuid, &data->holder, &operation->error);
        if (r < 0)
                return r;
        /* A daemon that stops lets go of all domains, while the pool may be at this. */
        managed_ref(data->holder);
        data->holder->held = true;
        return 0;
}

static int check(Operation *operation)
{
        RenameData *data = operation->data;
        const Managed *managed = operation->managed;
        int r;

        r = require_shut_off(operation);
        if (r < 0)
                return r;
        if (!managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient: it has no definition that could be renamed."),
                                 managed->name);
        if (!data->name)
                return error_oom(&operation->error);
        if (streq(data->name, managed->name))
                return error_set(&operation->error, -EINVAL, _("%s is the name that it has."), data->name);
        data->settings = &operation->daemon->settings;
        data->old_name = strdup(managed->name);
        data->path = managed_definition_path(managed);
        if (!data->old_name || !data->path)
                return error_oom(&operation->error);
        r = hold_name(operation);
        if (r < 0)
                return r;
        return rename_definition(data->settings, managed->definition, managed->name, data->name,
                                 &data->definition, &operation->error);
}

static int work(Operation *operation, MusterError **ret_error)
{
        const RenameData *data = operation->data;
        int r;

        r = rename_check(data->settings, data->old_name, data->name, ret_error);
        if (r >= 0)
                r = definition_write(data->path, data->definition, ret_error);
        if (r < 0)
                return r;
        r = rename_files(data->settings, data->old_name, data->name, ret_error);
        if (r < 0)
                (void)definition_write(data->path, operation->managed->definition, NULL);
        return r;
}

static int step_rename(Operation *operation)
{
        return operation_work(operation, work);
}

static int step_take(Operation *operation)
{
        RenameData *data = operation->data;
        Managed *managed = operation->managed;
        CLEANUP(json) json_object *detail = json_object_new_object();
        int r;

        let_go(data);
        r = managed_set_name(managed, data->name);
        if (r < 0)
                return error_oom(&operation->error);
        free(managed->definition);
        managed->definition = TAKE(data->definition);
        log_message(LOG_INFO, managed->name, operation->kind->name, _("It was named %s before"),
                    data->old_name);
        if (!detail || json_add_string(detail, "old-name", data->old_name) < 0)
                return error_oom(&operation->error);
        r = managed_emit(managed, "lifecycle", "renamed", TAKE(detail));
        operation->answer = managed_to_json(managed);
        return r;
}

const OperationKind op_rename = {
        .name = "rename",
        .size = sizeof(RenameData),
        .steps = (const OperationStep[]){check, step_rename, step_take, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_WHOLE,
};
