/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The states of a machine, by the transitions of QEMU 7.2's runstate.c and vl.c as far as they show in QMP.
 * The guest is polite: it powers off a while after it was asked ("powerdown-msec"), when it runs.
 */

#include <unistd.h>

#include "standin.h"

#define POWERDOWN_MSEC 200

static const char *status = "prelaunch";
static bool powering_down;

const char *run_status(void)
{
        return status;
}

bool run_is_running(void)
{
        return streq(status, "running");
}

void run_set(const char *next)
{
        status = next;
}

void run_stop(const char *next)
{
        bool ran = run_is_running();

        run_set(next);
        if (ran)
                qmp_event("STOP", NULL);
}

static json_object *shutdown_data(bool guest, const char *reason)
{
        json_object *data = json_object_new_object();

        json_add_bool(data, "guest", guest);
        json_add_string(data, "reason", reason);
        return data;
}

void run_quit(const char *reason)
{
        qmp_event("SHUTDOWN", shutdown_data(/* guest= */ false, reason));
        wire_flush();
        exit(0);
}

static void guest_powers_off(void *data)
{
        if (!run_is_running())
                return;
        powering_down = false;
        qmp_event("SHUTDOWN", shutdown_data(/* guest= */ true, "guest-shutdown"));
        if (!machine.no_shutdown) {
                wire_flush();
                exit(0);
        }
        run_stop("shutdown");
}

static void schedule_powerdown(void)
{
        timer_cancel(guest_powers_off, NULL);
        if (powering_down && run_is_running())
                timer_add(faults_int("powerdown-msec", POWERDOWN_MSEC), guest_powers_off, NULL);
}

void run_resume(void)
{
        if (run_is_running())
                return;
        run_set("running");
        qmp_event("RESUME", NULL);
        schedule_powerdown();
        device_guest_runs();
}

/* "guest-does": what a guest does by itself, for tests of what the daemon makes of it. */
static void guest_acts(void *data)
{
        const char *what = data;

        if (streq(what, "poweroff")) {
                guest_powers_off(NULL);
        } else if (streq(what, "reset")) {
                qmp_event("RESET", shutdown_data(/* guest= */ true, "guest-reset"));
        } else if (streq(what, "panic")) {
                qmp_event("GUEST_PANICKED", data_of("action", "pause"));
                run_stop("guest-panicked");
        } else if (streq(what, "suspend")) {
                run_set("suspended");
                qmp_event("SUSPEND", NULL);
        } else if (streq(what, "io-error")) {
                run_stop("io-error");
        }
        free(data);
}

static json_object *cmd_guest(json_object *arguments)
{
        timer_add(json_get_int(arguments, "msec", 0), guest_acts,
                  strdup(json_get_string(arguments, "what")));
        return done();
}

static json_object *cmd_status(json_object *arguments)
{
        json_object *result = json_object_new_object();

        json_add_string(result, "status", status);
        json_add_bool(result, "singlestep", false);
        json_add_bool(result, "running", run_is_running());
        return result;
}

static json_object *cmd_stop(json_object *arguments)
{
        if (streq(status, "inmigrate"))
                machine.paused = true;
        else if (run_is_running())
                run_stop("paused");
        return done();
}

static json_object *cmd_cont(json_object *arguments)
{
        if (streq(status, "shutdown") || streq(status, "internal-error"))
                return fail("Resetting the Virtual Machine is required");
        if (streq(status, "inmigrate"))
                machine.paused = false;
        else if (!streq(status, "suspended"))
                run_resume();
        return done();
}

static json_object *cmd_powerdown(json_object *arguments)
{
        qmp_event("POWERDOWN", NULL);
        if (!faults_bool("ignore-powerdown")) {
                powering_down = true;
                schedule_powerdown();
        }
        return done();
}

static json_object *cmd_reset(json_object *arguments)
{
        powering_down = false;
        schedule_powerdown();
        qmp_event("RESET", shutdown_data(/* guest= */ false, "host-qmp-system-reset"));
        device_reset();
        if (!run_is_running() && !streq(status, "inmigrate"))
                run_set("prelaunch");
        return done();
}

static json_object *cmd_wakeup(json_object *arguments)
{
        if (!streq(status, "suspended"))
                return fail("Unable to wake up: guest is not in suspended state");
        run_set("running");
        qmp_event("WAKEUP", NULL);
        return done();
}

static void end(void *data)
{
        wire_flush();
        exit(0);
}

static json_object *cmd_quit(json_object *arguments)
{
        qmp_event("SHUTDOWN", shutdown_data(/* guest= */ false, "host-qmp-quit"));
        timer_add(0, end, NULL); /* behind the reply */
        return done();
}

void run_start(void)
{
        if (machine.incoming)
                migration_incoming();
        else if (!machine.paused)
                run_set("running");
}

const Command run_commands[] = {
        {"query-status", "", cmd_status},
        {"stop", "", cmd_stop},
        {"cont", "", cmd_cont},
        {"system_powerdown", "", cmd_powerdown},
        {"system_reset", "", cmd_reset},
        {"system_wakeup", "", cmd_wakeup},
        {"quit", "", cmd_quit},
        {"x-guest-does", "what!s msec?i", cmd_guest},
        {NULL, NULL, NULL},
};
