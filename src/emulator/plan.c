/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every command is asked of every kind of emulator: "CommandNotFound" costs nothing in a pipeline, is a fact
 * by itself, and leaves no list of kinds and releases to keep right.
 */

#include "emulator/plan.h"

const PlanCommand plan_commands[] = {
        {"query-version", FACT_PORTABLE, false},
        {"query-target", FACT_PORTABLE, false},
        {"query-qmp-schema", FACT_PORTABLE, false},
        /* Never merged upstream; its values may be decided as the emulator starts. */
        {"query-qemu-features", FACT_HOST, false},
        {"query-command-line-options", FACT_PORTABLE, false},
        {"qom-list-types", FACT_PORTABLE, false},
        {"query-machines", FACT_PORTABLE, false},
        {"query-kvm", FACT_HOST, false},
        {"query-accelerators", FACT_HOST, false}, /* 10.2 */
        /* Makes a CPU object of each model to see whether it would run here. */
        {"query-cpu-definitions", FACT_HOST, true},
        {NULL, FACT_PORTABLE, false},
};
