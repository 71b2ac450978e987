/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <memoryBacking>: what the guest's memory is made of. */

#include "domain/section/numa.h"

typedef enum MemorySource {
        MEMORY_ANONYMOUS,
        MEMORY_FILE,
        MEMORY_MEMFD,
} MemorySource;

typedef struct HugePage {
        uint64_t size; /* in bytes; 0: whatever the host's default is */
        Cpuset cells;  /* none: of all that no other <page> has */
} HugePage;

typedef struct MemoryBacking {
        XmlElement *element; /* NULL: not said */
        MemorySource source;
        MemoryAccess access;
        bool huge, unmerged, locked, immediate, discard;
        HugePage *pages; /* none of them: of the host's default size */
        size_t n_pages;
        uint64_t threads; /* that allocate; 0: not said */
} MemoryBacking;

int memory_backing_read(Domain *domain, XmlElement *element, MemoryBacking *ret);
void memory_backing_clear(MemoryBacking *backing);

/* `cell`: NULL for a guest without NUMA. */
bool memory_backing_is_shared(const MemoryBacking *backing, const NumaCell *cell);

/* Anything but ordinary anonymous memory. */
bool memory_backing_is_special(const MemoryBacking *backing);

int memory_backing_plan(Plan *plan, const Part *part, const MemoryBacking *backing, const char *id,
                        uint64_t bytes, int cell);
