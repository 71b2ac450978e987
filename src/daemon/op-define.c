/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/life-record.h"

/*
 * What is kept of a domain: its definition, whether it starts with the daemon, its name. The disk first,
 * then the memory, then the event and the answer.
 */

/* --- define ---------------------------------------------------------------------------------------- */

static void clear_define(void *pointer)
{
        DefineData *data = pointer;

        free(data->definition);
        free(data->title);
        json_object_put(data->faults);
        free(data->path);
}

static int find_path(Operation *operation)
{
        DefineData *data = operation->data;

        operation->faults = TAKE(data->faults);
        data->path = managed_definition_path(operation->managed);
        return data->path ? 0 : error_oom(&operation->error);
}

static int work_define(Operation *operation, MusterError **ret_error)
{
        const DefineData *data = operation->data;

        return definition_write(data->path, data->definition, ret_error);
}

static int step_define(Operation *operation)
{
        return operation_work(operation, work_define);
}

static int step_take_definition(Operation *operation)
{
        DefineData *data = operation->data;
        Managed *managed = operation->managed;
        bool was_defined = managed->definition != NULL;

        free(managed->definition);
        free(managed->title);
        managed->definition = TAKE(data->definition);
        managed->title = TAKE(data->title);
        log_message(LOG_INFO, managed->name, operation->kind->name, _("Defined"));
        return managed_emit(managed, "lifecycle", was_defined ? "updated" : "defined", NULL);
}

const OperationKind op_define = {
        .name = "define",
        .size = sizeof(DefineData),
        .steps = (const OperationStep[]){find_path, step_define, step_take_definition, step_answer_domain,
                                         NULL},
        .clear = clear_define,
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_WHOLE,
};

/* --- undefine -------------------------------------------------------------------------------------- */

static void clear_undefine(void *pointer)
{
        UndefineData *data = pointer;

        free(data->definition_path);
        free(data->autostart_path);
        free(data->save_path);
        free(data->state_path);
}

static int check_undefine(Operation *operation)
{
        UndefineData *data = operation->data;
        const Managed *managed = operation->managed;

        if (!managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient: it has no definition that could be removed."),
                                 managed->name);
        if (managed->managed_save && !data->managed_save)
                return error_set(&operation->error, -EBUSY,
                                 _("Domain %s has a saved state, which would be lost; remove it with "
                                   "\"managed-save\"."),
                                 managed->name);
        data->definition_path = managed_definition_path(managed);
        data->autostart_path = managed_autostart_path(managed);
        data->save_path = managed_save_path(managed);
        data->state_path = managed_state_path(managed, NULL);
        data->state = data->state && !managed->life;
        return data->definition_path && data->autostart_path && data->save_path && data->state_path
                       ? 0
                       : error_oom(&operation->error);
}

/* The definition last: until it is gone the domain is there. */
static int work_undefine(Operation *operation, MusterError **ret_error)
{
        const UndefineData *data = operation->data;
        int r;

        r = definition_remove(data->autostart_path, /* durable= */ false, ret_error);
        if (r >= 0 && data->managed_save)
                r = definition_remove(data->save_path, /* durable= */ true, ret_error);
        if (r >= 0 && data->state)
                (void)remove_tree(data->state_path);
        return r < 0 ? r : definition_remove(data->definition_path, /* durable= */ true, ret_error);
}

static int step_undefine(Operation *operation)
{
        return operation_work(operation, work_undefine);
}

static int step_forget_definition(Operation *operation)
{
        const UndefineData *data = operation->data;
        Managed *managed = operation->managed;

        free(TAKE(managed->definition));
        managed->autostart = false;
        if (data->managed_save)
                managed->managed_save = false;
        log_message(LOG_INFO, managed->name, operation->kind->name, _("Undefined"));
        return managed_emit(managed, "lifecycle", "undefined", NULL);
}

const OperationKind op_undefine = {
        .name = "undefine",
        .size = sizeof(UndefineData),
        .steps = (const OperationStep[]){check_undefine, step_undefine, step_forget_definition,
                                         step_answer_domain, NULL},
        .clear = clear_undefine,
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_WHOLE,
};

/* --- autostart ------------------------------------------------------------------------------------- */

static void clear_autostart(void *pointer)
{
        AutostartData *data = pointer;

        free(data->path);
        free(data->target);
}

static int check_autostart(Operation *operation)
{
        AutostartData *data = operation->data;
        const Managed *managed = operation->managed;

        if (!managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient, so it cannot be started by itself; define it."),
                                 managed->name);
        data->path = managed_autostart_path(managed);
        data->target = text_format("../%s.xml", managed->name);
        return data->path && data->target ? 0 : error_oom(&operation->error);
}

static int work_autostart(Operation *operation, MusterError **ret_error)
{
        const AutostartData *data = operation->data;

        if (!data->autostart)
                return definition_remove(data->path, /* durable= */ true, ret_error);
        if (symlink(data->target, data->path) < 0 && errno != EEXIST)
                return error_errno(ret_error, -errno, "%s", data->path);
        return 0;
}

static int step_autostart(Operation *operation)
{
        return operation_work(operation, work_autostart);
}

static int step_take_autostart(Operation *operation)
{
        const AutostartData *data = operation->data;

        operation->managed->autostart = data->autostart;
        return managed_emit(operation->managed, "lifecycle", "updated", NULL);
}

const OperationKind op_autostart = {
        .name = "autostart",
        .size = sizeof(AutostartData),
        .steps = (const OperationStep[]){check_autostart, step_autostart, step_take_autostart,
                                         step_answer_domain, NULL},
        .clear = clear_autostart,
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_WHOLE,
};
