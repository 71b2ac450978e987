/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest agent, on the socket of its channel: untrusted, often not there, and silent when it is not. A
 * conversation is a connection of its own: synchronised first (guest-sync-delimited), then one command.
 */

#include <sys/types.h>
#include <uv.h>

#include "daemon/operation.h"

typedef struct AgentCall AgentCall;

/*
 * `reply` is the agent's whole answer, NULL where there is none to the command; both are borrowed. 0, or
 * with `error`: -ETIMEDOUT and -ENOTCONN: no agent; -EIO: it refused; -EPROTO, -EFBIG: it talks nonsense;
 * -EPERM: it is not the emulator's socket. Called once, never within agent_call(), not behind
 * agent_cancel().
 */
typedef void (*AgentDoneFn)(int result, json_object *reply, const MusterError *error, void *userdata);

enum {
        AGENT_NO_REPLY = 1 << 0, /* the command has none when it works: the guest goes */
        AGENT_TOLERATE = 1 << 1, /* of agent_execute(): a failure is none of the operation's */
};

/* Borrows `command`. `peer`: whose socket it must be; 0: anybody's. */
int agent_call(uv_loop_t *loop, const char *path, pid_t peer, json_object *command, unsigned flags,
               uint64_t timeout_usec, AgentDoneFn done, void *userdata, AgentCall **ret,
               MusterError **ret_error);
AgentCall *agent_cancel(AgentCall *call);

/*
 * For a step: sends the command (taken) and leaves the answer's "return" in operation->reply. `ret_done`
 * (may be NULL) must live as long as the operation, and is set where it worked.
 */
int agent_execute(Operation *operation, json_object *command, unsigned flags, bool *ret_done);

/*
 * For a step: guest-shutdown with this mode ("powerdown", "reboot"), which has no answer but the guest's
 * going; *ret_done says whether it was taken. With `tolerate` an agent that is not there is no failure.
 */
int agent_power(Operation *operation, const char *path, const char *mode, bool tolerate, bool *ret_done);

/* The agent's socket in a command line, to free(); untouched where there is none. */
int agent_find(const json_object *argv, char **ret);

/* A command with arguments, as they came; takes both. */
typedef struct AgentData {
        char *command;
        json_object *arguments;
} AgentData;
extern const OperationKind op_agent;

/* Whether there is a channel, and somebody in the guest has opened it: {"channel", "connected"}. */
extern const OperationKind op_agent_look;
