/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/graphics.h"

#include "domain/plan.h"

bool graphics_any(const Domain *domain)
{
        return false;
}

bool graphics_spice(const Domain *domain)
{
        return false;
}

bool graphics_gl(const Domain *domain)
{
        return false;
}

static int read_graphics(Domain *domain, Part *part)
{
        return 0;
}

const PartKind device_graphics = {
        .name = "graphics",
        .read = read_graphics,
};
