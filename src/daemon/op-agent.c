/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/agent.h"
#include "daemon/log.h"
#include "daemon/operations.h"

/* The agent as a step of an operation, and what people send to it by hand. */

#define TIMEOUT_USEC (5 * USEC_PER_SEC)

typedef struct Wait {
        AgentCall *call;
        bool tolerate;
        bool *ret_done;
        Operation *operation;
} Wait;

static void stop_wait(Operation *operation)
{
        Wait *wait = TAKE(operation->waiting);

        agent_cancel(wait->call);
        free(wait);
}

static void on_done(int result, json_object *reply, const MusterError *error, void *userdata)
{
        Wait *wait = userdata;
        Operation *operation = wait->operation;
        json_object *value = NULL;

        operation->waiting = NULL;
        if (result >= 0 && wait->ret_done)
                *wait->ret_done = true;
        if (result >= 0 && reply && json_object_object_get_ex(reply, "return", &value)) {
                json_object_put(operation->reply);
                operation->reply = json_object_get(value);
        }
        if (result < 0 && wait->tolerate) {
                log_error(LOG_INFO, operation->managed->name, operation->kind->name, error,
                          _("The agent is passed over"));
                result = 0;
        } else if (result < 0) {
                error_set(operation_error(operation), result, _("Domain %s: %s"), operation->managed->name,
                          muster_error_message(error));
        }
        free(wait);
        operation_resume(operation, result);
}

static int say_no_channel(Operation *operation)
{
        return error_set(operation_error(operation), -ENOTSUP,
                         _("Domain %s has no channel for a guest agent (org.qemu.guest_agent.0)."),
                         operation->managed->name);
}

int agent_execute(Operation *operation, json_object *command, unsigned flags, bool *ret_done)
{
        CLEANUP(json) json_object *owned = command;
        const Life *life = operation->managed->life;
        Wait *wait;
        int r;

        if (!owned)
                return error_oom(operation_error(operation));
        if (!life || !life->agent_path)
                return say_no_channel(operation);
        wait = calloc(1, sizeof(*wait));
        if (!wait)
                return error_oom(operation_error(operation));
        wait->operation = operation;
        wait->tolerate = (flags & AGENT_TOLERATE) != 0;
        wait->ret_done = ret_done;
        json_object_put(TAKE(operation->reply));
        r = agent_call(operation->daemon->loop, life->agent_path,
                       life->process ? process_pid(life->process) : 0, owned, flags, TIMEOUT_USEC, on_done,
                       wait, &wait->call, operation_error(operation));
        if (r < 0) {
                free(wait);
                return r;
        }
        operation->waiting = wait;
        return operation_wait(operation, stop_wait);
}

static json_object *make_command(const char *name, json_object *arguments)
{
        CLEANUP(json) json_object *command = json_object_new_object(), *owned = arguments;

        if (!command || json_add_string(command, "execute", name) < 0 ||
            (owned && json_add(command, "arguments", TAKE(owned)) < 0))
                return NULL;
        return TAKE(command);
}

int agent_power(Operation *operation, const char *path, const char *mode, bool tolerate, bool *ret_done)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        (void)path;
        if (!arguments || json_add_string(arguments, "mode", mode) < 0)
                return error_oom(operation_error(operation));
        return agent_execute(operation, make_command("guest-shutdown", TAKE(arguments)),
                             AGENT_NO_REPLY | (tolerate ? AGENT_TOLERATE : 0), ret_done);
}

/* --- by hand --------------------------------------------------------------------------------------- */

static void clear(void *pointer)
{
        AgentData *data = pointer;

        free(data->command);
        json_object_put(data->arguments);
}

/* Those that the guest answers by going, where it can. */
static bool has_no_reply(const char *command)
{
        return streq(command, "guest-shutdown") || startswith(command, "guest-suspend-");
}

static int step_call(Operation *operation)
{
        AgentData *data = operation->data;

        if (!data->command)
                return error_oom(&operation->error);
        log_message(LOG_NOTICE, operation->managed->name, operation->kind->name, "%s", data->command);
        return agent_execute(operation, make_command(data->command, TAKE(data->arguments)),
                             has_no_reply(data->command) ? AGENT_NO_REPLY : 0, NULL);
}

const OperationKind op_agent = {
        .name = "agent",
        .size = sizeof(AgentData),
        .steps = (const OperationStep[]){require_running, step_call, step_answer_reply, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
};

/* --- is it there ----------------------------------------------------------------------------------- */

static int step_look(Operation *operation)
{
        const Life *life = operation->managed->life;

        if (!life->agent_path) {
                json_object_put(TAKE(operation->reply));
                return 0;
        }
        return operation_call(operation, "query-chardev", NULL, 0);
}

/* Of a socket the emulator says "unix:PATH,server=on", or once it is connected something before it. */
static bool is_open(const json_object *chardevs, const char *path)
{
        for (size_t i = 0; chardevs && i < json_object_array_length(chardevs); i++) {
                const json_object *chardev = json_object_array_get_idx(chardevs, i);
                const char *name = json_get_string(chardev, "filename"),
                           *found = name ? strstr(name, path) : NULL;
                const char *rest = found ? found + strlen(path) : "?";

                if (!*rest || *rest == ',')
                        return json_get_bool(chardev, "frontend-open", false);
        }
        return false;
}

static int step_say(Operation *operation)
{
        const Life *life = operation->managed->life;
        json_object *chardevs =
                json_object_is_type(operation->reply, json_type_array) ? operation->reply : NULL;

        operation->answer = json_object_new_object();
        if (!life || !operation->answer ||
            json_add_bool(operation->answer, "channel", life->agent_path != NULL) < 0 ||
            json_add_bool(operation->answer, "connected",
                          life->agent_path && is_open(chardevs, life->agent_path)) < 0)
                return error_oom(&operation->error);
        return 0;
}

const OperationKind op_agent_look = {
        .name = "agent",
        .size = 0,
        .steps = (const OperationStep[]){require_running, step_look, step_say, NULL},
        .timeout_usec = 30 * USEC_PER_SEC,
};
