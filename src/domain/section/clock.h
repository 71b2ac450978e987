/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <clock>: what the guest takes for the time. */

#include "domain/plan.h"

extern const PartKind section_clock;

/* Appends what timers are to the processor ("kvmclock=off"), for -cpu. -ENOMEM. */
int clock_add_cpu_flags(const Domain *domain, char ***flags);

/* Adds what timers are to the machine: "hpet", "pit", "rtc". */
int clock_add_machine(Plan *plan, json_object *machine);
