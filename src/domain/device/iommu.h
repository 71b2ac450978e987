/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <iommu>: address translation between the guest's devices and its memory. */

#include "domain/part.h"

extern const PartKind device_iommu;

/* The machine's parameter "iommu" where the IOMMU is a part of the machine: "smmuv3" on Arm's virt. NULL:
 * none. */
const char *iommu_machine_option(const Domain *domain);
