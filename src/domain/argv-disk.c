/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/*
 * Disks: the device, the node of its format, and the one of its file, whether they are two or one in the
 * other. Filters, network disks and what a node says beyond the usual stay where they are, and so are
 * reported.
 */

typedef struct Names {
        unsigned virtio, other, floppy;
} Names;

static bool is_any(const char *text, const char *const *words)
{
        for (; text && *words; words++)
                if (streq(text, *words))
                        return true;
        return false;
}

/* --- nodes ----------------------------------------------------------------------------------------- */

typedef struct Node {
        ArgvOption *option;
        const char *prefix; /* "file." within the format's */
} Node;

static const char *node_get(const Node *node, const char *key)
{
        CLEANUP(free) char *full = text_format("%s%s", node->prefix, key);

        return full ? argv_get(node->option, full) : NULL;
}

static const char *node_take(ArgvMap *map, const Node *node, const char *key)
{
        CLEANUP(free) char *full = text_format("%s%s", node->prefix, key);

        return full ? argv_take(map, node->option, full) : NULL;
}

static bool find_file(ArgvMap *map, ArgvOption *format, Node *ret)
{
        const char *reference = argv_get(format, "file");

        if (reference) {
                *ret = (Node){argv_find(map->argv, "blockdev", "node-name", reference), ""};
                return ret->option != NULL;
        }
        *ret = (Node){format, "file."};
        return argv_get(format, "file.driver") != NULL;
}

static void take_file(ArgvMap *map, ArgvOption *format, const Node *file, XmlElement *source,
                      XmlElement *driver, const char *attribute)
{
        static const char *const plain[] = {"driver",    "node-name",    "auto-read-only", "discard",
                                            "read-only", "cache.direct", "cache.no-flush"};

        argv_set(map, source, attribute, node_take(map, file, "filename"));
        if (node_get(file, "aio"))
                argv_set(map, driver, "io", node_take(map, file, "aio"));
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                (void)node_take(map, file, plain[i]);
        if (argv_get(format, "file"))
                (void)argv_take(map, format, "file");
}

static const char *cache_mode(ArgvMap *map, ArgvOption *format, ArgvOption *device)
{
        const char *direct = argv_get(format, "cache.direct"),
                   *no_flush = argv_get(format, "cache.no-flush"), *write = argv_get(device, "write-cache");
        bool is_direct = streq_ptr(direct, "on"), cached = !streq_ptr(write, "off");

        if (!direct && !no_flush && !write)
                return NULL;
        (void)argv_take(map, format, "cache.direct");
        (void)argv_take(map, format, "cache.no-flush");
        if (!streq_ptr(write, "auto"))
                (void)argv_take(map, device, "write-cache");
        if (streq_ptr(no_flush, "on"))
                return "unsafe";
        if (is_direct)
                return cached ? "none" : "directsync";
        return cached ? "writeback" : "writethrough";
}

/* "null" says that there is none; what else is below is found by the image's header, as it was then. */
static void take_backing(ArgvMap *map, ArgvOption *format, XmlElement *disk)
{
        if (argv_take_if(map, format, "backing", "null"))
                (void)argv_element(map, disk, "backingStore");
}

/* False: nothing was taken. */
static bool take_node(ArgvMap *map, ArgvOption *device, ArgvOption *format, XmlElement *disk)
{
        static const char *const formats[] = {"raw", "qcow2", "qcow", "qed", "vmdk",
                                              "vdi", "vpc",   "vhdx", NULL};
        static const char *const files[] = {"file", "host_device", "host_cdrom", NULL};
        XmlElement *driver, *source;
        const char *name;
        bool device_file;
        Node file;

        if (!format || !is_any(argv_get(format, "driver"), formats) || !find_file(map, format, &file) ||
            !is_any(node_get(&file, "driver"), files) || !node_get(&file, "filename"))
                return false;
        device_file = !streq(node_get(&file, "driver"), "file");
        argv_set(map, disk, "type", device_file ? "block" : "file");
        driver = argv_element(map, disk, "driver");
        argv_set(map, driver, "name", "qemu");
        argv_set(map, driver, "type", argv_take(map, format, "driver"));
        argv_set(map, driver, "cache", cache_mode(map, format, device));
        if (argv_get(format, "discard") && !streq(argv_get(format, "discard"), "ignore"))
                argv_move(map, format, "discard", driver, "discard");
        (void)argv_take_if(map, format, "discard", "ignore");
        argv_move(map, format, "detect-zeroes", driver, "detect_zeroes");
        source = argv_element(map, disk, "source");
        take_file(map, format, &file, source, driver, device_file ? "dev" : "file");
        name = argv_get(format, "read-only");
        if (name && streq(name, "on"))
                (void)argv_element(map, disk, "readonly");
        (void)argv_take(map, format, "read-only");
        (void)argv_take(map, format, "auto-read-only");
        (void)argv_take(map, format, "node-name");
        take_backing(map, format, disk);
        return true;
}

/* --- devices --------------------------------------------------------------------------------------- */

static void name_target(ArgvMap *map, XmlElement *target, const char *prefix, unsigned number)
{
        CLEANUP(free) char *letters = NULL;

        if (number < 26)
                letters = text_format("%c", (int)('a' + number));
        else
                letters = text_format("%c%c", (int)('a' + number / 26 - 1), (int)('a' + number % 26));
        if (letters)
                argv_setf(map, target, "dev", "%s%s", prefix, letters);
}

static void drive_address(ArgvMap *map, XmlElement *disk, const char *controller, const char *bus,
                          const char *target, const char *unit)
{
        XmlElement *address = argv_element(map, disk, "address");

        argv_set(map, address, "type", "drive");
        argv_set(map, address, "controller", controller);
        argv_set(map, address, "bus", bus);
        argv_set(map, address, "target", target);
        argv_set(map, address, "unit", unit);
}

/* "sata0.3", "ide.1", "scsi0.0": what is between the name and the dot, and what is behind. */
static bool split_bus(const char *bus, const char *name, char controller[static 8], char number[static 8])
{
        const char *rest = bus ? startswith(bus, name) : NULL, *dot = rest ? strchr(rest, '.') : NULL;

        if (!dot || dot - rest > 6 || strlen(dot) > 7 || rest + strspn(rest, "0123456789") != dot)
                return false;
        memcpy(controller, rest, (size_t)(dot - rest));
        controller[dot - rest] = 0;
        if (dot == rest)
                memcpy(controller, "0", 2);
        memcpy(number, dot + 1, strlen(dot));
        return number[0] && !number[strspn(number, "0123456789")];
}

static const char *place_ide(ArgvMap *map, ArgvOption *device, XmlElement *disk)
{
        const char *bus = argv_get(device, "bus"), *unit = argv_get(device, "unit");
        bool sata = strstr(map->about->machine ?: "", "q35") != NULL;
        char controller[8], number[8];

        if (split_bus(bus, "sata", controller, number)) {
                drive_address(map, disk, controller, "0", "0", number);
                sata = true;
        } else if (split_bus(bus, "ide", controller, number)) {
                if (sata)
                        drive_address(map, disk, controller, "0", "0", number);
                else
                        drive_address(map, disk, controller, number, "0", unit ?: "0");
        } else {
                return NULL;
        }
        (void)argv_take(map, device, "bus");
        (void)argv_take(map, device, "unit");
        return sata ? "sata" : "ide";
}

static const char *place_scsi(ArgvMap *map, ArgvOption *device, XmlElement *disk)
{
        char controller[8], number[8];

        if (!split_bus(argv_get(device, "bus"), "scsi", controller, number) || !streq(number, "0"))
                return NULL;
        drive_address(map, disk, controller, argv_get(device, "channel") ?: "0",
                      argv_get(device, "scsi-id") ?: "0", argv_get(device, "lun") ?: "0");
        (void)argv_take(map, device, "bus");
        (void)argv_take(map, device, "channel");
        (void)argv_take(map, device, "scsi-id");
        (void)argv_take(map, device, "lun");
        return "scsi";
}

static const struct {
        const char *driver, *bus, *device;
} drivers[] = {
        {"virtio-blk-pci", "virtio", "disk"}, {"virtio-blk-device", "virtio", "disk"},
        {"virtio-blk-ccw", "virtio", "disk"}, {"ide-hd", "ide", "disk"},
        {"ide-cd", "ide", "cdrom"},           {"scsi-hd", "scsi", "disk"},
        {"scsi-cd", "scsi", "cdrom"},         {"scsi-block", "scsi", "lun"},
        {"usb-storage", "usb", "disk"},       {"floppy", "fdc", "floppy"},
};

static void take_tuning(ArgvMap *map, ArgvOption *device, XmlElement *disk, XmlElement *target)
{
        XmlElement *driver = argv_ensure(map, disk, "driver"), *io = NULL;
        const char *thread = argv_get(device, "iothread");

        argv_move(map, device, "num-queues", driver, "queues");
        argv_move(map, device, "queue-size", driver, "queue_size");
        argv_move(map, device, "werror", driver, "error_policy");
        argv_move(map, device, "rerror", driver, "rerror_policy");
        if (thread && startswith(thread, "iothread")) {
                argv_set(map, driver, "iothread", thread + strlen("iothread"));
                (void)argv_take(map, device, "iothread");
        }
        if (argv_get(device, "serial"))
                (void)argv_text(map, disk, "serial", argv_take(map, device, "serial"));
        if (argv_get(device, "logical_block_size") || argv_get(device, "physical_block_size"))
                io = argv_element(map, disk, "blockio");
        argv_move(map, device, "logical_block_size", io, "logical_block_size");
        argv_move(map, device, "physical_block_size", io, "physical_block_size");
        argv_move(map, device, "rotation_rate", target, "rotation_rate");
        argv_move(map, device, "removable", target, "removable");
        if (argv_take_if(map, device, "share-rw", "on"))
                (void)argv_element(map, disk, "shareable");
        if (map->r >= 0 && driver && !driver->properties)
                xml_remove(driver);
}

static void map_disk(ArgvMap *map, ArgvOption *device, size_t kind, Names *names)
{
        XmlElement *disk = argv_element(map, map->devices, "disk"), *target;
        const char *drive = argv_get(device, "drive"), *bus = drivers[kind].bus;
        ArgvOption *format = drive ? argv_find(map->argv, "blockdev", "node-name", drive) : NULL;
        bool empty = !drive && !streq(drivers[kind].device, "disk");

        if (!empty && !take_node(map, device, format, disk)) {
                if (disk)
                        xml_remove(disk);
                return;
        }
        argv_set(map, disk, "device", drivers[kind].device);
        if (empty)
                argv_set(map, disk, "type", "file");
        if (drive)
                (void)argv_take(map, device, "drive");
        (void)argv_take(map, device, "driver");
        target = argv_element(map, disk, "target");
        if (streq(bus, "ide"))
                bus = place_ide(map, device, disk) ?: bus;
        else if (streq(bus, "scsi"))
                bus = place_scsi(map, device, disk) ?: bus;
        else if (streq(bus, "fdc"))
                drive_address(map, disk, "0", "0", "0", argv_take(map, device, "unit") ?: "0");
        argv_set(map, target, "bus", bus);
        if (streq(bus, "virtio"))
                name_target(map, target, "vd", names->virtio++);
        else if (streq(bus, "fdc"))
                name_target(map, target, "fd", names->floppy++);
        else
                name_target(map, target, streq(bus, "ide") ? "hd" : "sd", names->other++);
        take_tuning(map, device, disk, target);
        if (streq(drivers[kind].device, "cdrom") && map->r >= 0)
                (void)argv_ensure(map, disk, "readonly");
        argv_common(map, device, disk);
}

void argv_map_disks(ArgvMap *map)
{
        Names names = {};

        for (ArgvOption *device = NULL; (device = argv_next(map->argv, "device", device));) {
                const char *driver = argv_get(device, "driver");

                for (size_t i = 0; driver && i < ELEMENTSOF(drivers); i++)
                        if (streq(driver, drivers[i].driver)) {
                                map_disk(map, device, i, &names);
                                break;
                        }
        }
}
