/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/vcpu.h"

#include "domain/plan.h"

unsigned vcpu_max(const Domain *domain)
{
        return 1;
}

static int read_vcpu(Domain *domain, Part *part)
{
        return 0;
}

const PartKind section_vcpu = {
        .name = "vcpu",
        .read = read_vcpu,
};
