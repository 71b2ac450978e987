/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/hostdev.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/memory.h"
#include "domain/value.h"

/*
 * A PCI device must be bound to vfio-pci before the emulator opens it. Muster does not take a device from
 * the host's driver: it may carry the host's disk or network. So the plan has its place among that driver's
 * devices as a file that must be there, and managed='yes', by which libvirt binds and unbinds, is warned of.
 */

typedef enum HostdevType {
        HOSTDEV_PCI,
        HOSTDEV_USB,
        HOSTDEV_MDEV,
        /* refused from here on */
        HOSTDEV_SCSI,
        HOSTDEV_SCSI_HOST,
} HostdevType;

#define UNSET UINT64_MAX

typedef struct Hostdev {
        HostdevType type;
        XmlElement *source;
        bool managed;
        bool has_address;
        PciAddress pci;
        uint64_t vendor, product, bus, device; /* USB; UNSET: not given */
        int guest_reset;                       /* 0 off, 1 uninitialized, 2 on; -1: not said */
        char uuid[UUID_TEXT_SIZE];             /* mediated */
        int display, ramfb;                    /* -1: not said */
        char *team;                            /* of <teaming type='transient'>; NULL: none */
} Hostdev;

/* --- reading ------------------------------------------------------------------------------------- */

static void read_pci(Domain *domain, Hostdev *hostdev)
{
        XmlElement *address = xml_child(hostdev->source, "address");
        uint64_t numbers[4] = {0, 0, 0, 0};

        if (!address) {
                xml_fault(domain->xml, FAULT_ERROR, hostdev->source, /* attribute= */ NULL,
                          _("Which device of the host is it? Add <address domain='0' bus='…' slot='…' "
                            "function='…'/>, as lspci -D shows them."));
                return;
        }
        read_uint(domain->xml, address, "domain", UINT16_MAX, &numbers[0]);
        read_uint(domain->xml, address, "bus", UINT8_MAX, &numbers[1]);
        read_uint(domain->xml, address, "slot", PCI_SLOTS_MAX - 1, &numbers[2]);
        read_uint(domain->xml, address, "function", PCI_FUNCTIONS_MAX - 1, &numbers[3]);
        hostdev->has_address =
                pci_address_from_numbers(numbers[0], numbers[1], numbers[2], numbers[3], &hostdev->pci) == 0;
}

static void read_id(Domain *domain, XmlElement *source, const char *name, uint64_t *ret)
{
        XmlElement *element = xml_child(source, name);

        if (element && read_uint(domain->xml, element, "id", UINT16_MAX, ret) == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Which one is it? Add id='0x…', as lsusb shows it."));
}

static void read_usb(Domain *domain, Hostdev *hostdev)
{
        static const char *const resets[] = {"off", "uninitialized", "on", NULL};
        static const char *const policies[] = {"mandatory", "requisite", "optional", NULL};
        XmlElement *address = xml_child(hostdev->source, "address");
        int policy = 0;

        read_id(domain, hostdev->source, "vendor", &hostdev->vendor);
        read_id(domain, hostdev->source, "product", &hostdev->product);
        if (address) {
                read_uint(domain->xml, address, "bus", UINT16_MAX, &hostdev->bus);
                read_uint(domain->xml, address, "device", UINT16_MAX, &hostdev->device);
                if (hostdev->bus == UNSET || hostdev->device == UNSET)
                        xml_fault(domain->xml, FAULT_ERROR, address, /* attribute= */ NULL,
                                  _("Give both, bus= and device=, as lsusb shows them."));
        }
        if ((hostdev->vendor == UNSET) != (hostdev->product == UNSET) ||
            (hostdev->vendor == UNSET && !address))
                xml_fault(domain->xml, FAULT_ERROR, hostdev->source, /* attribute= */ NULL,
                          _("Which device of the host is it? Give <vendor id='0x…'/> and <product "
                            "id='0x…'/>, or <address bus='…' device='…'/>."));
        read_word(domain->xml, hostdev->source, "guestReset", resets, &hostdev->guest_reset);
        read_word(domain->xml, hostdev->source, "startupPolicy", policies, &policy);
        /* usb-host attaches a device of this vendor and product when it comes. */
        if (policy > 0 && address)
                xml_fault(domain->xml, FAULT_ERROR, hostdev->source, "startupPolicy",
                          _("The emulator can wait for a device of a vendor and product only; remove "
                            "startupPolicy= or <address>."));
}

static void read_mdev(Domain *domain, Part *part)
{
        static const char *const models[] = {"vfio-pci", NULL};
        Hostdev *hostdev = part->data;
        XmlElement *address = xml_child(hostdev->source, "address");
        const char *uuid = address ? xml_attribute(address, "uuid") : NULL;
        bool value;
        int model = 0;

        read_word(domain->xml, part->element, "model", models, &model);
        if (!uuid || value_uuid(uuid, hostdev->uuid) < 0)
                xml_fault(domain->xml, FAULT_ERROR, address ?: hostdev->source, uuid ? "uuid" : NULL,
                          _("Which mediated device is it? Add <address uuid='…'/>, as mdevctl list shows "
                            "it."));
        if (read_switch(domain->xml, part->element, "display", &value) > 0)
                hostdev->display = value;
        if (read_switch(domain->xml, part->element, "ramfb", &value) > 0)
                hostdev->ramfb = value;
        if (hostdev->ramfb == 1 && hostdev->display != 1)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "ramfb",
                          _("A boot framebuffer needs a display; add display='on'."));
}

static void refuse(Domain *domain, Part *part)
{
        const Hostdev *hostdev = part->data;

        xml_mark_all(part->element);
        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                  hostdev->type == HOSTDEV_SCSI
                          ? _("Muster hands over SCSI devices as disks: take <disk type='block' "
                              "device='lun'> with the device's /dev/disk/by-id path.")
                          : _("Muster makes no vhost-scsi; take <disk type='block' device='lun'>."));
}

static int read_teaming(Domain *domain, Part *part)
{
        static const char *const types[] = {"persistent", "transient", NULL};
        XmlElement *teaming = xml_child(part->element, "teaming");
        Hostdev *hostdev = part->data;
        int type = 1, r;

        if (!teaming)
                return 0;
        read_word(domain->xml, teaming, "type", types, &type);
        r = read_text(domain->xml, teaming, "persistent", &hostdev->team);
        if (type != 1 || r == 0 || hostdev->type != HOSTDEV_PCI)
                xml_fault(
                        domain->xml, FAULT_ERROR, teaming, /* attribute= */ NULL,
                        _("A device of the host is the transient half of a team: <teaming type='transient' "
                          "persistent='ALIAS'/> with the alias of an <interface>, on a PCI device."));
        return r < 0 ? r : 0;
}

static void read_driver(Domain *domain, Part *part)
{
        static const char *const names[] = {"vfio", NULL};
        XmlElement *driver = xml_child(part->element, "driver");
        const Hostdev *hostdev = part->data;
        int name = 0;

        if (!driver)
                return;
        read_word(domain->xml, driver, "name", names, &name);
        if (hostdev->type != HOSTDEV_PCI)
                xml_fault(domain->xml, FAULT_ERROR, driver, /* attribute= */ NULL,
                          _("Only PCI devices have a <driver>; remove it."));
}

/* 1: its <source> is to be read. */
static int read_kind(Domain *domain, Part *part)
{
        static const char *const modes[] = {"subsystem", "capabilities", NULL};
        static const char *const types[] = {"pci", "usb", "mdev", "scsi", "scsi_host", NULL};
        Hostdev *hostdev = part->data;
        int mode = 0, type = HOSTDEV_PCI;

        read_word(domain->xml, part->element, "mode", modes, &mode);
        if (mode == 1) {
                xml_mark_all(part->element);
                xml_fault(domain->xml, FAULT_ERROR, part->element, "mode",
                          _("Only containers are handed capabilities; take mode='subsystem'."));
                return 0;
        }
        if (read_word(domain->xml, part->element, "type", types, &type) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("What kind of device is it? Add type='pci', 'usb' or 'mdev'."));
        hostdev->type = (HostdevType)type;
        if (hostdev->type >= HOSTDEV_SCSI) {
                refuse(domain, part);
                return 0;
        }
        read_switch(domain->xml, part->element, "managed", &hostdev->managed);
        hostdev->source = xml_child(part->element, "source");
        if (!hostdev->source)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("Which device of the host is it? Add a <source>."));
        return hostdev->source != NULL;
}

static int read_hostdev(Domain *domain, Part *part)
{
        Hostdev *hostdev = part->data;

        hostdev->vendor = hostdev->product = hostdev->bus = hostdev->device = UNSET;
        hostdev->guest_reset = hostdev->display = hostdev->ramfb = -1;
        if (read_kind(domain, part) == 0)
                return 0;
        if (hostdev->type == HOSTDEV_PCI)
                read_pci(domain, hostdev);
        else if (hostdev->type == HOSTDEV_USB)
                read_usb(domain, hostdev);
        else
                read_mdev(domain, part);
        read_driver(domain, part);
        return read_teaming(domain, part);
}

/* --- completing ---------------------------------------------------------------------------------- */

/*
 * A PCIe device has more than 256 bytes of configuration, of which a user without rights sees 64: as with
 * libvirt it is taken for a PCIe one then, and for a conventional one if it is not there.
 */
static PciPlug find_plug(const Domain *domain, const PciAddress *address)
{
        char text[PCI_ADDRESS_TEXT_SIZE], head[257];
        CLEANUP(free)
        char *path = text_format("/sys/bus/pci/devices/%s/config", pci_address_format(address, text));
        size_t size = 0;

        if (!path || domain->host->read_head(domain->host, path, head, sizeof(head), &size) < 0)
                return PCI_PLUG_CONVENTIONAL;
        return size == 256 ? PCI_PLUG_CONVENTIONAL : PCI_PLUG_EITHER;
}

static bool is_same(const Hostdev *a, const Hostdev *b)
{
        if (a->type != b->type)
                return false;
        if (a->type == HOSTDEV_PCI)
                return pci_address_equal(&a->pci, &b->pci);
        if (a->type == HOSTDEV_USB)
                return a->bus != UNSET && a->bus == b->bus && a->device == b->device;
        return streq(a->uuid, b->uuid);
}

static void check_once(Domain *domain, const Part *part)
{
        for (const Part *other = NULL; (other = domain_next(domain, &device_hostdev, other));) {
                if (other == part)
                        return;
                if (is_same(other->data, part->data))
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Another <hostdev> is the same device of the host; keep one."));
        }
}

static int complete(Domain *domain, Part *part)
{
        const Hostdev *hostdev = part->data;
        char text[PCI_ADDRESS_TEXT_SIZE];

        check_once(domain, part);
        switch (hostdev->type) {
        case HOSTDEV_PCI:
                if (!hostdev->has_address)
                        return 0;
                pci_address_format(&hostdev->pci, text);
                if (hostdev->managed)
                        xml_fault(domain->xml, FAULT_WARNING, part->element, "managed",
                                  _("Muster takes no device from the host's driver; do it before the start: "
                                    "driverctl set-override %s vfio-pci."),
                                  text);
                return place_want_pci(domain, part, find_plug(domain, &hostdev->pci), PCI_PART_NONE,
                                      /* hotplug= */ true);
        case HOSTDEV_MDEV:
                return place_want_pci(domain, part, PCI_PLUG_EITHER, PCI_PART_NONE,
                                      /* hotplug= */ hostdev->ramfb != 1);
        default:
                return place_want_usb(domain, part);
        }
}

/* --- planning ------------------------------------------------------------------------------------ */

static int plan_pci(Plan *plan, Part *part, json_object *device)
{
        const Hostdev *hostdev = part->data;
        char text[PCI_ADDRESS_TEXT_SIZE];
        CLEANUP(free)
        char *path =
                text_format("/sys/bus/pci/drivers/vfio-pci/%s", pci_address_format(&hostdev->pci, text));
        int r = path ? json_add_string(device, "driver", "vfio-pci") : -ENOMEM;

        if (r >= 0)
                r = json_add_string(device, "host", text);
        if (r >= 0 && hostdev->team)
                r = json_add_string(device, "failover_pair_id", hostdev->team);
        return r < 0 ? r
                     : plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL,
                                 _("a PCI device of the host, bound to vfio-pci"));
}

static int add_number(json_object *device, const char *name, uint64_t number)
{
        return number == UNSET ? 0 : json_add_int(device, name, (int64_t)number);
}

static int plan_usb(Part *part, json_object *device)
{
        const Hostdev *hostdev = part->data;
        int r = json_add_string(device, "driver", "usb-host");

        if (r >= 0)
                r = add_number(device, "vendorid", hostdev->vendor);
        if (r >= 0)
                r = add_number(device, "productid", hostdev->product);
        if (r >= 0)
                r = add_number(device, "hostbus", hostdev->bus);
        if (r >= 0)
                r = add_number(device, "hostaddr", hostdev->device);
        if (r >= 0 && hostdev->guest_reset >= 0)
                r = json_add_bool(device, "guest-reset", hostdev->guest_reset > 0);
        if (r >= 0 && hostdev->guest_reset > 0)
                r = json_add_bool(device, "guest-resets-all", hostdev->guest_reset == 2);
        return r;
}

static int plan_mdev(Plan *plan, Part *part, json_object *device)
{
        const Hostdev *hostdev = part->data;
        const char *type = hostdev->ramfb == 1 ? "vfio-pci-nohotplug" : "vfio-pci";
        CLEANUP(free) char *path = text_format("/sys/bus/mdev/devices/%s", hostdev->uuid);
        int r = path ? json_add_string(device, "driver", type) : -ENOMEM;

        if (r >= 0)
                r = json_add_string(device, "sysfsdev", path);
        if (r >= 0 && hostdev->display >= 0)
                r = json_add_string(device, "display", hostdev->display == 1 ? "on" : "off");
        if (r >= 0 && hostdev->ramfb == 1)
                r = json_add_bool(device, "ramfb", true);
        return r < 0 ? r
                     : plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL,
                                 _("a mediated device of the host"));
}

static int plan(Plan *plan, Part *part)
{
        const Hostdev *hostdev = part->data;
        CLEANUP(json) json_object *device = json_object_new_object();
        const char *type;
        int r;

        if (!device)
                return -ENOMEM;
        if (hostdev->type == HOSTDEV_PCI)
                r = plan_pci(plan, part, device);
        else
                r = hostdev->type == HOSTDEV_USB ? plan_usb(part, device) : plan_mdev(plan, part, device);
        if (r < 0)
                return r;
        type = json_get_string(device, "driver");
        if (!domain_has_type(plan->domain, type)) {
                plan_fault(plan, part->element, "type", _("%s has no device '%s'; take another emulator."),
                           domain_emulator_text(plan->domain), type);
                return 0;
        }
        return plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Hostdev *hostdev = part->data;

        free(hostdev->team);
}

const PartKind device_hostdev = {
        .name = "hostdev",
        .alias = "hostdev",
        .flags = PART_ADDRESS | PART_BOOT | PART_ROM,
        .places = 1 << PLACE_PCI | 1 << PLACE_USB,
        .size = sizeof(Hostdev),
        .read = read_hostdev,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
