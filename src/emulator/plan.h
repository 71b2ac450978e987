/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every probe asks: data. */

#include "emulator/facts.h"

typedef struct PlanCommand {
        const char *name;
        FactScope scope;
        bool spare_running; /* not asked of an emulator that has a guest to lose */
} PlanCommand;

/* In the order of asking; ends with a NULL name. */
extern const PlanCommand plan_commands[];
