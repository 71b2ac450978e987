/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/section/os.h"

/*
 * Which controllers there are: indices for those without, the machine's own, libvirt's default for USB, and
 * those that something wants to be plugged into.
 */

static bool index_taken(const Domain *domain, ControllerType type, int index)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Controller *controller = controller_of(domain->devices[i]);

                if (controller && controller->type == type && controller->index == index)
                        return true;
        }
        return false;
}

static int64_t index_of(const Part *part, int which)
{
        const Controller *controller = controller_of(part);

        return controller && controller->type == (ControllerType)which ? controller->index : -1;
}

int controller_free_index(const Domain *domain, ControllerType type)
{
        return (int)domain_free_number(domain, &device_controller,
                                       type == CONTROLLER_PCI /* 0 is the root's */, index_of, (int)type);
}

static bool is_companions_master(const Controller *controller)
{
        return controller->model && streq(controller->model->name, "ich9-ehci1");
}

/* That of the nearest ich9-ehci1 before it, or else of the first. */
static int companion_index(const Domain *domain, const Part *companion)
{
        int index = -1;
        bool behind = false;

        for (Part *part = NULL; (part = controller_next(domain, CONTROLLER_USB, part));) {
                const Controller *controller = part->data;

                behind = behind || part == companion;
                if (is_companions_master(controller) && (!behind || index < 0))
                        index = controller->index;
        }
        return index;
}

static bool is_root(const Controller *controller)
{
        return controller->type == CONTROLLER_PCI && controller->pci <= PCI_MODEL_PCIE_ROOT;
}

static void assign_index(const Domain *domain, Part *part, bool companions)
{
        Controller *controller = part->data;
        bool first_root = is_root(controller) && !index_taken(domain, CONTROLLER_PCI, 0);

        if (controller->type == _CONTROLLER_TYPES || controller->index >= 0 ||
            controller_is_companion(controller) != companions)
                return;
        if (companions)
                controller->index = companion_index(domain, part);
        if (controller->index < 0)
                controller->index =
                        first_root || (is_root(controller) && os_pci_machine(domain) != PCI_MACHINE_PSERIES)
                                ? 0
                                : controller_free_index(domain, controller->type);
}

/* Companions have their master's; of PCI's the assignment of places speaks. */
static bool is_double(const Controller *first, const Controller *second)
{
        return first->type == second->type && first->index == second->index &&
               first->type != CONTROLLER_PCI &&
               (!(controller_is_companion(first) || controller_is_companion(second)) ||
                first->model == second->model);
}

static void check_index(Domain *domain, size_t at)
{
        const Controller *controller = controller_of(domain->devices[at]);

        for (size_t i = 0; controller && i < at; i++) {
                const Controller *before = controller_of(domain->devices[i]);

                if (!before || !is_double(before, controller))
                        continue;
                xml_fault(domain->xml, FAULT_ERROR, domain->devices[at]->element, "index",
                          _("There is a %s controller of index %d already; leave the index of one out, and "
                            "it gets a free one."),
                          controller_type_name(controller->type), controller->index);
                return;
        }
}

static void check_none(Domain *domain)
{
        Part *none = NULL;

        for (Part *part = NULL; (part = controller_next(domain, CONTROLLER_USB, part));) {
                const Controller *controller = part->data;

                if (controller->model && streq(controller->model->name, "none"))
                        none = part;
        }
        for (Part *part = NULL; none && (part = controller_next(domain, CONTROLLER_USB, part));)
                if (part != none)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Another controller says with model='none' that there is no USB; remove "
                                    "one of the two."));
}

/* --- more of them -------------------------------------------------------------------------------- */

static int make(Domain *domain, ControllerType type, unsigned index, const char *model, int start_port,
                Part **ret)
{
        XmlElement *element, *master;
        int r;

        *ret = NULL;
        r = domain_new_element(domain, "controller", &element);
        if (r >= 0)
                r = xml_set(element, "type", controller_type_name(type));
        if (r >= 0)
                r = xml_setf(element, "index", "%u", index);
        if (r >= 0 && model)
                r = xml_set(element, "model", model);
        if (r >= 0 && start_port >= 0)
                r = xml_add(element, "master", /* text= */ NULL, &master);
        if (r >= 0 && start_port >= 0)
                r = xml_setf(master, "startport", "%d", start_port);
        if (r >= 0)
                r = domain_add_device(domain, element, ret);
        return r == -E2BIG ? 0 : r;
}

int controller_add(Domain *domain, ControllerType type, unsigned index, const char *model, Part **ret)
{
        size_t before = domain->faults->n_errors;
        Part *part;
        int r;

        *ret = NULL;
        r = make(domain, type, index, model, /* start_port= */ -1, &part);
        if (r >= 0 && part)
                r = controller_complete(domain, part);
        if (r >= 0 && domain->faults->n_errors == before)
                *ret = part;
        return r;
}

int controller_ensure(Domain *domain, ControllerType type, unsigned index)
{
        Part *part;
        int r = 0;

        for (unsigned i = 0; r >= 0 && i <= index && domain->faults->n_errors == 0; i++)
                if (!controller_get(domain, type, i))
                        r = controller_add(domain, type, i, /* model= */ NULL, &part);
        return r;
}

/* --- libvirt's defaults -------------------------------------------------------------------------- */

/* USB 3 where libvirt prefers it, and nothing on boards for which it adds nothing. */
static int imply_usb(Domain *domain)
{
        static const char *const companions[] = {"ich9-uhci1", "ich9-uhci2", "ich9-uhci3"};
        PciMachine machine = os_pci_machine(domain);
        const char *model = "piix3-uhci";
        Part *part;
        int r;

        if (machine == PCI_MACHINE_NONE || machine == PCI_MACHINE_VIRT ||
            controller_next(domain, CONTROLLER_USB, NULL))
                return 0;
        if (machine != PCI_MACHINE_I440FX)
                model = domain_has_type(domain, "qemu-xhci")      ? "qemu-xhci"
                        : domain_has_type(domain, "nec-usb-xhci") ? "nec-xhci"
                                                                  : "ich9-ehci1";
        r = make(domain, CONTROLLER_USB, 0, model, /* start_port= */ -1, &part);
        for (size_t i = 0; r >= 0 && streq(model, "ich9-ehci1") && i < ELEMENTSOF(companions); i++)
                r = make(domain, CONTROLLER_USB, 0, companions[i], (int)(2 * i), &part);
        return r;
}

static int imply_root(Domain *domain)
{
        PciMachine machine = os_pci_machine(domain);
        bool express = machine == PCI_MACHINE_Q35 || machine == PCI_MACHINE_VIRT;
        Part *part;

        if (machine == PCI_MACHINE_NONE || index_taken(domain, CONTROLLER_PCI, 0))
                return 0;
        return make(domain, CONTROLLER_PCI, 0, express ? "pcie-root" : "pci-root", /* start_port= */ -1,
                    &part);
}

/* Before any device is completed, so that those can ask for controllers' models. */
int controller_imply(Domain *domain)
{
        Part *part = NULL;
        int r;

        for (int companions = 0; companions <= 1; companions++)
                while ((part = domain_next(domain, &device_controller, part)))
                        assign_index(domain, part, companions != 0);
        for (size_t i = 0; i < domain->n_devices; i++)
                check_index(domain, i);
        check_none(domain);
        if (domain->faults->n_errors > 0)
                return 0;
        r = imply_usb(domain);
        if (r >= 0 && os_pci_machine(domain) == PCI_MACHINE_Q35 && !index_taken(domain, CONTROLLER_SATA, 0))
                r = make(domain, CONTROLLER_SATA, 0, /* model= */ NULL, /* start_port= */ -1, &part);
        return r < 0 ? r : imply_root(domain);
}
