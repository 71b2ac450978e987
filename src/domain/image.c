/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One table of formats; each reader is given only what has the format's mark. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/image-private.h"

typedef struct Mark {
        uint64_t offset;
        const char *bytes;
        size_t size;
} Mark;

typedef struct Format {
        const char *name;
        Mark marks[3]; /* any of them */
        int (*read)(ImageHead *head, Image *image, MusterError **ret_error);
} Format;

#define MARK(at, text)                                                                                      \
        {                                                                                                   \
                .offset = (at), .bytes = (text), .size = sizeof(text) - 1                                   \
        }

#define VPC_MARK "conectix"

uint64_t image_be(ImageHead *head, uint64_t offset, unsigned bytes)
{
        uint64_t value = 0;

        if (offset > head->size || bytes > head->size - offset) {
                head->cut = true;
                return 0;
        }
        for (unsigned i = 0; i < bytes; i++)
                value = value << 8 | head->data[offset + i];
        return value;
}

uint64_t image_le(ImageHead *head, uint64_t offset, unsigned bytes)
{
        uint64_t value = image_be(head, offset, bytes);

        return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

bool image_has_at(const ImageHead *head, uint64_t offset, const void *bytes, size_t size)
{
        return offset <= head->size && size <= head->size - offset &&
               memcmp(head->data + offset, bytes, size) == 0;
}

int image_cut(ImageFormat format, MusterError **ret_error)
{
        return error_set(ret_error, -ENODATA,
                         _("The %s image ends where its header goes on; it was cut off or is damaged."),
                         image_format_to_name(format));
}

static int damaged(ImageFormat format, MusterError **ret_error)
{
        return error_set(ret_error, -EBADMSG, _("The %s image's header makes no sense; it is damaged."),
                         image_format_to_name(format));
}

/* QEMU's docs/interop/qed_spec.txt. */
static int read_qed(ImageHead *head, Image *image, MusterError **ret_error)
{
        uint64_t features = image_le(head, 16, 8), offset = image_le(head, 56, 4),
                 size = image_le(head, 60, 4), header = image_le(head, 12, 4);

        image->cluster_size = image_le(head, 4, 4);
        image->virtual_size = image_le(head, 48, 8);
        if (head->cut)
                return image_cut(IMAGE_QED, ret_error);
        if (image->cluster_size < 4096 || image->cluster_size > UINT64_C(64) << 20 ||
            (image->cluster_size & (image->cluster_size - 1)) || image->virtual_size > INT64_MAX)
                return damaged(IMAGE_QED, ret_error);
        if (features & ~UINT64_C(7))
                return error_set(ret_error, -ENOTSUP,
                                 _("The qed image has features that muster does not know; convert it."));
        image->has_virtual_size = true;
        if (!(features & 1))
                return 0;
        if (size == 0 || offset < 64 || offset + size > header * image->cluster_size)
                return damaged(IMAGE_QED, ret_error);
        if (features & 4) {
                image->backing.format = strdup("raw");
                if (!image->backing.format)
                        return error_oom(ret_error);
        }
        return image_take_name(head, IMAGE_QED, offset, size, &image->backing, ret_error);
}

static int read_vdi(ImageHead *head, Image *image, MusterError **ret_error)
{
        image->virtual_size = image_le(head, 0x170, 8);
        image->cluster_size = image_le(head, 0x178, 4);
        if (head->cut)
                return image_cut(IMAGE_VDI, ret_error);
        if (image->virtual_size > INT64_MAX)
                return damaged(IMAGE_VDI, ret_error);
        image->has_virtual_size = true;
        return 0;
}

/* A fixed one has its mark at its end only, so it is known only if it is said to be one. */
static int read_vpc(ImageHead *head, Image *image, MusterError **ret_error)
{
        enum { DYNAMIC = 3, DIFFERENCING = 4 };
        uint64_t type = image_be(head, 0x3c, 4), more = image_be(head, 0x10, 8);

        if (!image_has_at(head, 0, VPC_MARK, strlen(VPC_MARK)))
                return 0;
        image->virtual_size = image_be(head, 0x30, 8);
        if (head->cut)
                return image_cut(IMAGE_VPC, ret_error);
        if (type == DIFFERENCING)
                return error_set(
                        ret_error, -ENOTSUP,
                        _("This is a differencing vpc image, whose parent emulators ignore; convert "
                          "it."));
        if (type != DYNAMIC || image->virtual_size > INT64_MAX || more > INT64_MAX)
                return damaged(IMAGE_VPC, ret_error);
        image->cluster_size = image_be(head, more + 0x20, 4);
        if (head->cut)
                return image_cut(IMAGE_VPC, ret_error);
        image->has_virtual_size = true;
        return 0;
}

static int read_luks(ImageHead *head, Image *image, MusterError **ret_error)
{
        image->version = (unsigned)image_be(head, 6, 2);
        image->encryption = IMAGE_ENCRYPTED_LUKS;
        return head->cut ? image_cut(IMAGE_LUKS, ret_error) : 0;
}

/* VHDX tells its size far behind; raw and ISO have their file's. */
static int read_nothing(ImageHead *head, Image *image, MusterError **ret_error)
{
        return 0;
}

/* In the order in which they are tried; a CD-ROM's first 32 KiB are free for any of the others' marks. */
static const Format formats[IMAGE_FORMATS] = {
        [IMAGE_RAW] = {"raw", {{0}}, read_nothing},
        [IMAGE_QCOW2] = {"qcow2", {MARK(0, "QFI\xfb")}, image_read_qcow2},
        [IMAGE_QED] = {"qed", {MARK(0, "QED\0")}, read_qed},
        [IMAGE_VMDK] = {"vmdk",
                        {MARK(0, "KDMV"), MARK(0, "COWD"), MARK(0, "# Disk DescriptorFile")},
                        image_read_vmdk},
        [IMAGE_VDI] = {"vdi", {MARK(0x40, "\x7f\x10\xda\xbe")}, read_vdi},
        [IMAGE_VHDX] = {"vhdx", {MARK(0, "vhdxfile")}, read_nothing},
        [IMAGE_VPC] = {"vpc", {MARK(0, VPC_MARK)}, read_vpc},
        [IMAGE_LUKS] = {"luks", {MARK(0, "LUKS\xba\xbe")}, read_luks},
        [IMAGE_ISO] = {"iso", {MARK(0x8001, "CD001")}, read_nothing},
};

const char *image_format_to_name(ImageFormat format)
{
        return formats[format].name ?: "unknown";
}

ImageFormat image_format_from_name(const char *name)
{
        for (ImageFormat format = IMAGE_RAW; format < IMAGE_FORMATS; format++)
                if (streq(name, formats[format].name))
                        return format;
        return IMAGE_UNKNOWN;
}

static bool has_mark(const ImageHead *head, ImageFormat format)
{
        const Mark *marks = formats[format].marks;

        for (size_t i = 0; i < ELEMENTSOF(formats[format].marks) && marks[i].size > 0; i++)
                if (image_has_at(head, marks[i].offset, marks[i].bytes, marks[i].size))
                        return true;
        return false;
}

static ImageFormat guess(const ImageHead *head)
{
        for (ImageFormat format = IMAGE_QCOW2; format < IMAGE_FORMATS; format++)
                if (has_mark(head, format))
                        return format;
        return IMAGE_RAW;
}

static int decide(const ImageHead *head, ImageFormat said, ImageProbe probe, ImageFormat *ret,
                  MusterError **ret_error)
{
        if (said == IMAGE_UNKNOWN && probe != IMAGE_PROBE_ALLOWED)
                return error_set(ret_error, -EPERM,
                                 _("The image's format is not said, and guessing it would let a guest "
                                   "choose what is read; say it (<driver type='raw'/>, 'qcow2', …)."));
        *ret = said == IMAGE_UNKNOWN ? guess(head) : said;
        /* A UDF disk has another mark than an ISO one, a fixed vpc image has it at its end. */
        if (*ret == IMAGE_RAW || *ret == IMAGE_ISO || *ret == IMAGE_VPC || has_mark(head, *ret))
                return 0;
        return error_set(ret_error, -EBADMSG,
                         _("This is no %s image, though it is said to be one; say what it is, or make it "
                           "anew."),
                         image_format_to_name(*ret));
}

int image_read(const void *head, size_t size, ImageFormat said, ImageProbe probe, Image *ret,
               MusterError **ret_error)
{
        ImageHead bytes = {.data = head, .size = size};
        __attribute__((cleanup(cleanup_image))) Image image = {0};
        int r;

        r = decide(&bytes, said, probe, &image.format, ret_error);
        if (r == 0)
                r = formats[image.format].read(&bytes, &image, ret_error);
        if (r < 0)
                return r;
        *ret = image;
        image = (Image){0};
        return 0;
}

static void clear_name(ImageName *name)
{
        free(name->text);
        free(name->format);
}

void image_clear(Image *image)
{
        clear_name(&image->backing);
        clear_name(&image->data_file);
        *image = (Image){0};
}
