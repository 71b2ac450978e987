/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <panic>: how a guest tells that its kernel has crashed. */

#include "domain/part.h"

extern const PartKind device_panic;

/* Whether the CPU has Hyper-V's crash registers: hv-crash. From `complete` on. */
bool panic_hyperv(const Domain *domain);
