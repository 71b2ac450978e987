/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A definition is made of parts: sections (<os>, <cpu>, …), of which every domain has each once, there or
 * not, and devices. A kind of part is a pair of files with one descriptor: what it reads of the XML, what it
 * fills in, what it checks and what it adds to the launch plan stand together. The table of kinds is made
 * from the lists in meson.build.
 *
 * What runs when, for all parts of a domain, in the order of the table:
 *
 *   read      XML into the kind's own data; no emulator is known yet
 *   imply     once a kind: adds what the definition leaves unsaid (a balloon, a console's twin)
 *   complete  with the emulator's facts: chooses defaults, into the data and into the XML alike, and says
 *             what kind of place the device needs
 *   (places are assigned: place.h)
 *   check     what shows only now
 *   plan      adds arguments, block nodes, files; a fault if this emulator cannot
 *
 * Each reports faults (xml_fault()) and returns 0 then; a negative errno is -ENOMEM and ends everything.
 * `complete` must be idempotent through the XML: what it writes is what `read` reads as given.
 */

#include "domain/place.h"
#include "domain/xml.h"

typedef struct Domain Domain;
typedef struct Plan Plan;
typedef struct Part Part;

/* What the common reader takes off a device's element before its kind sees it. */
enum {
        PART_ADDRESS = 1 << 0, /* <address>, of the types in `places` */
        PART_BOOT = 1 << 1,    /* <boot order=…> */
        PART_ROM = 1 << 2,     /* <rom bar=… file=… enabled=…>: PCI devices that may have one */
        PART_SINGLE = 1 << 3,  /* a second one is a fault */
        PART_CARRIES = 1 << 4, /* others plug into it, so it is planned before them: controllers, hubs */
};

typedef struct PartKind {
        const char *name; /* the element; of a section what messages call it */
        const char
                *alias; /* "net": the ID on the command line is "net0", "net1", …; NULL: set by complete */
        unsigned flags;
        unsigned places; /* 1 << PlaceType of all that its <address> may say */
        size_t size;     /* of its data; zeroed before `read` */
        int (*read)(Domain *domain, Part *part);
        int (*imply)(Domain *domain);
        int (*complete)(Domain *domain, Part *part);
        int (*check)(Domain *domain, Part *part);
        int (*plan)(Plan *plan, Part *part);
        void (*clear)(Part *part); /* what is owned by data */
} PartKind;

struct Part {
        const PartKind *kind;
        XmlElement *element; /* of a section: <domain> itself, whose children it reads */
        unsigned index;      /* among those of its kind, in document order */
        size_t position;     /* of a device: in domain->devices */
        char *alias;
        bool alias_given;
        Place place;
        uint64_t boot_order; /* of <boot order>; 0: none */
        int rom_bar;         /* -1: not said */
        bool rom_disabled;   /* <rom enabled='no'/> */
        char *rom_file;
        uint64_t acpi_index; /* 0: none */
        void *data;
};

/* Sections first, each in the order of meson.build. NULL-terminated. */
extern const PartKind *const section_kinds[];
extern const PartKind *const device_kinds[];

/* The device kind of an element; NULL. */
const PartKind *device_kind_find(const char *name);
