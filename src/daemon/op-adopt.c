/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/adopt.h"
#include "daemon/judge.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "emulator/facts.h"
#include "feature/verdict.h"

/*
 * Everything is asked before anything is decided, and nothing is written before everything is known: so a
 * daemon that dies in between, or a step that fails, leaves an emulator that never heard more than
 * questions. What its guest does meanwhile has no consequences yet (every lifecycle action is "preserve").
 */

static const char *const actions[] = {"on_poweroff", "on_reboot", "on_crash"};

static int keep_quiet(Life *life)
{
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (json_add_string(life->lifecycle, actions[i], "preserve") < 0)
                        return -ENOMEM;
        return 0;
}

/* --- a life ---------------------------------------------------------------------------------------- */

static int step_take(Operation *operation)
{
        AdoptData *data = operation->data;
        Managed *managed = operation->managed;
        Life *life = NULL;
        int r;

        r = require_shut_off(operation);
        if (r < 0)
                return r;
        if (life_new(managed, &life) < 0)
                return error_oom(&operation->error);
        operation->must_undo = true;
        life->adopted = life->read_only = true;
        life->monitor_path = strdup(data->path);
        if (!life->monitor_path || keep_quiet(life) < 0)
                return error_oom(&operation->error);
        r = process_open(operation->daemon->loop, data->pid, data->start, NULL,
                         operation->daemon->settings.session, &life->process, &operation->error);
        if (r < 0)
                return operation->error ? r
                                        : error_set(&operation->error, r,
                                                    _("Process %d has ended meanwhile."), (int)data->pid);
        life_take_monitor(life, TAKE(data->client));
        life_watch(life);
        return 0;
}

/* --- questions ------------------------------------------------------------------------------------- */

static int step_nodes(Operation *operation)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        if (!arguments || json_add_bool(arguments, "flat", true) < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "query-named-block-nodes", TAKE(arguments), OPERATION_TOLERATE);
}

/* What an old release cannot tell is not checked. */
static void keep_array(Operation *operation, json_object **ret)
{
        if (!operation->fault_class && json_object_is_type(operation->reply, json_type_array))
                *ret = json_object_get(operation->reply);
}

static int step_devices(Operation *operation)
{
        AdoptData *data = operation->data;
        CLEANUP(json) json_object *arguments = json_object_new_object();

        keep_array(operation, &data->nodes);
        if (!arguments || json_add_string(arguments, "path", "/machine/peripheral") < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "qom-list", TAKE(arguments), OPERATION_TOLERATE);
}

static int step_pci(Operation *operation)
{
        AdoptData *data = operation->data;

        keep_array(operation, &data->devices);
        return operation_call(operation, "query-pci", NULL, OPERATION_TOLERATE);
}

static int step_kvm(Operation *operation)
{
        AdoptData *data = operation->data;

        keep_array(operation, &data->pci);
        return operation_call(operation, "query-kvm", NULL, OPERATION_TOLERATE);
}

static int step_machine(Operation *operation)
{
        AdoptData *data = operation->data;
        CLEANUP(json) json_object *arguments = json_object_new_object();

        if (!operation->fault_class)
                data->kvm = json_get_bool(operation->reply, "enabled", false);
        if (!arguments || json_add_string(arguments, "path", "/machine") < 0 ||
            json_add_string(arguments, "property", "type") < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "qom-get", TAKE(arguments), OPERATION_TOLERATE);
}

/* "pc-q35-7.2-machine": what the alias "q35" stood for when it was started. */
static int keep_machine(Operation *operation)
{
        AdoptData *data = operation->data;
        const char *type = !operation->fault_class && json_object_is_type(operation->reply, json_type_string)
                                   ? json_object_get_string(operation->reply)
                                   : NULL;
        size_t size = type ? strlen(type) : 0, end = strlen("-machine");

        if (size <= end || !streq(type + size - end, "-machine"))
                return 0;
        data->machine = strndup(type, size - end);
        return data->machine ? 0 : error_oom(&operation->error);
}

/* --- what it is ------------------------------------------------------------------------------------ */

static int keep_identity(Operation *operation)
{
        Life *life = operation->managed->life;
        const MusterFacts *facts = life->verdicts ? verdicts_facts(life->verdicts) : NULL;
        const char *executable = facts ? muster_facts_executable(facts) : NULL,
                   *digest = facts ? muster_facts_digest(facts) : NULL;

        if (!executable || !digest)
                return error_set(&operation->error, -ENODATA,
                                 _("Nobody can say what executable process %d runs."),
                                 (int)process_pid(life->process));
        life->executable = strdup(executable);
        life->emulator = strdup(executable);
        life->digest = strdup(digest);
        return life->executable && life->emulator && life->digest ? 0 : error_oom(&operation->error);
}

static int work_map(Operation *operation, MusterError **ret_error)
{
        const AdoptData *data = operation->data;

        return adopt_map(data->map, ret_error);
}

static int step_map(Operation *operation)
{
        AdoptData *data = operation->data;
        const Managed *managed = operation->managed;
        AdoptMap *map = calloc(1, sizeof(*map));

        if (!map)
                return error_oom(&operation->error);
        data->map = map;
        map->name = strdup(managed->name);
        memcpy(map->uuid, managed->uuid, sizeof(map->uuid));
        map->machine = data->machine ? strdup(data->machine) : NULL;
        map->run_directory = daemon_run_directory(operation->daemon);
        map->state_directory = daemon_state_directory(operation->daemon);
        map->pid = data->pid;
        map->kvm = data->kvm;
        map->root = !operation->daemon->settings.session;
        map->verdicts = muster_verdicts_ref(managed->life->verdicts);
        map->nodes = TAKE(data->nodes);
        map->devices = TAKE(data->devices);
        map->pci = TAKE(data->pci);
        if (!map->name || !map->run_directory || !map->state_directory)
                return error_oom(&operation->error);
        return operation_work(operation, work_map);
}

static int step_status(Operation *operation)
{
        return operation_call(operation, "query-status", NULL, 0);
}

/* --- it is ours ------------------------------------------------------------------------------------ */

static DomainState state_of(const char *status)
{
        if (!status || streq(status, "running"))
                return STATE_RUNNING;
        if (streq(status, "suspended"))
                return STATE_SUSPENDED;
        if (streq(status, "guest-panicked"))
                return STATE_CRASHED;
        return streq(status, "shutdown") ? STATE_SHUTTING_DOWN : STATE_PAUSED;
}

static json_object *answer_of(const Managed *managed, const AdoptMap *map)
{
        CLEANUP(json) json_object *answer = managed_to_json(managed);

        if (!answer || json_add(answer, "unmapped", json_object_get(map->unmapped)) < 0)
                return NULL;
        return TAKE(answer);
}

static int step_keep(Operation *operation)
{
        AdoptData *data = operation->data;
        Managed *managed = operation->managed;
        Life *life = managed->life;
        bool whole = json_object_array_length(data->map->unmapped) == 0;

        if (!life->process || process_ended(life->process))
                return error_set(&operation->error, -ESRCH, _("Process %d has ended meanwhile."),
                                 (int)data->pid);
        life->definition = TAKE(data->map->definition);
        life->agent_path = TAKE(data->map->agent_path);
        life->read_only = !whole;
        if (whole && data->map->lifecycle) {
                json_object_put(life->lifecycle);
                life->lifecycle = TAKE(data->map->lifecycle);
        }
        operation->answer = answer_of(managed, data->map);
        if (!operation->answer)
                return error_oom(&operation->error);
        managed->state = state_of(json_get_string(operation->reply, "status"));
        managed->reason = REASON_ADOPTED;
        if (life_record_write(managed, &operation->error) < 0) {
                managed->state = STATE_SHUT_OFF;
                return -EIO;
        }
        json_object_put(operation->answer);
        operation->answer = answer_of(managed, data->map);
        operation->must_undo = false;
        managed_set_state(managed, managed->state, REASON_ADOPTED, "started");
        log_message(
                LOG_NOTICE, managed->name, operation->kind->name,
                whole ? _("Process %d is under management.")
                      : _("Process %d is under management, to be looked at only: %zu things of its command "
                          "line have no place in a definition."),
                (int)data->pid, json_object_array_length(data->map->unmapped));
        return operation->answer ? 0 : error_oom(&operation->error);
}

/* Whether it runs on or not: nothing of it was ours. */
static void let_go(Managed *managed)
{
        Life *life = managed->life;

        if (!life)
                return;
        if (life->monitor)
                life->monitor = qmp_client_close(life->monitor);
        managed->state = STATE_SHUT_OFF;
        managed->reason = REASON_UNKNOWN;
        life_free(life);
}

static int undo_take(Operation *operation)
{
        let_go(operation->managed);
        return 0;
}

static void clear(void *pointer)
{
        AdoptData *data = pointer;

        if (data->client)
                qmp_client_close(data->client);
        adopt_map_free(data->map);
        free(data->path);
        free(data->machine);
        json_object_put(data->nodes);
        json_object_put(data->devices);
        json_object_put(data->pci);
        *data = (AdoptData){};
}

const OperationKind op_adopt = {
        .name = "adopt",
        .size = sizeof(AdoptData),
        .steps = (const OperationStep[]){step_take, step_nodes, step_devices, step_pci, step_kvm,
                                         step_machine, keep_machine, JUDGE_STEPS, keep_identity, step_map,
                                         step_status, step_keep, NULL},
        .undo = (const OperationStep[]){undo_take, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
};

/* --- release --------------------------------------------------------------------------------------- */

static int step_release(Operation *operation)
{
        Managed *managed = operation->managed;
        Life *life = managed->life;
        int r;

        if (!life)
                return error_set(&operation->error, -ESTALE, _("Domain %s does not run."), managed->name);
        if (!life->adopted)
                return error_set(
                        &operation->error, -EPERM,
                        _("Domain %s was started by this daemon, which alone can end it in order; only one "
                          "that was adopted can be let go."),
                        managed->name);
        operation->answer = managed_to_json(managed);
        r = life_record_remove(managed, &operation->error);
        if (r < 0)
                return r;
        log_message(LOG_NOTICE, managed->name, operation->kind->name,
                    _("Process %d is let go, and runs on."),
                    life->process ? (int)process_pid(life->process) : 0);
        (void)managed_emit(managed, "lifecycle", "released", NULL);
        let_go(managed);
        return operation->answer ? 0 : error_oom(&operation->error);
}

const OperationKind op_release = {
        .name = "release",
        .steps = (const OperationStep[]){step_release, NULL},
        .timeout_usec = 60 * USEC_PER_SEC,
};
