/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A process that lives apart from the daemon and outlives it: an emulator, or a helper that it needs
 * (swtpm, virtiofsd, passt). Its own session, process group and, where systemd is there, transient scope;
 * its own user; no descriptors but 0-2 and those that it is handed; its own log.
 *
 * It is forked, but held back before it executes anything, until process_release(): so whoever starts it can
 * write down its name first, which is (pid, start time). A daemon that dies in between takes the held
 * process with it (it sees its pipe close, and exits), one that dies later leaves a process of which the
 * name is on record. So none is ever lost.
 *
 * All on the loop's thread, nothing blocks it but fork().
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

typedef struct Process Process;

typedef struct ProcessUser {
        uid_t uid;
        gid_t gid;
        const gid_t *groups; /* supplementary ones */
        size_t n_groups;
} ProcessUser;

typedef struct ProcessSpec {
        char *const *argv;        /* argv[0] is the absolute path that is executed */
        char *const *environment; /* all of it: "NAME=value"; NULL: PATH and LANG=C.UTF-8 alone */
        const char
                *log; /* stdout and stderr are appended to this file (0600, O_NOFOLLOW); NULL: /dev/null */
        const char *directory; /* working directory; NULL: "/" */
        const int *fds;        /* these become 3, 4, …: borrowed */
        size_t n_fds;
        const ProcessUser *user; /* NULL: the daemon's own; else no capabilities */
        bool privileges; /* setuid helpers of a process with a `user` work (qemu-bridge-helper); else it and
                            what it runs can gain nothing */
        const char *scope; /* "muster-demo-1.scope": a transient scope for it, in `slice`; NULL, or where no
                              systemd runs: none */
        const char *slice; /* "muster.slice"; NULL: the default */
        bool session;      /* the scope is the user's instance's */
        uint64_t nofile, memlock; /* RLIMIT_*; 0: inherited. As much of it as the daemon may give */
        bool core;                /* core dumps allowed; else the limit is 0 */
        bool reset_oom; /* back to oom_score_adj 0: the daemon has lowered its own, which is inherited */
} ProcessSpec;

/*
 * Forks it, and puts it into its scope, in the background: `held` is called once, later, with 0, or a
 * negative errno and the reason (the process is gone then; still process_free() it). What makes a scope
 * impossible (no systemd, no bus) is no failure: process_scope() is NULL then.
 */
typedef void (*ProcessHeldFn)(Process *process, int result, const MusterError *error, void *userdata);
int process_spawn(uv_loop_t *loop, const ProcessSpec *spec, ProcessHeldFn held, void *userdata,
                  Process **ret, MusterError **ret_error);

/* Lets it execute: `running` is called once, later: 0 when it did, else what execve() or the way to it
 * failed with (the sentence names the step), and it is gone. Only after `held` said 0. */
typedef void (*ProcessRunningFn)(Process *process, int result, const MusterError *error, void *userdata);
void process_release(Process *process, ProcessRunningFn running, void *userdata);

/* Nobody waits for `held` or `running` any more: neither is called. It stays held; what ends it is told. */
void process_forget(Process *process);

/*
 * A process that runs already, by its name. -ESRCH: it is gone; -EPERM. It need not be our child, and then
 * how it ended is not known. `scope` may be NULL.
 */
int process_open(uv_loop_t *loop, pid_t pid, uint64_t start, const char *scope, bool session, Process **ret,
                 MusterError **ret_error);

/*
 * It ended: once, on the loop, after what `held` or `running` had to say; also if it had ended when this was
 * called. `status` as of waitpid(), or -1 where it was not our child. In the callback process_signal() still
 * reaches with SIGKILL what it left behind.
 */
typedef void (*ProcessEndedFn)(Process *process, int status, void *userdata);
void process_on_end(Process *process, ProcessEndedFn ended, void *userdata);

pid_t process_pid(const Process *process);
uint64_t process_start(const Process *process); /* proc.h's */
const char *process_scope(const Process *process);
bool process_ended(const Process *process);

/* By pidfd to the process itself; with SIGKILL to all of its scope or group, too. */
void process_signal(Process *process, int signal);

/* SIGKILL to the process itself and nothing else: one that others started shares its group with them. */
void process_kill_alone(Process *process);

/*
 * Lets go of it, whether it runs or not (a held one is ended); frees it when the loop has closed its
 * handles (one that is held or was killed: when it has ended, too). No callback comes any more. Returns
 * NULL. A child that runs on is a zombie between its end and the daemon's: that is for the daemon's own end.
 */
Process *process_free(Process *process);
