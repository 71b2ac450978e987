/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <interface>: network cards and what they are connected to. */

#include "domain/part.h"

extern const PartKind device_interface;

/*
 * From `complete` on: whether the emulator starts a program for one of them (qemu-bridge-helper), which it
 * cannot with -sandbox spawn=deny or elevateprivileges=deny.
 */
bool interface_spawns(const Domain *domain);
