/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/watchdog.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/os.h"
#include "domain/value.h"

typedef enum WatchdogModel {
        WATCHDOG_I6300ESB,
        WATCHDOG_IB700,
        WATCHDOG_ITCO,
        WATCHDOG_DIAG288,
} WatchdogModel;

#define ACTION_DUMP 6

typedef struct Watchdog {
        WatchdogModel model;
        int action;
} Watchdog;

static const char *const actions[] = {"reset", "shutdown",   "poweroff", "pause",
                                      "none",  "inject-nmi", "dump",     NULL};

static int read_watchdog(Domain *domain, Part *part)
{
        static const char *const models[] = {"i6300esb", "ib700", "itco", "diag288", NULL};
        Watchdog *watchdog = part->data;
        int model = WATCHDOG_I6300ESB;

        if (read_word(domain->xml, part->element, "model", models, &model) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Which watchdog? Give model='i6300esb', or itco on q35, or ib700."));
        watchdog->model = (WatchdogModel)model;
        read_word(domain->xml, part->element, "action", actions, &watchdog->action);
        if (watchdog->action == ACTION_DUMP)
                xml_fault(
                        domain->xml, FAULT_ERROR, part->element, "action",
                        _("The emulator writes no dump by itself; give action='pause', and dump it then."));
        return 0;
}

/* The emulator has one action for all of them. */
static void check_action(Domain *domain, Part *part)
{
        const Watchdog *first = domain_next(domain, &device_watchdog, NULL)->data;

        if (((const Watchdog *)part->data)->action != first->action)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "action",
                          _("All watchdogs of a domain have one action; give action='%s' here, too."),
                          actions[first->action]);
}

static int complete(Domain *domain, Part *part)
{
        const Watchdog *watchdog = part->data;

        check_action(domain, part);
        if (xml_set(part->element, "action", actions[watchdog->action]) < 0)
                return -ENOMEM;
        switch (watchdog->model) {
        case WATCHDOG_I6300ESB:
                return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE,
                                      /* hotplug= */ true);
        case WATCHDOG_ITCO:
                if (os_pci_machine(domain) != PCI_MACHINE_Q35)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                                  _("itco is a part of the machine q35 only; take i6300esb here."));
                return 0;
        case WATCHDOG_DIAG288:
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("diag288 is a part of s390x machines, which muster does not know; take "
                            "i6300esb."));
                return 0;
        case WATCHDOG_IB700:
                return 0;
        }
        return 0;
}

/* -watchdog-action is another spelling of it, and the only one before QEMU 6.0. */
static int plan_action(Plan *plan, const Part *part)
{
        const char *name = actions[((const Watchdog *)part->data)->action];
        json_object *action;

        if (!plan_has(plan, part, "option-action", NULL, NULL, NULL))
                return plan_option(plan, "-watchdog-action", name);
        action = json_object_new_object();
        if (!action || json_add_string(action, "watchdog", name) < 0) {
                json_object_put(action);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-action", action);
}

static int plan_card(Plan *plan, const Part *part, const char *driver)
{
        json_object *device;

        if (!domain_has_type(plan->domain, driver)) {
                plan_fault(plan, part->element, "model",
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), driver);
                return 0;
        }
        device = json_object_new_object();
        if (!device || json_add_string(device, "driver", driver) < 0) {
                json_object_put(device);
                return -ENOMEM;
        }
        return plan_device(plan, part, device);
}

static int plan(Plan *plan, Part *part)
{
        const Watchdog *watchdog = part->data;
        int r;

        /* The chip is there, but a strap keeps it from resetting the machine. */
        if (watchdog->model == WATCHDOG_ITCO)
                r = plan_option(plan, "-global", "ICH9-LPC.noreboot=off");
        else
                r = plan_card(plan, part, watchdog->model == WATCHDOG_IB700 ? "ib700" : "i6300esb");
        return r < 0 || part->index > 0 ? r : plan_action(plan, part);
}

const PartKind device_watchdog = {
        .name = "watchdog",
        .alias = "watchdog",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_PCI,
        .size = sizeof(Watchdog),
        .read = read_watchdog,
        .complete = complete,
        .plan = plan,
};
