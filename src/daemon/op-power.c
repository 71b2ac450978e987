/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/agent.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/life-record.h"

/*
 * What is asked of a guest (it may take its time, or not listen), and what is done to it. Shutdown and
 * reboot are answered when they were asked for; what comes of it is told by events.
 *
 * A reboot by ACPI is a shutdown after which the emulator is reset rather than ended, since there is no
 * button for it (on_poweroff is not looked at then).
 */

static int check_running(Operation *operation)
{
        int r = require_running(operation);

        if (r < 0)
                return r;
        if (operation->managed->state == STATE_RUNNING || operation->managed->state == STATE_SUSPENDED)
                return 0;
        return error_set(&operation->error, -ESTALE,
                         _("The guest of domain %s does not run (%s), so it cannot be asked for anything."),
                         operation->managed->name, domain_state_name(operation->managed->state));
}

static bool may(const PowerData *data, const char *mode)
{
        return !data->mode || streq(data->mode, mode);
}

static int ask_agent(Operation *operation, const char *mode)
{
        PowerData *data = operation->data;
        const Life *life = operation->managed->life;

        if (!may(data, "agent"))
                return 0;
        if (!life->agent_path) {
                if (!data->mode)
                        return 0;
                return error_set(&operation->error, -ENOTSUP,
                                 _("Domain %s has no channel for a guest agent (org.qemu.guest_agent.0)."),
                                 operation->managed->name);
        }
        return agent_power(operation, life->agent_path, mode, /* tolerate= */ !data->mode, &data->agent);
}

static int step_agent_shutdown(Operation *operation)
{
        return ask_agent(operation, "powerdown");
}

static int step_agent_reboot(Operation *operation)
{
        return ask_agent(operation, "reboot");
}

static int step_acpi(Operation *operation)
{
        const PowerData *data = operation->data;

        if (data->agent || !may(data, "acpi"))
                return 0;
        return operation_call(operation, "system_powerdown", NULL, 0);
}

static int step_want_reboot(Operation *operation)
{
        const PowerData *data = operation->data;

        if (data->agent || !may(data, "acpi"))
                return 0;
        operation->managed->life->rebooting = true;
        return life_record_write(operation->managed, &operation->error);
}

const OperationKind op_shutdown = {
        .name = "shutdown",
        .size = sizeof(PowerData),
        .steps = (const OperationStep[]){check_running, step_agent_shutdown, step_acpi, step_answer_domain,
                                         NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};

const OperationKind op_reboot = {
        .name = "reboot",
        .size = sizeof(PowerData),
        .steps = (const OperationStep[]){check_running, step_agent_reboot, step_want_reboot, step_acpi,
                                         step_answer_domain, NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};

/* --- reset ----------------------------------------------------------------------------------------- */

static int step_reset(Operation *operation)
{
        return operation_call(operation, "system_reset", NULL, 0);
}

const OperationKind op_reset = {
        .name = "reset",
        .size = sizeof(PowerData),
        .steps = (const OperationStep[]){require_running, step_reset, step_answer_domain, NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};

/* --- suspend and resume ---------------------------------------------------------------------------- */

static int step_stop(Operation *operation)
{
        operation->managed->life->stop_reason = REASON_USER;
        return operation_call(operation, "stop", NULL, 0);
}

/* The event comes before the reply, but for an emulator that was paused in another way. */
static int step_is_paused(Operation *operation)
{
        Managed *managed = operation->managed;

        managed->life->stop_reason = REASON_UNKNOWN;
        if (managed->state == STATE_RUNNING)
                managed_set_state(managed, STATE_PAUSED, REASON_USER, "suspended");
        return 0;
}

const OperationKind op_suspend = {
        .name = "suspend",
        .size = sizeof(PowerData),
        .steps = (const OperationStep[]){check_running, step_stop, step_is_paused, step_answer_domain, NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};

static int check_paused(Operation *operation)
{
        int r = require_running(operation);

        if (r < 0)
                return r;
        if (operation->managed->state == STATE_PAUSED || operation->managed->state == STATE_RUNNING)
                return 0;
        return error_set(&operation->error, -ESTALE, _("Domain %s is not paused (%s)."),
                         operation->managed->name, domain_state_name(operation->managed->state));
}

static int step_cont(Operation *operation)
{
        if (operation->managed->state == STATE_RUNNING)
                return 0;
        operation->managed->life->run_reason = REASON_UNPAUSED;
        return operation_call(operation, "cont", NULL, 0);
}

static int step_is_running(Operation *operation)
{
        Managed *managed = operation->managed;

        if (managed->state == STATE_PAUSED)
                managed_set_state(managed, STATE_RUNNING, REASON_UNPAUSED, "resumed");
        return 0;
}

const OperationKind op_resume = {
        .name = "resume",
        .size = sizeof(PowerData),
        .steps = (const OperationStep[]){check_paused, step_cont, step_is_running, step_answer_domain, NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};
