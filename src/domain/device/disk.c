/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/disk.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"
#include "domain/section/iothreads.h"
#include "domain/section/os.h"

static const char *const devices[] = {
        [DISK_DISK] = "disk", [DISK_CDROM] = "cdrom", [DISK_FLOPPY] = "floppy", [DISK_LUN] = "lun", NULL,
};

static const char *const buses[] = {
        [DISK_VIRTIO] = "virtio", [DISK_SCSI] = "scsi", [DISK_SATA] = "sata", [DISK_IDE] = "ide",
        [DISK_USB] = "usb",       [DISK_FDC] = "fdc",   [DISK_SD] = "sd",     NULL,
};

const char *disk_bus(const Part *part)
{
        const Disk *disk = part->data;

        return buses[disk->bus];
}

/* --- names ----------------------------------------------------------------------------------------- */

/* 0 of "vda", 26 of "vdaa"; -1 if it is no such name. */
static int number_of(const char *target)
{
        int number = 0;

        if (!strchr("fhsv", target[0]) || target[0] == '\0' || target[1] != 'd' || !target[2])
                return -1;
        for (target += 2; *target; target++) {
                if (*target < 'a' || *target > 'z' || number > DOMAIN_PARTS_MAX)
                        return -1;
                number = number * 26 + (*target - 'a') + 1;
        }
        return number - 1;
}

static DiskBus usual_bus(const Disk *disk)
{
        if (disk->device == DISK_FLOPPY)
                return DISK_FDC;
        switch (disk->target[0]) {
        case 'f':
                return DISK_FDC;
        case 'h':
                return DISK_IDE;
        case 's':
                return DISK_SCSI;
        default:
                return DISK_VIRTIO;
        }
}

/* 0: it cannot be known what disk this is. */
static int read_target(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        int bus = -1, r;

        disk->target_element = xml_child(part->element, "target");
        if (!disk->target_element || !xml_attribute(disk->target_element, "dev")) {
                xml_fault(domain->xml, FAULT_ERROR, disk->target_element ?: part->element,
                          /* attribute= */ NULL,
                          _("What is the disk called? Add <target dev='vda' bus='virtio'/>."));
                return 0;
        }
        r = read_text(domain->xml, disk->target_element, "dev", &disk->target);
        if (r < 0)
                return r;
        disk->number = number_of(disk->target);
        if (disk->number < 0) {
                xml_fault(domain->xml, FAULT_ERROR, disk->target_element, "dev",
                          _("A disk is called vda, sda, hda or fda, or the like: the second letter a d, and "
                            "behind it small letters that count."));
                return 0;
        }
        r = read_word(domain->xml, disk->target_element, "bus", buses, &bus);
        if (r < 0)
                return 0;
        disk->bus_given = r > 0;
        disk->bus = r > 0 ? (DiskBus)bus : usual_bus(disk);
        return 1;
}

static void read_model(Domain *domain, Part *part)
{
        const char *model = xml_attribute(part->element, "model");
        Disk *disk = part->data;

        if (!model)
                return;
        if (disk->bus != DISK_VIRTIO)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Only disks with bus='virtio' have a model."));
        else if (virtio_model_parse(model, &disk->model) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no disk of model \"%s\"; virtio, virtio-transitional and "
                            "virtio-non-transitional there are."),
                          model);
}

/* --- reading --------------------------------------------------------------------------------------- */

/* <auth> and <encryption> stood beside <source> before they stood within it. */
static int read_images(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        DiskImage *image = disk->images[0];
        int r;

        r = disk_read_source(domain, part->element, disk->device, image);
        if (r >= 0)
                r = disk_read_auth(domain, part->element, image);
        if (r >= 0)
                r = disk_read_encryption(domain, part->element, image);
        return r < 0 ? r : disk_read_chain(domain, part);
}

static int settle_formats(Disk *disk)
{
        for (size_t i = 0; i < disk->n_images; i++) {
                DiskImage *image = disk->images[i];
                bool luks = *image->key.uuid && (!image->format || streq(image->format, "raw"));

                if (image->format && !luks)
                        continue;
                free(image->format);
                image->format = strdup(luks ? "luks" : "raw");
                if (!image->format)
                        return -ENOMEM;
        }
        return 0;
}

static int read_disk(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        int device = DISK_DISK, r;

        r = disk_add_image(disk, disk_image_new());
        if (r < 0)
                return r;
        read_word(domain->xml, part->element, "device", devices, &device);
        disk->device = (DiskDevice)device;
        r = read_target(domain, part);
        if (r <= 0) {
                xml_mark_all(part->element);
                return r;
        }
        read_model(domain, part);
        r = read_images(domain, part);
        if (r >= 0)
                r = disk_read_options(domain, part);
        if (r >= 0)
                r = disk_read_tune(domain, part);
        return r < 0 ? r : settle_formats(disk);
}

/* --- completing ------------------------------------------------------------------------------------ */

static void check_target(Domain *domain, Part *part)
{
        const Disk *disk = part->data;

        for (size_t i = 0; i < domain->n_devices && domain->devices[i] != part; i++) {
                const Disk *its = domain->devices[i]->data;

                if (domain->devices[i]->kind == &device_disk && streq(its->target, disk->target))
                        xml_fault(domain->xml, FAULT_ERROR, disk->target_element, "dev",
                                  _("Two disks are called \"%s\"; give one of them another name."),
                                  disk->target);
        }
}

/* What device and bus go together. */
static void check_bus(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        const char *why = NULL;

        if (disk->bus == DISK_SD)
                why = _("The emulator's sockets for SD cards belong to boards that muster does not plan; "
                        "take bus='usb' or 'virtio'.");
        else if ((disk->device == DISK_FLOPPY) != (disk->bus == DISK_FDC))
                why = _("Floppy drives, and nothing else, have bus='fdc'.");
        else if (disk->device == DISK_CDROM && disk->bus == DISK_VIRTIO)
                why = _("A virtio disk has no medium that could be changed; take bus='sata' or 'scsi' for a "
                        "CD-ROM drive.");
        else if (disk->device == DISK_LUN && disk->bus != DISK_SCSI)
                why = _("A LUN is passed through on bus='scsi' only.");
        if (why)
                xml_fault(domain->xml, FAULT_ERROR, disk->target_element, "bus", "%s", why);
}

static int place_drive(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        unsigned n = (unsigned)disk->number, unit = n % 15;

        switch (disk->bus) {
        case DISK_SCSI:
                /* Unit 7 is the controller's own on a bus of 16. */
                return place_set_drive(domain, part, n / 15, 0, 0, unit >= 7 ? unit + 1 : unit);
        case DISK_SATA:
                return place_set_drive(domain, part, n / 6, 0, 0, n % 6);
        case DISK_IDE:
                return place_set_drive(domain, part, n / 4, n % 4 / 2, 0, n % 2);
        default:
                return place_set_drive(domain, part, n / 2, 0, 0, n % 2);
        }
}

static int want_place(Domain *domain, Part *part)
{
        const Disk *disk = part->data;

        switch (disk->bus) {
        case DISK_VIRTIO:
                return virtio_want_place(domain, part, disk->model, /* hotplug= */ true);
        case DISK_USB:
                return place_want_usb(domain, part);
        case DISK_SD:
                return 0;
        default:
                return place_drive(domain, part);
        }
}

/* As libvirt has them, and with them what `device_add`, `info block` and a user's scripts say. */
static int set_alias(Part *part)
{
        const Disk *disk = part->data;
        const Place *place = &part->place;

        if (part->alias)
                return 0;
        if (disk->bus == DISK_VIRTIO || disk->bus == DISK_USB || disk->bus == DISK_SD)
                part->alias = text_format("%s-disk%d", buses[disk->bus], disk->number);
        else if (disk->bus == DISK_SCSI)
                part->alias = text_format("scsi%u-%u-%u-%u", place->controller, place->bus, place->target,
                                          place->unit);
        else
                part->alias = text_format("%s%u-%u-%u", buses[disk->bus], place->controller, place->bus,
                                          place->unit);
        return part->alias ? 0 : -ENOMEM;
}

static int write_defaults(Part *part)
{
        Disk *disk = part->data;
        XmlElement *readonly;
        int r;

        if (xml_set(part->element, "device", devices[disk->device]) < 0 ||
            xml_set(part->element, "type", xml_attribute(part->element, "type") ?: "file") < 0 ||
            xml_ensure(part->element, "driver", &disk->driver) < 0)
                return -ENOMEM;
        r = xml_set(disk->driver, "name", "qemu");
        if (r >= 0 && !xml_attribute(disk->driver, "type"))
                r = xml_set(disk->driver, "type", "raw");
        if (r >= 0 && !disk->bus_given)
                r = xml_set(disk->target_element, "bus", buses[disk->bus]);
        if (r >= 0 && disk->readonly)
                r = xml_ensure(part->element, "readonly", &readonly);
        return r;
}

static void take_boot(Domain *domain, Part *part)
{
        static const OsBoot classes[] = {
                [DISK_DISK] = OS_BOOT_DISK,
                [DISK_CDROM] = OS_BOOT_CDROM,
                [DISK_FLOPPY] = OS_BOOT_FLOPPY,
                [DISK_LUN] = OS_BOOT_DISK,
        };
        const Disk *disk = part->data;

        if (part->boot_order == 0)
                part->boot_order = os_take_boot(domain, classes[disk->device]);
}

static int complete(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        int r;

        check_target(domain, part);
        check_bus(domain, part);
        r = write_defaults(part);
        if (r >= 0)
                r = want_place(domain, part);
        if (r < 0)
                return r;
        take_boot(domain, part);
        if (disk->iothread > 0 && !iothread_exists(domain, (unsigned)disk->iothread))
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "iothread",
                          _("There is no I/O thread %llu; give <iothreads> so many, or list it in "
                            "<iothreadids>."),
                          (unsigned long long)disk->iothread);
        return set_alias(part);
}

/* --- checking -------------------------------------------------------------------------------------- */

/* What the storage cannot be asked for. */
static void check_storage(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        const DiskImage *image = disk->images[0];
        const char *driver = json_get_string(image->storage, "driver");

        if (!driver) {
                if (disk->device == DISK_DISK || disk->device == DISK_LUN)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Where is the disk's image? Add <source>."));
                return;
        }
        if (!disk->readonly && (startswith(driver, "http") || startswith(driver, "ftp") ||
                                streq(driver, "vvfat") || json_get_string(image->storage, "snapshot")))
                xml_fault(domain->xml, FAULT_ERROR, image->source, /* attribute= */ NULL,
                          _("This can only be read from; add <readonly/> to the disk."));
        if (disk->device == DISK_LUN && !streq(driver, "host_device") && !streq(driver, "iscsi"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "device",
                          _("A LUN is a block device of the host (type='block') or an iSCSI source."));
        if (disk->device == DISK_LUN && !streq(image->format, "raw"))
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "type", _("A LUN has no format but raw."));
        if (disk->aio && image->network)
                xml_fault(domain->xml, FAULT_COSMETIC, disk->driver, "io",
                          _("Only files and block devices are read in a chosen way; remove io."));
}

static void check_options(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        bool qcow2 = streq(disk->images[0]->format, "qcow2");

        if (!qcow2 && disk->flags.discard_no_unref >= 0)
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "discard_no_unref",
                          _("Only qcow2 images have clusters to keep."));
        if (!qcow2 && disk->metadata_cache > 0)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(disk->driver, "metadata_cache"),
                          /* attribute= */ NULL, _("Only for qcow2 images its size can be set."));
        /* Two writers of any other format do not know of each other's tables. */
        if (disk->shareable && !disk->readonly && !streq(disk->images[0]->format, "raw"))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "shareable"),
                          /* attribute= */ NULL,
                          _("Only raw images can be written to from several sides; convert it, or give "
                            "<readonly/>."));
        /* Every release refuses copy-on-read on what cannot be written to. */
        if (disk->readonly && disk->flags.copy_on_read > 0)
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "copy_on_read",
                          _("Copying on read writes to the image, and this one is read-only."));
        if (disk->device == DISK_LUN && (disk->tuned || disk->flags.copy_on_read > 0))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "device",
                          _("SCSI commands go past the emulator's filters; a LUN has neither <iotune> nor "
                            "copy_on_read."));
        if (disk->transient && (!disk->images[0]->path || *disk->images[0]->key.uuid))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "transient"),
                          /* attribute= */ NULL,
                          _("Muster puts an overlay over local images that are not encrypted only."));
}

static bool writes(const Disk *disk)
{
        return !disk->readonly && !disk->transient;
}

static bool uses(const Disk *disk, const char *path)
{
        for (size_t i = 0; i < disk->n_images; i++)
                if (streq_ptr(disk->images[i]->path, path))
                        return true;
        return false;
}

/* The emulator locks what it writes to; so two disks share an image only if both say so. */
static void check_sharing(Domain *domain, Part *part)
{
        const Disk *disk = part->data;
        const char *path = disk->images[0]->path;

        for (size_t i = 0; i < domain->n_devices && domain->devices[i] != part; i++) {
                const Disk *its = domain->devices[i]->data;
                const char *its_path;

                if (domain->devices[i]->kind != &device_disk || (disk->shareable && its->shareable))
                        continue;
                its_path = its->images[0]->path;
                if (!path || !its_path)
                        continue;
                if ((writes(disk) && uses(its, path)) || (writes(its) && uses(disk, its_path)))
                        xml_fault(domain->xml, FAULT_ERROR, disk->images[0]->source, /* attribute= */ NULL,
                                  _("Disk %s uses this image, too, and one of the two writes to it: give "
                                    "both <shareable/> if the guest can cope with that, or another image."),
                                  its->target);
        }
}

static int check(Domain *domain, Part *part)
{
        int r;

        check_storage(domain, part);
        check_options(domain, part);
        disk_check_device(domain, part);
        disk_check_tune(domain, part);
        r = disk_find_chain(domain, part);
        if (r >= 0)
                check_sharing(domain, part);
        return r;
}

/* --- the plan -------------------------------------------------------------------------------------- */

/* A floppy's boot index is its controller's property: on all machines there is one controller. */
static int plan_floppy_boot(Plan *plan, Part *part)
{
        CLEANUP(free) char *text = NULL;

        if (part->boot_order == 0)
                return 0;
        text = text_format("isa-fdc.bootindex%c=%u", part->place.unit == 0 ? 'A' : 'B',
                           (unsigned)part->boot_order);
        return text ? plan_option(plan, "-global", text) : -ENOMEM;
}

static int plan(Plan *plan, Part *part)
{
        const Disk *disk = part->data;
        CLEANUP(free) char *drive = NULL;
        uint64_t boot_order = part->boot_order;
        size_t before = plan->domain->faults->n_errors;
        int r;

        if (disk->absent && (disk->device == DISK_DISK || disk->device == DISK_LUN))
                return 0;
        r = disk_plan_nodes(plan, part, &drive);
        if (r < 0 || plan->domain->faults->n_errors > before)
                return r;
        if (disk->bus != DISK_FDC)
                return disk_plan_device(plan, part, drive);
        r = plan_floppy_boot(plan, part);
        part->boot_order = 0;
        if (r >= 0)
                r = disk_plan_device(plan, part, drive);
        part->boot_order = boot_order;
        return r;
}

static void clear(Part *part)
{
        Disk *disk = part->data;

        for (size_t i = 0; i < disk->n_images; i++)
                disk_image_free(disk->images[i]);
        free(disk->images);
        free(disk->target);
        free(disk->serial);
        free(disk->wwn);
        free(disk->vendor);
        free(disk->product);
        free(disk->throttle_group);
        json_object_put(disk->limits);
}

const PartKind device_disk = {
        .name = "disk",
        .flags = PART_ADDRESS | PART_BOOT,
        .places = 1 << PLACE_PCI | 1 << PLACE_DRIVE | 1 << PLACE_USB | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Disk),
        .read = read_disk,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
