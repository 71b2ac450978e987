/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/memory.h"

#include "domain/plan.h"

uint64_t memory_bytes(const Domain *domain)
{
        return 0;
}

bool memory_is_shared(const Domain *domain)
{
        return true;
}

static int read_memory(Domain *domain, Part *part)
{
        return 0;
}

const PartKind section_memory = {
        .name = "memory",
        .read = read_memory,
};
