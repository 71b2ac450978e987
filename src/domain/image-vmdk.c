/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * VMDK: a text descriptor that stands alone, or at 0x200 in a file of the guest's data ("KDMV", "COWD").
 * What it names as parent is found as QEMU's block/vmdk.c finds it, to see what that one would open: the
 * first parentFileNameHint anywhere in 20 sectors up to the first NUL, whatever parentCID says.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/image-private.h"

#define SECTOR           UINT64_C(512)
#define DESCRIPTOR_AT    SECTOR
#define DESCRIPTOR_MAX   (20 * SECTOR)
#define HINT             "parentFileNameHint"
#define DESCRIPTOR_START "# Disk DescriptorFile"

static int damaged(MusterError **ret_error, const char *what)
{
        return error_set(ret_error, -EBADMSG, _("The vmdk image's %s makes no sense; it is damaged."), what);
}

/* -ENODATA without a word if the text may go on behind what there is. */
static int find_descriptor(const ImageHead *head, uint64_t at, const char **ret, size_t *ret_size)
{
        uint64_t size = head->size > at ? head->size - at : 0;
        const char *text = (const char *)head->data + (size ? at : 0);

        *ret = text;
        *ret_size = strnlen(text, size < DESCRIPTOR_MAX ? size : DESCRIPTOR_MAX);
        return *ret_size == size && size < DESCRIPTOR_MAX ? -ENODATA : 0;
}

static int read_parent(ImageHead *head, const char *text, size_t size, Image *image, MusterError **ret_error)
{
        const char *hint = memmem(text, size, HINT, strlen(HINT)), *name, *end;

        if (!hint)
                return 0;
        name = hint + strlen(HINT);
        size -= (size_t)(name - text);
        if (size < 2 || name[0] != '=' || name[1] != '"')
                return damaged(ret_error, HINT);
        name += 2;
        end = memchr(name, '"', size - 2);
        if (!end)
                return damaged(ret_error, HINT);
        if (end > name) {
                image->backing.format = strdup("vmdk");
                if (!image->backing.format)
                        return error_oom(ret_error);
        }
        return image_take_name(head, IMAGE_VMDK, (uint64_t)((const unsigned char *)name - head->data),
                               (uint64_t)(end - name), &image->backing, ret_error);
}

static int read_sparse(ImageHead *head, Image *image, MusterError **ret_error)
{
        uint64_t capacity = image_le(head, 12, 8), grain = image_le(head, 20, 8);

        image->version = (unsigned)image_le(head, 4, 4);
        (void)image_le(head, DESCRIPTOR_AT - 1, 1);
        if (head->cut)
                return image_cut(IMAGE_VMDK, ret_error);
        if (capacity > INT64_MAX / SECTOR)
                return damaged(ret_error, "capacity");
        if (grain == 0 || grain > UINT32_MAX)
                return damaged(ret_error, "granularity");
        image->cluster_size = grain * SECTOR;
        image->virtual_size = capacity * SECTOR;
        /* Without a capacity the descriptor's extents are opened instead. */
        image->has_virtual_size = capacity > 0;
        image->names_files = capacity == 0;
        return 0;
}

int image_read_vmdk(ImageHead *head, Image *image, MusterError **ret_error)
{
        bool alone = image_has_at(head, 0, DESCRIPTOR_START, strlen(DESCRIPTOR_START));
        const char *text;
        size_t size;
        int r;

        if (image_has_at(head, 0, "COWD", 4))
                return error_set(ret_error, -ENOTSUP,
                                 _("This is a vmdk image of an ESX server; convert it with qemu-img."));
        r = alone ? 0 : read_sparse(head, image, ret_error);
        if (r < 0)
                return r;
        image->names_files = image->names_files || alone;
        if (find_descriptor(head, alone ? 0 : DESCRIPTOR_AT, &text, &size) < 0 && !alone)
                return image_cut(IMAGE_VMDK, ret_error);
        return read_parent(head, text, size, image, ret_error);
}
