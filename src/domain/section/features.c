/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/features.h"

#include "domain/plan.h"

bool features_acpi(const Domain *domain)
{
        return true;
}

bool features_smm(const Domain *domain)
{
        return false;
}

static int read_features(Domain *domain, Part *part)
{
        return 0;
}

const PartKind section_features = {
        .name = "features",
        .read = read_features,
};
