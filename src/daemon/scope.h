/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transient scopes of systemd: the control group that a process started by the daemon lives in, so that
 * neither a stop of the daemon's unit takes it along nor one of its own children escapes.
 *
 * All but scope_name() and the control group's functions talk to the bus on a connection of their own, and
 * wait for it: for the pool.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* "muster-<domain>-<id>.scope", escaped and cut as unit names must be; to free(). NULL: out of memory. */
char *scope_name(const char *domain, uint64_t id);

typedef struct ScopeSpec {
        const char *name;
        const char *slice;       /* NULL: the default */
        const char *description; /* NULL: the name */
        pid_t pid;
        bool session; /* of the user's service manager */
} ScopeSpec;

/* 1: it is in its scope. 0: there is no service manager here. Else its refusal, or -ETIMEDOUT. */
int scope_start(const ScopeSpec *spec, MusterError **ret_error);

/* The same over a connection that there is. */
struct sd_bus;
int scope_start_on(struct sd_bus *bus, const ScopeSpec *spec, uint64_t timeout_usec,
                   MusterError **ret_error);

/* SIGKILL for all that is in it, by way of the service manager. 1: sent; 0: it is gone, or nobody is there.
 */
int scope_kill(const char *name, bool session, MusterError **ret_error);
int scope_kill_on(struct sd_bus *bus, const char *name, MusterError **ret_error);

/* The folder of the scope's control group, if the process is in it; to free(). -ENOENT: it is not, or this
 * host has no unified hierarchy. */
int scope_cgroup(pid_t pid, const char *name, char **ret);

/* SIGKILL for all that is in it, at once (Linux 5.14). -ENOENT: cannot be done so, or it is gone. */
int scope_cgroup_kill(const char *cgroup);
