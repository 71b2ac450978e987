/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/nvram.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/os.h"

#define NVRAM_REG 0x3000

static int read_nvram(Domain *domain, Part *part)
{
        return 0;
}

static int complete(Domain *domain, Part *part)
{
        if (os_pci_machine(domain) == PCI_MACHINE_PSERIES)
                return place_want_spapr_vio(domain, part, NVRAM_REG);
        xml_fault(
                domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                _("Only the machine pseries has an <nvram> among its devices; the file of UEFI's variables "
                  "is <os><nvram>."));
        return 0;
}

/* The machine makes the device, so its address is a default. */
static int plan(Plan *plan, Part *part)
{
        CLEANUP(free)
        char *text = text_format("spapr-nvram.reg=0x%llx", (unsigned long long)part->place.reg);

        if (!text)
                return -ENOMEM;
        return part->place.reg == UINT64_MAX ? 0 : plan_option(plan, "-global", text);
}

const PartKind device_nvram = {
        .name = "nvram",
        .alias = "nvram",
        .flags = PART_ADDRESS | PART_SINGLE,
        .places = 1 << PLACE_SPAPR_VIO,
        .read = read_nvram,
        .complete = complete,
        .plan = plan,
};
