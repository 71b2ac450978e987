/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/* Controllers: others name them by their index, so an ID that does not tell it cannot be one of a
 * definition. */

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
