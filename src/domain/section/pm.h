/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <pm>: what the guest may do to sleep. */

#include "domain/part.h"

extern const PartKind section_pm;

/* Whether the guest may: 1, 0; -1: not said. */
int pm_suspend_to_mem(const Domain *domain);
int pm_suspend_to_disk(const Domain *domain);
