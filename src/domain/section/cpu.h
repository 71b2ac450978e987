/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <cpu>: model, features, topology, caches, NUMA cells. */

#include <stdint.h>

#include "domain/part.h"

extern const PartKind section_cpu;

typedef struct CpuTopology {
        XmlElement *element; /* NULL: not said, and everything is 1 */
        uint64_t sockets, dies, clusters, cores, threads;
} CpuTopology;

const CpuTopology *cpu_topology(const Domain *domain);

/* Processors are the host's own, so what can be plugged in later must be the same. */
bool cpu_is_host(const Domain *domain);

/* What one of them is as a device: "host-x86_64-cpu"; NULL: not known. From `complete` on. */
const char *cpu_device(const Domain *domain);
