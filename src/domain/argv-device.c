/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"
#include "domain/value.h"

/* What all devices have, and all small ones. */

/* --- what all devices have ------------------------------------------------------------------------- */

/* The number of the bus that a bridge of this ID makes; its controller has it as index. */
static int bus_number(const Argv *argv, const char *bus)
{
        const char *number;

        if (streq(bus, "pcie.0") || streq(bus, "pci.0") || streq(bus, "pci"))
                return 0;
        number = startswith(bus, "pci.");
        if (!number || !*number || strlen(number) > 3 || number[strspn(number, "0123456789")])
                return -1;
        return argv_find(argv, "device", "id", bus) ? atoi(number) : -1;
}

static void pci_address(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        const char *bus = argv_get(device, "bus"), *addr = argv_get(device, "addr");
        unsigned slot, function;
        XmlElement *address;
        int number;

        if (!bus || !addr || sscanf(addr, "%x.%x", &slot, &function) != 2 || slot > 31 || function > 7)
                return;
        number = bus_number(map->argv, bus);
        if (number < 0)
                return;
        address = argv_element(map, element, "address");
        argv_set(map, address, "type", "pci");
        argv_set(map, address, "domain", "0x0000");
        argv_setf(map, address, "bus", "0x%02x", (unsigned)number);
        argv_setf(map, address, "slot", "0x%02x", slot);
        argv_setf(map, address, "function", "0x%x", function);
        if (argv_take_if(map, device, "multifunction", "on"))
                argv_set(map, address, "multifunction", "on");
        (void)argv_take_if(map, device, "multifunction", "off");
        (void)argv_take(map, device, "bus");
        (void)argv_take(map, device, "addr");
}

static void usb_address(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        const char *bus = argv_get(device, "bus"), *port = argv_get(device, "port"), *number = bus, *dot;
        XmlElement *address;

        if (!bus || !startswith(bus, "usb"))
                return;
        number = bus + 3;
        dot = strchr(number, '.');
        if (!dot || !streq(dot, ".0") || number + strspn(number, "0123456789") != dot)
                return;
        address = argv_element(map, element, "address");
        argv_set(map, address, "type", "usb");
        argv_setf(map, address, "bus", "%s", dot == number ? "0" : "");
        if (dot != number)
                argv_setf(map, address, "bus", "%.*s", (int)(dot - number), number);
        argv_set(map, address, "port", port);
        (void)argv_take(map, device, "bus");
        (void)argv_take(map, device, "port");
}

void argv_common(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        const char *id = argv_get(device, "id");
        XmlElement *rom = NULL;

        if (id && value_is_id(id)) {
                argv_set(map, argv_element(map, element, "alias"), "name", id);
                (void)argv_take(map, device, "id");
        }
        if (argv_get(device, "bootindex"))
                argv_move(map, device, "bootindex", argv_element(map, element, "boot"), "order");
        if (argv_get(device, "romfile") || argv_get(device, "rombar"))
                rom = argv_element(map, element, "rom");
        if (streq(argv_get(device, "rombar") ?: "", "0"))
                argv_set(map, rom, "bar", "off");
        else if (streq(argv_get(device, "rombar") ?: "", "1"))
                argv_set(map, rom, "bar", "on");
        (void)argv_take(map, device, "rombar");
        if (streq(argv_get(device, "romfile") ?: "-", "")) {
                argv_set(map, rom, "enabled", "no");
                (void)argv_take(map, device, "romfile");
        }
        argv_move(map, device, "romfile", rom, "file");
        if (argv_get(device, "acpi-index"))
                argv_move(map, device, "acpi-index", argv_element(map, element, "acpi"), "index");
        pci_address(map, device, element);
        usb_address(map, device, element);
}

/* --- small things ---------------------------------------------------------------------------------- */

static void map_input(ArgvMap *map, ArgvOption *device)
{
        static const char *const inputs[][3] = {
                {"usb-tablet", "tablet", "usb"},         {"usb-mouse", "mouse", "usb"},
                {"usb-kbd", "keyboard", "usb"},          {"virtio-tablet-pci", "tablet", "virtio"},
                {"virtio-mouse-pci", "mouse", "virtio"}, {"virtio-keyboard-pci", "keyboard", "virtio"}};
        XmlElement *input;

        for (size_t i = 0; i < ELEMENTSOF(inputs); i++)
                if (streq_ptr(argv_get(device, "driver"), inputs[i][0])) {
                        input = argv_element(map, map->devices, "input");
                        argv_set(map, input, "type", inputs[i][1]);
                        argv_set(map, input, "bus", inputs[i][2]);
                        (void)argv_take(map, device, "driver");
                        argv_common(map, device, input);
                        return;
                }
}

static void map_rng(ArgvMap *map, ArgvOption *device)
{
        const char *id = argv_get(device, "rng"), *type;
        ArgvOption *object;
        XmlElement *rng, *backend, *rate;

        if (!streq_ptr(argv_get(device, "driver"), "virtio-rng-pci") || !id)
                return;
        object = argv_find(map->argv, "object", "id", id);
        type = object ? argv_get(object, "qom-type") : NULL;
        if (!type || (!streq(type, "rng-random") && !streq(type, "rng-builtin")))
                return;
        rng = argv_element(map, map->devices, "rng");
        argv_set(map, rng, "model", "virtio");
        if (argv_get(device, "max-bytes")) {
                rate = argv_element(map, rng, "rate");
                argv_move(map, device, "max-bytes", rate, "bytes");
                argv_move(map, device, "period", rate, "period");
        }
        backend =
                argv_text(map, rng, "backend",
                          streq(type, "rng-random") ? argv_get(object, "filename") ?: "/dev/urandom" : NULL);
        argv_set(map, backend, "model", streq(type, "rng-random") ? "random" : "builtin");
        (void)argv_take(map, object, "filename");
        (void)argv_take(map, object, "qom-type");
        (void)argv_take(map, object, "id");
        (void)argv_take(map, device, "rng");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, rng);
}

static bool map_balloon(ArgvMap *map, ArgvOption *device)
{
        XmlElement *balloon;

        if (!streq_ptr(argv_get(device, "driver"), "virtio-balloon-pci"))
                return false;
        balloon = argv_element(map, map->devices, "memballoon");
        argv_set(map, balloon, "model", "virtio");
        if (argv_get(device, "deflate-on-oom"))
                argv_set(map, balloon, "autodeflate", argv_take(map, device, "deflate-on-oom"));
        if (argv_get(device, "free-page-reporting"))
                argv_set(map, balloon, "freePageReporting", argv_take(map, device, "free-page-reporting"));
        if (argv_get(device, "guest-stats-polling-interval"))
                argv_move(map, device, "guest-stats-polling-interval", argv_element(map, balloon, "stats"),
                          "period");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, balloon);
        return true;
}

static void map_watchdog(ArgvMap *map, ArgvOption *device)
{
        ArgvOption *action = argv_next(map->argv, "watchdog-action", NULL);
        ArgvOption *newer = argv_next(map->argv, "action", NULL);
        XmlElement *watchdog;
        const char *driver = argv_get(device, "driver");

        if (!driver || (!streq(driver, "i6300esb") && !streq(driver, "ib700")))
                return;
        watchdog = argv_element(map, map->devices, "watchdog");
        argv_set(map, watchdog, "model", driver);
        argv_set(map, watchdog, "action",
                 action  ? argv_take(map, action, "")
                 : newer ? argv_take(map, newer, "watchdog")
                         : "reset");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, watchdog);
}

static void map_vsock(ArgvMap *map, ArgvOption *device)
{
        XmlElement *vsock, *cid;

        if (!streq_ptr(argv_get(device, "driver"), "vhost-vsock-pci") || !argv_get(device, "guest-cid"))
                return;
        vsock = argv_element(map, map->devices, "vsock");
        argv_set(map, vsock, "model", "virtio");
        cid = argv_element(map, vsock, "cid");
        argv_set(map, cid, "auto", "no");
        argv_move(map, device, "guest-cid", cid, "address");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, vsock);
}

static void map_9p(ArgvMap *map, ArgvOption *device)
{
        const char *id = argv_get(device, "fsdev"), *mode;
        ArgvOption *fsdev = id ? argv_find(map->argv, "fsdev", "id", id) : NULL;
        XmlElement *filesystem;

        if (!streq_ptr(argv_get(device, "driver"), "virtio-9p-pci") || !fsdev ||
            !streq_ptr(argv_get(fsdev, "fsdriver"), "local"))
                return;
        mode = argv_get(fsdev, "security_model");
        if (!mode || (!streq(mode, "mapped") && !streq(mode, "mapped-xattr") &&
                      !streq(mode, "passthrough") && !streq(mode, "none")))
                return;
        filesystem = argv_element(map, map->devices, "filesystem");
        argv_set(map, filesystem, "type", "mount");
        argv_set(map, filesystem, "accessmode",
                 startswith(mode, "mapped") ? "mapped"
                 : streq(mode, "none")      ? "squash"
                                            : mode);
        argv_move(map, fsdev, "multidevs", filesystem, "multidevs");
        argv_move(map, fsdev, "fmode", filesystem, "fmode");
        argv_move(map, fsdev, "dmode", filesystem, "dmode");
        argv_set(map, argv_element(map, filesystem, "driver"), "type", "path");
        argv_move(map, fsdev, "path", argv_element(map, filesystem, "source"), "dir");
        argv_move(map, device, "mount_tag", argv_element(map, filesystem, "target"), "dir");
        if (argv_take_if(map, fsdev, "readonly", "on"))
                (void)argv_element(map, filesystem, "readonly");
        (void)argv_take(map, fsdev, "security_model");
        (void)argv_take(map, fsdev, "fsdriver");
        (void)argv_take(map, fsdev, "id");
        (void)argv_take(map, device, "fsdev");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, filesystem);
}

/* A CRB is a TPM 2.0's; of a TIS nobody can see the version. */
static void map_tpm(ArgvMap *map, ArgvOption *device)
{
        const char *id = argv_get(device, "tpmdev");
        ArgvOption *tpmdev = id ? argv_find(map->argv, "tpmdev", "id", id) : NULL, *chardev;
        XmlElement *tpm, *backend;

        if (!streq_ptr(argv_get(device, "driver"), "tpm-crb") || !tpmdev ||
            !streq_ptr(argv_get(tpmdev, "type"), "emulator") || !argv_get(tpmdev, "chardev"))
                return;
        chardev = argv_find(map->argv, "chardev", "id", argv_get(tpmdev, "chardev"));
        if (!chardev || !streq_ptr(argv_get(chardev, "backend"), "socket") || !argv_get(chardev, "path"))
                return;
        tpm = argv_element(map, map->devices, "tpm");
        argv_set(map, tpm, "model", "tpm-crb");
        backend = argv_element(map, tpm, "backend");
        argv_set(map, backend, "type", "emulator");
        argv_set(map, backend, "version", "2.0");
        (void)argv_take(map, chardev, "backend");
        (void)argv_take(map, chardev, "path");
        (void)argv_take(map, chardev, "id");
        (void)argv_take(map, tpmdev, "chardev");
        (void)argv_take(map, tpmdev, "type");
        (void)argv_take(map, tpmdev, "id");
        (void)argv_take(map, device, "tpmdev");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, tpm);
}

static void map_usb_host(ArgvMap *map, ArgvOption *device)
{
        XmlElement *hostdev, *source;

        if (!streq_ptr(argv_get(device, "driver"), "usb-host") ||
            (!argv_get(device, "vendorid") && !argv_get(device, "hostbus")))
                return;
        hostdev = argv_element(map, map->devices, "hostdev");
        argv_set(map, hostdev, "mode", "subsystem");
        argv_set(map, hostdev, "type", "usb");
        source = argv_element(map, hostdev, "source");
        if (argv_get(device, "vendorid")) {
                argv_setf(map, argv_element(map, source, "vendor"), "id", "0x%04lx",
                          strtoul(argv_get(device, "vendorid"), NULL, 10));
                argv_setf(map, argv_element(map, source, "product"), "id", "0x%04lx",
                          strtoul(argv_get(device, "productid") ?: "0", NULL, 10));
        } else {
                source = argv_element(map, source, "address");
                argv_move(map, device, "hostbus", source, "bus");
                argv_move(map, device, "hostaddr", source, "device");
        }
        (void)argv_take(map, device, "vendorid");
        (void)argv_take(map, device, "productid");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, hostdev);
}

static void map_pci_host(ArgvMap *map, ArgvOption *device)
{
        unsigned domain, bus, slot, function;
        const char *host = argv_get(device, "host");
        XmlElement *hostdev, *address;

        if (!streq_ptr(argv_get(device, "driver"), "vfio-pci") || !host)
                return;
        if (sscanf(host, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) {
                domain = 0;
                if (sscanf(host, "%x:%x.%x", &bus, &slot, &function) != 3)
                        return;
        }
        hostdev = argv_element(map, map->devices, "hostdev");
        argv_set(map, hostdev, "mode", "subsystem");
        argv_set(map, hostdev, "type", "pci");
        argv_set(map, hostdev, "managed", "no");
        address = argv_element(map, argv_element(map, hostdev, "source"), "address");
        argv_setf(map, address, "domain", "0x%04x", domain);
        argv_setf(map, address, "bus", "0x%02x", bus);
        argv_setf(map, address, "slot", "0x%02x", slot);
        argv_setf(map, address, "function", "0x%x", function);
        (void)argv_take(map, device, "host");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, hostdev);
}

static void map_vmcoreinfo(ArgvMap *map, ArgvOption *device)
{
        XmlElement *features;

        if (!streq_ptr(argv_get(device, "driver"), "vmcoreinfo"))
                return;
        features = argv_ensure(map, map->xml->root, "features");
        argv_set(map, argv_element(map, features, "vmcoreinfo"), "state", "on");
        (void)argv_take(map, device, "driver");
}

static void map_panic(ArgvMap *map, ArgvOption *device)
{
        XmlElement *panic;

        if (!streq_ptr(argv_get(device, "driver"), "pvpanic"))
                return;
        panic = argv_element(map, map->devices, "panic");
        argv_set(map, panic, "model", "isa");
        (void)argv_take(map, device, "driver");
        argv_common(map, device, panic);
}

void argv_map_devices(ArgvMap *map)
{
        bool balloon = false;

        for (ArgvOption *device = NULL; map->r >= 0 && (device = argv_next(map->argv, "device", device));) {
                argv_map_interface(map, device);
                map_input(map, device);
                map_rng(map, device);
                balloon = map_balloon(map, device) || balloon;
                map_watchdog(map, device);
                map_vsock(map, device);
                map_9p(map, device);
                map_usb_host(map, device);
                map_pci_host(map, device);
                map_tpm(map, device);
                map_vmcoreinfo(map, device);
                map_panic(map, device);
        }
        if (!balloon)
                argv_set(map, argv_element(map, map->devices, "memballoon"), "model", "none");
}
