/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"
#include "domain/value.h"

/* Controllers, network cards, and all small things. */

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

        if (!bus || !startswith(bus, "usb") || !port)
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

/* --- controllers ----------------------------------------------------------------------------------- */

static const struct {
        const char *driver, *type, *model, *id; /* by which the index is told: "scsi0" */
} controllers[] = {
        {"pcie-root-port", "pci", "pcie-root-port", "pci."},
        {"ioh3420", "pci", "pcie-root-port", "pci."},
        {"pcie-pci-bridge", "pci", "pcie-to-pci-bridge", "pci."},
        {"i82801b11-bridge", "pci", "dmi-to-pci-bridge", "pci."},
        {"pci-bridge", "pci", "pci-bridge", "pci."},
        {"x3130-upstream", "pci", "pcie-switch-upstream-port", "pci."},
        {"xio3130-downstream", "pci", "pcie-switch-downstream-port", "pci."},
        {"qemu-xhci", "usb", "qemu-xhci", "usb"},
        {"nec-usb-xhci", "usb", "nec-xhci", "usb"},
        {"usb-ehci", "usb", "ehci", "usb"},
        {"piix3-usb-uhci", "usb", "piix3-uhci", "usb"},
        {"ich9-usb-ehci1", "usb", "ich9-ehci1", "usb"},
        {"ich9-usb-uhci1", "usb", "ich9-uhci1", NULL},
        {"ich9-usb-uhci2", "usb", "ich9-uhci2", NULL},
        {"ich9-usb-uhci3", "usb", "ich9-uhci3", NULL},
        {"virtio-scsi-pci", "scsi", "virtio-scsi", "scsi"},
        {"lsi", "scsi", "lsilogic", "scsi"},
        {"ahci", "sata", NULL, "sata"},
        {"virtio-serial-pci", "virtio-serial", NULL, "virtio-serial"},
        {"usb-ccid", "ccid", NULL, "ccid"},
};

static void take_pci(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        XmlElement *target = NULL;

        if (argv_get(device, "chassis") || argv_get(device, "port"))
                target = argv_element(map, element, "target");
        argv_move(map, device, "chassis", target, "chassis");
        if (argv_get(device, "port"))
                argv_setf(map, target, "port", "0x%lx", strtoul(argv_get(device, "port"), NULL, 10));
        (void)argv_take(map, device, "port");
        argv_move(map, device, "chassis_nr", argv_ensure(map, element, "target"), "chassisNr");
        if (argv_get(device, "hotplug"))
                argv_set(map, argv_ensure(map, element, "target"), "hotplug",
                         argv_take(map, device, "hotplug"));
        target = argv_ensure(map, element, "target");
        if (target && !target->properties)
                xml_remove(target);
}

static void take_usb(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        const char *master = argv_get(device, "masterbus"),
                   *number = master ? startswith(master, "usb") : NULL;

        if (argv_get(device, "p2") && streq_ptr(argv_get(device, "p2"), argv_get(device, "p3"))) {
                argv_move(map, device, "p2", element, "ports");
                (void)argv_take(map, device, "p3");
        }
        if (!number)
                return;
        argv_setf(map, element, "index", "%.*s", (int)strcspn(number, "."), number);
        if (*number == '.')
                argv_set(map, element, "index", "0");
        (void)argv_take(map, device, "masterbus");
        argv_move(map, device, "firstport", argv_element(map, element, "master"), "startport");
}

static void take_queues(ArgvMap *map, ArgvOption *device, XmlElement *element)
{
        XmlElement *driver = argv_element(map, element, "driver");
        const char *thread = argv_get(device, "iothread");

        argv_move(map, device, "num_queues", driver, "queues");
        argv_move(map, device, "cmd_per_lun", driver, "cmd_per_lun");
        argv_move(map, device, "max_sectors", driver, "max_sectors");
        if (thread && startswith(thread, "iothread")) {
                argv_set(map, driver, "iothread", thread + strlen("iothread"));
                (void)argv_take(map, device, "iothread");
        }
        if (driver && !driver->properties)
                xml_remove(driver);
}

/* False where its ID is not one by which others would find it in a definition. */
static bool controller_index(const ArgvOption *device, const char *prefix, unsigned *ret)
{
        const char *id = argv_get(device, "id"), *number = id ? startswith(id, prefix) : NULL;

        if (!number || strlen(number) > 3 || number[strspn(number, "0123456789")])
                return false;
        *ret = (unsigned)strtoul(number, NULL, 10);
        return true;
}

static void map_controller(ArgvMap *map, ArgvOption *device, size_t kind)
{
        const char *type = controllers[kind].type;
        XmlElement *element;
        unsigned index = 0;

        if (controllers[kind].id && !controller_index(device, controllers[kind].id, &index))
                return;
        element = argv_element(map, map->devices, "controller");
        argv_set(map, element, "type", type);
        argv_setf(map, element, "index", "%u", index);
        argv_set(map, element, "model", controllers[kind].model);
        if (streq(type, "pci")) {
                argv_set(map, argv_element(map, element, "model"), "name", controllers[kind].driver);
                take_pci(map, device, element);
        } else if (streq(type, "usb")) {
                take_usb(map, device, element);
        } else if (streq(type, "scsi")) {
                take_queues(map, device, element);
        } else if (streq(type, "virtio-serial")) {
                argv_move(map, device, "max_ports", element, "ports");
                argv_move(map, device, "vectors", element, "vectors");
        }
        (void)argv_take(map, device, "driver");
        argv_common(map, device, element);
}

void argv_map_controllers(ArgvMap *map)
{
        bool usb = false;
        XmlElement *none;

        for (ArgvOption *device = NULL; (device = argv_next(map->argv, "device", device));) {
                const char *driver = argv_get(device, "driver");

                for (size_t i = 0; driver && i < ELEMENTSOF(controllers); i++)
                        if (streq(driver, controllers[i].driver)) {
                                usb = usb || streq(controllers[i].type, "usb");
                                map_controller(map, device, i);
                                break;
                        }
        }
        if (usb)
                return;
        none = argv_element(map, map->devices, "controller");
        argv_set(map, none, "type", "usb");
        argv_set(map, none, "index", "0");
        argv_set(map, none, "model", "none");
}

/* --- network --------------------------------------------------------------------------------------- */

/* "tcp:127.0.0.1:2222-:22", "tcp::2222-10.0.2.15:22": only what goes to the guest itself. */
static bool forward(ArgvMap *map, XmlElement *interface, const char *text)
{
        char protocol[4], host[64] = "";
        unsigned from, to;
        XmlElement *element, *range;
        int end = 0;

        if (sscanf(text, "%3[tcpud]::%u-:%u%n", protocol, &from, &to, &end) != 3 || text[end])
                if (sscanf(text, "%3[tcpud]:%63[0-9.]:%u-:%u%n", protocol, host, &from, &to, &end) != 4 ||
                    text[end])
                        return false;
        if (from == 0 || from > UINT16_MAX || to == 0 || to > UINT16_MAX)
                return false;
        element = argv_element(map, interface, "portForward");
        argv_set(map, element, "proto", protocol);
        if (*host)
                argv_set(map, element, "address", host);
        range = argv_element(map, element, "range");
        argv_setf(map, range, "start", "%u", from);
        if (to != from)
                argv_setf(map, range, "to", "%u", to);
        return true;
}

static bool take_user(ArgvMap *map, ArgvOption *netdev, XmlElement *interface)
{
        argv_set(map, interface, "type", "user");
        for (unsigned i = 0; i < 100; i++) {
                char key[32];

                snprintf(key, sizeof(key), "hostfwd.%u.str", i);
                if (!argv_get(netdev, key))
                        break;
                if (forward(map, interface, argv_get(netdev, key)))
                        (void)argv_take(map, netdev, key);
        }
        return true;
}

static bool take_tap(ArgvMap *map, ArgvOption *netdev, XmlElement *interface, XmlElement *driver)
{
        XmlElement *target;

        if (argv_get(netdev, "helper") || argv_get(netdev, "br")) {
                argv_set(map, interface, "type", "bridge");
                argv_set(map, argv_element(map, interface, "source"), "bridge",
                         argv_take(map, netdev, "br") ?: "br0");
                (void)argv_take(map, netdev, "helper");
        } else if (argv_get(netdev, "ifname")) {
                argv_set(map, interface, "type", "ethernet");
                target = argv_element(map, interface, "target");
                argv_move(map, netdev, "ifname", target, "dev");
                argv_set(map, target, "managed", "no");
                (void)argv_take_if(map, netdev, "script", "no");
                (void)argv_take_if(map, netdev, "downscript", "no");
        } else {
                return false; /* a descriptor: nobody can see what is behind it */
        }
        argv_set(map, driver, "name", argv_take_if(map, netdev, "vhost", "on") ? "vhost" : "qemu");
        (void)argv_take_if(map, netdev, "vhost", "off");
        return true;
}

static bool take_vhost_user(ArgvMap *map, ArgvOption *netdev, XmlElement *interface)
{
        const char *id = argv_get(netdev, "chardev");
        ArgvOption *chardev = id ? argv_find(map->argv, "chardev", "id", id) : NULL;
        XmlElement *source;

        if (!chardev || !streq_ptr(argv_get(chardev, "backend"), "socket") || !argv_get(chardev, "path"))
                return false;
        argv_set(map, interface, "type", "vhostuser");
        source = argv_element(map, interface, "source");
        argv_set(map, source, "type", "unix");
        argv_move(map, chardev, "path", source, "path");
        argv_set(map, source, "mode", streq_ptr(argv_get(chardev, "server"), "on") ? "server" : "client");
        (void)argv_take(map, chardev, "server");
        (void)argv_take(map, chardev, "backend");
        (void)argv_take(map, chardev, "id");
        (void)argv_take(map, netdev, "chardev");
        return true;
}

static bool take_netdev(ArgvMap *map, ArgvOption *netdev, XmlElement *interface, XmlElement *driver)
{
        const char *type = netdev ? argv_get(netdev, "type") : NULL;
        bool taken = false;

        if (!type)
                return false;
        if (streq(type, "user"))
                taken = take_user(map, netdev, interface);
        else if (streq(type, "tap") || streq(type, "bridge"))
                taken = take_tap(map, netdev, interface, driver);
        else if (streq(type, "vhost-user"))
                taken = take_vhost_user(map, netdev, interface);
        if (!taken)
                return false;
        (void)argv_take(map, netdev, "type");
        (void)argv_take(map, netdev, "id");
        return true;
}

static void map_interface(ArgvMap *map, ArgvOption *device)
{
        static const char *const cards[][2] = {{"virtio-net-pci", "virtio"},
                                               {"virtio-net-device", "virtio"},
                                               {"virtio-net-ccw", "virtio"},
                                               {"e1000", "e1000"},
                                               {"e1000e", "e1000e"},
                                               {"rtl8139", "rtl8139"},
                                               {"igb", "igb"},
                                               {"vmxnet3", "vmxnet3"},
                                               {"ne2k_pci", "ne2k_pci"},
                                               {"pcnet", "pcnet"}};
        const char *driver = argv_get(device, "driver"), *id = argv_get(device, "netdev"), *model = NULL;
        XmlElement *interface, *options;

        for (size_t i = 0; driver && i < ELEMENTSOF(cards); i++)
                if (streq(driver, cards[i][0]))
                        model = cards[i][1];
        if (!model || !id)
                return;
        interface = argv_element(map, map->devices, "interface");
        options = argv_element(map, interface, "driver");
        if (!take_netdev(map, argv_find(map->argv, "netdev", "id", id), interface, options)) {
                if (interface)
                        xml_remove(interface);
                return;
        }
        argv_move(map, device, "mac", argv_element(map, interface, "mac"), "address");
        argv_set(map, argv_element(map, interface, "model"), "type", model);
        argv_move(map, device, "rx_queue_size", options, "rx_queue_size");
        argv_move(map, device, "tx_queue_size", options, "tx_queue_size");
        if (options && !options->properties)
                xml_remove(options);
        if (argv_get(device, "host_mtu"))
                argv_move(map, device, "host_mtu", argv_element(map, interface, "mtu"), "size");
        (void)argv_take(map, device, "driver");
        (void)argv_take(map, device, "netdev");
        argv_common(map, device, interface);
        if (!xml_child(interface, "mac")->properties)
                xml_remove(xml_child(interface, "mac"));
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
        XmlElement *watchdog;
        const char *driver = argv_get(device, "driver");

        if (!driver || (!streq(driver, "i6300esb") && !streq(driver, "ib700")))
                return;
        watchdog = argv_element(map, map->devices, "watchdog");
        argv_set(map, watchdog, "model", driver);
        argv_set(map, watchdog, "action", action ? argv_take(map, action, "") ?: "reset" : "reset");
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
                map_interface(map, device);
                map_input(map, device);
                map_rng(map, device);
                balloon = map_balloon(map, device) || balloon;
                map_watchdog(map, device);
                map_vsock(map, device);
                map_9p(map, device);
                map_usb_host(map, device);
                map_pci_host(map, device);
                map_vmcoreinfo(map, device);
                map_panic(map, device);
        }
        if (!balloon)
                argv_set(map, argv_element(map, map->devices, "memballoon"), "model", "none");
}
