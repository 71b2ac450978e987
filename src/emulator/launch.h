/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a running emulator was started, as far as the gate weighs it (DESIGN section 6). */

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Bits of MusterLaunchCondition (muster/gate.h has them; this layer is below it, so a plain unsigned). */
enum {
        LAUNCH_RUNAS = 1 << 0,
        LAUNCH_CHROOT = 1 << 1,
        LAUNCH_UID = 1 << 2,
        LAUNCH_SINGLE_FD = 1 << 3,
};

/* Pure: from an argv. Knows -runas, -chroot, -run-with user=/chroot= in all spellings QEMU takes. */
unsigned launch_from_argv(char *const *argv);

/*
 * Whether it was started in a way that may change what is a function of the binary elsewhere: -compat hides
 * parts of the schema, and -readconfig may hold it.
 */
bool launch_changes_facts(char *const *argv);

/* The words of /proc/PID/cmdline, to strv_free(). */
int launch_argv(pid_t pid, char ***ret, MusterError **ret_error);

/* From /proc/PID/cmdline, status (uids that differ from each other) and root. */
int launch_of_process(pid_t pid, unsigned *ret_conditions, MusterError **ret_error);

/* The access modes of the descriptors behind /proc/PID/fd/N: O_RDONLY, O_RDWR; -ENOENT. */
int launch_fd_access(pid_t pid, int fd, int *ret_mode);

/* A sentence fragment for each bit, translated. */
const char *launch_condition_name(unsigned bit);
