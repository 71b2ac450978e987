/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/pm.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/os.h"
#include "domain/value.h"

typedef struct Pm {
        int mem, disk; /* -1: not said */
} Pm;

int pm_suspend_to_mem(const Domain *domain)
{
        return ((const Pm *)domain_section(domain, &section_pm)->data)->mem;
}

int pm_suspend_to_disk(const Domain *domain)
{
        return ((const Pm *)domain_section(domain, &section_pm)->data)->disk;
}

static int read_state(Domain *domain, XmlElement *pm, const char *name)
{
        XmlElement *element = xml_child(pm, name);
        bool enabled;

        if (!element)
                return -1;
        return read_switch(domain->xml, element, "enabled", &enabled) > 0 ? enabled : -1;
}

static int read_pm(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "pm");
        Pm *pm = part->data;

        pm->mem = pm->disk = -1;
        if (element) {
                pm->mem = read_state(domain, element, "suspend-to-mem");
                pm->disk = read_state(domain, element, "suspend-to-disk");
        }
        return 0;
}

/* The device whose registers put a PC to sleep; NULL: a machine that cannot. */
static const char *sleeper(const Domain *domain)
{
        switch (os_pci_machine(domain)) {
        case PCI_MACHINE_Q35:
                return "ICH9-LPC";
        case PCI_MACHINE_I440FX:
                return "PIIX4_PM";
        default:
                return NULL;
        }
}

static void check_state(Domain *domain, Part *part, const char *name, int state)
{
        /* Switching off what is not there is no loss. */
        if (state <= 0 || sleeper(domain))
                return;
        xml_fault(domain->xml, FAULT_ERROR, xml_child(xml_child(part->element, "pm"), name), "enabled",
                  _("A machine of type %s cannot be suspended by its guest; give enabled='no'."),
                  os_machine(domain));
}

static int complete(Domain *domain, Part *part)
{
        const Pm *pm = part->data;

        if (domain->faults->n_errors > 0)
                return 0;
        check_state(domain, part, "suspend-to-mem", pm->mem);
        check_state(domain, part, "suspend-to-disk", pm->disk);
        return 0;
}

static int plan_state(Plan *plan, const char *property, int state)
{
        const char *device = sleeper(plan->domain);
        CLEANUP(free) char *text = NULL;

        if (!device || state < 0)
                return 0;
        text = text_format("%s.%s=%d", device, property, !state);
        return text ? plan_option(plan, "-global", text) : -ENOMEM;
}

static int plan(Plan *plan, Part *part)
{
        const Pm *pm = part->data;
        int r;

        r = plan_state(plan, "disable_s3", pm->mem);
        return r < 0 ? r : plan_state(plan, "disable_s4", pm->disk);
}

const PartKind section_pm = {
        .name = "pm",
        .size = sizeof(Pm),
        .read = read_pm,
        .complete = complete,
        .plan = plan,
};
