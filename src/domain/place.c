/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/place.h"

#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/domain.h"
#include "domain/value.h"

/* Addresses as they are written, and what parts want; place-assign.c gives out what is wanted. */

static const char *const types[] = {
        [PLACE_NONE] = "none",
        [PLACE_PCI] = "pci",
        [PLACE_DRIVE] = "drive",
        [PLACE_VIRTIO_SERIAL] = "virtio-serial",
        [PLACE_CCID] = "ccid",
        [PLACE_USB] = "usb",
        [PLACE_ISA] = "isa",
        [PLACE_SPAPR_VIO] = "spapr-vio",
        [PLACE_CCW] = "ccw",
        [PLACE_VIRTIO_MMIO] = "virtio-mmio",
        [PLACE_DIMM] = "dimm",
        [PLACE_UNASSIGNED] = "unassigned",
        NULL,
};

const char *place_type_name(PlaceType type)
{
        return types[type];
}

static unsigned read_small(Domain *domain, XmlElement *element, const char *attribute, unsigned max,
                           unsigned fallback)
{
        uint64_t number = fallback;

        read_uint(domain->xml, element, attribute, max, &number);
        return (unsigned)number;
}

static void read_pci(Domain *domain, Part *part, XmlElement *element)
{
        Place *place = &part->place;
        uint64_t pci_domain = 0, bus = 0, slot = 0, function = 0;
        bool multifunction = false;

        read_uint(domain->xml, element, "domain", UINT16_MAX, &pci_domain);
        read_uint(domain->xml, element, "bus", UINT8_MAX, &bus);
        read_uint(domain->xml, element, "slot", PCI_SLOTS_MAX - 1, &slot);
        read_uint(domain->xml, element, "function", PCI_FUNCTIONS_MAX - 1, &function);
        read_switch(domain->xml, element, "multifunction", &multifunction);
        if (pci_address_from_numbers(pci_domain, bus, slot, function, &place->pci.address) < 0)
                return;
        place->pci.address.multifunction = multifunction;
        place->given = !pci_address_is_unset(&place->pci.address);
        if (multifunction && !place->given)
                xml_fault(domain->xml, FAULT_ERROR, element, "multifunction",
                          _("Which slot has several functions? Give bus= and slot=, or leave this out."));
        place->pci.placed = place->given;
}

static bool is_usb_port(const char *text)
{
        size_t levels = 1, digits = 0;

        for (; *text; text++) {
                if (*text == '.') {
                        if (digits == 0)
                                return false;
                        digits = 0;
                        levels++;
                } else if (*text >= '0' && *text <= '9' && (digits > 0 || *text != '0')) {
                        digits++; /* the emulator, too, compares texts: "01" is not "1" to it */
                } else {
                        return false;
                }
        }
        return digits > 0 && digits <= 3 && levels <= 4;
}

static void read_usb(Domain *domain, Part *part, XmlElement *element)
{
        const char *port = xml_attribute(element, "port");

        part->place.bus = read_small(domain, element, "bus", UINT8_MAX, 0);
        if (!port)
                return;
        if (!is_usb_port(port) || strlen(port) >= PLACE_USB_PORT_SIZE) {
                xml_fault(domain->xml, FAULT_ERROR, element, "port",
                          _("A USB port is a number, or the numbers of the way through hubs as in 1.2."));
                return;
        }
        strcpy(part->place.usb_port, port);
        part->place.given = true;
}

static void read_drive(Domain *domain, Part *part, XmlElement *element)
{
        Place *place = &part->place;

        place->controller = read_small(domain, element, "controller", INT16_MAX, 0);
        place->bus = read_small(domain, element, "bus", UINT8_MAX, 0);
        place->target = read_small(domain, element, "target", UINT16_MAX, 0);
        place->unit = read_small(domain, element, "unit", UINT16_MAX, 0);
        place->given = true;
}

static void read_numbers(Domain *domain, Part *part, XmlElement *element)
{
        Place *place = &part->place;

        switch (place->type) {
        case PLACE_PCI:
                read_pci(domain, part, element);
                return;
        case PLACE_DRIVE:
                read_drive(domain, part, element);
                return;
        case PLACE_USB:
                read_usb(domain, part, element);
                return;
        case PLACE_VIRTIO_SERIAL:
                place->controller = read_small(domain, element, "controller", INT16_MAX, 0);
                place->bus = read_small(domain, element, "bus", UINT8_MAX, 0);
                place->given = xml_attribute(element, "port") != NULL;
                place->port = read_small(domain, element, "port", UINT16_MAX, 0);
                return;
        case PLACE_CCID:
                place->controller = read_small(domain, element, "controller", INT16_MAX, 0);
                place->given = xml_attribute(element, "slot") != NULL;
                place->port = read_small(domain, element, "slot", UINT8_MAX, 0);
                return;
        case PLACE_ISA:
                read_uint(domain->xml, element, "iobase", UINT16_MAX, &place->iobase);
                read_uint(domain->xml, element, "irq", UINT8_MAX, &place->irq);
                place->given = place->iobase != UINT64_MAX || place->irq != UINT64_MAX;
                return;
        case PLACE_SPAPR_VIO:
                place->given = read_uint(domain->xml, element, "reg", UINT32_MAX, &place->reg) > 0;
                return;
        case PLACE_DIMM:
                place->slot = read_small(domain, element, "slot", UINT8_MAX, UINT_MAX);
                read_uint(domain->xml, element, "base", UINT64_MAX, &place->base);
                place->given = place->slot != UINT_MAX;
                return;
        case PLACE_VIRTIO_MMIO:
        case PLACE_UNASSIGNED:
                place->given = true;
                return;
        case PLACE_NONE:
        case PLACE_CCW:
        case _PLACE_TYPES:
                return;
        }
}

int place_read(Domain *domain, Part *part, unsigned allowed)
{
        XmlElement *element = xml_child(part->element, "address");
        int type = PLACE_NONE;

        part->place = (Place){.iobase = UINT64_MAX,
                              .irq = UINT64_MAX,
                              .reg = UINT64_MAX,
                              .base = UINT64_MAX,
                              .slot = UINT_MAX};
        if (!element)
                return 0;
        if (read_word(domain->xml, element, "type", types, &type) <= 0)
                return 0;
        if (!(allowed & (1U << type))) {
                xml_mark_all(element);
                xml_fault(domain->xml, FAULT_ERROR, element, "type",
                          _("A <%s> has no address of type \"%s\" with muster; remove <address>, and one "
                            "that fits is assigned."),
                          part->kind->name, types[type]);
                return 0;
        }
        part->place.type = (PlaceType)type;
        part->place.element = element;
        read_numbers(domain, part, element);
        return 0;
}

/* --- what is wanted ------------------------------------------------------------------------------ */

/* 1: the part takes this type, and has no place yet or has one already. 0: a fault was reported. */
static int want(Domain *domain, Part *part, PlaceType type)
{
        Place *place = &part->place;

        if (place->type != PLACE_NONE && place->type != type) {
                xml_fault(domain->xml, FAULT_ERROR, place->element ?: part->element, "type",
                          _("This <%s> is plugged into another kind of bus: its address has type \"%s\", "
                            "not \"%s\"; remove <address>, and one that fits is assigned."),
                          part->kind->name, types[type], types[place->type]);
                return 0;
        }
        place->type = type;
        return 1;
}

int place_want_pci(Domain *domain, Part *part, PciPlug plug, PciPart role, bool hotplug)
{
        if (want(domain, part, PLACE_PCI) == 0)
                return 0;
        part->place.pci.plug = plug;
        part->place.pci.part = role;
        part->place.pci.hotplug = hotplug;
        part->place.pci.rank = pci_rank(part->kind->name);
        return 0;
}

int place_want_usb(Domain *domain, Part *part)
{
        want(domain, part, PLACE_USB);
        return 0;
}

int place_want_virtio_serial(Domain *domain, Part *part)
{
        want(domain, part, PLACE_VIRTIO_SERIAL);
        return 0;
}

int place_want_ccid(Domain *domain, Part *part)
{
        want(domain, part, PLACE_CCID);
        return 0;
}

int place_want_spapr_vio(Domain *domain, Part *part, uint64_t first)
{
        if (want(domain, part, PLACE_SPAPR_VIO) > 0 && !part->place.given)
                part->place.base = first;
        return 0;
}

int place_want_mmio(Domain *domain, Part *part)
{
        if (want(domain, part, PLACE_VIRTIO_MMIO) > 0)
                part->place.given = true;
        return 0;
}

int place_set_drive(Domain *domain, Part *part, unsigned controller, unsigned bus, unsigned target,
                    unsigned unit)
{
        Place *place = &part->place;

        if (want(domain, part, PLACE_DRIVE) == 0 || place->given)
                return 0;
        place->controller = controller;
        place->bus = bus;
        place->target = target;
        place->unit = unit;
        return 0;
}

char *place_to_text(const Place *place)
{
        char address[PCI_ADDRESS_TEXT_SIZE];

        switch (place->type) {
        case PLACE_PCI:
                return text_format("%s", pci_address_format(&place->pci.address, address));
        case PLACE_DRIVE:
                return text_format("%u:%u:%u:%u", place->controller, place->bus, place->target, place->unit);
        case PLACE_USB:
                return text_format("%u:%s", place->bus, place->usb_port);
        case PLACE_VIRTIO_SERIAL:
                return text_format("%u:%u:%u", place->controller, place->bus, place->port);
        case PLACE_CCID:
                return text_format("%u:%u", place->controller, place->port);
        case PLACE_SPAPR_VIO:
                return text_format("0x%llx", (unsigned long long)place->reg);
        default:
                return text_format("%s", types[place->type]);
        }
}
