/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>

#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/place-private.h"

/* A place as -device takes it, in libvirt's spelling. */

static int add_bus(const Domain *domain, const char *type, unsigned index, unsigned bus, unsigned unit,
                   json_object *device)
{
        CLEANUP(free) char *name = controller_bus(domain, type, index, bus, unit);

        return name ? json_add_string(device, "bus", name) : -ENOMEM;
}

static int add_pci(const Domain *domain, const Place *place, json_object *device)
{
        const PciAddress *address = &place->pci.address;
        int r;

        r = add_bus(domain, "pci", address->bus, 0, 0, device);
        if (r >= 0 && address->multifunction)
                r = json_add_bool(device, "multifunction", true);
        if (r < 0)
                return r;
        return address->function > 0
                       ? json_add_stringf(device, "addr", "0x%x.0x%x", address->slot, address->function)
                       : json_add_stringf(device, "addr", "0x%x", address->slot);
}

static int add_scsi(const Domain *domain, const Place *place, json_object *device)
{
        const Part *owner = controller_get(domain, CONTROLLER_SCSI, place->controller);
        const Controller *controller = owner ? owner->data : NULL;
        int r;

        r = add_bus(domain, "scsi", place->controller, 0, 0, device);
        if (r < 0 || !controller)
                return r;
        if (controller->model->narrow)
                return json_add_int(device, "scsi-id", place->unit);
        r = json_add_int(device, "channel", place->bus);
        if (r >= 0)
                r = json_add_int(device, "scsi-id", place->target);
        return r < 0 ? r : json_add_int(device, "lun", place->unit);
}

static int add_drive(const Domain *domain, const Part *part, json_object *device)
{
        const Place *place = &part->place;
        XmlElement *target = xml_child(part->element, "target");
        const char *bus = target ? xml_attribute(target, "bus") : NULL;
        int r;

        if (!bus || streq(bus, "scsi"))
                return add_scsi(domain, place, device);
        if (streq(bus, "fdc"))
                return json_add_int(device, "unit", place->unit);
        r = add_bus(domain, bus, place->controller, place->bus, place->unit, device);
        return r < 0 || streq(bus, "sata") ? r : json_add_int(device, "unit", place->unit);
}

static int add_number(json_object *device, const char *name, uint64_t number)
{
        return number == UINT64_MAX ? 0 : json_add_int(device, name, (int64_t)number);
}

int place_to_json(const Domain *domain, const Part *part, json_object *device)
{
        const Place *place = &part->place;
        int r;

        switch (place->type) {
        case PLACE_PCI:
                return add_pci(domain, place, device);
        case PLACE_DRIVE:
                return add_drive(domain, part, device);
        case PLACE_VIRTIO_SERIAL:
                r = add_bus(domain, "virtio-serial", place->controller, 0, 0, device);
                return r < 0 ? r : json_add_int(device, "nr", place->port);
        case PLACE_CCID:
                return add_bus(domain, "ccid", place->controller, 0, 0, device);
        case PLACE_USB:
                r = add_bus(domain, "usb", place->bus, 0, 0, device);
                return r < 0 ? r : json_add_string(device, "port", place->usb_port);
        case PLACE_ISA:
                r = add_number(device, "iobase", place->iobase);
                return r < 0 ? r : add_number(device, "irq", place->irq);
        case PLACE_SPAPR_VIO:
                return add_number(device, "reg", place->reg);
        case PLACE_DIMM:
                r = place->slot == UINT_MAX ? 0 : json_add_int(device, "slot", place->slot);
                return r < 0 ? r : add_number(device, "addr", place->base);
        default:
                return 0;
        }
}
