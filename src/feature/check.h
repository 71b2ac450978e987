/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Behavioural checks: what an emulator does, not what it says. One file a check, named in the table of
 * check.c and by `tie = measured NAME`. A check gets a fresh emulator in its sandbox and reports each
 * promised half by itself. What cannot be set up (no such command, no NBD built in) is `could not be
 * measured`, which refutes nothing.
 */

#include "emulator/facts.h"
#include "emulator/run.h"

typedef struct CheckHalf {
        const char *name; /* "opened-read-only" */
        bool met;
        char *detail;
} CheckHalf;

#define CHECK_HALVES_MAX 8

typedef struct CheckOutcome {
        CheckHalf halves[CHECK_HALVES_MAX];
        size_t n_halves;
        char *unavailable; /* not NULL: why it could not be measured */
} CheckOutcome;

typedef struct Check {
        const char *name;
        /* 0: outcome filled; negative: the emulator died or ran out of time, with a sentence. */
        int (*run)(Run *run, const MusterFacts *facts, CheckOutcome *outcome, MusterError **ret_error);
} Check;

const Check *check_find(const char *name);
void check_outcome_clear(CheckOutcome *outcome);

/* {"halves": [{"name", "met", "detail"}]}: the value of the measured fact. */
json_object *check_outcome_to_json(const CheckOutcome *outcome);

extern const Check check_auto_read_only_reopens;
