/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_CONTEXT_H
#define MUSTER_CONTEXT_H

#include <stdint.h>

#include <muster/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What holds for every call that runs or talks to an emulator: how long it may take, as whom the
 * emulator runs, and what cancels it. One context may serve many calls, one thread at a time.
 */
typedef struct MusterContext MusterContext;

/** A context with a time limit of 10 s, the caller's own rights and no canceller. -ENOMEM. */
int muster_context_new(MusterContext **ret);

/** Frees `context`; returns NULL. */
MusterContext *muster_context_free(MusterContext *context);

/** The library's version, "0.1.0". */
const char *muster_version(void);

/** Each operation (one probe, one check, one send) ends after `usec` microseconds. -EINVAL for 0. */
int muster_context_set_timeout(MusterContext *context, uint64_t usec);

/**
 * Spawned emulators run as this user, with its primary and supplementary groups. Needs root.
 * -ENOENT no such user; -EPERM where the caller may not change user.
 */
int muster_context_set_user(MusterContext *context, const char *name, MusterError **ret_error);

/**
 * Operations in progress end with -ECANCELED, their emulator gone, once `fd` polls readable (a signalfd,
 * an eventfd, a pipe). The fd stays the caller's and is never read. -1 for none.
 */
void muster_context_set_cancel_fd(MusterContext *context, int fd);

#ifdef __cplusplus
}
#endif

#endif
