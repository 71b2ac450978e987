/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between image.c and the formats. */

#include "domain/image.h"

/*
 * The bytes that there are. Reading beyond them gives 0 and is remembered, so that a header is read straight
 * down and its being whole is asked for once.
 */
typedef struct ImageHead {
        const unsigned char *data;
        size_t size;
        bool cut;
} ImageHead;

uint64_t image_be(ImageHead *head, uint64_t offset, unsigned bytes);
uint64_t image_le(ImageHead *head, uint64_t offset, unsigned bytes);
bool image_has_at(const ImageHead *head, uint64_t offset, const void *bytes, size_t size);

/* -ENODATA */
int image_cut(ImageFormat format, MusterError **ret_error);

/* A name of `size` bytes (0: none) at `offset`; checks all but where it may lie. */
int image_take_name(ImageHead *head, ImageFormat format, uint64_t offset, uint64_t size, ImageName *ret,
                    MusterError **ret_error);

/* "raw" and such, of 1 to IMAGE_FORMAT_NAME_MAX bytes, printable. */
int image_take_format(ImageHead *head, uint64_t offset, uint64_t size, char **ret, MusterError **ret_error);

/* The readers; what they have set at a failure is cleared by the caller. */
int image_read_qcow2(ImageHead *head, Image *image, MusterError **ret_error);
int image_read_vmdk(ImageHead *head, Image *image, MusterError **ret_error);
