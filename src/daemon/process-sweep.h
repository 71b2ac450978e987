/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Kills whoever is of a session but left its process group, when its leader has been killed. Blocking (it
 * reads /proc): for the pool.
 *
 * `held`: the leader is our child and not reaped before this has returned, so the session's number cannot
 * be another's. Else only who was there before `before` (clock ticks since boot, at a moment when the
 * leader still lived) is surely of that session.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

void process_sweep(pid_t leader, bool held, uint64_t before);

/* The present, in the unit of ProcStat.start. */
uint64_t process_ticks(void);
