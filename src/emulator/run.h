/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An emulator to talk to, spawned or connected, synchronously: what probe, verify and blockdev-add share.
 * A private loop runs within each call until its reply, the deadline, the canceller or death.
 */

#include "emulator/context.h"
#include "emulator/facts.h"
#include "emulator/spawn.h"
#include "qmp/client.h"

typedef struct Run Run;

/*
 * Spawns `path` as an emulator of `kind` with nothing but a monitor on stdio (and `-machine none` for a
 * system emulator) and waits for its greeting. With `either`, a usage error makes it try the other kind.
 * The deadline of the whole run is now + the context's timeout.
 */
int run_spawn(MusterContext *context, const char *path, MusterEmulatorKind kind, bool either, Run **ret,
              MusterError **ret_error);

/* Connects to `unix:PATH`. */
int run_connect(MusterContext *context, const char *address, Run **ret, MusterError **ret_error);

MusterEmulatorKind run_kind(const Run *run);
pid_t run_pid(const Run *run);           /* the process that speaks QMP */
const char *run_scratch(const Run *run); /* NULL if connected */
QmpClient *run_client(Run *run);
uv_loop_t *run_loop(Run *run);

/*
 * One command and its reply. 0; -EIO: the emulator's error, class in *ret_class if wanted (to free());
 * else transport (with status and stderr of a spawned one in the sentence and detail).
 */
int run_call(Run *run, const char *command, json_object *arguments, json_object **ret_result,
             char **ret_class, MusterError **ret_error);

/* Turns the loop until *done is true, the deadline, the canceller, or the emulator's end. */
int run_until(Run *run, const bool *done, MusterError **ret_error);

/* As when an error is to be told: the last words of a spawned emulator; to free(); may be NULL. */
char *run_stderr(Run *run);

/* Kills a spawned emulator before it is closed: nothing more is asked, and there is something else to do. */
void run_kill(Run *run);

/* Ends a spawned emulator (SIGKILL; nothing remains), lets go of a connected one. Returns NULL. */
Run *run_close(Run *run);

DEFINE_CLEANUP(Run, run_close);
