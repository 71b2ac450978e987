/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Host facts that muster finds out by itself. */

#include "emulator/context.h"
#include "emulator/facts.h"

/* Adds "kvm-device" ({"usable", "why"?}) and "user" ({"uid", "name"?}), for the user that emulators run as.
 */
int host_add_facts(const MusterContext *context, MusterFacts *facts);
