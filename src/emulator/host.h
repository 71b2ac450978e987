/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Host facts that muster finds out by itself. */

#include "emulator/context.h"
#include "emulator/facts.h"

#define HOST_FACT_KVM_DEVICE "kvm-device"

/* Adds "kvm-device" ({"usable", "why"?}) and "user" ({"uid", "name"?}), for the user that emulators run as.
 */
int host_add_facts(const MusterContext *context, MusterFacts *facts);

/*
 * What host facts hold for, as lines of text, to free(): kernel, processor and microcode, whether KVM is
 * usable by the user that emulators run as and which of its extensions are on, that user. Compared, not
 * interpreted. -ENOMEM.
 */
int host_fingerprint(const MusterContext *context, char **ret);

/* 0 if KVM can be used by the user that emulators run as, else an errno. */
int host_kvm_error(const MusterContext *context);
