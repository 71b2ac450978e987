/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

/* The drive as the guest sees it. Members are named as QEMU's devices have them, which is in no one way. */

/* Which of the settings a type of device has, beside "drive", "share-rw" and its address. */
enum {
        HAS_ERRORS = 1 << 0,
        HAS_BLOCK_SIZES = 1 << 1,
        HAS_SERIAL = 1 << 2,
        HAS_WWN = 1 << 3,
        HAS_VENDOR = 1 << 4,
        HAS_GEOMETRY = 1 << 5,
        HAS_ROTATION = 1 << 6,
        HAS_WRITE_CACHE = 1 << 7,
        HAS_REMOVABLE = 1 << 8,
        HAS_DESIGNATOR = 1 << 9,
        HAS_TRANSLATION = 1 << 10,
};

#define HAS_COMMON (HAS_ERRORS | HAS_BLOCK_SIZES | HAS_SERIAL | HAS_WRITE_CACHE)

typedef struct DeviceType {
        const char *name;
        unsigned has;
} DeviceType;

static const DeviceType *device_type(const Disk *disk)
{
        static const DeviceType virtio = {"virtio-blk", HAS_COMMON | HAS_GEOMETRY},
                                usb = {"usb-storage", HAS_COMMON | HAS_REMOVABLE},
                                usb_cd = {"scsi-cd", HAS_COMMON | HAS_WWN | HAS_VENDOR | HAS_DESIGNATOR},
                                floppy = {"floppy", HAS_BLOCK_SIZES | HAS_WRITE_CACHE},
                                scsi_hd = {"scsi-hd", HAS_COMMON | HAS_WWN | HAS_VENDOR | HAS_GEOMETRY |
                                                              HAS_ROTATION | HAS_REMOVABLE | HAS_DESIGNATOR},
                                scsi_cd = {"scsi-cd", HAS_COMMON | HAS_WWN | HAS_VENDOR | HAS_DESIGNATOR},
                                lun = {"scsi-block", HAS_ERRORS | HAS_ROTATION},
                                ide_hd = {"ide-hd", HAS_COMMON | HAS_WWN | HAS_GEOMETRY | HAS_ROTATION |
                                                            HAS_TRANSLATION},
                                ide_cd = {"ide-cd", HAS_COMMON | HAS_WWN};

        switch (disk->bus) {
        case DISK_VIRTIO:
                return &virtio;
        case DISK_SCSI:
                return disk->device == DISK_LUN ? &lun : disk->device == DISK_CDROM ? &scsi_cd : &scsi_hd;
        case DISK_SATA:
        case DISK_IDE:
                return disk->device == DISK_CDROM ? &ide_cd : &ide_hd;
        case DISK_USB:
                return disk->device == DISK_CDROM ? &usb_cd : &usb;
        case DISK_FDC:
        case DISK_SD:
        case DISK_BUSES:
                break;
        }
        return &floppy;
}

/* --- what it cannot be given ----------------------------------------------------------------------- */

static void check_one(Domain *domain, const Disk *disk, unsigned has, bool wanted, const XmlElement *element,
                      const char *attribute)
{
        const DeviceType *type = device_type(disk);

        if (wanted && !(type->has & has))
                xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                          _("The emulator's device for this disk, %s, has no such property; remove it, or "
                            "take another bus."),
                          type->name);
}

void disk_check_device(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        XmlElement *element = part->element;

        check_one(domain, disk, HAS_ERRORS, disk->error_policy != 0, disk->driver, "error_policy");
        check_one(domain, disk, HAS_ERRORS, disk->rerror_policy != 0, disk->driver, "rerror_policy");
        check_one(domain, disk, HAS_BLOCK_SIZES, disk->blockio != NULL, disk->blockio, NULL);
        check_one(domain, disk, HAS_SERIAL, disk->serial != NULL, xml_child(element, "serial"), NULL);
        check_one(domain, disk, HAS_WWN, disk->wwn != NULL, xml_child(element, "wwn"), NULL);
        check_one(domain, disk, HAS_VENDOR, disk->vendor != NULL, xml_child(element, "vendor"), NULL);
        check_one(domain, disk, HAS_VENDOR, disk->product != NULL, xml_child(element, "product"), NULL);
        check_one(domain, disk, HAS_GEOMETRY, disk->geometry != NULL, disk->geometry, NULL);
        check_one(domain, disk, HAS_TRANSLATION, disk->translation != 0, disk->geometry, "trans");
        check_one(domain, disk, HAS_ROTATION, disk->rotation_rate != 0, disk->target_element,
                  "rotation_rate");
        check_one(domain, disk, HAS_REMOVABLE, disk->flags.removable >= 0, disk->target_element,
                  "removable");
}

/* --- what it is given ------------------------------------------------------------------------------ */

static const char *error_word(int policy)
{
        return policy == DISK_ERROR_ENOSPACE ? "enospc" : disk_error_words[policy];
}

/* libvirt's rule: what is said of writing holds for reading, but for enospace, which reading cannot meet. */
static int add_policies(const Disk *disk, json_object *device)
{
        int reading = disk->rerror_policy, r = 0;

        if (!reading && disk->error_policy != DISK_ERROR_ENOSPACE)
                reading = disk->error_policy;
        if (disk->error_policy)
                r = json_add_string(device, "werror", error_word(disk->error_policy));
        if (r >= 0 && reading)
                r = json_add_string(device, "rerror", error_word(reading));
        return r;
}

static int add_number(json_object *device, const char *name, uint64_t value)
{
        return value > 0 ? json_add_int(device, name, (int64_t)value) : 0;
}

static int add_text(json_object *device, const char *name, const char *text)
{
        return text ? json_add_string(device, name, text) : 0;
}

static int add_shape(const Disk *disk, json_object *device)
{
        static const char *const translations[] = {NULL, "none", "lba", "auto"};

        if (add_number(device, "logical_block_size", disk->logical_size) < 0 ||
            add_number(device, "physical_block_size", disk->physical_size) < 0 ||
            add_number(device, "discard_granularity", disk->discard_granularity) < 0 ||
            add_number(device, "cyls", disk->cylinders) < 0 ||
            add_number(device, "heads", disk->heads) < 0 || add_number(device, "secs", disk->sectors) < 0 ||
            add_text(device, "bios-chs-trans", translations[disk->translation]) < 0 ||
            add_number(device, "rotation_rate", disk->rotation_rate) < 0)
                return -ENOMEM;
        return 0;
}

static int add_names(Plan *plan, const Part *part, unsigned has, json_object *device)
{
        const Disk *disk = part->data;
        CLEANUP(free) char *wwn = disk->wwn ? text_format("0x%s", disk->wwn) : NULL;
        uint64_t number = 0;
        int r = 0;

        if (wwn && value_uint(wwn, UINT64_MAX, &number) >= 0)
                r = json_add(device, "wwn", json_object_new_uint64(number));
        if (r >= 0)
                r = add_text(device, "vendor", disk->vendor);
        if (r >= 0)
                r = add_text(device, "product", disk->product);
        if (r >= 0)
                r = add_text(device, "serial", disk->serial);
        /* So that the guest's name of it stays, whatever the node is called. */
        if (r >= 0 && (has & HAS_DESIGNATOR) &&
            plan_has(plan, part, "scsi-disk-device-id", NULL, _("SCSI disks are named by their address"),
                     _("SCSI disks are named as the emulator does")))
                r = json_add_stringf(device, "device_id", "drive-%s", part->alias);
        return r;
}

static bool keeps_write_cache(const Disk *disk)
{
        return disk->cache != DISK_CACHE_WRITETHROUGH && disk->cache != DISK_CACHE_DIRECTSYNC;
}

static int add_settings(Plan *plan, const Part *part, const char *drive, json_object *device)
{
        const Disk *disk = part->data;
        unsigned has = device_type(disk)->has;
        int r = 0;

        if (drive)
                r = json_add_string(device, "drive", drive);
        if (r >= 0)
                r = add_names(plan, part, has, device);
        if (r >= 0)
                r = add_shape(disk, device);
        if (r >= 0 && disk->flags.removable >= 0)
                r = json_add_bool(device, "removable", disk->flags.removable != 0);
        if (r >= 0 && disk->shareable)
                r = json_add_bool(device, "share-rw", true);
        if (r >= 0 && (has & HAS_WRITE_CACHE) && disk->cache != DISK_CACHE_DEFAULT)
                r = json_add_string(device, "write-cache", keeps_write_cache(disk) ? "on" : "off");
        return r < 0 ? r : add_policies(disk, device);
}

/* --- by bus ---------------------------------------------------------------------------------------- */

static int add_virtio(Plan *plan, const Part *part, json_object *device)
{
        const Disk *disk = part->data;
        int r = 0;

        if (disk->iothread > 0)
                r = json_add_stringf(device, "iothread", "iothread%u", (unsigned)disk->iothread);
        if (r >= 0 && disk->flags.ioeventfd >= 0)
                r = json_add_bool(device, "ioeventfd", disk->flags.ioeventfd != 0);
        if (r >= 0 && disk->flags.event_idx >= 0)
                r = json_add_bool(device, "event_idx", disk->flags.event_idx != 0);
        if (r >= 0)
                r = add_number(device, "num-queues", disk->queues);
        if (r >= 0 && disk->queue_size > 0 &&
            disk_require(plan, part, disk->driver, "queue_size", "virtio-blk-queue-size", NULL,
                         "queue_size"))
                r = add_number(device, "queue-size", disk->queue_size);
        return r;
}

static int new_device(Plan *plan, const Part *part, const char *type, json_object **ret)
{
        CLEANUP(json) json_object *device = NULL;

        *ret = NULL;
        if (!domain_has_type(plan->domain, type)) {
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s has no device '%s'; take another bus, or another emulator."),
                           domain_emulator_text(plan->domain), type);
                return 0;
        }
        device = json_object_new_object();
        if (!device || json_add_string(device, "driver", type) < 0)
                return -ENOMEM;
        *ret = TAKE(device);
        return 0;
}

/* usb-storage makes a disk of whatever it is given, so a CD-ROM drive is one behind a bridge. */
static int plan_usb_cdrom(Plan *plan, Part *part, const char *drive)
{
        json_object *bridge;
        CLEANUP(json) json_object *device = NULL;
        uint64_t boot_order = part->boot_order;
        int r;

        r = new_device(plan, part, "usb-bot", &bridge);
        if (r < 0 || !bridge)
                return r;
        part->boot_order = 0;
        r = plan_device(plan, part, bridge);
        part->boot_order = boot_order;
        if (r >= 0)
                r = new_device(plan, part, "scsi-cd", &device);
        if (r < 0 || !device)
                return r;
        if (json_add_stringf(device, "id", "%s-device", part->alias) < 0 ||
            json_add_stringf(device, "bus", "%s.0", part->alias) < 0 ||
            json_add_int(device, "scsi-id", 0) < 0 || json_add_int(device, "lun", 0) < 0 ||
            add_settings(plan, part, drive, device) < 0 ||
            (boot_order > 0 && json_add_int(device, "bootindex", (int64_t)boot_order) < 0))
                return -ENOMEM;
        return plan_properties(plan, part, "-device", TAKE(device));
}

int disk_plan_device(Plan *plan, Part *part, const char *drive)
{
        const Disk *disk = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r = 0;

        if (disk->bus == DISK_USB && disk->device == DISK_CDROM)
                return plan_usb_cdrom(plan, part, drive);
        if (disk->bus == DISK_VIRTIO)
                device = virtio_device(plan, part, "virtio-blk", disk->model, &disk->virtio, &r);
        else
                r = new_device(plan, part, device_type(disk)->name, &device);
        if (r < 0 || !device)
                return r;
        if (disk->bus == DISK_VIRTIO)
                r = add_virtio(plan, part, device);
        if (r >= 0)
                r = add_settings(plan, part, drive, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}
