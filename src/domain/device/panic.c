/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/panic.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/os.h"
#include "domain/value.h"

typedef enum PanicModel {
        PANIC_ISA,
        PANIC_PCI,
        PANIC_PSERIES,
        PANIC_HYPERV,
        PANIC_S390,
} PanicModel;

typedef struct Panic {
        PanicModel model;
        bool said;
} Panic;

static const char *const models[] = {"isa", "pvpanic", "pseries", "hyperv", "s390", NULL};

bool panic_hyperv(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_panic, part));)
                if (((const Panic *)part->data)->model == PANIC_HYPERV)
                        return true;
        return false;
}

static int read_panic(Domain *domain, Part *part)
{
        Panic *panic = part->data;
        int model = PANIC_ISA;

        panic->said = read_word(domain->xml, part->element, "model", models, &model) > 0;
        panic->model = (PanicModel)model;
        return 0;
}

static PanicModel default_model(const Domain *domain)
{
        if (os_pci_machine(domain) == PCI_MACHINE_PSERIES)
                return PANIC_PSERIES;
        return os_is_x86(domain) ? PANIC_ISA : PANIC_PCI;
}

static void check_model(Domain *domain, Part *part)
{
        const Panic *panic = part->data;

        if (panic->model == PANIC_PSERIES && os_pci_machine(domain) != PCI_MACHINE_PSERIES)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("pseries is that of the machine of this name only; give \"%s\" here."),
                          models[default_model(domain)]);
        if ((panic->model == PANIC_ISA || panic->model == PANIC_HYPERV) && !os_is_x86(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Only PCs have that; give \"%s\" here."), models[default_model(domain)]);
        if (panic->model == PANIC_S390)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("That is of s390x machines, which muster does not know; give \"%s\" here."),
                          models[default_model(domain)]);
        for (Part *other = NULL; (other = domain_next(domain, &device_panic, other)) && other != part;)
                if (((const Panic *)other->data)->model == panic->model)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                                  _("A domain has one <panic> of each model; keep one."));
}

static int complete(Domain *domain, Part *part)
{
        Panic *panic = part->data;

        if (!panic->said)
                panic->model = default_model(domain);
        panic->said = true;
        check_model(domain, part);
        if (xml_set(part->element, "model", models[panic->model]) < 0)
                return -ENOMEM;
        return panic->model == PANIC_PCI ? place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE,
                                                          /* hotplug= */ false)
                                         : 0;
}

/* Its port is "ioport", not "iobase" as with others on ISA. */
static int plan_isa(Plan *plan, const Part *part, json_object *device)
{
        CLEANUP(json) json_object *owned = device;
        int r;

        r = part->alias ? json_add_string(owned, "id", part->alias) : 0;
        if (r >= 0 && part->place.iobase != UINT64_MAX)
                r = json_add_int(owned, "ioport", (int64_t)part->place.iobase);
        return r < 0 ? r : plan_properties(plan, part, "-device", TAKE(owned));
}

static int plan(Plan *plan, Part *part)
{
        const Panic *panic = part->data;
        const char *driver = panic->model == PANIC_PCI ? "pvpanic-pci" : "pvpanic";
        CLEANUP(json) json_object *device = NULL;

        if (panic->model != PANIC_ISA && panic->model != PANIC_PCI)
                return 0;
        if (!domain_has_type(plan->domain, driver)) {
                plan_fault(plan, part->element, "model",
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), driver);
                return 0;
        }
        device = json_object_new_object();
        if (!device || json_add_string(device, "driver", driver) < 0)
                return -ENOMEM;
        return panic->model == PANIC_ISA ? plan_isa(plan, part, TAKE(device))
                                         : plan_device(plan, part, TAKE(device));
}

const PartKind device_panic = {
        .name = "panic",
        .alias = "panic",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_ISA | 1 << PLACE_PCI,
        .size = sizeof(Panic),
        .read = read_panic,
        .complete = complete,
        .plan = plan,
};
