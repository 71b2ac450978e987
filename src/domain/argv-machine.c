/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/* The board, its firmware, and what the guest is started from. */

static void feature(ArgvMap *map, ArgvOption *machine, const char *key, const char *name)
{
        XmlElement *features, *element;
        const char *value = argv_get(machine, key);

        if (!value || (!streq(value, "on") && !streq(value, "off")))
                return;
        features = argv_ensure(map, map->xml->root, "features");
        element = argv_ensure(map, features, name);
        argv_set(map, element, "state", argv_take(map, machine, key));
}

static void map_acpi(ArgvMap *map, ArgvOption *machine)
{
        ArgvOption *no_acpi = argv_next(map->argv, "no-acpi", NULL);
        bool off = machine && argv_take_if(map, machine, "acpi", "off");

        if (machine)
                (void)argv_take_if(map, machine, "acpi", "on");
        if (no_acpi)
                no_acpi->done = off = true;
        if (off || !strstr("x86_64 i686 aarch64", map->about->arch))
                return;
        (void)argv_ensure(map, argv_ensure(map, map->xml->root, "features"), "acpi");
}

void argv_map_hpet(ArgvMap *map, ArgvOption *machine, XmlElement *clock)
{
        ArgvOption *no_hpet = argv_next(map->argv, "no-hpet", NULL);
        bool off = machine && argv_take_if(map, machine, "hpet", "off");
        XmlElement *timer;

        if (machine)
                (void)argv_take_if(map, machine, "hpet", "on");
        if (no_hpet)
                no_hpet->done = off = true;
        if (!off)
                return;
        timer = argv_element(map, clock, "timer");
        argv_set(map, timer, "name", "hpet");
        argv_set(map, timer, "present", "no");
}

/* The firmware's flash, by -machine pflash0 or -drive if=pflash. */
static void map_flash(ArgvMap *map, ArgvOption *machine, XmlElement *os)
{
        for (ArgvOption *drive = NULL, *next = argv_next(map->argv, "drive", NULL); (drive = next);) {
                next = argv_next(map->argv, "drive", drive);
                if (!streq_ptr(argv_get(drive, "if"), "pflash") || !argv_get(drive, "file"))
                        continue;
                if (!streq(argv_get(drive, "format") ?: "raw", "raw"))
                        continue;
                (void)argv_take(map, drive, "if");
                (void)argv_take(map, drive, "format");
                if (streq(argv_get(drive, "unit") ?: "", "1") || xml_child(os, "loader")) {
                        XmlElement *nvram = argv_text(map, os, "nvram", argv_take(map, drive, "file"));

                        (void)nvram;
                } else {
                        XmlElement *loader = argv_text(map, os, "loader", argv_take(map, drive, "file"));

                        argv_set(map, loader, "type", "pflash");
                        argv_move_switch(map, drive, "readonly", loader, "readonly");
                }
                (void)argv_take(map, drive, "unit");
                (void)argv_take_if(map, drive, "readonly", "off");
        }
        for (unsigned i = 0; i < 2 && machine; i++) {
                char key[] = {'p', 'f', 'l', 'a', 's', 'h', (char)('0' + i), 0};
                ArgvOption *node = argv_get(machine, key) ? argv_find(map->argv, "blockdev", "node-name",
                                                                      argv_get(machine, key))
                                                          : NULL,
                           *file;
                XmlElement *element;

                file = node && argv_get(node, "file")
                               ? argv_find(map->argv, "blockdev", "node-name", argv_get(node, "file"))
                               : NULL;
                if (!file || !streq_ptr(argv_get(file, "driver"), "file") ||
                    !streq_ptr(argv_get(node, "driver"), "raw"))
                        continue;
                element = argv_text(map, os, i ? "nvram" : "loader", argv_take(map, file, "filename"));
                if (i == 0) {
                        argv_set(map, element, "type", "pflash");
                        argv_move_switch(map, node, "read-only", element, "readonly");
                }
                for (size_t k = 0; k < 5; k++) {
                        static const char *const rest[] = {"node-name", "driver", "auto-read-only",
                                                           "discard", "read-only"};

                        (void)argv_take(map, file, rest[k]);
                        (void)argv_take(map, node, rest[k]);
                }
                (void)argv_take(map, node, "file");
                (void)argv_take(map, machine, key);
        }
}

static void map_secure(ArgvMap *map, XmlElement *os)
{
        XmlElement *loader = xml_child(os, "loader");

        for (ArgvOption *global = NULL; (global = argv_next(map->argv, "global", global));)
                if (streq_ptr(argv_get(global, "driver"), "cfi.pflash01") &&
                    streq_ptr(argv_get(global, "property"), "secure") && loader) {
                        (void)argv_take(map, global, "driver");
                        (void)argv_take(map, global, "property");
                        argv_move_switch(map, global, "value", loader, "secure");
                } else if (loader && argv_get(global, "cfi.pflash01.secure")) {
                        argv_move_switch(map, global, "cfi.pflash01.secure", loader, "secure");
                }
}

static void map_direct_boot(ArgvMap *map, XmlElement *os)
{
        static const char *const words[][2] = {
                {"kernel", "kernel"}, {"initrd", "initrd"}, {"append", "cmdline"}, {"dtb", "dtb"}};
        ArgvOption *bios = argv_next(map->argv, "bios", NULL);

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                ArgvOption *option = argv_next(map->argv, words[i][0], NULL);

                if (option)
                        (void)argv_text(map, os, words[i][1], argv_take(map, option, ""));
        }
        if (bios) {
                XmlElement *loader = argv_text(map, os, "loader", argv_take(map, bios, ""));

                argv_set(map, loader, "type", "rom");
        }
}

void argv_map_machine(ArgvMap *map)
{
        static const char *const words[][2] = {{"vmport", "vmport"}, {"smm", "smm"}};
        ArgvOption *machine = argv_next(map->argv, "machine", NULL);
        XmlElement *os = argv_element(map, map->xml->root, "os"), *type = argv_text(map, os, "type", "hvm");
        const char *name = machine ? argv_take(map, machine, "type") : NULL;

        argv_set(map, type, "arch", map->about->arch);
        argv_set(map, type, "machine", map->about->machine ?: name);
        map_acpi(map, machine);
        if (map->r < 0)
                return;
        map_flash(map, machine, os);
        map_secure(map, os);
        map_direct_boot(map, os);
        for (size_t i = 0; machine && i < ELEMENTSOF(words); i++)
                feature(map, machine, words[i][0], words[i][1]);
        if (!machine)
                return;
        if (argv_get(machine, "gic-version"))
                argv_move(map, machine, "gic-version",
                          argv_element(map, argv_ensure(map, map->xml->root, "features"), "gic"), "version");
        /* What muster's and libvirt's definitions stand for anyway. */
        (void)argv_take_if(map, machine, "usb", "off");
        (void)argv_take_if(map, machine, "nvdimm", "on");
        (void)argv_take_if(map, machine, "graphics", "off");
        if (argv_take_if(map, machine, "mem-merge", "off"))
                (void)argv_element(map, argv_ensure(map, map->xml->root, "memoryBacking"), "nosharepages");
}

void argv_map_accel(ArgvMap *map)
{
        ArgvOption *accel = NULL;

        while ((accel = argv_next(map->argv, "accel", accel)))
                (void)argv_take(map, accel, "accel");
        argv_set(map, map->xml->root, "type", map->about->kvm ? "kvm" : "qemu");
}
