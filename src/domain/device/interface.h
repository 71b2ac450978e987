/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <interface>: network cards and what they are connected to. */

#include "domain/part.h"

extern const PartKind device_interface;

/*
 * From `complete` on: whether the emulator starts a program for one of them, qemu-bridge-helper, which it
 * does not where it is handed descriptors. Then there can be no -sandbox on: spawn=deny kills the emulator
 * as it does so, and any filter of libseccomp sets no_new_privs, so that the helper, which is set-uid root,
 * gains no rights unless root started all of it.
 */
bool interface_spawns(const Domain *domain);
