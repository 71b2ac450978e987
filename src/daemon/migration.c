/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/save.h"

#define WAIT_MSEC 20U

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_wait(Operation *operation)
{
        uv_timer_t *timer = TAKE(operation->wait_timer);

        operation->on_end = NULL;
        if (timer)
                uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void on_over(Operation *operation)
{
        stop_wait(operation);
        operation_resume(operation, 0);
}

static void on_tick(uv_timer_t *timer)
{
        on_over(timer->data);
}

int migration_wait(Operation *operation)
{
        operation->wait_timer = malloc(sizeof(*operation->wait_timer));
        if (!operation->wait_timer)
                return error_oom(operation_error(operation));
        uv_timer_init(operation->daemon->loop, operation->wait_timer);
        operation->wait_timer->data = operation;
        uv_timer_start(operation->wait_timer, on_tick, WAIT_MSEC, 0);
        operation->on_end = on_over;
        return operation_wait(operation, stop_wait);
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
