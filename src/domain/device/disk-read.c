/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

static const char *const cache_words[] = {"default", "none", "writethrough", "writeback", "directsync",
                                          "unsafe",  NULL};
const char *const disk_aio_words[] = {"default", "native", "threads", "io_uring", NULL};
const char *const disk_discard_words[] = {"default", "unmap", "ignore", NULL};
const char *const disk_detect_zeroes_words[] = {"default", "off", "on", "unmap", NULL};
/* "enospace" is the emulator's "enospc". */
const char *const disk_error_words[] = {"default", "stop", "report", "ignore", "enospace", NULL};

/* What the file says of its format is one of these, whatever else the emulator can open. "iso" and "vhd" are
 * other names; "fat" is a folder's. */
static const char *const formats[] = {"raw",  "qcow2", "qcow", "qed",   "vmdk", "vdi", "vhdx", "vpc",
                                      "luks", "bochs", "dmg",  "cloop", "iso",  "vhd", "fat",  NULL};

int disk_read_format(Domain *domain, XmlElement *element, const char *attribute, const char *text,
                     char **ret)
{
        int found = value_word(text, formats);
        const char *name = text;

        if (found < 0) {
                xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                          _("\"%s\" is no format of images that muster knows; raw, qcow2, qcow, qed, vmdk, "
                            "vdi, vhdx, vpc, luks, bochs, dmg and cloop it does."),
                          text);
                name = "raw";
        } else if (streq(text, "iso") || streq(text, "fat")) {
                name = "raw";
        } else if (streq(text, "vhd")) {
                name = "vpc";
        }
        free(*ret);
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

static int read_flag(Domain *domain, XmlElement *element, const char *name)
{
        bool value;

        return read_switch(domain->xml, element, name, &value) > 0 ? value : -1;
}

static void read_policies(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        Xml *xml = domain->xml;
        XmlElement *driver = disk->driver;
        int cache = DISK_CACHE_DEFAULT;

        read_word(xml, driver, "cache", cache_words, &cache);
        disk->cache = (DiskCache)cache;
        read_word(xml, driver, "io", disk_aio_words, &disk->aio);
        read_word(xml, driver, "discard", disk_discard_words, &disk->discard);
        read_word(xml, driver, "detect_zeroes", disk_detect_zeroes_words, &disk->detect_zeroes);
        read_word(xml, driver, "error_policy", disk_error_words, &disk->error_policy);
        read_word(xml, driver, "rerror_policy", disk_error_words, &disk->rerror_policy);
        if (disk->rerror_policy == DISK_ERROR_ENOSPACE)
                xml_fault(xml, FAULT_ERROR, driver, "rerror_policy",
                          _("Reading needs no space; take stop, report or ignore."));
        /* The emulator refuses native without direct access to the file. */
        if (disk->aio == DISK_AIO_NATIVE && disk->cache != DISK_CACHE_NONE &&
            disk->cache != DISK_CACHE_DIRECTSYNC)
                xml_fault(xml, FAULT_ERROR, driver, "io",
                          _("io='native' works past the host's cache only; add cache='none' or "
                            "cache='directsync'."));
}

static void read_metadata_cache(Domain *domain, Disk *disk)
{
        XmlElement *cache = xml_child(disk->driver, "metadata_cache"),
                   *size = cache ? xml_child(cache, "max_size") : NULL;

        if (size)
                read_size(domain->xml, size, 1, &disk->metadata_cache);
}

/* Of virtio disks only; elsewhere it says so. */
static void read_virtio_only(Domain *domain, Disk *disk)
{
        static const char *const names[] = {"queues", "queue_size", "iothread", "ioeventfd",  "event_idx",
                                            "iommu",  "ats",        "packed",   "page_per_vq"};
        uint64_t *const numbers[] = {&disk->queues, &disk->queue_size, &disk->iothread};
        static const uint64_t limits[] = {1024, 1024, INT32_MAX};

        virtio_read(domain, disk->driver, &disk->virtio);
        disk->flags.ioeventfd = read_flag(domain, disk->driver, "ioeventfd");
        disk->flags.event_idx = read_flag(domain, disk->driver, "event_idx");
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (read_uint(domain->xml, disk->driver, names[i], limits[i], numbers[i]) > 0 &&
                    *numbers[i] == 0)
                        xml_fault(domain->xml, FAULT_ERROR, disk->driver, names[i], _("It is at least 1."));
        if (disk->queue_size & (disk->queue_size - 1))
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "queue_size",
                          _("The length of a queue is a power of two."));
        if (disk->bus == DISK_VIRTIO)
                return;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (xml_attribute(disk->driver, names[i]))
                        xml_fault(domain->xml, FAULT_ERROR, disk->driver, names[i],
                                  _("Only disks with bus='virtio' have it; of a SCSI disk it belongs to the "
                                    "<driver> of its controller."));
}

static int read_driver(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        const char *name, *type;

        disk->driver = xml_child(part->element, "driver");
        disk->flags = (DiskFlags){-1, -1, -1, -1, -1};
        virtio_read(domain, NULL, &disk->virtio);
        if (!disk->driver)
                return 0;
        name = xml_attribute(disk->driver, "name");
        type = xml_attribute(disk->driver, "type");
        if (name && !streq(name, "qemu"))
                xml_fault(domain->xml, FAULT_ERROR, disk->driver, "name", _("The driver is qemu here."));
        read_policies(domain, part);
        read_metadata_cache(domain, disk);
        read_virtio_only(domain, disk);
        disk->flags.copy_on_read = read_flag(domain, disk->driver, "copy_on_read");
        disk->flags.discard_no_unref = read_flag(domain, disk->driver, "discard_no_unref");
        return type ? disk_read_format(domain, disk->driver, "type", type, &disk->images[0]->format) : 0;
}

/* --- what the guest sees ------------------------------------------------------------------------- */

static int read_child_text(XmlElement *element, const char *name, char **ret)
{
        XmlElement *child = xml_child(element, name);

        if (!child)
                return 0;
        *ret = xml_text(child);
        return *ret ? 0 : -ENOMEM;
}

static void check_length(Domain *domain, Part *part, const char *name, const char *text, size_t max)
{
        if (text && strlen(text) > max)
                xml_fault(domain->xml, FAULT_WARNING, xml_child(part->element, name), /* attribute= */ NULL,
                          _("The guest sees the first %zu characters of it."), max);
}

static int read_names(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        uint64_t wwn;
        int r;

        r = read_child_text(part->element, "serial", &disk->serial);
        if (r >= 0)
                r = read_child_text(part->element, "wwn", &disk->wwn);
        if (r >= 0)
                r = read_child_text(part->element, "vendor", &disk->vendor);
        if (r >= 0)
                r = read_child_text(part->element, "product", &disk->product);
        if (r < 0)
                return r;
        check_length(domain, part, "serial", disk->serial, disk->bus == DISK_SCSI ? 36 : 20);
        check_length(domain, part, "vendor", disk->vendor, 8);
        check_length(domain, part, "product", disk->product, 16);
        if (disk->wwn) {
                CLEANUP(free) char *number = text_format("0x%s", disk->wwn);

                if (!number)
                        return -ENOMEM;
                if (strlen(disk->wwn) != 16 || value_uint(number, UINT64_MAX, &wwn) < 0)
                        xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "wwn"),
                                  /* attribute= */ NULL,
                                  _("A World Wide Name is 16 hexadecimal digits, without 0x."));
        }
        return 0;
}

static void read_block_size(Domain *domain, XmlElement *element, const char *name, uint64_t *ret)
{
        /* 2 MiB is what the emulator takes at most. */
        if (read_uint(domain->xml, element, name, 2 * 1024 * 1024, ret) > 0 &&
            (*ret < 512 || (*ret & (*ret - 1))))
                xml_fault(domain->xml, FAULT_ERROR, element, name,
                          _("The size of a block is a power of two from 512 on."));
}

static void read_shape(Domain *domain, Part *part)
{
        static const char *const translations[] = {"", "none", "lba", "auto", NULL};
        Disk *disk = part->data;
        Xml *xml = domain->xml;

        disk->blockio = xml_child(part->element, "blockio");
        disk->geometry = xml_child(part->element, "geometry");
        if (disk->blockio) {
                read_block_size(domain, disk->blockio, "logical_block_size", &disk->logical_size);
                read_block_size(domain, disk->blockio, "physical_block_size", &disk->physical_size);
                read_uint(xml, disk->blockio, "discard_granularity", UINT32_MAX, &disk->discard_granularity);
        }
        if (!disk->geometry)
                return;
        read_uint(xml, disk->geometry, "cyls", UINT32_MAX, &disk->cylinders);
        read_uint(xml, disk->geometry, "heads", UINT32_MAX, &disk->heads);
        read_uint(xml, disk->geometry, "secs", UINT32_MAX, &disk->sectors);
        read_word(xml, disk->geometry, "trans", translations, &disk->translation);
        if (disk->cylinders == 0 || disk->heads == 0 || disk->sectors == 0)
                xml_fault(xml, FAULT_ERROR, disk->geometry, /* attribute= */ NULL,
                          _("A geometry is cyls, heads and secs, all three."));
}

static void read_target(Domain *domain, Part *part)
{
        static const char *const trays[] = {"closed", "open", NULL};
        Disk *disk = part->data;
        XmlElement *target = disk->target_element;
        int tray = 0;

        disk->flags.removable = read_flag(domain, target, "removable");
        read_uint(domain->xml, target, "rotation_rate", UINT16_MAX, &disk->rotation_rate);
        if (read_word(domain->xml, target, "tray", trays, &tray) > 0 && disk->device != DISK_CDROM &&
            disk->device != DISK_FLOPPY)
                xml_fault(domain->xml, FAULT_ERROR, target, "tray", _("Only drives of media have a tray."));
        disk->tray_open = tray != 0;
        if (disk->flags.removable >= 0 && disk->bus != DISK_USB && disk->bus != DISK_SCSI)
                xml_fault(domain->xml, FAULT_ERROR, target, "removable",
                          _("Only a disk with bus='usb' or 'scsi' can claim to be removable."));
}

/* --- what becomes of the image ------------------------------------------------------------------- */

static void refuse(Domain *domain, Part *part, const char *name, const char *why)
{
        XmlElement *element = xml_child(part->element, name);

        if (!element)
                return;
        xml_mark_all(element);
        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL, "%s", why);
}

static void read_attributes(Domain *domain, Part *part)
{
        static const char *const snapshots[] = {"no", "internal", "external", "manual", NULL};
        static const char *const filters[] = {"filtered", "unfiltered", NULL};
        Disk *disk = part->data;
        int snapshot = 0, filter = 0;
        bool raw = false;

        /* For whoever takes snapshots; nothing of it concerns how the domain starts. */
        read_word(domain->xml, part->element, "snapshot", snapshots, &snapshot);
        read_word(domain->xml, part->element, "sgio", filters, &filter);
        read_switch(domain->xml, part->element, "rawio", &raw);
        if (filter != 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "sgio",
                          _("Linux has no unfiltered SG_IO any more; remove sgio."));
        if ((raw || xml_attribute(part->element, "sgio")) && disk->device != DISK_LUN)
                xml_fault(domain->xml, FAULT_ERROR, part->element, raw ? "rawio" : "sgio",
                          _("Only device='lun' passes SCSI commands to the host."));
        else if (raw)
                xml_fault(domain->xml, FAULT_WARNING, part->element, "rawio",
                          _("Muster gives the emulator no capability: it has CAP_SYS_RAWIO only if who "
                            "starts it has."));
}

static void read_sharing(Domain *domain, Part *part)
{
        static const char *const policies[] = {"mandatory", "requisite", "optional", NULL};
        Disk *disk = part->data;
        XmlElement *source = disk->images[0]->source, *transient = xml_child(part->element, "transient");
        bool backing_shared = false;

        disk->readonly = xml_child(part->element, "readonly") || disk->device == DISK_CDROM;
        disk->shareable = xml_child(part->element, "shareable") != NULL;
        disk->transient = transient != NULL;
        if (source)
                read_word(domain->xml, source, "startupPolicy", policies, &disk->startup_policy);
        /* The overlay is there before the emulator is, so the image is shared whatever is said. */
        if (transient)
                read_switch(domain->xml, transient, "shareBacking", &backing_shared);
        if (disk->transient && (disk->readonly || disk->device != DISK_DISK || disk->shareable))
                xml_fault(domain->xml, FAULT_ERROR, transient, /* attribute= */ NULL,
                          _("Only a disk that the guest alone may write to can be transient."));
}

int disk_read_options(Domain *domain, Part *part)
{
        int r;

        r = read_driver(domain, part);
        if (r < 0)
                return r;
        read_target(domain, part);
        read_shape(domain, part);
        read_attributes(domain, part);
        read_sharing(domain, part);
        refuse(domain, part, "mirror",
               _("A job of a running domain: muster starts none; remove <mirror>, and with it what the job "
                 "had not yet finished."));
        return read_names(domain, part);
}
