/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/device/disk.h"
#include "domain/hotplug-private.h"
#include "domain/section/features.h"
#include "domain/section/os.h"

/*
 * Whether a device can come or go while the guest runs: by the bus that it is on, and, where the emulator
 * refuses a type whatever the bus, by a list. Which options have no command is hotplug-steps.c's.
 */

/* Kinds that the emulator has from its start to its end, whatever bus they are on. */
static bool is_fixed(const Part *part)
{
        static const char *const kinds[] = {"video",      "iommu",       "tpm",       "panic",
                                            "nvram",      "graphics",    "audio",     "parallel",
                                            "memballoon", "redirfilter", "smartcard", "lease"};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(part->kind->name, kinds[i]))
                        return true;
        return streq(part->kind->name, "sound") && part->place.type != PLACE_USB;
}

static int check_controller(const Part *part, MusterError **ret_error)
{
        const Controller *controller = controller_of(part);
        bool usb = controller && controller->type == CONTROLLER_USB;

        if (!controller || controller->type == CONTROLLER_SCSI ||
            controller->type == CONTROLLER_VIRTIO_SERIAL || controller->type == CONTROLLER_CCID ||
            (usb && strstr(controller->model->name, "xhci")))
                return 0;
        return error_set(
                ret_error, -EOPNOTSUPP,
                _("A controller of type '%s'%s%s cannot come or go while the guest runs; SCSI, "
                  "virtio-serial and xHCI ones can. Change the definition (--config), and start the "
                  "domain anew."),
                controller_type_name(controller->type), usb ? " " : "", usb ? controller->model->name : "");
}

static bool port_switched_off(const Domain *domain, unsigned bus)
{
        const Part *part = controller_get(domain, CONTROLLER_PCI, bus);
        const Controller *controller = part ? part->data : NULL;

        return controller && controller->target.hotplug == 0;
}

static int check_pci(const Domain *domain, const Part *part, MusterError **ret_error)
{
        const PciAddress *address = &part->place.pci.address;
        char text[PCI_ADDRESS_TEXT_SIZE];

        pci_address_format(address, text);
        if (!domain->pci || !pci_is_hotpluggable(domain->pci, address))
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("Nothing can be plugged at PCI address %s while the guest runs; leave "
                                   "<address> out, so that a root port or a bridge is taken that is free."),
                                 text);
        if (os_pci_machine(domain) == PCI_MACHINE_I440FX && !features_acpi(domain))
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("Without ACPI this machine's PCI bus cannot be plugged into; add "
                          "<features><acpi/></features> to the definition (--config), and start the "
                          "domain anew."));
        if (port_switched_off(domain, address->bus))
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("The port of PCI address %s has hotplug='off'; give another address."),
                                 text);
        if (address->function > 0)
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("PCI address %s is a further function of a slot, and a guest takes a slot "
                          "as a whole; give function='0x0'."),
                        text);
        return 0;
}

static int check_drive(const Part *part, MusterError **ret_error)
{
        const char *bus = part->kind == &device_disk ? disk_bus(part) : "scsi";

        if (streq(bus, "scsi"))
                return 0;
        return error_set(ret_error, -EOPNOTSUPP,
                         _("Disks on bus '%s' cannot come or go while the guest runs; take bus='virtio', "
                           "'scsi' or 'usb'. The medium of a drive can be changed (change-media)."),
                         bus);
}

int plug_check(const Domain *domain, const Part *part, MusterError **ret_error)
{
        int r;

        if (is_fixed(part))
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("<%s> cannot come or go while the guest runs; change the definition "
                                   "(--config), and start the domain anew."),
                                 part->kind->name);
        r = check_controller(part, ret_error);
        if (r < 0)
                return r;
        switch (part->place.type) {
        case PLACE_PCI:
                return check_pci(domain, part, ret_error);
        case PLACE_DRIVE:
                return check_drive(part, ret_error);
        case PLACE_USB:
        case PLACE_VIRTIO_SERIAL:
        case PLACE_CCID:
        case PLACE_DIMM:
        case PLACE_CCW:
                return 0;
        default:
                if (streq(part->kind->name, "hostdev") || streq(part->kind->name, "memory"))
                        return 0;
                return error_set(ret_error, -EOPNOTSUPP,
                                 _("This <%s> is on no bus that can be plugged into while the guest runs; "
                                   "change the definition (--config), and start the domain anew."),
                                 part->kind->name);
        }
}

/* Buses behind buses: whatever needs one more PCI controller has no place now. */
int plug_check_implied(const Edit *edit, const Part *attached, MusterError **ret_error)
{
        const Domain *domain = edit->domain;

        for (size_t i = edit->n_before; i < domain->n_devices; i++) {
                const Controller *controller = controller_of(domain->devices[i]);

                if (domain->devices[i] == attached || !controller || controller->type != CONTROLLER_PCI)
                        continue;
                if (os_pci_machine(domain) == PCI_MACHINE_I440FX)
                        return error_set(
                                ret_error, -ENOSPC,
                                _("No PCI slot is free; detach something, or add <controller "
                                  "type='pci' model='pci-bridge'/> to the definition (--config) and "
                                  "start the domain anew."));
                return error_set(ret_error, -ENOSPC,
                                 _("No PCI Express root port is free, and none can be added while the guest "
                                   "runs; detach something, or add <controller type='pci' "
                                   "model='pcie-root-port'/> to the definition (--config) and start the "
                                   "domain anew."));
        }
        return 0;
}
