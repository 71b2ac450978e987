/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/metadata.h"
#include "daemon/operations.h"

/* Of what runs, of what it is started from next, or both. The disk first. */

static void clear(void *pointer)
{
        MetadataData *data = pointer;

        free(data->title);
        free(data->description);
        free(data->uri);
        free(data->key);
        free(data->xml);
        free(data->path);
        free(data->old_config);
        free(data->old_live);
        free(data->new_config);
        free(data->new_live);
}

static int check(Operation *operation)
{
        MetadataData *data = operation->data;
        const Managed *managed = operation->managed;

        if (data->live && !managed->life)
                return error_set(&operation->error, -ESTALE, _("Domain %s does not run; start it first."),
                                 managed->name);
        if (data->config && !managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient: it has no definition that could be changed."),
                                 managed->name);
        if (!data->live && !data->config) {
                data->live = managed->life != NULL;
                data->config = managed->definition != NULL;
        }
        data->path = managed_definition_path(managed);
        if (data->config)
                data->old_config = strdup(managed->definition);
        if (data->live)
                data->old_live = strdup(managed->life->definition);
        return data->path && (!data->config || data->old_config) && (!data->live || data->old_live)
                       ? 0
                       : error_oom(&operation->error);
}

static int work(Operation *operation, MusterError **ret_error)
{
        MetadataData *data = operation->data;
        const MetadataChange change = {
                .title = data->title,
                .description = data->description,
                .uri = data->uri,
                .key = data->key,
                .xml = data->xml,
        };
        int r = 0;

        if (data->live)
                r = metadata_change(data->old_live, &change, &data->new_live, ret_error);
        if (r >= 0 && data->config)
                r = metadata_change(data->old_config, &change, &data->new_config, ret_error);
        if (r >= 0 && data->config)
                r = definition_write(data->path, data->new_config, ret_error);
        return r;
}

static int step_change(Operation *operation)
{
        return operation_work(operation, work);
}

static void take_title(Managed *managed, const char *title)
{
        if (!title)
                return;
        free(managed->title);
        managed->title = *title ? strdup(title) : NULL;
}

static int step_take(Operation *operation)
{
        MetadataData *data = operation->data;
        Managed *managed = operation->managed;
        const char *what = data->uri ? "uri" : "title";
        CLEANUP(json) json_object *detail = json_object_new_object();
        int r = 0;

        if (data->new_config) {
                free(managed->definition);
                managed->definition = TAKE(data->new_config);
        }
        take_title(managed, data->title);
        if (data->new_live && managed->life) {
                free(managed->life->definition);
                managed->life->definition = TAKE(data->new_live);
                r = life_record_write(managed, &operation->error);
        }
        if (r < 0)
                return r;
        if (!detail || json_add_bool(detail, "live", data->live) < 0 ||
            json_add_bool(detail, "config", data->config) < 0 ||
            (data->uri && json_add_string(detail, what, data->uri) < 0))
                return error_oom(&operation->error);
        return managed_emit(managed, "metadata", "changed", TAKE(detail));
}

const OperationKind op_metadata = {
        .name = "metadata",
        .size = sizeof(MetadataData),
        .steps = (const OperationStep[]){check, step_change, step_take, step_answer_domain, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_WHOLE,
};
