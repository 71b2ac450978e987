/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/start.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "emulator/facts.h"
#include "daemon/monitor.h"
#include "daemon/life-record.h"

/*
 * From a definition to a guest that runs:
 *
 *   prepare   (pool) the emulator is probed through the store, the definition completed and planned
 *   write     the record of a life in which nothing runs yet
 *   files     (pool) what the plan wants on the disk, the monitor's socket
 *   helpers   one after the other: held, written down, released, until they listen or have ended
 *   open      (pool) what the emulator may not: tap devices, vhost
 *   emulator  the same; its monitor's socket listens already, so we connect at once
 *   greeting  the first answer; then processors, commands of the plan, a saved state (save.c)
 *   cont
 *
 * A failure goes back all the way: whatever runs is killed, and what was written is removed.
 */

static int check(Operation *operation)
{
        StartData *data = operation->data;
        Managed *managed = operation->managed;
        const char *text = data->definition ?: managed->definition;
        int r;

        r = require_shut_off(operation);
        if (r < 0)
                return r;
        if (!text)
                return error_set(&operation->error, -ENOENT,
                                 _("Domain %s has no definition to be started from."), managed->name);
        return start_input(operation->daemon, text, managed->name, PREPARE_PLAN, &data->input) < 0
                       ? error_oom(&operation->error)
                       : 0;
}

static int work_prepare(Operation *operation, MusterError **ret_error)
{
        StartData *data = operation->data;

        return prepare(&data->input, &data->prepared, ret_error);
}

static int step_prepare(Operation *operation)
{
        return operation_work(operation, work_prepare);
}

static int check_identity(Operation *operation)
{
        const Prepared *prepared = &((StartData *)operation->data)->prepared;
        Managed *managed = operation->managed;

        operation->daemon->counters.probes += prepared->probed;
        if (streq(prepared->name, managed->name) && streq(prepared->uuid, managed->uuid))
                return 0;
        return error_set(
                &operation->error, -ESTALE,
                _("The definition of %s is that of %s (%s); its file was changed by hand. Define it anew."),
                managed->name, prepared->name, prepared->uuid);
}

/* What is known before anything runs; the record names it from here on. */
static int step_write(Operation *operation)
{
        StartData *data = operation->data;
        Managed *managed = operation->managed;
        Life *life = NULL;
        int r;

        if (data->prepared.faults) {
                operation->faults = json_object_get(data->prepared.faults);
        }
        r = check_identity(operation);
        if (r < 0)
                return r;
        r = life_new(managed, &life);
        if (r >= 0)
                r = start_fill_life(life, data);
        if (r < 0)
                return error_oom(&operation->error);
        operation->must_undo = true;
        if (start_choose_user(life) < 0)
                return error_set(&operation->error, -EBUSY,
                                 _("All users for emulators are taken by domains that run; give \"uids\" in "
                                   "musterd.conf a larger range."));
        if (start_note_files(operation) < 0)
                return error_oom(&operation->error);
        return life_record_write(managed, &operation->error);
}

static int step_files(Operation *operation)
{
        int r = start_files_input(operation);

        return r < 0 ? error_oom(&operation->error) : operation_work(operation, start_work_files);
}

static int step_keep_files(Operation *operation)
{
        start_keep_files(operation);
        return life_record_write(operation->managed, &operation->error);
}

static int step_open(Operation *operation)
{
        return start_open_input(operation) < 0 ? error_oom(&operation->error)
                                               : operation_work(operation, start_work_open);
}

static int step_keep_names(Operation *operation)
{
        start_keep_names(operation);
        return 0;
}

/* --- processes ------------------------------------------------------------------------------------- */

static int step_helpers(Operation *operation)
{
        return start_next_helper(operation);
}

static int step_emulator(Operation *operation)
{
        return start_emulator(operation);
}

static int step_connect(Operation *operation)
{
        Life *life = operation->managed->life;

        start_close_fds(operation);
        return life_connect(life, &operation->error);
}

/* Its greeting, and whatever it prints instead of one: then the connection breaks, and its log says why. */
static int step_greet(Operation *operation)
{
        return operation_call_for(operation, "query-status", NULL, 0,
                                  operation->daemon->settings.start_usec);
}

/*
 * The binary may have been replaced between the probe and the start. Then the plan is one for another
 * emulator: the next attempt probes the new one.
 */
static int work_same_file(Operation *operation, MusterError **ret_error)
{
        StartData *data = operation->data;

        if (executable_matches(data->pid, data->known.items->digest, &data->known) != 0)
                return 0;
        return error_set(ret_error, -ESTALE,
                         _("What was started does not run the executable that was probed: the file was "
                           "replaced just then (start the domain again), or a wrapper starts the emulator "
                           "without exec."));
}

static int step_same_file(Operation *operation)
{
        StartData *data = operation->data;
        const Life *life = operation->managed->life;
        const Identity *identity = &verdicts_facts(life->verdicts)->identity;

        data->known.items = calloc(1, sizeof(*data->known.items));
        if (!data->known.items)
                return error_oom(&operation->error);
        data->known.n = 1;
        data->known.items->stamp = identity->stamp;
        memcpy(data->known.items->digest, identity->digest, sizeof(data->known.items->digest));
        data->pid = process_pid(life->process);
        return operation_work(operation, work_same_file);
}

static int step_cpus(Operation *operation)
{
        const StartData *data = operation->data;
        json_object *affinity = json_get(data->prepared.plan, "affinity", json_type_array);

        if (json_object_array_length(affinity) == 0)
                return 0;
        return operation_call(operation, "query-cpus-fast", NULL, OPERATION_TOLERATE);
}

static int step_iothreads(Operation *operation)
{
        const StartData *data = operation->data;
        json_object *affinity = json_get(data->prepared.plan, "affinity", json_type_array);

        if (json_object_array_length(affinity) == 0)
                return 0;
        start_keep_reply(operation, "vcpus");
        return operation_call(operation, "query-iothreads", NULL, OPERATION_TOLERATE);
}

static int step_affinity(Operation *operation)
{
        const StartData *data = operation->data;
        json_object *affinity = json_get(data->prepared.plan, "affinity", json_type_array);

        if (json_object_array_length(affinity) == 0)
                return 0;
        start_keep_reply(operation, "iothreads");
        return start_bind_threads(operation);
}

/* Each of the plan's own, one after the other. */
static int step_commands(Operation *operation)
{
        StartData *data = operation->data;
        json_object *commands = json_get(data->prepared.plan, "commands", json_type_array), *command,
                    *arguments;

        if (data->next_command >= json_object_array_length(commands))
                return 0;
        command = json_object_array_get_idx(commands, data->next_command++);
        arguments = json_get(command, "arguments", json_type_object);
        operation_repeat(operation);
        return operation_call(operation, json_get_string(command, "execute"),
                              arguments ? json_object_get(arguments) : NULL, 0);
}

/* --- it runs --------------------------------------------------------------------------------------- */

static int step_cont(Operation *operation)
{
        const StartData *data = operation->data;

        if (data->paused)
                return 0;
        return operation_call(operation, "cont", NULL, 0);
}

static int step_finish(Operation *operation)
{
        const StartData *data = operation->data;
        Managed *managed = operation->managed;
        bool restored = data->restore_file != NULL;

        start_forget_saved(operation);
        if (data->paused)
                managed_set_state(managed, STATE_PAUSED, restored ? REASON_RESTORED : REASON_USER,
                                  "started");
        else
                managed_set_state(managed, STATE_RUNNING, restored ? REASON_RESTORED : REASON_BOOTED,
                                  "started");
        operation->answer = managed_to_json(managed);
        return 0;
}

static int undo_state(Operation *operation)
{
        Managed *managed = operation->managed;

        start_close_fds(operation);
        start_say_log(operation);
        if (!managed->life)
                return 0;
        managed->life->end_reason = REASON_FAILED;
        /* What the work with the files got done before it failed, or was not wanted any more. */
        start_keep_files(operation);
        return 0;
}

static void clear(void *pointer)
{
        start_data_clear(pointer);
}

static const OperationStep steps[] = {
        require_shut_off,
        start_open_saved,
        start_take_definition,
        check,
        step_prepare,
        start_add_incoming,
        step_write,
        step_files,
        step_keep_files,
        step_helpers,
        step_open,
        step_keep_names,
        step_emulator,
        step_connect,
        step_greet,
        step_same_file,
        step_cpus,
        step_iothreads,
        step_affinity,
        step_commands,
        start_make_folder,
        start_incoming,
        start_feed,
        start_ask_incoming,
        start_incoming_over,
        start_note_taken,
        step_cont,
        start_remove_saved,
        step_finish,
        NULL,
};

static const OperationStep undo[] = {
        undo_state,       start_undo_saved,  step_kill,        step_wait_end,
        step_end_helpers, step_remove_files, step_forget_life, NULL,
};

const OperationKind op_start = {
        .name = "start",
        .size = sizeof(StartData),
        .steps = steps,
        .undo = undo,
        .clear = clear,
        .timeout_usec = 300 * USEC_PER_SEC,
};

const OperationKind op_restore = {
        .name = "restore",
        .size = sizeof(StartData),
        .steps = steps,
        .undo = undo,
        .clear = clear,
        .timeout_usec = 24 * 3600 * USEC_PER_SEC,
};
