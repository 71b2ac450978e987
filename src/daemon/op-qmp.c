/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/operations.h"

/* Any command, for people who know what they do; it is written to the log. */

static void clear(void *pointer)
{
        QmpData *data = pointer;

        free(data->command);
        json_object_put(data->arguments);
}

static int step_call(Operation *operation)
{
        QmpData *data = operation->data;

        if (!data->command)
                return error_oom(&operation->error);
        if (!startswith(data->command, "query-"))
                log_message(LOG_NOTICE, operation->managed->name, operation->kind->name, "%s",
                            data->command);
        return operation_call(operation, data->command, TAKE(data->arguments), 0);
}

const OperationKind op_qmp = {
        .name = "qmp",
        .size = sizeof(QmpData),
        .steps = (const OperationStep[]){require_running, step_call, step_answer_reply, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
};
