/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 *   argv-read.c      words to options
 *   argv-short.c     what is short for something longer
 *   argv.c           the row of all that is mapped, clock, power
 *   argv-machine.c   board and firmware
 *   argv-memory.c, argv-cpu.c
 *   argv-chardev.c   character devices and what uses them
 *   argv-disk.c      block nodes and disks
 *   argv-controller.c, argv-interface.c
 *   argv-device.c    all other devices
 *   argv-graphics.c  displays
 *   argv-compare.c   what runs against what would be started
 */

#include "domain/argv.h"

/* In the making. The first failure stays; after it nothing is done any more. */
typedef struct ArgvMap {
        Argv *argv;
        const ArgvAbout *about;
        Xml *xml;
        XmlElement *devices;
        json_object *unmapped;
        int r;
} ArgvMap;

/* Options that say nothing of the guest's machine; NULL-terminated. In argv.c. */
extern const char *const argv_silent[];

/* argv-read.c */
ArgvOption *argv_add(Argv *argv, const char *name); /* NULL: out of memory */
const char *argv_get(const ArgvOption *option, const char *key);
int argv_put(ArgvOption *option, const char *key, const char *value);
int argv_read_text(ArgvOption *option, const char *text, const char *implied);
char *argv_option_text(const ArgvOption *option);

/* argv-short.c: -ENOMEM */
int argv_expand(Argv *argv);

/* Looking and taking. `take` returns a value that belongs to the option, NULL where there is none. */
ArgvOption *argv_next(const Argv *argv, const char *name, const ArgvOption *last);
ArgvOption *argv_find(const Argv *argv, const char *name, const char *key, const char *value);
const char *argv_take(ArgvMap *map, ArgvOption *option, const char *key);
/* Taken if it says just this. */
bool argv_take_if(ArgvMap *map, ArgvOption *option, const char *key, const char *value);

XmlElement *argv_element(ArgvMap *map, XmlElement *parent, const char *name);
/* The one of this name, made if it is not there. */
XmlElement *argv_ensure(ArgvMap *map, XmlElement *parent, const char *name);
XmlElement *argv_text(ArgvMap *map, XmlElement *parent, const char *name, const char *text);
void argv_set(ArgvMap *map, XmlElement *element, const char *attribute, const char *value); /* NULL: not */
void argv_setf(ArgvMap *map, XmlElement *element, const char *attribute, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* An attribute from a member. */
void argv_move(ArgvMap *map, ArgvOption *option, const char *key, XmlElement *element,
               const char *attribute);
/* "on" and "off" as yes and no. */
void argv_move_switch(ArgvMap *map, ArgvOption *option, const char *key, XmlElement *element,
                      const char *attribute);

/* argv-device.c: ID, place, boot index. */
void argv_common(ArgvMap *map, ArgvOption *device, XmlElement *element);
void argv_map_devices(ArgvMap *map);
/* argv-disk.c */
void argv_map_disks(ArgvMap *map);
/* argv-chardev.c: the source of the chardev that the device names, as attribute `type` and elements */
bool argv_source(ArgvMap *map, ArgvOption *device, const char *key, XmlElement *element);
void argv_map_chardevs(ArgvMap *map);
/* argv-machine.c, argv-memory.c, argv-cpu.c */
void argv_map_accel(ArgvMap *map);
void argv_map_machine(ArgvMap *map);
void argv_map_hpet(ArgvMap *map, ArgvOption *machine, XmlElement *clock);
void argv_map_memory(ArgvMap *map);
void argv_map_cpu(ArgvMap *map);
/* argv-controller.c, argv-interface.c */
void argv_map_controllers(ArgvMap *map);
void argv_map_interface(ArgvMap *map, ArgvOption *device);
/* argv-graphics.c */
void argv_map_graphics(ArgvMap *map);
