/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/step.h"
#include "daemon/jobs.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/steps.h"

/*
 * Between a command to an emulator and the record of what came of it, the daemon may die. So the record says
 * beforehand what will be, and by what one sees whether it is. Nobody was answered; but what runs and what
 * is known of it must not drift apart.
 */

int life_take_change(Life *life, const char *definition, const char *disk, json_object *chain,
                     MusterError **ret_error)
{
        char *copy = definition ? strdup(definition) : NULL;

        if (definition && !copy)
                return error_oom(ret_error);
        if (copy) {
                free(life->definition);
                life->definition = copy;
        }
        if (disk && chain && json_add(life->blocks, disk, json_object_get(chain)) < 0)
                return error_oom(ret_error);
        if (disk && !chain)
                json_object_object_del(life->blocks, disk);
        return life_record_write(life->managed, ret_error);
}

int recover_note(Operation *operation, json_object *witness, const json_object *steps,
                 const json_object *undo, const char *definition, json_object *blocks)
{
        CLEANUP(json)
        json_object *note = json_object_new_object(), *owned = witness, *undone = json_object_new_array();
        Life *life = operation->managed->life;

        if (!note || !owned || !undone || (undo && step_append_undone(undone, undo) < 0) ||
            json_add_string(note, "operation", operation->kind->name) < 0 ||
            json_add(note, "witness", TAKE(owned)) < 0 || json_add(note, "undo", TAKE(undone)) < 0 ||
            (steps && json_add(note, "steps", json_object_get((json_object *)steps)) < 0) ||
            (definition && json_add_string(note, "definition", definition) < 0) ||
            (blocks && json_add(note, "blocks", json_object_get(blocks)) < 0))
                return error_oom(operation_error(operation));
        json_object_put(life->pending);
        life->pending = TAKE(note);
        operation->must_undo = true;
        return life_record_write(operation->managed, operation_error(operation));
}

void recover_forget(Operation *operation)
{
        Life *life = operation->managed->life;

        if (life)
                json_object_put(TAKE(life->pending));
        operation->must_undo = false;
}

/* --- what was it? ----------------------------------------------------------------------------------- */

static const json_object *witness(const Operation *operation)
{
        return json_get(operation->managed->life->pending, "witness", json_type_object);
}

static int step_look(Operation *operation)
{
        json_object *arguments;

        if (!operation->managed->life || !operation->managed->life->pending) {
                operation->at += 6;
                return 0;
        }
        if (json_get_string(witness(operation), "node"))
                return operation_call(operation, "query-block", NULL, OPERATION_TOLERATE);
        arguments = json_object_new_object();
        if (!arguments || json_add_string(arguments, "path", "/machine/peripheral") < 0) {
                json_object_put(arguments);
                return error_oom(&operation->error);
        }
        return operation_call(operation, "qom-list", arguments, OPERATION_TOLERATE);
}

/* "virtio-disk0" in "/machine/peripheral/virtio-disk0/virtio-backend". */
static bool is_of_device(const char *qdev, const char *device)
{
        const char *rest = startswith(qdev, "/machine/peripheral/");

        if (!rest)
                return streq(qdev, device);
        rest = startswith(rest, device);
        return rest && (*rest == '\0' || *rest == '/');
}

static bool is_there(const json_object *reply, const char *device, const char *node)
{
        for (size_t i = 0; i < json_length(reply); i++) {
                const json_object *item = json_object_array_get_idx(reply, i);
                json_object *inserted = json_get(item, "inserted", json_type_object);

                if (!node && streq_ptr(json_get_string(item, "name"), device))
                        return true;
                if (node && json_get_string(item, "qdev") &&
                    is_of_device(json_get_string(item, "qdev"), device) &&
                    streq_ptr(json_get_string(inserted, "node-name"), node))
                        return true;
        }
        return false;
}

static int step_decide(Operation *operation)
{
        Life *life = operation->managed->life;
        const char *device = json_get_string(witness(operation), "device") ?: "?",
                   *node = json_get_string(witness(operation), "node");
        bool gone = json_get_bool(witness(operation), "gone", false), done;

        if (operation->fault_class)
                return error_set(&operation->error, -EIO,
                                 _("It cannot be found out what became of \"%s\": %s"),
                                 json_get_string(life->pending, "operation"), operation->fault_text);
        done = is_there(operation->reply, device, node) != gone;
        log_message(LOG_NOTICE, operation->managed->name, json_get_string(life->pending, "operation"),
                    done ? _("It was done when the daemon ended (%s).")
                         : _("It was not done when the daemon ended (%s)."),
                    device);
        if (!done)
                json_object_object_del(life->pending, "definition");
        return steps_begin(operation, json_get(life->pending, done ? "steps" : "undo", json_type_array),
                           STEPS_TOLERATE | STEPS_INSIST) < 0
                       ? error_oom(&operation->error)
                       : 0;
}

/* Those of `blocks` that are not as they were. */
static json_object *changed_chains(const Life *life, const json_object *blocks)
{
        CLEANUP(json) json_object *changed = json_object_new_object();

        if (!changed)
                return NULL;
        json_object_object_foreach ((json_object *)blocks, disk, chain) {
                if (!json_object_equal(chain, json_object_object_get(life->blocks, disk)) &&
                    json_add(changed, disk, json_object_get(chain)) < 0)
                        return NULL;
        }
        return TAKE(changed);
}

/*
 * What it is started from has to follow what runs, or the next start would write to an image that has become
 * a backing image.
 */
static int step_chains(Operation *operation)
{
        Life *life = operation->managed->life;
        json_object *blocks = json_get(life->pending, "blocks", json_type_object);
        CLEANUP(json) json_object *changed = NULL;

        if (!json_get_string(witness(operation), "node") || !json_get_string(life->pending, "definition") ||
            !blocks)
                return 0;
        changed = changed_chains(life, blocks);
        return changed && chains_begin(operation, changed, /* delete_files= */ false) >= 0
                       ? 0
                       : error_oom(&operation->error);
}

static int step_keep(Operation *operation)
{
        Life *life = operation->managed->life;
        CLEANUP(json) json_object *pending = TAKE(life->pending);
        json_object *blocks = json_get(pending, "blocks", json_type_object);
        const char *definition = json_get_string(pending, "definition");

        if (definition && blocks) {
                json_object_put(life->blocks);
                life->blocks = json_object_get(blocks);
        }
        return life_take_change(life, definition, NULL, NULL, &operation->error);
}

const OperationKind op_recover = {
        .name = "recover",
        .steps = (const OperationStep[]){step_look, step_decide, step_carry_out, step_chains,
                                         step_write_chains, step_keep_chains, step_keep, NULL},
        .timeout_usec = 120 * USEC_PER_SEC,
};
