/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What spawn.c's child lives in: prepared before fork(), entered after it, swept when all is over. */

#include <sys/types.h>

#include "emulator/context.h"

#define SANDBOX_COOKIE "MUSTER_PROBE"
#define SANDBOX_PATH   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct Sandbox {
        char *program; /* absolute */
        char **argv;
        char **environment;
        char *scratch;
        char cookie[sizeof(SANDBOX_COOKIE) + 33]; /* MUSTER_PROBE=<32 hex digits>, in the environment too */
        bool change_user;
        uid_t uid;
        gid_t gid;
        gid_t *groups;
        int n_groups;
} Sandbox;

/* What a child that could not run tells through its pipe. */
typedef struct SandboxReport {
        int error; /* errno */
        int step;
} SandboxReport;

int sandbox_prepare(const MusterContext *context, char *const *argv, Sandbox *ret, MusterError **ret_error);

/* Removes the scratch tree and frees what is in *sandbox. Idempotent. */
void sandbox_clear(Sandbox *sandbox);

/*
 * In the child of a fork(), all signals blocked: makes `socket` its stdin and stdout, `stderr_fd` its
 * stderr, and runs the program. Async-signal-safe. A failure is written to `report_fd`, which a success
 * closes.
 */
_Noreturn void sandbox_enter(const Sandbox *sandbox, int socket, int stderr_fd, int report_fd, pid_t parent);

/* The user that the context names, with its groups, into an empty *sandbox. */
int sandbox_take_user(const MusterContext *context, Sandbox *sandbox);

/* Groups and ids of the target user, for good; async-signal-safe. 0 or -errno. */
int sandbox_drop_rights(const Sandbox *sandbox);

/* Why execve() refused it. */
int sandbox_explain_exec(const char *program, int error, MusterError **ret_error);

/* The sentence for a report. */
int sandbox_explain(const Sandbox *sandbox, const SandboxReport *report, MusterError **ret_error);

/*
 * Kills what escaped from the process group: whoever is of the session `leader`, has the cookie in its
 * environment or the scratch directory as its working directory. The leader must not have been reaped yet.
 */
void sandbox_sweep(const Sandbox *sandbox, pid_t leader);
