/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * <cpu><numa>: the guest's own nodes. It is read with <cpu>, and its memory is planned with the rest of the
 * memory (memory-backing.h), so what is here is the data and the `-numa` options.
 */

#include "domain/cpuset.h"
#include "domain/plan.h"

#define NUMA_CELLS_MAX 128 /* QEMU's MAX_NODES */

typedef enum MemoryAccess {
        MEMORY_ACCESS_DEFAULT,
        MEMORY_ACCESS_SHARED,
        MEMORY_ACCESS_PRIVATE,
} MemoryAccess;

typedef struct NumaCell {
        XmlElement *element; /* NULL: no cell of this ID was given, which is a fault */
        uint64_t memory;     /* in bytes */
        Cpuset cpus;
        MemoryAccess access;
        int discard;                      /* -1: as <memoryBacking> says */
        uint8_t distance[NUMA_CELLS_MAX]; /* 0: not said */
} NumaCell;

typedef struct Numa {
        XmlElement *element; /* NULL: the guest has no nodes */
        NumaCell *cells;     /* by ID */
        size_t n;
        bool distances, caches;
} Numa;

int numa_read(Domain *domain, XmlElement *cpu, Numa *ret);
void numa_clear(Numa *numa);

/* Those of <cpu>. */
const Numa *domain_numa(const Domain *domain);

/* Sum of the cells, each made a multiple of `unit`, in bytes; into the XML, too. */
int numa_align(Domain *domain, uint64_t unit, uint64_t *ret_total);

/* Gives processors that no cell has to the first one, and completes distances. */
int numa_complete(Domain *domain, Numa *numa, unsigned n_cpus);

int numa_plan(Plan *plan, const Part *part, const Numa *numa);

/* The machine has to be told of latencies. */
bool numa_has_hmat(const Domain *domain);
