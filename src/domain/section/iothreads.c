/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/iothreads.h"

#include "domain/plan.h"

bool iothread_exists(const Domain *domain, unsigned number)
{
        return false;
}

static int read_iothreads(Domain *domain, Part *part)
{
        return 0;
}

const PartKind section_iothreads = {
        .name = "iothreads",
        .read = read_iothreads,
};
