/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <vcpu>, <vcpus>, <cputune>: how many processors, which are there at boot. */

#include "domain/part.h"

extern const PartKind section_vcpu;

/* With those that may be plugged in later. */
unsigned vcpu_max(const Domain *domain);
