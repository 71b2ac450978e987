/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verdicts on the emulator that runs, whatever lies at its path by now: from the start of the domain on
 * they are there; a daemon that was started later gets them when they are first needed, by the digest of the
 * process's executable from the store, else by asking over the domain's own monitor.
 */

#include "daemon/operation.h"

/* To stand in a row of steps, one after the other: afterwards managed->life->verdicts is there. */
int step_judge_recall(Operation *operation);
int step_judge_ask(Operation *operation);
int step_judge_take(Operation *operation);
#define JUDGE_STEPS step_judge_recall, step_judge_ask, step_judge_take

typedef struct Judge Judge;
Judge *judge_free(Judge *judge);

/*
 * Those of another domain with the very same emulator take the place of these, so that a thousand domains
 * hold them once. Takes `verdicts`; returns what to keep.
 */
MusterVerdicts *judge_share(const Daemon *daemon, MusterVerdicts *verdicts);
