/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/hub.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/value.h"

static int read_hub(Domain *domain, Part *part)
{
        static const char *const types[] = {"usb", NULL};
        int type = 0;

        if (read_word(domain->xml, part->element, "type", types, &type) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("What kind of hub shall it be? Give type='usb', there is no other."));
        return 0;
}

static int complete(Domain *domain, Part *part)
{
        if (!domain_has_type(domain, "usb-hub"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("%s has no device '%s'; take another model, or another emulator."),
                          domain_emulator_text(domain), "usb-hub");
        return place_want_usb(domain, part);
}

int hub_add(Domain *domain)
{
        XmlElement *element;
        Part *part = NULL;
        int r;

        r = domain_new_element(domain, "hub", &element);
        if (r >= 0)
                r = xml_set(element, "type", "usb");
        if (r >= 0)
                r = domain_add_device(domain, element, &part);
        if (r == -E2BIG)
                return 0;
        return r < 0 || !part ? r : complete(domain, part);
}

static int plan_one(Plan *plan, const Part *part)
{
        CLEANUP(json) json_object *device = json_object_new_object();

        if (!device || json_add_string(device, "driver", "usb-hub") < 0)
                return -ENOMEM;
        return plan_device(plan, part, TAKE(device));
}

static unsigned level_of(const Part *part)
{
        unsigned level = 0;

        for (const char *dot = part->place.usb_port; (dot = strchr(dot, '.')); dot++)
                level++;
        return level;
}

/* All of them at the first, and one that is plugged into another after that. */
static int plan(Plan *plan, Part *part)
{
        unsigned last = 0;
        int r = 0;

        if (plan->additions)
                return plan_one(plan, part);
        if (part != domain_next(plan->domain, &device_hub, NULL))
                return 0;
        for (unsigned level = 0; level <= last; level++)
                for (Part *hub = NULL; r >= 0 && (hub = domain_next(plan->domain, &device_hub, hub));) {
                        last = level_of(hub) > last ? level_of(hub) : last;
                        if (level_of(hub) == level)
                                r = plan_one(plan, hub);
                }
        return r < 0 ? r : controller_plan_behind_hubs(plan);
}

const PartKind device_hub = {
        .name = "hub",
        .alias = "hub",
        .flags = PART_ADDRESS | PART_CARRIES,
        .places = 1 << PLACE_USB,
        .read = read_hub,
        .complete = complete,
        .plan = plan,
};
