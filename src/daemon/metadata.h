/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a definition says about itself for people and for other programs: <title>, <description>, and in
 * <metadata> one element for each name space. Pure: text in, text out.
 */

#include "base/error.h"
#include "base/json.h"

#define METADATA_TEXT_MAX ((size_t)64 * 1024)

typedef struct MetadataChange {
        const char *title, *description; /* NULL: as it is; "": none */
        const char *uri;                 /* of an element in <metadata>; NULL: it is not about one */
        const char *key;                 /* its prefix */
        const char *xml;                 /* the element, without its name space; NULL: remove it */
} MetadataChange;

/* -EINVAL with what is wrong with the change; -ENOENT: what is to be removed is not there. */
int metadata_change(const char *definition, const MetadataChange *change, char **ret,
                    MusterError **ret_error);

/* {"title"?, "description"?, "uris": […]} */
int metadata_describe(const char *definition, json_object **ret, MusterError **ret_error);

/* The element of this name space, without it, as text; -ENOENT. */
int metadata_get(const char *definition, const char *uri, char **ret, MusterError **ret_error);
