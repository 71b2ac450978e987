/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the gate's tests share: verdicts over a real schema, and the gate's answer as text to compare. */

#include "block/decide.h"

typedef struct Emulator {
        MusterCatalogue *catalogue;
        MusterFacts *facts;
        MusterVerdicts *verdicts;
} Emulator;

typedef enum Flag {
        FLAG_AS_IS,
        FLAG_REMOVED,   /* the schema without dynamic-auto-read-only: `absent` */
        FLAG_UNKNOWN,   /* `unknown`: only a tie that could not be asked */
        MEMBER_REMOVED, /* the schema without the member auto-read-only */
} Flag;

void emulator_make(Emulator *emulator, const char *schema, Flag flag);
void emulator_clear(Emulator *emulator);

/* The arguments as compact text, or "refused: <reason>", or "error: <sentence>"; to free(). */
char *gate_text(const Emulator *emulator, const MusterGateRequest *request, const GateLaunch *launch);
MusterGateResult *gate_result(const Emulator *emulator, const MusterGateRequest *request,
                              const GateLaunch *launch);
