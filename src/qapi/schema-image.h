/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A loaded schema as bytes that are read back without parsing: for a cache of this machine's own, since they
 * are laid out as this build lays out memory. What was written by another build is not taken.
 */

#include "qapi/schema.h"

/* To free(). -ENOMEM. */
int schema_to_image(const MusterSchema *schema, void **ret, size_t *ret_size);

/*
 * Takes nothing on trust but that names are well-formed: whatever the bytes, no look-up leaves the arena or
 * goes on for ever. -EBADMSG: no image, another build's, or damaged; -ENOMEM.
 */
int schema_from_image(const void *image, size_t size, MusterSchema **ret);
