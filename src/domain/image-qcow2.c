/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qcow2 (QEMU's docs/interop/qcow2.txt). All that is read here lies in the first cluster, at most 2 MiB:
 *
 *     header, 72 bytes in version 2, `header_length` in version 3
 *     extensions: type, length, data, padded to 8; ended by type 0, the backing file's name, or the cluster
 *     the backing file's name
 *
 * A bit of an incompatible feature that is not known here means that anything above may mean something else,
 * so the image is refused; a second extension of one type as well, since readers differ over which counts.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/image-private.h"

#define EXTENSION_END            0
#define EXTENSION_BACKING_FORMAT 0xe2792aca
#define EXTENSION_DATA_FILE      0x44415441

#define INCOMPATIBLE_CORRUPT     (UINT64_C(1) << 1)
#define INCOMPATIBLE_DATA_FILE   (UINT64_C(1) << 2)
#define INCOMPATIBLE_KNOWN       UINT64_C(0x1f) /* and dirty, compression type, extended L2 entries */
#define AUTOCLEAR_DATA_FILE_RAW  (UINT64_C(1) << 1)

#define HEADER_2_SIZE            72
#define HEADER_3_SIZE            104

typedef struct Header {
        uint64_t backing_offset, backing_size;
        uint64_t size; /* of the header itself */
} Header;

static int damaged(MusterError **ret_error, const char *what)
{
        return error_set(ret_error, -EBADMSG, _("The qcow2 image's %s makes no sense; it is damaged."),
                         what);
}

static int read_version_3(ImageHead *head, Image *image, Header *header, MusterError **ret_error)
{
        uint64_t incompatible = image_be(head, 72, 8), unknown = incompatible & ~INCOMPATIBLE_KNOWN;

        header->size = image_be(head, 100, 4);
        if (head->cut)
                return image_cut(IMAGE_QCOW2, ret_error);
        if (unknown)
                return error_set(ret_error, -ENOTSUP,
                                 _("The qcow2 image has incompatible features that muster does not know "
                                   "(bits 0x%llx); convert it without them."),
                                 (unsigned long long)unknown);
        if (header->size < HEADER_3_SIZE || header->size > image->cluster_size || header->size % 8)
                return damaged(ret_error, "header_length");
        image->corrupt = incompatible & INCOMPATIBLE_CORRUPT;
        image->has_data_file = incompatible & INCOMPATIBLE_DATA_FILE;
        image->data_file_raw = image->has_data_file && (image_be(head, 88, 8) & AUTOCLEAR_DATA_FILE_RAW);
        return 0;
}

static int read_encryption(ImageHead *head, Image *image, MusterError **ret_error)
{
        static const ImageEncryption methods[] = {IMAGE_PLAIN, IMAGE_AES, IMAGE_ENCRYPTED_LUKS};
        uint64_t method = image_be(head, 32, 4);

        if (method >= ELEMENTSOF(methods))
                return damaged(ret_error, "crypt_method");
        image->encryption = methods[method];
        return 0;
}

static int read_sizes(ImageHead *head, Image *image, MusterError **ret_error)
{
        uint64_t cluster_bits = image_be(head, 20, 4);

        image->virtual_size = image_be(head, 24, 8);
        if (head->cut)
                return image_cut(IMAGE_QCOW2, ret_error);
        if (cluster_bits < 9 || cluster_bits > 21)
                return damaged(ret_error, "cluster_bits");
        if (image->virtual_size > INT64_MAX)
                return damaged(ret_error, "size");
        image->cluster_size = UINT64_C(1) << cluster_bits;
        image->has_virtual_size = true;
        return 0;
}

static int read_header(ImageHead *head, Image *image, Header *ret, MusterError **ret_error)
{
        uint64_t version = image_be(head, 4, 4);
        int r;

        ret->size = HEADER_2_SIZE;
        ret->backing_offset = image_be(head, 8, 8);
        ret->backing_size = image_be(head, 16, 4);
        /* All of version 2 must be there, whatever of it is used. */
        (void)image_be(head, HEADER_2_SIZE - 8, 8);
        if (head->cut)
                return image_cut(IMAGE_QCOW2, ret_error);
        if (version != 2 && version != 3)
                return error_set(ret_error, -ENOTSUP,
                                 _("This is a qcow image of version %u, where 2 and 3 are taken; convert it "
                                   "with qemu-img."),
                                 (unsigned)version);
        image->version = (unsigned)version;
        r = read_sizes(head, image, ret_error);
        if (r == 0)
                r = read_encryption(head, image, ret_error);
        if (r == 0 && version == 3)
                r = read_version_3(head, image, ret, ret_error);
        if (r < 0)
                return r;
        if (ret->backing_offset == 0)
                ret->backing_size = 0;
        else if (ret->backing_offset < ret->size || ret->backing_offset > image->cluster_size ||
                 ret->backing_size > image->cluster_size - ret->backing_offset)
                return damaged(ret_error, "backing_file_offset");
        return 0;
}

static int take_extension(ImageHead *head, Image *image, uint64_t type, uint64_t offset, uint64_t size,
                          MusterError **ret_error)
{
        if (type == EXTENSION_BACKING_FORMAT && image->backing.format)
                return damaged(ret_error, "second backing format");
        if (type == EXTENSION_BACKING_FORMAT)
                return image_take_format(head, offset, size, &image->backing.format, ret_error);
        if (type != EXTENSION_DATA_FILE || !image->has_data_file)
                return 0;
        if (image->data_file.text)
                return damaged(ret_error, "second data file");
        return image_take_name(head, IMAGE_QCOW2, offset, size, &image->data_file, ret_error);
}

static int read_extensions(ImageHead *head, Image *image, const Header *header, MusterError **ret_error)
{
        uint64_t end = header->backing_offset ?: image->cluster_size, offset = header->size;
        int r;

        while (offset + 8 <= end) {
                uint64_t type = image_be(head, offset, 4), size = image_be(head, offset + 4, 4);

                if (head->cut)
                        return image_cut(IMAGE_QCOW2, ret_error);
                offset += 8;
                if (type == EXTENSION_END)
                        return 0;
                if (size > end - offset)
                        return damaged(ret_error, "header extension");
                r = take_extension(head, image, type, offset, size, ret_error);
                if (r < 0)
                        return r;
                offset += (size + 7) / 8 * 8;
        }
        return 0;
}

int image_read_qcow2(ImageHead *head, Image *image, MusterError **ret_error)
{
        Header header = {0};
        int r;

        r = read_header(head, image, &header, ret_error);
        if (r == 0)
                r = read_extensions(head, image, &header, ret_error);
        if (r == 0)
                r = image_take_name(head, IMAGE_QCOW2, header.backing_offset, header.backing_size,
                                    &image->backing, ret_error);
        return r;
}
