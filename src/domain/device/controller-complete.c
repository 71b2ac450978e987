/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/section/iothreads.h"
#include "domain/section/os.h"

/* What one controller leaves unsaid, and what is wrong with it on this machine. */

static void refuse(Domain *domain, Part *part, const char *attribute, const char *message)
{
        xml_fault(domain->xml, FAULT_ERROR, part->element, attribute, "%s", message);
}

const char *controller_refusal(const Domain *domain, ControllerType type)
{
        PciMachine machine = os_pci_machine(domain);

        switch (type) {
        case CONTROLLER_IDE:
                return machine == PCI_MACHINE_I440FX
                               ? NULL
                               : _("This machine type has no IDE; give its drives bus='sata' or 'scsi', or "
                                   "the domain the machine type pc.");
        case CONTROLLER_FDC:
                return machine == PCI_MACHINE_I440FX || machine == PCI_MACHINE_Q35
                               ? NULL
                               : _("This machine type has no floppy controller; only pc and q35 can have "
                                   "one.");
        case CONTROLLER_PCI:
        case CONTROLLER_SATA:
        case CONTROLLER_USB:
                return machine != PCI_MACHINE_NONE
                               ? NULL
                               : _("This machine type has no PCI, into which such a controller is plugged; "
                                   "remove it, or take another machine type.");
        default:
                return NULL;
        }
}

static void check_machine(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        const char *refusal = controller_refusal(domain, controller->type);

        if (streq(controller->model->name, "none"))
                return;
        if (refusal)
                refuse(domain, part, "type", refusal);
        else if ((controller->type == CONTROLLER_IDE || controller->type == CONTROLLER_FDC) &&
                 controller->index > 0)
                refuse(domain, part, "index",
                       _("A machine has one such controller, of index 0; remove this one, and put its "
                         "drives on another bus."));
}

/* Whether there is such a device. */
static void check_type(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        const ControllerModel *model = controller->model;
        const char *type = controller->target.driver ?: model->qom ?: model->driver;

        if (!type || model->virtio || controller_is_built_in(domain, controller) ||
            domain_has_type(domain, type))
                return;
        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                  _("%s has no device '%s'; take another model, or another emulator."),
                  domain_emulator_text(domain), type);
}

static bool has_options(const ControllerDriver *driver)
{
        const VirtioOptions *virtio = &driver->virtio;

        return driver->iothread > 0 || driver->queues > 0 || driver->cmd_per_lun > 0 ||
               driver->max_sectors > 0 || driver->ioeventfd >= 0 || driver->event_idx >= 0 ||
               virtio->iommu >= 0 || virtio->ats >= 0 || virtio->packed >= 0 || virtio->page_per_vq >= 0;
}

static void check_driver(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        uint64_t iothread = controller->driver.iothread;
        XmlElement *element = xml_child(part->element, "driver");

        if (has_options(&controller->driver) && !controller->model->virtio)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Only virtio's controllers have these options; give model='virtio-scsi', or "
                            "remove <driver>."));
        else if (iothread > 0 && !iothread_exists(domain, (unsigned)iothread))
                xml_fault(domain->xml, FAULT_ERROR, element, "iothread",
                          _("There is no iothread %llu; raise <iothreads>, or take one that there is."),
                          (unsigned long long)iothread);
}

static void check_usb(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        bool xhci = strstr(controller->model->name, "xhci") != NULL;

        if (controller->ports >= 0 && (!xhci || controller->ports == 0))
                refuse(domain, part, "ports",
                       _("Only qemu-xhci and nec-xhci can have another number of ports, from 1 to 15; leave "
                         "ports out."));
        if (controller_is_companion(controller) &&
            !controller_get(domain, CONTROLLER_USB, (unsigned)controller->index))
                refuse(domain, part, "index",
                       _("This companion has no ich9-ehci1 of its index to serve; add one, or remove "
                         "<master>."));
}

/* --- PCI ----------------------------------------------------------------------------------------- */

/* Buses behind an expander have numbers of their own; guests want those of the root to be lower. */
static int free_bus_number(const Domain *domain)
{
        int lowest = 256;

        for (Part *part = NULL; (part = controller_next(domain, CONTROLLER_PCI, part));) {
                const Controller *controller = part->data;

                if (controller->target.bus_nr >= 0 && controller->target.bus_nr < lowest)
                        lowest = controller->target.bus_nr;
        }
        return lowest > 2 ? lowest - 2 : 1;
}

static int free_host_index(const Domain *domain)
{
        for (int index = 0;; index++) {
                bool used = false;

                for (Part *part = NULL; (part = controller_next(domain, CONTROLLER_PCI, part));) {
                        const Controller *controller = part->data;

                        used = used || controller->target.index == index;
                }
                if (!used)
                        return index;
        }
}

static void check_bus_number(Domain *domain, Part *part)
{
        const Controller *controller = part->data;

        for (Part *other = NULL;
             (other = controller_next(domain, CONTROLLER_PCI, other)) && other != part;) {
                const Controller *before = other->data;

                if (before->target.bus_nr == controller->target.bus_nr)
                        xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "target"), "busNr",
                                  _("PCI controllers %d and %d both begin at bus number %d; give one of "
                                    "them another, or leave it out."),
                                  before->index, controller->index, controller->target.bus_nr);
        }
}

static int write_target(Part *part, const char *attribute, int value)
{
        XmlElement *target;
        int r;

        r = xml_ensure(part->element, "target", &target);
        if (r < 0 || xml_attribute(target, attribute))
                return r;
        return xml_setf(target, attribute, "%d", value);
}

static int write_device_name(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        const char *name = controller->target.driver ?: controller->model->driver;
        XmlElement *element;
        int r;

        if (os_pci_machine(domain) == PCI_MACHINE_PSERIES && controller->pci == PCI_MODEL_PCI_ROOT)
                name = "spapr-pci-host-bridge";
        if (!name)
                return 0;
        r = xml_ensure(part->element, "model", &element);
        return r < 0 ? r : xml_set(element, "name", name);
}

static int complete_pci(Domain *domain, Part *part)
{
        Controller *controller = part->data;
        ControllerTarget *target = &controller->target;
        int r;

        r = write_device_name(domain, part);
        if (r < 0)
                return r;
        switch (controller->pci) {
        case PCI_MODEL_PCI_BRIDGE:
                if (target->chassis_nr < 0)
                        target->chassis_nr = controller->index;
                return write_target(part, "chassisNr", target->chassis_nr);
        case PCI_MODEL_PCI_EXPANDER_BUS:
        case PCI_MODEL_PCIE_EXPANDER_BUS:
                if (target->bus_nr < 0)
                        target->bus_nr = free_bus_number(domain);
                check_bus_number(domain, part);
                return write_target(part, "busNr", target->bus_nr);
        case PCI_MODEL_PCI_ROOT:
                if (os_pci_machine(domain) != PCI_MACHINE_PSERIES)
                        return 0;
                if (target->index < 0)
                        target->index = free_host_index(domain);
                return write_target(part, "index", target->index);
        default:
                return 0;
        }
}

/* --- places -------------------------------------------------------------------------------------- */

/* Whether something is at function 0 of the slot that ich9-ehci1 shares with its companions. */
static bool has_first_function(const Domain *domain, int index)
{
        for (Part *part = NULL; (part = controller_next(domain, CONTROLLER_USB, part));) {
                const Controller *controller = part->data;

                if (controller->index == index && controller->model && controller->model->companion == 1)
                        return true;
        }
        return false;
}

static int want_pci(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        PciDevice *pci = &part->place.pci;
        PciPart role = PCI_PART_NONE;
        int companion = controller->model->companion, r;

        if (controller->index == 0 && controller->type == CONTROLLER_IDE)
                role = PCI_PART_IDE;
        else if (controller->index == 0 && controller->type == CONTROLLER_SATA)
                role = PCI_PART_SATA;
        else if (controller->index == 0 && streq(controller->model->name, "piix3-uhci"))
                role = PCI_PART_PIIX3_USB;
        else if (companion > 0)
                role = PCI_PART_ICH9_USB;
        r = place_want_pci(domain, part, controller->model->plug, role, /* hotplug= */ true);
        if (companion > 0 && has_first_function(domain, controller->index)) {
                pci->group = 1 + (unsigned)controller->index;
                pci->function = (uint8_t)(companion - 1);
                pci->multifunction = pci->function == 0;
        }
        return r;
}

static int want_none(Domain *domain, Part *part)
{
        if (part->place.element)
                xml_fault(domain->xml, FAULT_ERROR, part->place.element, /* attribute= */ NULL,
                          _("This controller is plugged in nowhere; remove its <address>."));
        return 0;
}

static int want_place(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        const ControllerModel *model = controller->model;

        if (model->virtio)
                return virtio_want_place(domain, part, model->flavour, /* hotplug= */ true);
        if (streq(model->name, "ibmvscsi"))
                return place_want_spapr_vio(domain, part, 0x2000);
        switch (controller->type) {
        case CONTROLLER_CCID:
                return place_want_usb(domain, part);
        case CONTROLLER_FDC:
                return want_none(domain, part);
        case CONTROLLER_PCI:
                return 0; /* place-pci.c: with their buses */
        default:
                return model->driver || controller_is_built_in(domain, controller) ? want_pci(domain, part)
                                                                                   : want_none(domain, part);
        }
}

/* As libvirt calls them; companions have no name, nor has what the machine makes. */
static int set_alias(Domain *domain, Part *part)
{
        const Controller *controller = part->data;
        const char *type = controller_type_name(controller->type);
        CLEANUP(free) char *alias = NULL;

        if (controller->type == CONTROLLER_USB && controller->index == 0)
                alias = strdup(type);
        else if (controller->type == CONTROLLER_PCI)
                alias = text_format("pci.%d", controller->index);
        else
                alias = text_format("%s%d", type, controller->index);
        if (!alias)
                return -ENOMEM;
        /* A running domain's dump names all four of ich9's by the same. */
        if (controller_is_built_in(domain, controller) ||
            (controller_is_companion(controller) && streq_ptr(part->alias, alias)))
                free(TAKE(part->alias));
        else if (!part->alias && !controller_is_companion(controller))
                part->alias = TAKE(alias);
        return 0;
}

static int write_words(Part *part)
{
        const Controller *controller = part->data;
        int r = 0;

        if (!xml_attribute(part->element, "index"))
                r = xml_setf(part->element, "index", "%d", controller->index);
        if (r >= 0 && (controller->type == CONTROLLER_USB || controller->type == CONTROLLER_SCSI))
                r = xml_set(part->element, "model", controller->model->name);
        return r;
}

int controller_complete(Domain *domain, Part *part)
{
        Controller *controller = part->data;
        size_t before = domain->faults->n_errors;
        int r;

        if (!controller->model)
                controller->model = controller_default_model(domain, controller->type);
        if (!controller->model) /* USB without PCI */
                controller->model = controller_model_find(CONTROLLER_USB, "qemu-xhci");
        if (controller->type == CONTROLLER_PCI && !part->place.given)
                part->place.type = PLACE_NONE;
        check_machine(domain, part);
        if (domain->faults->n_errors > before)
                return 0;
        check_type(domain, part);
        check_driver(domain, part);
        if (controller->type == CONTROLLER_USB)
                check_usb(domain, part);
        r = write_words(part);
        if (r >= 0 && controller->type == CONTROLLER_PCI)
                r = complete_pci(domain, part);
        if (r >= 0)
                r = set_alias(domain, part);
        return r < 0 ? r : want_place(domain, part);
}
