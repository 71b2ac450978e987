/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A user id for each running domain, out of a range that nobody else uses. */

#include <stddef.h>
#include <sys/types.h>

/* The lowest of first … last that is not in `used` (any order, others and repeated ones too). -ENOSPC;
 * -EINVAL: no range, or one with root or "none" in it. Pure. */
int uids_take(uid_t first, uid_t last, const uid_t *used, size_t n_used, uid_t *ret);

/*
 * Which of the range processes on this host have now, as any of their ids: a domain of which the daemon
 * lost track may still run. Blocking (all of /proc): for the daemon's start.
 */
int uids_running(uid_t first, uid_t last, uid_t **ret, size_t *ret_n);
