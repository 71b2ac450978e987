/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an image file says of itself, from its first bytes. Pure; the bytes are what a guest or a stranger
 * may have written.
 *
 * A format is what the definition says, never what the file looks like: a guest owns every byte of a raw
 * disk, so it can write there the header of a qcow2 image with /etc/shadow as its backing file, and at the
 * next start a guess would hand it that file. So guessing takes IMAGE_PROBE_ALLOWED, which is for images
 * that no guest could write since somebody trusted made them (a user's "what is this?", `backingStore` of
 * such an image), never for one that a guest runs on; and what was guessed must be written down, to be read
 * as said from then on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define IMAGE_NAME_MAX        1023 /* bytes of a backing file's name; the format's own limit */
#define IMAGE_FORMAT_NAME_MAX 15
#define IMAGE_HEAD_SIZE       ((size_t)64 * 1024)       /* is enough of nearly every image */
#define IMAGE_HEAD_MAX        ((size_t)2 * 1024 * 1024) /* is enough of every qcow2 image */

typedef enum ImageFormat {
        IMAGE_UNKNOWN,
        IMAGE_RAW,
        IMAGE_QCOW2,
        IMAGE_QED,
        IMAGE_VMDK,
        IMAGE_VDI,
        IMAGE_VHDX,
        IMAGE_VPC,
        IMAGE_LUKS,
        IMAGE_ISO, /* raw to an emulator */
        IMAGE_FORMATS,
} ImageFormat;

typedef enum ImageProbe {
        IMAGE_PROBE_FORBIDDEN,
        IMAGE_PROBE_ALLOWED,
} ImageProbe;

typedef enum ImageEncryption {
        IMAGE_PLAIN,
        IMAGE_AES, /* qcow2's own, which emulators refuse */
        IMAGE_ENCRYPTED_LUKS,
} ImageEncryption;

/* What a block driver makes of a name: it is a path only if no ':' stands before the first '/'. */
typedef enum ImageNameKind {
        IMAGE_NAME_NONE,
        IMAGE_NAME_PATH,
        IMAGE_NAME_PROTOCOL, /* "nbd:…", "http://…", "file:…" */
        IMAGE_NAME_JSON,     /* "json:{…}" */
} ImageNameKind;

typedef struct ImageName {
        ImageNameKind kind;
        char *text;   /* as it stands there, UTF-8 */
        char *format; /* of what it names; NULL: not said, so it must be given, not guessed */
} ImageName;

typedef struct Image {
        ImageFormat format;
        unsigned version;      /* of qcow2, VMDK, LUKS; 0 otherwise */
        bool has_virtual_size; /* where the file's size decides, or the header lies elsewhere, not */
        uint64_t virtual_size; /* bytes */
        uint64_t cluster_size; /* 0: has none, or it is not said */
        ImageEncryption encryption;
        ImageName backing;
        bool has_data_file;  /* qcow2: the guest's data are in another file, ... */
        ImageName data_file; /* ... which the header may leave unnamed */
        bool data_file_raw;
        bool corrupt;     /* qcow2: marked so by an emulator; cannot be written */
        bool names_files; /* VMDK: opening it opens files that its extents name, which are not read here */
} Image;

/*
 * Reads `head`, the first `size` bytes of an image: IMAGE_HEAD_SIZE, or the whole of a smaller one. It is of
 * the format `said`; with IMAGE_UNKNOWN they decide, if `probe` allows it. image_clear() what is returned.
 *
 * -EPERM: the format is not said, and may not be guessed. -EBADMSG: it is no image of that format, or a
 * damaged one. -ENODATA: more of its start is needed (IMAGE_HEAD_MAX), or it was cut off. -ENOTSUP: a
 * variant that no emulator would open safely. -ENOMEM.
 */
int image_read(const void *head, size_t size, ImageFormat said, ImageProbe probe, Image *ret,
               MusterError **ret_error);
void image_clear(Image *image);

/* "qcow2"; libvirt's names, which are QEMU's too, but for "iso". */
const char *image_format_to_name(ImageFormat format);
ImageFormat image_format_from_name(const char *name); /* IMAGE_UNKNOWN */

ImageNameKind image_name_kind(const char *name);

/*
 * The path that `name`, found in the image at the absolute path `image`, stands for, to free(). As the
 * emulator does it: relative to the folder in which the image was opened, wherever links lead; ".." is left
 * for the kernel, since only it knows what is above a link. -EINVAL: no path, or `image` is not absolute;
 * -ENAMETOOLONG; -ENOMEM.
 */
int image_resolve(const char *image, const char *name, char **ret);

static inline void cleanup_image(Image *image)
{
        image_clear(image);
}
