/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/controller.h"

#include "domain/plan.h"

Part *controller_find(const Domain *domain, const char *type, unsigned index)
{
        return NULL;
}

char *controller_bus(const Domain *domain, const char *type, unsigned index, unsigned bus, unsigned unit)
{
        return NULL;
}

const char *controller_model(const Domain *domain, const char *type, unsigned index)
{
        return NULL;
}

static int read_controller(Domain *domain, Part *part)
{
        return 0;
}

const PartKind device_controller = {
        .name = "controller",
        .read = read_controller,
        .flags = PART_CARRIES,
};
