/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <memory>, <currentMemory>, <maxMemory>, <memoryBacking>: the RAM and where it comes from. */

#include "base/json.h"
#include "domain/part.h"

extern const PartKind section_memory;

/* What the guest has at boot, in bytes; from `complete` on. <memory> says that and all <memory> devices. */
uint64_t memory_bytes(const Domain *domain);

/* What <maxMemory> says, 0 without: memory devices can be plugged in then. */
uint64_t memory_max_bytes(const Domain *domain);

/* Whether other processes can map all of it (vhost-user devices, virtiofs need that). */
bool memory_is_shared(const Domain *domain);

/* Whether it stays in RAM: <locked/>. */
bool memory_is_locked(const Domain *domain);

/* The object that is all of the machine's memory; NULL: NUMA nodes have theirs, or the machine has its own.
 */
const char *memory_backend_id(const Domain *domain);

/*
 * Adds an object of the kind that <memoryBacking> and <numatune> ask for, for a node of the guest (-1: of a
 * guest without). For the machine's memory, and for that of memory devices.
 */
int memory_plan_backend(Plan *plan, const Part *part, const char *id, uint64_t bytes, int cell);

/* Adds to `-machine` what is about memory. */
int memory_add_machine(Plan *plan, const Part *part, json_object *machine);
