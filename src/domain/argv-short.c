/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "domain/argv-private.h"

/*
 * What QEMU makes of its short options, in the order in which it makes it: its own display and network card
 * first, then -device, then the devices of -drive. So whatever nobody gave a place gets the next free slot
 * of the root bus here as there (pci.c, do_pci_register_device()).
 */

#define SLOTS 32

static bool is_any(const char *text, const char *const *words)
{
        for (; text && *words; words++)
                if (streq(text, *words))
                        return true;
        return false;
}

static const char *machine_type(const Argv *argv)
{
        const ArgvOption *machine = argv_find(argv, "machine", "type", NULL);

        return machine ? argv_get(machine, "type") : "pc";
}

static bool is_q35(const Argv *argv)
{
        return strstr(machine_type(argv), "q35") != NULL;
}

static bool is_pc(const Argv *argv)
{
        const char *type = machine_type(argv);

        return is_q35(argv) || startswith(type, "pc") != NULL;
}

/* --- one thing for another ------------------------------------------------------------------------- */

static int put(ArgvOption *option, const char *key, const char *value)
{
        if (!option)
                return -ENOMEM;
        return value ? argv_put(option, key, value) : 0;
}

/* "virtio-net" is what the bus makes of it. */
static int expand_driver(ArgvOption *device)
{
        static const char *const names[][2] = {
                {"virtio-blk", "virtio-blk-pci"},           {"virtio-net", "virtio-net-pci"},
                {"virtio-scsi", "virtio-scsi-pci"},         {"virtio-serial", "virtio-serial-pci"},
                {"virtio-balloon", "virtio-balloon-pci"},   {"virtio-rng", "virtio-rng-pci"},
                {"virtio-gpu", "virtio-gpu-pci"},           {"virtio-9p", "virtio-9p-pci"},
                {"virtio-keyboard", "virtio-keyboard-pci"}, {"virtio-mouse", "virtio-mouse-pci"},
                {"virtio-tablet", "virtio-tablet-pci"},     {"ich9-ahci", "ahci"},
        };
        const char *driver = argv_get(device, "driver");

        for (size_t i = 0; driver && i < ELEMENTSOF(names); i++)
                if (streq(driver, names[i][0]))
                        return argv_put(device, "driver", names[i][1]);
        return 0;
}

/* A member of one option that becomes another's. */
static int move_out(ArgvOption *from, const char *key, ArgvOption *to, const char *name)
{
        int r = put(to, name, argv_get(from, key));

        if (r >= 0)
                json_object_object_del(from->values, key);
        return r;
}

static void forget(ArgvOption *option)
{
        json_object_object_del(option->values, "");
        option->done = true;
}

/* -hda FILE */
static int expand_disk_words(Argv *argv, size_t i)
{
        static const char *const names[] = {"hda", "hdb", "hdc", "hdd", "cdrom", NULL};
        ArgvOption *option = &argv->options[i];
        char index[2] = "2", *name;

        if (!is_any(option->name, names) || !argv_get(option, ""))
                return 0;
        if (startswith(option->name, "hd"))
                index[0] = (char)('0' + option->name[2] - 'a');
        if (argv_put(option, "file", argv_get(option, "")) < 0 || argv_put(option, "index", index) < 0 ||
            argv_put(option, "if", "ide") < 0 ||
            argv_put(option, "media", streq(option->name, "cdrom") ? "cdrom" : "disk") < 0)
                return -ENOMEM;
        json_object_object_del(option->values, "");
        name = strdup("drive");
        if (!name)
                return -ENOMEM;
        free(option->name);
        option->name = name;
        return 0;
}

/* -drive's words for what two nodes say. Those that switch the device's own cache off stay as they are. */
static int expand_cache(ArgvOption *node)
{
        static const struct {
                const char *name, *direct, *no_flush;
        } modes[] = {{"none", "on", "off"}, {"unsafe", "off", "on"}, {"writeback", "off", "off"}};
        const char *cache = argv_get(node, "cache");

        for (size_t i = 0; cache && i < ELEMENTSOF(modes); i++)
                if (streq(modes[i].name, cache)) {
                        json_object_object_del(node->values, "cache");
                        if (argv_put(node, "cache.direct", modes[i].direct) < 0 ||
                            argv_put(node, "cache.no-flush", modes[i].no_flush) < 0 ||
                            argv_put(node, "file.cache.direct", modes[i].direct) < 0)
                                return -ENOMEM;
                        return argv_put(node, "file.cache.no-flush", modes[i].no_flush);
                }
        return 0;
}

static int expand_node(Argv *argv, size_t i, const char *id)
{
        ArgvOption *node = argv_add(argv, "blockdev"), *drive = &argv->options[i];
        static const char *const same[] = {"discard", "detect-zeroes", "cache", "aio", NULL};
        const char *file = argv_get(drive, "file");
        int r = node ? 0 : -ENOMEM;

        if (r >= 0)
                r = put(node, "driver", argv_get(drive, "format") ?: "raw");
        if (r >= 0 && !argv_get(drive, "format"))
                r = put(node, "probed", "on");
        if (r >= 0)
                r = put(node, "node-name", id);
        if (r >= 0)
                r = put(node, "file.driver", "file");
        if (r >= 0)
                r = put(node, "file.filename", file);
        for (size_t k = 0; r >= 0 && same[k]; k++)
                r = move_out(drive, same[k], node, streq(same[k], "aio") ? "file.aio" : same[k]);
        if (r >= 0)
                r = put(node, "read-only", argv_get(drive, "readonly") ?: argv_get(drive, "read-only"));
        if (r >= 0)
                r = expand_cache(node);
        json_object_object_del(drive->values, "readonly");
        json_object_object_del(drive->values, "read-only");
        json_object_object_del(drive->values, "file");
        json_object_object_del(drive->values, "format");
        return r;
}

static int expand_drive_device(Argv *argv, size_t i, const char *interface, const char *id, bool empty)
{
        ArgvOption *device, *drive;
        bool cdrom;
        unsigned index;
        int r;

        device = argv_add(argv, "device");
        drive = &argv->options[i];
        cdrom = streq_ptr(argv_get(drive, "media"), "cdrom");
        index = (unsigned)strtoul(argv_get(drive, "index") ?: "0", NULL, 10);
        if (streq(interface, "virtio"))
                r = put(device, "driver", "virtio-blk-pci");
        else
                r = put(device, "driver", cdrom ? "ide-cd" : "ide-hd");
        if (r >= 0 && streq(interface, "ide")) {
                char bus[16], unit[2] = {(char)('0' + index % 2), 0};

                snprintf(bus, sizeof(bus), "ide.%u", is_q35(argv) ? index % 6 : index / 2 % 2);
                r = put(device, "bus", bus);
                if (r >= 0 && !is_q35(argv))
                        r = put(device, "unit", unit);
        }
        if (r >= 0 && !empty)
                r = put(device, "drive", id);
        for (size_t k = 0; r >= 0 && k < 4; k++) {
                static const char *const same[] = {"werror", "rerror", "serial", "addr"};

                r = move_out(drive, same[k], device, same[k]);
        }
        json_object_object_del(drive->values, "media");
        json_object_object_del(drive->values, "index");
        return r;
}

static int expand_drive(Argv *argv, size_t i)
{
        ArgvOption *drive = &argv->options[i];
        const char *interface = argv_get(drive, "if") ?: "ide";
        CLEANUP(free)
        char *kind = strdup(interface), *own = text_format("#drive%zu", i),
             *id = strdup(argv_get(drive, "id") ?: own ?: "");
        bool known, empty;
        int r;

        if (!kind || !own || !id)
                return -ENOMEM;
        known = streq(kind, "none") || streq(kind, "virtio") || (streq(kind, "ide") && is_pc(argv));
        if (!known)
                return 0;
        empty = !argv_get(drive, "file");
        if (!empty && strchr(argv_get(drive, "file"), ':') && *argv_get(drive, "file") != '/')
                return 0; /* nbd:…, json:… */
        json_object_object_del(drive->values, "if");
        json_object_object_del(drive->values, "id");
        drive->done = true;
        r = empty ? 0 : expand_node(argv, i, id);
        if (r >= 0 && !streq(kind, "none"))
                r = expand_drive_device(argv, i, kind, id, empty);
        return r;
}

/* --- network, serial, display ---------------------------------------------------------------------- */

static int expand_nic(Argv *argv, size_t i)
{
        CLEANUP(free) char *id = text_format("#nic%zu", i);
        ArgvOption *netdev, *device, *nic;
        const char *type = argv_get(&argv->options[i], "type");
        int r;

        argv->options[i].done = true;
        if (streq_ptr(type, "none")) {
                json_object_object_del(argv->options[i].values, "type");
                return 0;
        }
        netdev = argv_add(argv, "netdev");
        nic = &argv->options[i];
        if (!id || !netdev)
                return -ENOMEM;
        json_object_object_foreach (nic->values, key, value)
                if (!streq(key, "model") && !streq(key, "mac") && !streq(key, "addr") && !streq(key, "id") &&
                    argv_put(netdev, key, json_object_get_string(value)) < 0)
                        return -ENOMEM;
        r = argv_put(netdev, "id", argv_get(nic, "id") ?: id);
        device = r < 0 ? NULL : argv_add(argv, "device");
        nic = &argv->options[i];
        if (!device)
                return -ENOMEM;
        r = put(device, "driver", argv_get(nic, "model") ?: is_q35(argv) ? "e1000e" : "e1000");
        if (r >= 0 && argv_get(nic, "model"))
                r = put(device, "driver", argv_get(nic, "model"));
        if (r >= 0)
                r = put(device, "netdev", argv_get(nic, "id") ?: id);
        if (r >= 0)
                r = put(device, "mac", argv_get(nic, "mac"));
        if (r >= 0)
                r = put(device, "#first", "on");
        if (r >= 0)
                r = expand_driver(device);
        json_object_put(nic->values);
        nic->values = json_object_new_object();
        return nic->values ? r : -ENOMEM;
}

/* "pty", "file:/path", "unix:/path,server=on": a character device's short form. */
static int read_character(ArgvOption *chardev, const char *text)
{
        static const char *const plain[] = {"pty", "null", "stdio", "vc", "msmouse", NULL};
        const char *rest;
        int r = -ENOENT;

        if (is_any(text, plain) || startswith(text, "vc:"))
                r = argv_put(chardev, "backend", startswith(text, "vc") ? "vc" : text);
        else if ((rest = startswith(text, "chardev:")))
                return -ENOENT;
        else if ((rest = startswith(text, "file:")))
                r = argv_put(chardev, "backend", "file") < 0 ? -ENOMEM : argv_put(chardev, "path", rest);
        else if ((rest = startswith(text, "pipe:")))
                r = argv_put(chardev, "backend", "pipe") < 0 ? -ENOMEM : argv_put(chardev, "path", rest);
        else if ((rest = startswith(text, "unix:")))
                r = argv_put(chardev, "backend", "socket") < 0 ? -ENOMEM
                                                               : argv_read_text(chardev, rest, "path");
        else if (*text == '/')
                r = argv_put(chardev, "backend", "serial") < 0 ? -ENOMEM : argv_put(chardev, "path", text);
        return r;
}

/* Servers wait where nobody says otherwise, in the short form alone. */
static int expand_serial(Argv *argv, size_t i, unsigned number)
{
        CLEANUP(free) char *id = text_format("#%s%zu", argv->options[i].name, i);
        bool parallel = streq(argv->options[i].name, "parallel");
        const char *text = argv_get(&argv->options[i], ""), *named;
        ArgvOption *chardev, *device;
        char index[12];
        int r;

        if (!id || !text)
                return id ? 0 : -ENOMEM;
        if (streq(text, "none")) {
                forget(&argv->options[i]);
                return 0;
        }
        if (!is_pc(argv))
                return 0;
        named = startswith(text, "chardev:");
        if (!named) {
                chardev = argv_add(argv, "chardev");
                text = argv_get(&argv->options[i], "");
                r = chardev ? read_character(chardev, text) : -ENOMEM;
                if (r == -ENOENT) {
                        argv->options[argv->n - 1].done = true;
                        return 0;
                }
                if (r >= 0)
                        r = argv_put(chardev, "id", id);
                if (r < 0)
                        return r;
        }
        device = argv_add(argv, "device");
        snprintf(index, sizeof(index), "%u", number);
        r = put(device, "driver", parallel ? "isa-parallel" : "isa-serial");
        if (r >= 0)
                r = put(device, "chardev", named ?: id);
        if (r >= 0)
                r = put(device, "index", index);
        if (r >= 0)
                forget(&argv->options[i]);
        return r;
}

static int expand_vga(Argv *argv, size_t i)
{
        static const char *const cards[][2] = {{"std", "VGA"},
                                               {"virtio", "virtio-vga"},
                                               {"qxl", "qxl-vga"},
                                               {"cirrus", "cirrus-vga"},
                                               {"vmware", "vmware-svga"}};
        const char *text = argv_get(&argv->options[i], "");
        ArgvOption *device;

        if (streq_ptr(text, "none"))
                forget(&argv->options[i]);
        for (size_t k = 0; text && k < ELEMENTSOF(cards); k++)
                if (streq(text, cards[k][0])) {
                        forget(&argv->options[i]);
                        device = argv_add(argv, "device");
                        return put(device, "driver", cards[k][1]) < 0 ? -ENOMEM
                                                                      : put(device, "#first", "on");
                }
        return 0;
}

/* --- what there is without -nodefaults ------------------------------------------------------------- */

static bool has_driver(const Argv *argv, const char *const *drivers)
{
        for (const ArgvOption *device = NULL; (device = argv_next(argv, "device", device));)
                if (is_any(argv_get(device, "driver"), drivers))
                        return true;
        return false;
}

static int imply(Argv *argv, const char *option, const char *argument, const char *const *drivers)
{
        ArgvOption *made;

        if (argv_next(argv, option, NULL) || has_driver(argv, drivers))
                return 0;
        made = argv_add(argv, option);
        return made ? json_add_string(made->values, "", argument) : -ENOMEM;
}

static bool drive_at(const Argv *argv, const char *index)
{
        for (const ArgvOption *drive = NULL; (drive = argv_next(argv, "drive", drive));)
                if (streq_ptr(argv_get(drive, "index"), index))
                        return true;
        return false;
}

static int imply_defaults(Argv *argv)
{
        static const char *const serial[] = {"isa-serial", "pci-serial", NULL},
                                 *const parallel[] = {"isa-parallel", NULL}, *const vga[] = {"VGA",
                                                                                             "cirrus-vga",
                                                                                             "qxl-vga",
                                                                                             "virtio-vga",
                                                                                             "virtio-vga-gl",
                                                                                             "vmware-svga",
                                                                                             "bochs-display",
                                                                                             "ramfb",
                                                                                             "secondary-vga",
                                                                                             "ati-vga",
                                                                                             NULL},
                                 *const cd[] = {"ide-cd", "ide-hd", "scsi-cd", "scsi-hd", NULL};
        ArgvOption *option;
        int r;

        if (argv_next(argv, "nodefaults", NULL) || argv_next(argv, "nographic", NULL) || !is_pc(argv))
                return 0;
        r = imply(argv, "vga", "std", vga);
        if (r >= 0)
                r = imply(argv, "serial", "vc", serial);
        if (r >= 0)
                r = imply(argv, "parallel", "vc", parallel);
        if (r >= 0 && !argv_next(argv, "nic", NULL) && !argv_next(argv, "net", NULL) &&
            !argv_next(argv, "netdev", NULL)) {
                option = argv_add(argv, "nic");
                r = put(option, "type", "user");
        }
        if (r < 0 || argv_next(argv, "cdrom", NULL) || drive_at(argv, "2") || has_driver(argv, cd))
                return r;
        option = argv_add(argv, "drive");
        r = put(option, "if", "ide");
        if (r >= 0)
                r = put(option, "index", "2");
        return r < 0 ? r : put(option, "media", "cdrom");
}

/* --- places ---------------------------------------------------------------------------------------- */

static bool is_pci(const char *driver)
{
        static const char *const others[] = {"VGA",
                                             "qxl-vga",
                                             "qxl",
                                             "cirrus-vga",
                                             "vmware-svga",
                                             "virtio-vga",
                                             "virtio-vga-gl",
                                             "e1000",
                                             "e1000e",
                                             "rtl8139",
                                             "ne2k_pci",
                                             "igb",
                                             "ahci",
                                             "qemu-xhci",
                                             "nec-usb-xhci",
                                             "intel-hda",
                                             "ich9-intel-hda",
                                             "AC97",
                                             "ES1370",
                                             "i6300esb",
                                             "lsi",
                                             "pcie-root-port",
                                             "ioh3420",
                                             "pci-bridge",
                                             "pcie-pci-bridge",
                                             "usb-ehci",
                                             "piix3-usb-uhci",
                                             "ich9-usb-ehci1",
                                             "vfio-pci",
                                             "ivshmem-plain",
                                             "nvme",
                                             "pvscsi",
                                             "bochs-display",
                                             "vmxnet3",
                                             NULL};
        size_t size = driver ? strlen(driver) : 0;

        return driver && (is_any(driver, others) ||
                          (size > 4 && startswith(driver, "v") && streq(driver + size - 4, "-pci")));
}

static int give_place(ArgvOption *device, const Argv *argv, bool used[static SLOTS])
{
        unsigned slot = 1;
        char text[16];

        while (slot < SLOTS && used[slot])
                slot++;
        if (slot == SLOTS)
                return 0;
        used[slot] = true;
        snprintf(text, sizeof(text), "%x.0", slot);
        if (argv_put(device, "bus", is_q35(argv) ? "pcie.0" : "pci.0") < 0)
                return -ENOMEM;
        return argv_put(device, "addr", text);
}

/* Those that the board makes come first; then -device as they stand; those of -drive are last already. */
static int give_places(Argv *argv)
{
        bool used[SLOTS] = {[0] = true};
        const char *root = is_q35(argv) ? "pcie.0" : "pci.0";

        if (!is_pc(argv))
                return 0;
        used[is_q35(argv) ? SLOTS - 1 : 1] = true; /* the south bridge */
        for (const ArgvOption *device = NULL; (device = argv_next(argv, "device", device));)
                if (argv_get(device, "addr") && streq_ptr(argv_get(device, "bus") ?: root, root) &&
                    is_pci(argv_get(device, "driver"))) {
                        unsigned long slot = strtoul(argv_get(device, "addr"), NULL, 16);

                        if (slot < SLOTS)
                                used[slot] = true;
                }
        for (int first = 1; first >= 0; first--)
                for (size_t i = 0; i < argv->n; i++) {
                        ArgvOption *device = &argv->options[i];

                        if (!streq(device->name, "device") || !is_pci(argv_get(device, "driver")) ||
                            (argv_get(device, "#first") != NULL) != (first == 1))
                                continue;
                        json_object_object_del(device->values, "#first");
                        if (!argv_get(device, "addr") && streq(argv_get(device, "bus") ?: root, root) &&
                            give_place(device, argv, used) < 0)
                                return -ENOMEM;
                        if (!argv_get(device, "bus") && argv_put(device, "bus", root) < 0)
                                return -ENOMEM;
                }
        return 0;
}

/* Cards without an address of their own get QEMU's, counted up in the order in which they are made. */
static int give_macs(Argv *argv)
{
        unsigned n = 0;

        for (int first = 1; first >= 0; first--)
                for (size_t i = 0; i < argv->n; i++) {
                        ArgvOption *device = &argv->options[i];
                        char mac[18];

                        if (!streq(device->name, "device") || !argv_get(device, "netdev") ||
                            argv_get(device, "mac") || (argv_get(device, "#first") != NULL) != (first == 1))
                                continue;
                        snprintf(mac, sizeof(mac), "52:54:00:12:34:%02x", (0x56 + n++) & 0xff);
                        if (argv_put(device, "mac", mac) < 0)
                                return -ENOMEM;
                }
        return 0;
}

int argv_name_formats(Argv *argv, char *(*name)(const char *file, void *userdata), void *userdata)
{
        for (ArgvOption *node = NULL; (node = argv_next(argv, "blockdev", node));) {
                CLEANUP(free) char *format = NULL;

                if (!argv_get(node, "probed") || !argv_get(node, "file.filename"))
                        continue;
                format = name(argv_get(node, "file.filename"), userdata);
                if (!format)
                        continue;
                if (argv_put(node, "driver", format) < 0)
                        return -ENOMEM;
                json_object_object_del(node->values, "probed");
        }
        return 0;
}

/* A USB device takes the first bus that there is. */
static int give_usb(Argv *argv)
{
        int r = 0;

        if (!argv_find(argv, "device", "id", "usb"))
                return 0;
        for (ArgvOption *device = NULL; r >= 0 && (device = argv_next(argv, "device", device));) {
                const char *driver = argv_get(device, "driver");

                if (driver && startswith(driver, "usb-") && !startswith(driver, "usb-ehci") &&
                    !argv_get(device, "bus"))
                        r = argv_put(device, "bus", "usb.0");
        }
        return r;
}

static int expand_accel(Argv *argv)
{
        ArgvOption *machine = argv_next(argv, "machine", NULL), *accel;

        if (argv_next(argv, "enable-kvm", NULL)) {
                argv_next(argv, "enable-kvm", NULL)->done = true;
                accel = argv_add(argv, "accel");
                return put(accel, "accel", "kvm");
        }
        if (!machine || !argv_get(machine, "accel"))
                return 0;
        accel = argv_add(argv, "accel");
        machine = argv_next(argv, "machine", NULL);
        return accel ? move_out(machine, "accel", accel, "accel") : -ENOMEM;
}

int argv_name_taps(Argv *argv, char *(*name)(const char *fd, void *userdata), void *userdata)
{
        for (ArgvOption *netdev = NULL; (netdev = argv_next(argv, "netdev", netdev));) {
                const char *fd = argv_get(netdev, "fd"), *vhost = argv_get(netdev, "vhostfd");
                CLEANUP(free) char *interface = NULL;

                if (!fd || !streq_ptr(argv_get(netdev, "type"), "tap"))
                        continue;
                interface = name(fd, userdata);
                if (!interface)
                        continue;
                if (argv_put(netdev, "ifname", interface) < 0 || argv_put(netdev, "script", "no") < 0 ||
                    argv_put(netdev, "downscript", "no") < 0 ||
                    (vhost && argv_put(netdev, "vhost", "on") < 0))
                        return -ENOMEM;
                json_object_object_del(netdev->values, "fd");
                json_object_object_del(netdev->values, "vhostfd");
        }
        return 0;
}

int argv_expand(Argv *argv)
{
        unsigned n_serial = 0, n_parallel = 0;
        size_t n;
        int r = imply_defaults(argv);

        if (r >= 0)
                r = expand_accel(argv);
        n = argv->n;
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (streq(argv->options[i].name, "device"))
                        r = expand_driver(&argv->options[i]);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = expand_disk_words(argv, i);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const char *name = argv->options[i].name;

                if (streq(name, "vga"))
                        r = expand_vga(argv, i);
                else if (streq(name, "nic"))
                        r = expand_nic(argv, i);
                else if (streq(name, "serial"))
                        r = expand_serial(argv, i, n_serial++);
                else if (streq(name, "parallel"))
                        r = expand_serial(argv, i, n_parallel++);
        }
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (streq(argv->options[i].name, "drive"))
                        r = expand_drive(argv, i);
        if (r >= 0)
                r = give_macs(argv);
        if (r >= 0)
                r = give_usb(argv);
        return r < 0 ? r : give_places(argv);
}
