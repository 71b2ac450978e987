/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/save.h"

#define WAIT_MSEC 20U

static void on_over(Operation *operation)
{
        operation_stop_timer(operation);
        operation_resume(operation, 0);
}

static void on_tick(uv_timer_t *timer)
{
        on_over(timer->data);
}

int migration_wait(Operation *operation)
{
        return operation_wait_timer(operation, WAIT_MSEC * USEC_PER_MSEC, 0, on_tick, on_over);
}

static bool is_over(const char *status)
{
        return streq(status, "failed") || streq(status, "cancelled");
}

int migration_outcome(Operation *operation)
{
        const char *status = json_get_string(operation->reply, "status") ?: "none",
                   *why = json_get_string(operation->reply, "error-desc");
        CLEANUP(free) char *text = NULL;

        if (streq(status, "completed"))
                return 1;
        if (!is_over(status) && !streq(status, "none"))
                return 0;
        text = text_for_terminal(why ?: status, strlen(why ?: status), 1000);
        return error_set(operation_error(operation), -EIO,
                         _("The emulator of domain %s could not move its state: %s"),
                         operation->managed->name, text ?: "?");
}

bool migration_event_fails(const char *name, json_object *event)
{
        const char *status;

        if (!streq(name, "MIGRATION"))
                return false;
        status = json_get_string(json_get(event, "data", json_type_object), "status");
        return status && is_over(status);
}
