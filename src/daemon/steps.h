/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Carries out steps as block/step.h describes them: commands with what they wait for, and their undoing when
 * one of them fails. For the rows of operations: steps_begin() once, then step_carry_out stands in the row
 * and repeats itself until all are done.
 */

#include "daemon/operation.h"

typedef struct Steps Steps;

enum {
        STEPS_TOLERATE = 1 << 0, /* go on after a failure, which is only logged: what cleans up */
        /* Beside that: a node that is in use may not be for long, as its device is being freed. */
        STEPS_INSIST = 1 << 1,
};

/* `array` is borrowed (a reference is taken). Replaces what was there and is done. -ENOMEM. */
int steps_begin(Operation *operation, const json_object *array, unsigned flags);

/*
 * In a row of steps. After a refusal by the emulator what was done is undone, before it fails. Not so after
 * a wait for a guest that was in vain (it may still do what was asked), a deadline, or the emulator's end.
 */
int step_carry_out(Operation *operation);

/* The last reply of a step of this command, borrowed; NULL. */
json_object *steps_reply(const Operation *operation, const char *command);

Steps *steps_free(Steps *steps);
