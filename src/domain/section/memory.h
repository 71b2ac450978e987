/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <memory>, <currentMemory>, <maxMemory>, <memoryBacking>: the RAM and where it comes from. */

#include "domain/part.h"

extern const PartKind section_memory;

/* What the guest has at boot, in bytes. */
uint64_t memory_bytes(const Domain *domain);

/* Whether other processes can map all of it (vhost-user devices, virtiofs need that). */
bool memory_is_shared(const Domain *domain);
