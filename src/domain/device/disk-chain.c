/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"
#include "domain/image.h"

/*
 * Backing images: as <backingStore> has them, and from where it ends without saying so as the headers of the
 * images name them. image.h says why a format is never guessed; so a header that names a backing image and
 * not its format ends in a fault with the command that adds it.
 *
 * The emulator is told of each image of a known chain, and of its end, so that it opens nothing that a
 * header names on its own account. An image that is not there yet, or may not be read, has no known chain:
 * that is a warning, since the emulator fails on it, too, or else reads the header by itself.
 */

DiskImage *disk_image_new(void)
{
        return calloc(1, sizeof(DiskImage));
}

DiskImage *disk_image_free(DiskImage *image)
{
        if (!image)
                return NULL;
        free(image->format);
        free(image->path);
        json_object_put(image->storage);
        json_object_put(image->slice);
        free(image);
        return NULL;
}

int disk_add_image(Disk *disk, DiskImage *image)
{
        DiskImage **images;

        if (!image)
                return -ENOMEM;
        images = reallocarray(disk->images, disk->n_images + 1, sizeof(*images));
        if (!images) {
                disk_image_free(image);
                return -ENOMEM;
        }
        disk->images = images;
        images[disk->n_images++] = image;
        return 0;
}

/* --- given --------------------------------------------------------------------------------------- */

static int read_backing_format(Domain *domain, XmlElement *element, DiskImage *image)
{
        XmlElement *format = xml_child(element, "format");
        const char *type = format ? xml_attribute(format, "type") : NULL;

        if (type)
                return disk_read_format(domain, format, "type", type, &image->format);
        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                  _("Of which format is the backing image? Add <format type='qcow2'/>, or raw; muster does "
                    "not guess."));
        image->format = strdup("raw");
        return image->format ? 0 : -ENOMEM;
}

int disk_read_chain(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        XmlElement *owner = part->element, *element;

        while ((element = xml_child(owner, "backingStore"))) {
                DiskImage *image;
                int r;

                xml_attribute(element, "index");
                if (!xml_attribute(element, "type") && !xml_child(element, "source")) {
                        disk->chain_given = true;
                        return 0;
                }
                if (disk->n_images >= DISK_CHAIN_MAX) {
                        xml_mark_all(element);
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("No chain has more than %d images."), DISK_CHAIN_MAX);
                        return 0;
                }
                image = disk_image_new();
                r = disk_add_image(disk, image);
                if (r >= 0)
                        r = disk_read_source(domain, element, DISK_DISK, image);
                if (r >= 0)
                        r = read_backing_format(domain, element, image);
                if (r < 0)
                        return r;
                if (!image->source)
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("Where is the backing image? Add <source>, or leave <backingStore/> "
                                    "empty if there is none."));
                owner = element;
        }
        return 0;
}

/* --- found --------------------------------------------------------------------------------------- */

static const XmlElement *place_of(const DiskImage *image)
{
        return image->source ?: image->element;
}

#define chain_fault(domain, image, ...)                                                                     \
        xml_fault((domain)->xml, FAULT_ERROR, place_of(image), /* attribute= */ NULL, __VA_ARGS__)

static bool may_have_backing(const char *format)
{
        return streq(format, "qcow2") || streq(format, "qcow") || streq(format, "qed") ||
               streq(format, "vmdk");
}

/* 0; -EAGAIN: a fault or a warning was reported. */
static int read_header(Domain *domain, const DiskImage *image, Image *ret)
{
        ImageFormat format = image_format_from_name(image->format);
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *head = malloc(IMAGE_HEAD_MAX);
        size_t size = 0;
        int r;

        if (!head)
                return -ENOMEM;
        if (format == IMAGE_UNKNOWN) {
                chain_fault(domain, image,
                            _("Muster does not read headers of format %s, so say what is below it: "
                              "<backingStore/> for nothing."),
                            image->format);
                return -EAGAIN;
        }
        r = domain->host->read_head(domain->host, image->path, head, IMAGE_HEAD_SIZE, &size);
        if (r >= 0) {
                r = image_read(head, size, format, IMAGE_PROBE_FORBIDDEN, ret, &error);
                if (r == -ENODATA && size == IMAGE_HEAD_SIZE) {
                        error = muster_error_free(error);
                        r = domain->host->read_head(domain->host, image->path, head, IMAGE_HEAD_MAX, &size);
                        if (r >= 0)
                                r = image_read(head, size, format, IMAGE_PROBE_FORBIDDEN, ret, &error);
                }
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && error) {
                        chain_fault(domain, image, "%s: %s", image->path, muster_error_message(error));
                        return -EAGAIN;
                }
        }
        if (r < 0) {
                xml_fault(domain->xml, FAULT_WARNING, place_of(image), /* attribute= */ NULL,
                          _("%s: its backing images are not known, since its header cannot be read: %s."),
                          image->path, strerror(-r));
                return -EAGAIN;
        }
        return 0;
}

/* What a header says that has to be known before the image is used. */
static bool is_usable(Domain *domain, const Disk *disk, const DiskImage *image, const Image *header)
{
        bool writable = image == disk->images[0] && !disk->readonly && !disk->transient;

        if (header->has_data_file)
                chain_fault(
                        domain, image,
                        _("%s: its data are in another file, which muster does not take; convert it with "
                          "qemu-img convert."),
                        image->path);
        else if (header->names_files)
                chain_fault(domain, image,
                            _("%s names further files that hold its data, which muster does not take; "
                              "convert it with qemu-img convert -O qcow2."),
                            image->path);
        else if (header->encryption == IMAGE_AES)
                chain_fault(domain, image, _("%s is encrypted by AES, which emulators refuse; convert it."),
                            image->path);
        else if (header->encryption == IMAGE_ENCRYPTED_LUKS && !*image->key.uuid)
                chain_fault(domain, image,
                            _("%s is encrypted; add <encryption format='luks'><secret type='passphrase' "
                              "uuid='…'/></encryption> to its <source>."),
                            image->path);
        else if (header->corrupt && writable)
                chain_fault(
                        domain, image,
                        _("%s is marked as corrupt, so it cannot be written to; look at it with qemu-img "
                          "check."),
                        image->path);
        else
                return true;
        return false;
}

static int make_found(Domain *domain, const DiskImage *above, const ImageName *name, DiskImage *image)
{
        mode_t mode = S_IFREG;
        int r;

        image->element = above->element;
        image->source = above->source;
        image->found = true;
        r = image_resolve(above->path, name->text, &image->path);
        if (r < 0)
                return r;
        domain->host->file_mode(domain->host, image->path, &mode);
        r = disk_read_format(
                domain, above->source ?: above->element, /* attribute= */ NULL,
                /* older tools wrote the protocol's name */
                streq(name->format, "host_device") || streq(name->format, "file") ? "raw" : name->format,
                &image->format);
        return r < 0 ? r : disk_storage_of_path(image->path, S_ISBLK(mode), DISK_DISK, &image->storage);
}

static bool is_in_chain(const Disk *disk, const char *path)
{
        for (size_t i = 0; i < disk->n_images; i++)
                if (streq_ptr(disk->images[i]->path, path))
                        return true;
        return false;
}

/* The image that the header names: 1 if it is added, 0 if there is none, or none that can be taken. */
static int add_found(Domain *domain, Disk *disk, const DiskImage *above, const ImageName *name)
{
        CLEANUP(DiskImage) DiskImage *image = NULL;
        int r;

        if (name->kind == IMAGE_NAME_NONE) {
                disk->chain_known = true;
                return 0;
        }
        if (name->kind != IMAGE_NAME_PATH) {
                chain_fault(domain, above,
                            _("%s: its backing image is no file (%s); say by <backingStore> where it is."),
                            above->path, name->text);
                return 0;
        }
        if (!name->format) {
                chain_fault(domain, above,
                            _("%s does not say of which format its backing image %s is, and muster does not "
                              "guess; write it down with `qemu-img rebase -u -F FORMAT -b %s %s`."),
                            above->path, name->text, name->text, above->path);
                return 0;
        }
        image = disk_image_new();
        if (!image)
                return -ENOMEM;
        r = make_found(domain, above, name, image);
        if (r == -EINVAL || r == -ENAMETOOLONG || (r >= 0 && is_in_chain(disk, image->path)) ||
            disk->n_images >= DISK_CHAIN_MAX) {
                chain_fault(domain, above, _("%s: its chain of backing images does not end at %s."),
                            disk->images[0]->path, name->text);
                return 0;
        }
        if (r >= 0)
                r = disk_add_image(disk, TAKE(image));
        return r < 0 ? r : 1;
}

/* A step down. 1: there is another image; 0: it ends here. */
static int find_next(Domain *domain, Disk *disk)
{
        const DiskImage *last = disk->images[disk->n_images - 1];
        CLEANUP(image) Image header = {};
        int r;

        if (!may_have_backing(last->format) && !streq(last->format, "luks")) {
                disk->chain_known = true;
                return 0;
        }
        if (!last->path) {
                chain_fault(domain, last,
                            _("Muster cannot read the header of an image there; say whether another one is "
                              "below it: <backingStore/> if none is."));
                return 0;
        }
        r = read_header(domain, last, &header);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;
        if (!is_usable(domain, disk, last, &header))
                return 0;
        return add_found(domain, disk, last, &header.backing);
}

/* --- whether it is there ------------------------------------------------------------------------- */

static void check_mode(Domain *domain, const DiskImage *image, mode_t mode)
{
        bool block = !streq_ptr(json_get_string(image->storage, "driver"), "file");

        if (!block && S_ISBLK(mode))
                chain_fault(domain, image,
                            _("%s is a block device: say type='block', and <source dev='…'/>."),
                            image->path);
        else if (block && !S_ISBLK(mode) && !S_ISCHR(mode))
                chain_fault(domain, image,
                            _("%s is no block device: say type='file', and <source "
                              "file='…'/>."),
                            image->path);
        else if (S_ISDIR(mode))
                chain_fault(domain, image, _("%s is a folder."), image->path);
}

/* Without an image a drive of media is empty, and a disk is left out, if it may. */
static int check_there(Domain *domain, Disk *disk, DiskImage *image)
{
        mode_t mode;
        int r;

        if (!image->path)
                return 0;
        r = domain->host->file_mode(domain->host, image->path, &mode);
        image->existing = r >= 0;
        if (r >= 0) {
                if (!image->found)
                        check_mode(domain, image, mode);
                return 0;
        }
        if (r == -ENOENT && disk->startup_policy == DISK_STARTUP_OPTIONAL && image == disk->images[0]) {
                disk->absent = true;
                xml_fault(domain->xml, FAULT_WARNING, place_of(image), "startupPolicy",
                          disk->device == DISK_DISK || disk->device == DISK_LUN
                                  ? _("%s is not there, so the domain starts without this disk.")
                                  : _("%s is not there, so the domain starts with an empty drive."),
                          image->path);
        } else if (r == -ENOENT && !may_have_backing(image->format)) {
                /* of the others reading the header says so */
                xml_fault(domain->xml, FAULT_WARNING, place_of(image), /* attribute= */ NULL,
                          _("%s is not there."), image->path);
        }
        return 0;
}

int disk_find_chain(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < disk->n_images; i++)
                if (disk->images[i]->storage)
                        r = check_there(domain, disk, disk->images[i]);
        if (r < 0 || disk->absent || !disk->images[0]->storage)
                return r;
        disk->chain_known = disk->chain_given;
        if (disk->chain_given)
                return 0;
        do
                r = find_next(domain, disk);
        while (r > 0);
        return r;
}
