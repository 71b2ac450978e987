/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/life-record.h"
#include "daemon/scope.h"
#include "daemon/start.h"

/* A helper listens within a few milliseconds, and says so by nothing but its socket. */
#define SOCKET_WAIT_MSEC 5U
#define SOCKET_WAITS_MAX 6000U

/* --- what processes are started with --------------------------------------------------------------- */

static char **words_of(const json_object *array)
{
        size_t n = json_object_array_length(array);
        CLEANUP(strv) char **words = calloc(n + 1, sizeof(*words));

        for (size_t i = 0; words && i < n; i++) {
                words[i] = strdup(json_object_get_string(json_object_array_get_idx(array, i)));
                if (!words[i])
                        return NULL;
        }
        return TAKE(words);
}

static int add_variable(char ***environment, const char *name, const char *value)
{
        CLEANUP(free) char *text = value ? text_format("%s=%s", name, value) : NULL;

        if (!value)
                return 0;
        return text ? strv_append(environment, text) : -ENOMEM;
}

/* What a user's emulators may want of the session: sound, a display. */
static int add_session(char ***environment)
{
        static const char *const names[] = {"HOME",
                                            "USER",
                                            "XDG_RUNTIME_DIR",
                                            "XAUTHORITY",
                                            "DISPLAY",
                                            "WAYLAND_DISPLAY",
                                            "PULSE_SERVER",
                                            "DBUS_SESSION_BUS_ADDRESS"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++)
                r = add_variable(environment, names[i], secure_getenv(names[i]));
        return r;
}

static char **environment_of(const Operation *operation)
{
        const StartData *data = operation->data;
        json_object *variables = json_get(data->prepared.plan, "environment", json_type_object);
        CLEANUP(strv) char **environment = NULL;
        int r;

        r = add_variable(&environment, "PATH",
                         "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if (r >= 0)
                r = add_variable(&environment, "LANG", "C.UTF-8");
        if (r >= 0)
                r = operation->daemon->settings.session
                            ? add_session(&environment)
                            : add_variable(&environment, "HOME", data->state_directory);
        json_object_object_foreach (variables, name, value) {
                if (r >= 0)
                        r = add_variable(&environment, name, json_object_get_string(value));
        }
        return r < 0 ? NULL : TAKE(environment);
}

/*
 * A guest whose memory stays where it is (<locked/>, or devices of the host that reach it by themselves) has
 * all of it locked, and the emulator some of its own, of which nobody knows how much: so there is no limit
 * then, as there is none for root. Others keep the limit that the daemon has.
 */
static uint64_t memlock_of(const json_object *argv)
{
        static const char *const words[] = {"mem-lock=on", "\"mem-lock\":true", "vfio-pci", "vhost-vdpa"};

        for (size_t i = 0; i < json_object_array_length(argv); i++) {
                const char *word = json_object_get_string(json_object_array_get_idx(argv, i));

                for (size_t k = 0; k < ELEMENTSOF(words); k++)
                        if (strstr(word, words[k]))
                                return RLIM_INFINITY;
        }
        return 0;
}

static int spawn(Operation *operation, const json_object *argv, bool privileged, bool emulator,
                 ProcessHeldFn held, Process **ret)
{
        const StartData *data = operation->data;
        const Settings *settings = &operation->daemon->settings;
        CLEANUP(strv) char **words = words_of(argv), **environment = environment_of(operation);
        CLEANUP(free)
        char *scope = emulator && settings->scopes
                              ? scope_name(operation->managed->name, operation->managed->id)
                              : NULL;
        const ProcessSpec spec = {
                .argv = words,
                .environment = environment,
                .log = data->log,
                .fds = data->descriptors.fds,
                .n_fds = emulator ? data->descriptors.n : 0,
                .user = data->has_user && !privileged ? &data->user : NULL,
                .scope = scope,
                .slice = settings->slice,
                .session = settings->session,
                .memlock = emulator ? memlock_of(argv) : 0,
        };

        if (!words || !environment)
                return error_oom(&operation->error);
        return process_spawn(operation->daemon->loop, &spec, held, operation, ret, &operation->error);
}

/* The loop's callback has a borrowed error. */
static void take_error(Operation *operation, int result, const MusterError *error)
{
        if (result < 0 && !operation->error)
                error_set(&operation->error, result, "%s",
                          error ? muster_error_message(error) : strerror(-result));
}

static void on_running(Process *process, int result, const MusterError *error, void *userdata)
{
        Operation *operation = userdata;

        take_error(operation, result, error);
        operation_resume(operation, result);
}

/* It is on record now, so it may run. */
static void on_held(Process *process, int result, const MusterError *error, void *userdata)
{
        Operation *operation = userdata;

        take_error(operation, result, error);
        if (result >= 0)
                result = life_record_write(operation->managed, operation_error(operation));
        if (result < 0)
                operation_resume(operation, result);
        else
                process_release(process, on_running, operation);
}

/* Its word would end another wait, of those that undo the start. */
static void forget_helper(Operation *operation)
{
        process_forget(operation->managed->life->helpers->process);
}

static void forget_emulator(Operation *operation)
{
        process_forget(operation->managed->life->process);
}

/* --- helpers --------------------------------------------------------------------------------------- */

static json_object *helper_plan(const StartData *data, size_t i)
{
        json_object *processes = json_get(data->prepared.plan, "processes", json_type_array);

        return i < json_object_array_length(processes) ? json_object_array_get_idx(processes, i) : NULL;
}

static void on_tick_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_waiting(Operation *operation)
{
        StartData *data = operation->data;
        uv_timer_t *timer = TAKE(data->timer);
        LifeHelper *helper = operation->managed->life ? operation->managed->life->helpers : NULL;

        if (timer)
                uv_close((uv_handle_t *)timer, on_tick_closed);
        if (helper && helper->process)
                process_on_end(helper->process, NULL, NULL);
}

static void end_waiting(Operation *operation, int r)
{
        stop_waiting(operation);
        operation_resume(operation, r);
}

static int say_helper_ended(Operation *operation, const LifeHelper *helper, int status)
{
        return error_set(
                operation_error(operation), -ECHILD,
                _("The program for \"%s\" that domain %s needs has ended with status %d; its log says "
                  "why: %s"),
                helper->purpose, operation->managed->name, status, ((StartData *)operation->data)->log);
}

/* One that listens may go into the background: what it leaves is its socket. */
static void on_helper_end(Process *process, int status, void *userdata)
{
        Operation *operation = userdata;
        LifeHelper *helper = operation->managed->life->helpers;
        StartData *data = operation->data;
        bool listens = json_get_string(helper_plan(data, data->next_helper - 1), "socket") != NULL;

        if (status != 0)
                end_waiting(operation, say_helper_ended(operation, helper, status));
        else if (!listens)
                end_waiting(operation, 0);
}

static void on_tick(uv_timer_t *timer)
{
        Operation *operation = timer->data;
        StartData *data = operation->data;
        const char *path = json_get_string(helper_plan(data, data->next_helper - 1), "socket");
        struct stat st;

        if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                end_waiting(operation, 0);
        else if (++data->waited > SOCKET_WAITS_MAX)
                end_waiting(operation, error_set(operation_error(operation), -ETIMEDOUT,
                                                 _("The program for \"%s\" does not listen on %s."),
                                                 operation->managed->life->helpers->purpose, path));
}

static int wait_for_helper(Operation *operation)
{
        StartData *data = operation->data;
        LifeHelper *helper = operation->managed->life->helpers;

        data->waited = 0;
        if (json_get_string(helper_plan(data, data->next_helper - 1), "socket")) {
                data->timer = malloc(sizeof(*data->timer));
                if (!data->timer)
                        return error_oom(&operation->error);
                uv_timer_init(operation->daemon->loop, data->timer);
                data->timer->data = operation;
                uv_timer_start(data->timer, on_tick, 0, SOCKET_WAIT_MSEC);
        }
        process_on_end(helper->process, on_helper_end, operation);
        return operation_wait(operation, stop_waiting);
}

/* Two rounds for each: it is started; it is waited for. */
int start_next_helper(Operation *operation)
{
        StartData *data = operation->data;
        Life *life = operation->managed->life;
        json_object *plan = helper_plan(data, data->next_helper);
        LifeHelper *helper;
        int r;

        if (data->helper_runs) {
                data->helper_runs = false;
                operation_repeat(operation);
                return wait_for_helper(operation);
        }
        if (!plan)
                return 0;
        data->next_helper++;
        helper = calloc(1, sizeof(*helper));
        if (!helper)
                return error_oom(&operation->error);
        helper->next = life->helpers;
        life->helpers = helper;
        helper->purpose = strdup(json_get_string(plan, "purpose") ?: "?");
        if (!helper->purpose)
                return error_oom(&operation->error);
        r = spawn(operation, json_get(plan, "argv", json_type_array),
                  json_get_bool(plan, "privileged", false),
                  /* emulator= */ false, on_held, &helper->process);
        if (r < 0)
                return r;
        data->helper_runs = true;
        operation_repeat(operation);
        return operation_wait(operation, forget_helper);
}

/* --- the emulator ---------------------------------------------------------------------------------- */

int start_emulator(Operation *operation)
{
        StartData *data = operation->data;
        Life *life = operation->managed->life;
        struct stat st;
        int r;

        if (data->descriptors.n == 0)
                return error_set(&operation->error, -EINVAL, _("The plan has no monitor."));
        data->descriptors.fds[0] = data->monitor_fd;
        data->monitor_fd = 0;
        data->log_begin = stat(data->log, &st) == 0 ? st.st_size : 0;
        r = spawn(operation, json_get(data->prepared.plan, "argv", json_type_array), /* privileged= */ false,
                  /* emulator= */ true, on_held, &life->process);
        if (r < 0)
                return r;
        /* From here on: one that is ended before it executes must be heard of, too. */
        life_watch(life);
        return operation_wait(operation, forget_emulator);
}
