/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/section/os.h"

/*
 * The limits of SCSI are those that QEMU's adapters check, alike in 5.2 to 11.1. Ports of USB are the
 * defaults of QEMU's types; ich9-ehci1 shares its six with three companions for slow devices.
 *
 * Devices of the models without PCIe capability are put on a conventional bus, as libvirt does.
 */

#define CONVENTIONAL .plug = PCI_PLUG_CONVENTIONAL
#define SCSI_IDS     .max_target = 7, .max_unit = 7
#define VIRTIO_LUNS  .virtio = true, .max_target = 255, .max_unit = 16383
#define COMPANION(n) CONVENTIONAL, .companion = (n)

static const ControllerModel models[] = {
        {CONTROLLER_PCI, "pci-root", NULL},
        {CONTROLLER_PCI, "pcie-root", NULL},
        {CONTROLLER_PCI, "pcie-root-port", "pcie-root-port"},
        {CONTROLLER_PCI, "pcie-to-pci-bridge", "pcie-pci-bridge"},
        {CONTROLLER_PCI, "pci-bridge", "pci-bridge"},
        {CONTROLLER_PCI, "dmi-to-pci-bridge", "i82801b11-bridge"},
        {CONTROLLER_PCI, "pcie-switch-upstream-port", "x3130-upstream"},
        {CONTROLLER_PCI, "pcie-switch-downstream-port", "xio3130-downstream"},
        {CONTROLLER_PCI, "pci-expander-bus", "pxb"},
        {CONTROLLER_PCI, "pcie-expander-bus", "pxb-pcie"},
        {CONTROLLER_USB, "none", NULL},
        {CONTROLLER_USB, "qemu-xhci", "qemu-xhci", .plug = PCI_PLUG_EXPRESS, .ports = 4},
        {CONTROLLER_USB, "nec-xhci", "nec-usb-xhci", .plug = PCI_PLUG_EXPRESS, .ports = 4},
        {CONTROLLER_USB, "piix3-uhci", "piix3-usb-uhci", CONVENTIONAL, .ports = 2},
        {CONTROLLER_USB, "piix4-uhci", "piix4-usb-uhci", CONVENTIONAL, .ports = 2},
        {CONTROLLER_USB, "vt82c686b-uhci", "vt82c686b-usb-uhci", CONVENTIONAL, .ports = 2},
        {CONTROLLER_USB, "pci-ohci", "pci-ohci", CONVENTIONAL, .ports = 3},
        {CONTROLLER_USB, "ehci", "usb-ehci", CONVENTIONAL, .ports = 6},
        {CONTROLLER_USB, "ich9-ehci1", "ich9-usb-ehci1", COMPANION(1 + 7), .ports = 6},
        {CONTROLLER_USB, "ich9-uhci1", "ich9-usb-uhci1", COMPANION(1 + 0), .ports = 2},
        {CONTROLLER_USB, "ich9-uhci2", "ich9-usb-uhci2", COMPANION(1 + 1), .ports = 2},
        {CONTROLLER_USB, "ich9-uhci3", "ich9-usb-uhci3", COMPANION(1 + 2), .ports = 2},
        {CONTROLLER_SCSI, "virtio-scsi", "virtio-scsi", VIRTIO_LUNS},
        {CONTROLLER_SCSI, "virtio-transitional", "virtio-scsi", .flavour = VIRTIO_TRANSITIONAL, VIRTIO_LUNS},
        {CONTROLLER_SCSI, "virtio-non-transitional", "virtio-scsi", .flavour = VIRTIO_NON_TRANSITIONAL,
         VIRTIO_LUNS},
        {CONTROLLER_SCSI, "lsilogic", "lsi", "lsi53c895a", CONVENTIONAL, .narrow = true, SCSI_IDS},
        {CONTROLLER_SCSI, "lsisas1068", "mptsas1068", CONVENTIONAL, .max_target = 7, .max_unit = 1},
        {CONTROLLER_SCSI, "lsisas1078", "megasas", CONVENTIONAL, .max_target = 63, .max_unit = 255},
        {CONTROLLER_SCSI, "vmpvscsi", "pvscsi", CONVENTIONAL, .max_target = 63},
        {CONTROLLER_SCSI, "ibmvscsi", "spapr-vscsi", .max_channel = 7, .max_target = 63, .max_unit = 31},
        {CONTROLLER_SCSI, "am53c974", "am53c974", CONVENTIONAL, SCSI_IDS},
        {CONTROLLER_SCSI, "dc390", "dc390", CONVENTIONAL, SCSI_IDS},
        {CONTROLLER_IDE, "ide", NULL, CONVENTIONAL},
        {CONTROLLER_IDE, "piix3", NULL, CONVENTIONAL},
        {CONTROLLER_SATA, "sata", "ahci", "ich9-ahci", CONVENTIONAL},
        {CONTROLLER_VIRTIO_SERIAL, "virtio-serial", "virtio-serial", .virtio = true},
        {CONTROLLER_VIRTIO_SERIAL, "virtio", "virtio-serial", .virtio = true},
        {CONTROLLER_VIRTIO_SERIAL, "virtio-transitional", "virtio-serial", .virtio = true,
         .flavour = VIRTIO_TRANSITIONAL},
        {CONTROLLER_VIRTIO_SERIAL, "virtio-non-transitional", "virtio-serial", .virtio = true,
         .flavour = VIRTIO_NON_TRANSITIONAL},
        {CONTROLLER_FDC, "fdc", "isa-fdc"},
        {CONTROLLER_CCID, "ccid", "usb-ccid"},
};

const ControllerModel *controller_model_find(ControllerType type, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                if (models[i].type == type && streq(models[i].name, name))
                        return &models[i];
        return NULL;
}

/* What libvirt takes: on x86 the oldest, for guests that were installed on it. */
static const char *default_usb(const Domain *domain)
{
        if (os_is_x86(domain) && domain_has_type(domain, "piix3-usb-uhci"))
                return "piix3-uhci";
        return domain_has_type(domain, "qemu-xhci") ? "qemu-xhci" : "nec-xhci";
}

static const char *default_scsi(const Domain *domain)
{
        if (os_pci_machine(domain) == PCI_MACHINE_PSERIES && domain_has_type(domain, "spapr-vscsi"))
                return "ibmvscsi";
        if (os_is_x86(domain) && os_pci_machine(domain) != PCI_MACHINE_NONE &&
            domain_has_type(domain, "lsi53c895a"))
                return "lsilogic";
        return "virtio-scsi";
}

const ControllerModel *controller_default_model(const Domain *domain, ControllerType type)
{
        PciMachine machine = os_pci_machine(domain);

        switch (type) {
        case CONTROLLER_PCI:
                return NULL;
        case CONTROLLER_USB:
                return machine == PCI_MACHINE_NONE ? NULL : controller_model_find(type, default_usb(domain));
        case CONTROLLER_SCSI:
                return controller_model_find(type, default_scsi(domain));
        default:
                return controller_model_find(type, controller_type_name(type));
        }
}

unsigned controller_usb_ports(const Controller *controller)
{
        if (!controller->model || controller_is_companion(controller))
                return 0;
        return controller->ports >= 0 ? (unsigned)controller->ports : controller->model->ports;
}
