/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/jobs.h"
#include "daemon/judge.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/steps.h"
#include "domain/chain.h"

/* External snapshots of disks that run, all at one moment. */

static void clear(void *pointer)
{
        SnapshotData *data = pointer;

        free(data->name);
        for (size_t i = 0; i < data->n_disks; i++) {
                free(data->disks[i].disk);
                free(data->disks[i].file);
                free(data->disks[i].format);
        }
        free(data->disks);
        job_plan_free(data->plan);
}

static int check(Operation *operation)
{
        const SnapshotData *data = operation->data;
        const Life *life = operation->managed->life;
        int r = require_running(operation);

        for (size_t i = 0; r >= 0 && i < data->n_disks; i++)
                if (json_get(life->jobs, data->disks[i].disk, json_type_object))
                        r = error_set(&operation->error, -EBUSY,
                                      _("Disk %s is busy with a job; wait for its end, or end it."),
                                      data->disks[i].disk);
        return r;
}

static int step_sizes(Operation *operation)
{
        json_object *arguments = json_object_new_object();

        if (!arguments || json_add_bool(arguments, "flat", true) < 0) {
                json_object_put(arguments);
                return error_oom(&operation->error);
        }
        return operation_call(operation, "query-named-block-nodes", arguments, 0);
}

static int fill_overlays(Operation *operation, JobOverlay *overlays)
{
        const SnapshotData *data = operation->data;
        const Life *life = operation->managed->life;

        for (size_t i = 0; i < data->n_disks; i++) {
                const SnapshotDisk *disk = &data->disks[i];
                const json_object *chain = json_get(life->blocks, disk->disk, json_type_object);

                if (!chain)
                        return error_set(&operation->error, -ENOENT,
                                         _("Domain %s has no disk %s with an image."),
                                         operation->managed->name, disk->disk);
                overlays[i] = (JobOverlay){.disk = disk->disk,
                                           .file = disk->file,
                                           .format = disk->format,
                                           .block = disk->block,
                                           .reuse = disk->reuse};
                if (job_size_of(operation->reply, chain, &overlays[i].size) < 0)
                        return error_set(&operation->error, -EIO,
                                         _("The emulator does not tell the size of disk %s."), disk->disk);
        }
        return 0;
}

static int step_plan(Operation *operation)
{
        SnapshotData *data = operation->data;
        const Life *life = operation->managed->life;
        CLEANUP(free) JobOverlay *overlays = calloc(data->n_disks ?: 1, sizeof(*overlays));
        const JobContext context = {.verdicts = life->verdicts, .chains = life->blocks, .evidence = true};
        int r = overlays ? fill_overlays(operation, overlays) : error_oom(&operation->error);

        return r < 0 ? r : job_snapshot(&context, overlays, data->n_disks, &data->plan, &operation->error);
}

static int step_files(Operation *operation)
{
        const SnapshotData *data = operation->data;

        return step_job_files(operation, data->plan->files, data->plan->access);
}

/* If the first disk's device has its new top, all of them have. */
static json_object *witness_of(const JobPlan *plan)
{
        CLEANUP(json) json_object *witness = json_object_new_object();

        json_object_object_foreach (plan->chains, disk, chain) {
                (void)disk;
                if (!witness || json_add_string(witness, "device", json_get_string(chain, "device")) < 0 ||
                    json_add_string(witness, "node", chain_top(chain)) < 0)
                        return NULL;
                return TAKE(witness);
        }
        return NULL;
}

static int merge_chains(const Life *life, const json_object *changed, json_object **ret)
{
        CLEANUP(json) json_object *all = chains_copy(life);

        if (!all)
                return -ENOMEM;
        json_object_object_foreach ((json_object *)changed, disk, chain) {
                if (json_add(all, disk, json_object_get(chain)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE(all);
        return 0;
}

/* The definition that holds if it is found done later: worked out before, too. */
static int step_begin(Operation *operation)
{
        const SnapshotData *data = operation->data;
        Life *life = operation->managed->life;
        CLEANUP(json) json_object *all = NULL;
        CLEANUP(free) char *definition = strdup(life->definition);
        int r = 0;

        if (!definition || merge_chains(life, data->plan->chains, &all) < 0 ||
            steps_begin(operation, data->plan->steps, 0) < 0)
                return error_oom(&operation->error);
        json_object_object_foreach (data->plan->chains, disk, chain) {
                char *changed = NULL;

                (void)disk;
                if (r >= 0)
                        r = chain_write_xml(definition, strlen(definition), chain, &changed,
                                            operation_error(operation));
                if (r >= 0) {
                        free(definition);
                        definition = changed;
                }
        }
        return r < 0 ? r
                     : recover_note(operation, witness_of(data->plan), NULL, data->plan->steps, definition,
                                    all);
}

static int step_chains(Operation *operation)
{
        const SnapshotData *data = operation->data;

        return chains_begin(operation, data->plan->chains, /* delete_files= */ false) < 0
                       ? error_oom(&operation->error)
                       : 0;
}

static int step_forget(Operation *operation)
{
        recover_forget(operation);
        return 0;
}

static int step_answer(Operation *operation)
{
        const SnapshotData *data = operation->data;
        json_object *detail = json_object_new_object();

        operation->answer = json_object_new_object();
        if (!operation->answer || !detail || json_add_string(detail, "name", data->name ?: "") < 0 ||
            json_add_string(operation->answer, "name", data->name ?: "") < 0 ||
            json_add(operation->answer, "access", json_object_get(data->plan->access)) < 0 ||
            json_add(operation->answer, "decisions", json_object_get(data->plan->decisions)) < 0) {
                json_object_put(detail);
                return error_oom(&operation->error);
        }
        return managed_emit(operation->managed, "block", "snapshot", detail);
}

static int undo_note(Operation *operation)
{
        recover_forget(operation);
        return operation->managed->life ? life_record_write(operation->managed, NULL) : 0;
}

const OperationKind op_snapshot = {
        .name = "snapshot",
        .size = sizeof(SnapshotData),
        .steps =
                (const OperationStep[]){check, JUDGE_STEPS, step_sizes, step_plan, step_files,
                                        step_job_keep_files, step_begin, step_carry_out, step_chains,
                                        step_write_chains, step_forget, step_keep_chains, step_answer, NULL},
        .undo = (const OperationStep[]){undo_note, NULL},
        .clear = clear,
        .timeout_usec = 120 * USEC_PER_SEC,
};
