/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <vcpu>, <vcpus>: how many processors, which are there at boot. */

#include "domain/cpuset.h"
#include "domain/part.h"

extern const PartKind section_vcpu;

/* With those that may be plugged in later. */
unsigned vcpu_max(const Domain *domain);

/* <vcpu cpuset=…>: what processors of the host the threads run on that nothing else is said of; none: any.
 */
const Cpuset *vcpu_cpuset(const Domain *domain);
