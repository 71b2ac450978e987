/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <memory> among devices: DIMMs, NVDIMMs, virtio-mem and virtio-pmem, in the room that <maxMemory> leaves.
 */

#include "domain/part.h"

extern const PartKind device_memory;

/* The sum of the sizes of all of them that are the guest's RAM: of DIMMs and virtio-mem. */
uint64_t memory_device_bytes(const Domain *domain);

/* Whether one is an NVDIMM, which the machine must be told of: nvdimm=on. */
bool memory_device_nvdimm(const Domain *domain);
