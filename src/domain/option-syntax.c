/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/option.h"

#include "base/util.h"

/*
 * Measured on QEMU 5.2, 7.2, 10.0 and 11.1. From which release on an option takes JSON, and what reads its
 * text where it is none:
 *
 *   -audiodev  always   keyval.c
 *   -blockdev  always   keyval.c
 *   -display   always   keyval.c
 *   -compat    always   keyval.c; came with 6.0
 *   -object    6.0      QemuOpts; keyval.c in qemu-storage-daemon
 *   -device    6.2      QemuOpts; sound since 7.0
 *   -netdev    7.2      QemuOpts; keyval.c for stream and dgram, which came with 7.2
 *   -machine   never    keyval.c since 6.1; QemuOpts before, so nothing may nest for those
 *   the rest   never    QemuOpts, or text that QemuOpts could read; what looks like JSON is taken for a name
 *
 * Of the rest -action came with 6.0, and 11.1 warns that -mon will go. IDs and node names are letters,
 * digits and "-._" (a device's in JSON was not checked from 7.2 to 10.0); for -fw_cfg an empty string is
 * none.
 *
 * Not here: -cpu, which splits at every comma; -global, which takes what is behind '=' as it is; -drive, for
 * which there is -blockdev.
 */
static const OptionSyntax table[] = {
        {"-accel", "accel", OPTION_FLAT, NULL},
        {"-acpitable", NULL, OPTION_FLAT, NULL},
        {"-action", NULL, OPTION_FLAT, NULL},
        {"-add-fd", NULL, OPTION_FLAT, NULL},
        {"-audiodev", "driver", OPTION_KEYVAL, ""},
        {"-blockdev", "driver", OPTION_KEYVAL, ""},
        {"-boot", "order", OPTION_FLAT, NULL},
        {"-chardev", "backend", OPTION_FLAT, NULL},
        {"-compat", NULL, OPTION_KEYVAL, ""},
        {"-device", "driver", OPTION_FLAT, "json-cli-hotplug"},
        {"-display", "type", OPTION_KEYVAL, ""},
        {"-fsdev", "fsdriver", OPTION_FLAT, NULL},
        {"-fw_cfg", "name", OPTION_FLAT, NULL},
        {"-m", "size", OPTION_FLAT, NULL},
        {"-machine", "type", OPTION_KEYVAL, NULL},
        {"-mon", "chardev", OPTION_FLAT, NULL},
        {"-msg", NULL, OPTION_FLAT, NULL},
        {"-name", "guest", OPTION_FLAT, NULL},
        {"-netdev", "type", OPTION_LISTS, "netdev-json"},
        {"-numa", "type", OPTION_LISTS, NULL},
        {"-object", "qom-type", OPTION_LISTS, "object-json"},
        {"-overcommit", NULL, OPTION_FLAT, NULL},
        {"-rtc", NULL, OPTION_FLAT, NULL},
        {"-sandbox", "enable", OPTION_FLAT, NULL},
        {"-smbios", NULL, OPTION_LISTS, NULL},
        {"-smp", "cpus", OPTION_FLAT, NULL},
        {"-spice", NULL, OPTION_LISTS, NULL},
        {"-tpmdev", "type", OPTION_FLAT, NULL},
        {"-vnc", "vnc", OPTION_FLAT, NULL},
};

const OptionSyntax *option_syntax(const char *option)
{
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(table[i].option, option))
                        return &table[i];
        return NULL;
}
