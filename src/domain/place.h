/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a device is plugged in: what <address> says, or what is assigned. A kind says in `complete` what it
 * wants (place_want_*()); what has a place already is left alone. place_assign() then gives the others
 * theirs, adds the controllers that are missing, and writes all of it into the XML.
 */

#include "base/json.h"
#include "domain/pci.h"
#include "domain/xml.h"

struct Domain;
struct Part;

typedef enum PlaceType {
        PLACE_NONE, /* none is needed, or none was given */
        PLACE_PCI,
        PLACE_DRIVE,         /* controller, bus, target, unit */
        PLACE_VIRTIO_SERIAL, /* controller, bus, port */
        PLACE_CCID,          /* controller, slot */
        PLACE_USB,           /* bus, port "1.2" */
        PLACE_ISA,           /* iobase, irq */
        PLACE_SPAPR_VIO,     /* reg */
        PLACE_CCW,           /* cssid, ssid, devno; refused until s390x is */
        PLACE_VIRTIO_MMIO,
        PLACE_DIMM, /* slot, base */
        PLACE_UNASSIGNED,
        _PLACE_TYPES,
} PlaceType;

#define PLACE_USB_PORT_SIZE 16 /* "255.255.255.255" */

typedef struct Place {
        PlaceType type; /* of what was read, or is wanted */
        bool given;     /* with all that belongs to it: it does not move */
        XmlElement *element;
        PciDevice pci; /* PLACE_PCI: what it is, and its address; `name` is set by place_assign() */
        unsigned controller, bus, target, unit; /* DRIVE; VIRTIO_SERIAL and CCID: bus; USB: bus */
        unsigned port;                          /* VIRTIO_SERIAL (0: not given), CCID's slot */
        char usb_port[PLACE_USB_PORT_SIZE];     /* "": not given */
        uint64_t iobase, irq, reg, base;        /* UINT64_MAX: not given */
        unsigned slot;                          /* DIMM; UINT_MAX: not given */
} Place;

const char *place_type_name(PlaceType type); /* libvirt's: "virtio-serial" */

/* The element's <address>, one of the types in `allowed` (1 << PlaceType), into part->place. */
int place_read(struct Domain *domain, struct Part *part, unsigned allowed);

/* In `complete`: what the part needs, unless its <address> says so already. An address of another type than
 * the device takes is a fault. */
int place_want_pci(struct Domain *domain, struct Part *part, PciPlug plug, PciPart role, bool hotplug);
int place_want_usb(struct Domain *domain, struct Part *part);
/* Any free port of a virtio-serial controller; `least` is 1 for consoles' ports too (0 is the first
 * console's own). */
int place_want_virtio_serial(struct Domain *domain, struct Part *part);
int place_want_ccid(struct Domain *domain, struct Part *part);
/* From 0x1000 upwards on, as libvirt gives them out by kind: `first` is where it starts. */
int place_want_spapr_vio(struct Domain *domain, struct Part *part, uint64_t first);
int place_want_mmio(struct Domain *domain, struct Part *part);
/* A drive's is decided by the disk's name and bus, so its kind hands it in; it is written if none is given.
 */
int place_set_drive(struct Domain *domain, struct Part *part, unsigned controller, unsigned bus,
                    unsigned target, unsigned unit);

/* Between `complete` and `check` of all parts. */
int place_assign(struct Domain *domain);

/* Adds "bus", "addr", "port", "nr" …: what the device at part->place needs to be plugged in there. */
int place_to_json(const struct Domain *domain, const struct Part *part, json_object *device);

/* "0000:00:02.0", "usb 0 port 1.2", "drive 0:0:0:1": for messages. To free(). */
char *place_to_text(const Place *place);
