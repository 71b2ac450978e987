/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

static const char *const types[] = {"file", "block",     "dir",       "network", "volume",
                                    "nvme", "vhostuser", "vhostvdpa", NULL};

enum {
        TYPE_FILE,
        TYPE_BLOCK,
        TYPE_DIR,
        TYPE_NETWORK,
        TYPE_VOLUME,
        TYPE_NVME,
        TYPE_VHOST_USER,
        TYPE_VHOST_VDPA,
};

static bool is_cdrom_drive(const char *path)
{
        return startswith(path, "/dev/sr") || startswith(path, "/dev/cdrom");
}

int disk_storage_of_path(const char *path, bool block, DiskDevice device, json_object **ret)
{
        CLEANUP(json) json_object *storage = json_object_new_object();
        const char *driver = !block                                         ? "file"
                             : device == DISK_CDROM && is_cdrom_drive(path) ? "host_cdrom"
                                                                            : "host_device";

        if (!storage || json_add_string(storage, "driver", driver) < 0 ||
            json_add_string(storage, "filename", path) < 0)
                return -ENOMEM;
        *ret = TAKE(storage);
        return 0;
}

static int read_path(Domain *domain, XmlElement *source, const char *attribute, bool block,
                     DiskDevice device, DiskImage *image)
{
        int r = read_text(domain->xml, source, attribute, &image->path);

        if (r < 0 || !image->path)
                return r;
        if (image->path[0] == '/')
                return disk_storage_of_path(image->path, block, device, &image->storage);
        xml_fault(domain->xml, FAULT_ERROR, source, attribute,
                  _("The path is not absolute; write it from / on."));
        free(TAKE(image->path));
        return 0;
}

/* A folder as a FAT file system that the emulator makes up: to be read only, since what it writes to such a
 * folder is what a guest's driver makes of its own copy of the file system. */
static int read_folder(Domain *domain, XmlElement *source, DiskDevice device, DiskImage *image)
{
        const char *path = xml_attribute(source, "dir");
        CLEANUP(json) json_object *storage = json_object_new_object();

        if (!path || path[0] != '/') {
                xml_fault(domain->xml, FAULT_ERROR, source, "dir",
                          _("The folder's path is not absolute; write it from / on."));
                return 0;
        }
        if (!storage || json_add_string(storage, "driver", "vvfat") < 0 ||
            json_add_string(storage, "dir", path) < 0 ||
            json_add_bool(storage, "floppy", device == DISK_FLOPPY) < 0 ||
            json_add_bool(storage, "rw", false) < 0)
                return -ENOMEM;
        image->storage = TAKE(storage);
        return 0;
}

static int read_nvme(Domain *domain, XmlElement *source, DiskImage *image)
{
        static const char *const pci[] = {"pci", NULL};
        XmlElement *address = xml_child(source, "address");
        CLEANUP(json) json_object *storage = json_object_new_object();
        uint64_t numbers[4] = {}, name_space = 0;
        bool managed = false;
        int type = -1, address_type = -1;

        read_word(domain->xml, source, "type", pci, &type);
        read_uint(domain->xml, source, "namespace", UINT32_MAX, &name_space);
        read_switch(domain->xml, source, "managed", &managed);
        if (address) {
                read_word(domain->xml, address, "type", pci, &address_type);
                read_uint(domain->xml, address, "domain", UINT16_MAX, &numbers[0]);
                read_uint(domain->xml, address, "bus", UINT8_MAX, &numbers[1]);
                read_uint(domain->xml, address, "slot", 31, &numbers[2]);
                read_uint(domain->xml, address, "function", 7, &numbers[3]);
        }
        if (type < 0 || !address || name_space == 0)
                xml_fault(domain->xml, FAULT_ERROR, source, /* attribute= */ NULL,
                          _("An NVMe disk is <source type='pci' managed='no' namespace='1'> with the "
                            "<address> of its controller."));
        else if (managed)
                xml_fault(
                        domain->xml, FAULT_ERROR, source, "managed",
                        _("Muster does not take the controller from the host's driver; bind it to vfio-pci "
                          "and say managed='no'."));
        if (!storage || json_add_string(storage, "driver", "nvme") < 0 ||
            json_add_stringf(storage, "device", "%04x:%02x:%02x.%x", (unsigned)numbers[0],
                             (unsigned)numbers[1], (unsigned)numbers[2], (unsigned)numbers[3]) < 0 ||
            json_add_int(storage, "namespace", (int64_t)name_space) < 0)
                return -ENOMEM;
        image->storage = TAKE(storage);
        return 0;
}

/* --- what a source may say besides --------------------------------------------------------------- */

static int read_slice(Domain *domain, XmlElement *slices, DiskImage *image)
{
        static const char *const storage[] = {"storage", NULL};
        XmlElement *slice = xml_child(slices, "slice");
        uint64_t offset = 0, size = 0;
        int type = 0;

        if (!slice)
                return 0;
        read_word(domain->xml, slice, "type", storage, &type);
        read_uint(domain->xml, slice, "offset", INT64_MAX, &offset);
        if (read_uint(domain->xml, slice, "size", INT64_MAX, &size) == 0)
                xml_fault(domain->xml, FAULT_ERROR, slice, "size",
                          _("How long is the slice? Give offset and size, in bytes."));
        image->slice = json_object_new_object();
        if (!image->slice || json_add_int(image->slice, "offset", (int64_t)offset) < 0 ||
            json_add_int(image->slice, "size", (int64_t)size) < 0)
                return -ENOMEM;
        return 0;
}

static void read_labels(Domain *domain, XmlElement *source)
{
        for (XmlElement *label = NULL; (label = xml_next(source, "seclabel", label));) {
                const char *relabel = xml_attribute(label, "relabel");

                xml_mark_all(label);
                if (!relabel || !streq(relabel, "no"))
                        xml_fault(domain->xml, FAULT_COSMETIC, label, /* attribute= */ NULL,
                                  _("Muster relabels no files; say relabel='no', or remove <seclabel>."));
        }
}

static void refuse_child(Domain *domain, XmlElement *source, const char *name, const char *why)
{
        XmlElement *element = xml_child(source, name);

        if (!element)
                return;
        xml_mark_all(element);
        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL, "%s", why);
}

static int read_besides(Domain *domain, XmlElement *source, DiskImage *image)
{
        XmlElement *slices = xml_child(source, "slices");
        int r = slices ? read_slice(domain, slices, image) : 0;

        xml_attribute(source, "index"); /* libvirt's own number of a running domain's image */
        read_labels(domain, source);
        refuse_child(
                domain, source, "reservations",
                _("Muster does not start a helper for persistent reservations; remove <reservations>."));
        refuse_child(domain, source, "dataStore",
                     _("Muster takes no image whose data are in another file; convert it with qemu-img."));
        if (r >= 0)
                r = disk_read_auth(domain, source, image);
        return r < 0 ? r : disk_read_encryption(domain, source, image);
}

static int read_kind(Domain *domain, XmlElement *owner, int type, DiskDevice device, DiskImage *image)
{
        XmlElement *source = image->source;

        switch (type) {
        case TYPE_FILE:
                return read_path(domain, source, "file", /* block= */ false, device, image);
        case TYPE_BLOCK:
                return read_path(domain, source, "dev", /* block= */ true, device, image);
        case TYPE_DIR:
                return read_folder(domain, source, device, image);
        case TYPE_NETWORK:
                image->network = true;
                return disk_read_network(domain, image);
        case TYPE_NVME:
                return read_nvme(domain, source, image);
        case TYPE_VOLUME:
                xml_mark_all(source);
                xml_fault(domain->xml, FAULT_ERROR, owner, "type",
                          _("Muster keeps no storage pools, so it does not know where the volume lies; give "
                            "its path: type='file' with <source file='…'/>, or type='block' with <source "
                            "dev='…'/>."));
                return 0;
        default:
                xml_mark_all(source);
                xml_fault(
                        domain->xml, FAULT_ERROR, owner, "type",
                        _("Muster does not connect disks of type \"%s\"; file, block, dir, network and nvme "
                          "it does."),
                        types[type]);
                return 0;
        }
}

int disk_read_source(Domain *domain, XmlElement *owner, DiskDevice device, DiskImage *image)
{
        int type = TYPE_FILE, r;

        image->element = owner;
        image->source = xml_child(owner, "source");
        read_word(domain->xml, owner, "type", types, &type);
        if (!image->source)
                return 0;
        r = read_kind(domain, owner, type, device, image);
        return r < 0 ? r : read_besides(domain, image->source, image);
}
