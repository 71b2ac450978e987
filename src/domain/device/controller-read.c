/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/value.h"

/* <controller> as it is written. What can be said of one type only is looked up for that type alone. */

static void read_int(Domain *domain, XmlElement *element, const char *name, unsigned max, int *ret)
{
        uint64_t value;

        if (read_uint(domain->xml, element, name, max, &value) > 0)
                *ret = (int)value;
}

static ControllerType read_type(Domain *domain, Part *part)
{
        static const char *const words[] = {"pci", "usb",  "scsi",   "ide", "sata", "virtio-serial",
                                            "fdc", "ccid", "xenbus", "isa", "nvme", NULL};
        int type = _CONTROLLER_TYPES, r;

        r = read_word(domain->xml, part->element, "type", words, &type);
        if (r == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("Which buses shall the controller make? Give type='pci', 'usb', 'scsi', 'ide', "
                            "'sata', 'virtio-serial', 'fdc' or 'ccid'."));
        if (r <= 0 || type < _CONTROLLER_TYPES)
                return (ControllerType)type;
        xml_mark_all(part->element);
        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                  _("Muster has no controller of type \"%s\", since nothing that it knows is plugged into "
                    "one; remove this <controller>."),
                  words[type]);
        return _CONTROLLER_TYPES;
}

static void read_model(Domain *domain, Part *part)
{
        const char *name = xml_attribute(part->element, "model");
        Controller *controller = part->data;

        if (!name)
                return;
        controller->model = controller_model_find(controller->type, name);
        if (controller->model)
                return;
        xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                  _("There is no %s controller of model \"%.60s\"; leave the model out, and one that fits "
                    "is chosen."),
                  controller_type_name(controller->type), name);
}

static void read_pci_model(Domain *domain, Part *part)
{
        const char *name = xml_attribute(part->element, "model");
        Controller *controller = part->data;

        if (!name)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("What PCI controller shall it be? Give a model: pcie-root-port where there is "
                            "PCIe, else pci-bridge."));
        else if (pci_model_parse(name, &controller->pci) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no PCI controller of model \"%.60s\"; models are pcie-root-port, "
                            "pcie-to-pci-bridge, pci-bridge, dmi-to-pci-bridge, pcie-switch-upstream-port, "
                            "pcie-switch-downstream-port, pci-expander-bus, pcie-expander-bus, pci-root "
                            "and pcie-root."),
                          name);
        else
                controller->model = controller_model_find(CONTROLLER_PCI, name);
        if (!controller->model)
                controller->type = _CONTROLLER_TYPES;
}

static void read_switch_int(Domain *domain, XmlElement *element, const char *name, int *ret)
{
        bool value;

        if (read_switch(domain->xml, element, name, &value) > 0)
                *ret = value;
}

static void read_driver(Domain *domain, XmlElement *element, Controller *controller)
{
        ControllerDriver *driver = &controller->driver;

        if (controller->type == CONTROLLER_SCSI || controller->type == CONTROLLER_VIRTIO_SERIAL)
                virtio_read(domain, element, &driver->virtio);
        if (!element || controller->type != CONTROLLER_SCSI)
                return;
        read_uint(domain->xml, element, "iothread", INT32_MAX, &driver->iothread);
        read_uint(domain->xml, element, "queues", 1024, &driver->queues);
        read_uint(domain->xml, element, "cmd_per_lun", UINT32_MAX, &driver->cmd_per_lun);
        read_uint(domain->xml, element, "max_sectors", UINT32_MAX, &driver->max_sectors);
        read_switch_int(domain, element, "ioeventfd", &driver->ioeventfd);
        read_switch_int(domain, element, "event_idx", &driver->event_idx);
}

/* The ports of switches and roots can be told not to take anything while the guest runs. */
static bool has_hotplug(const Controller *controller)
{
        return controller->pci == PCI_MODEL_PCIE_ROOT_PORT ||
               controller->pci == PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT;
}

static void read_node(Domain *domain, XmlElement *element, Controller *controller)
{
        XmlElement *node = xml_child(element, "node");
        uint64_t value = 0;

        if (node && read_number(domain->xml, node, 127, &value) > 0)
                controller->target.node = (int)value;
}

static void read_target(Domain *domain, XmlElement *element, Controller *controller)
{
        ControllerTarget *target = &controller->target;

        if (!element)
                return;
        switch (controller->pci) {
        case PCI_MODEL_PCIE_ROOT_PORT:
        case PCI_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT:
                read_int(domain, element, "chassis", UINT8_MAX, &target->chassis);
                read_int(domain, element, "port", UINT8_MAX, &target->port);
                break;
        case PCI_MODEL_PCI_BRIDGE:
                read_int(domain, element, "chassisNr", UINT8_MAX, &target->chassis_nr);
                break;
        case PCI_MODEL_PCI_EXPANDER_BUS:
        case PCI_MODEL_PCIE_EXPANDER_BUS:
                read_int(domain, element, "busNr", UINT8_MAX, &target->bus_nr);
                read_node(domain, element, controller);
                break;
        case PCI_MODEL_PCI_ROOT:
                read_int(domain, element, "index", 30, &target->index);
                read_node(domain, element, controller);
                break;
        default:
                break;
        }
        if (has_hotplug(controller))
                read_switch_int(domain, element, "hotplug", &target->hotplug);
}

/* Only of root ports there are two. */
static void read_device_name(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "model");
        const char *name = element ? xml_attribute(element, "name") : NULL;
        Controller *controller = part->data;
        const char *own = controller->model->driver;

        if (!name)
                return;
        if (controller->pci == PCI_MODEL_PCI_ROOT)
                own = "spapr-pci-host-bridge";
        if (controller->pci == PCI_MODEL_PCIE_ROOT_PORT && streq(name, "ioh3420"))
                controller->target.driver = "ioh3420";
        else if (!own || !streq(name, own))
                xml_fault(domain->xml, FAULT_ERROR, element, "name",
                          _("A %s is not made of the device \"%.60s\"; leave <model> out, and the right "
                            "one is taken."),
                          controller->model->name, name);
}

/* The size of the window is a host bridge's. */
static void read_hole(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "pcihole64");
        Controller *controller = part->data;
        uint64_t bytes;

        if (!element)
                return;
        if (controller->pci > PCI_MODEL_PCIE_ROOT)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("The 64-bit window is that of the root bus; move <pcihole64> to its controller "
                            "of index 0."));
        if (read_size(domain->xml, element, 1024, &bytes) <= 0)
                return;
        controller->target.hole = bytes / 1024 + (bytes % 1024 > 0);
        controller->target.has_hole = true;
}

static void read_pci(Domain *domain, Part *part)
{
        Controller *controller = part->data;

        read_pci_model(domain, part);
        if (!controller->model)
                return;
        read_device_name(domain, part);
        read_target(domain, xml_child(part->element, "target"), controller);
        read_hole(domain, part);
}

static void read_usb(Domain *domain, Part *part)
{
        Controller *controller = part->data;
        XmlElement *master = xml_child(part->element, "master");

        read_model(domain, part);
        read_int(domain, part->element, "ports", 15, &controller->ports);
        if (!master)
                return;
        controller->start_port = 0;
        read_int(domain, master, "startport", 5, &controller->start_port);
        if (!controller->model || controller->model->companion == 0 || controller->model->companion > 3)
                xml_fault(domain->xml, FAULT_ERROR, master, /* attribute= */ NULL,
                          _("Only ich9-uhci1, ich9-uhci2 and ich9-uhci3 have a master; remove <master>."));
}

static void read_serial(Domain *domain, Part *part)
{
        Controller *controller = part->data;

        read_model(domain, part);
        read_int(domain, part->element, "ports", 512, &controller->ports);
        read_int(domain, part->element, "vectors", INT16_MAX, &controller->vectors);
        if (controller->ports == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "ports",
                          _("A virtio-serial controller has at least one port; give more, or leave ports "
                            "out."));
}

int controller_read(Domain *domain, Part *part)
{
        Controller *controller = part->data;

        *controller = (Controller){
                .index = -1,
                .ports = -1,
                .vectors = -1,
                .start_port = -1,
                .driver = {.ioeventfd = -1, .event_idx = -1, .virtio = {-1, -1, -1, -1}},
                .target = {.chassis = -1,
                           .port = -1,
                           .chassis_nr = -1,
                           .bus_nr = -1,
                           .index = -1,
                           .node = -1,
                           .hotplug = -1},
        };
        controller->type = read_type(domain, part);
        if (controller->type == _CONTROLLER_TYPES) {
                xml_mark_all(part->element);
                return 0;
        }
        read_int(domain, part->element, "index", INT16_MAX, &controller->index);
        if (controller->type == CONTROLLER_PCI)
                read_pci(domain, part);
        else if (controller->type == CONTROLLER_USB)
                read_usb(domain, part);
        else if (controller->type == CONTROLLER_VIRTIO_SERIAL)
                read_serial(domain, part);
        else
                read_model(domain, part);
        if (controller->type == CONTROLLER_SCSI || controller->type == CONTROLLER_VIRTIO_SERIAL)
                read_driver(domain, xml_child(part->element, "driver"), controller);
        return 0;
}
