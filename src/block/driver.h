/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the schema says of block drivers: the union behind blockdev-add, its branches and their members. */

#include "block/request.h"
#include "qapi/schema.h"

typedef struct BlockSchema {
        const MusterSchema *schema;
        uint32_t options;   /* the union: blockdev-add's arguments */
        const char *driver; /* interned "driver", its tag */
} BlockSchema;

/* -EOPNOTSUPP: the emulator has no blockdev-add, or that of QEMU before 2.9, which was not stable. */
int block_schema_init(const MusterSchema *schema, BlockSchema *ret, MusterError **ret_error);

/* The branch of a driver; SCHEMA_NONE: the schema does not have the driver. */
uint32_t block_driver_branch(const BlockSchema *block, const char *driver);

/* -EINVAL with the nearest names that the schema has. */
int block_driver_check(const BlockSchema *block, const char *driver, MusterError **ret_error);

/* A member of the union's base or of the driver's branch; NULL. */
const SchemaMember *block_driver_member(const BlockSchema *block, const char *driver, const char *member);

/* Whether a member's type is a block node: inline, or by node-name. For arrays of these `*ret_array` is
 * true. */
bool block_type_is_node(const BlockSchema *block, uint32_t type, bool *ret_array);

/* Whether the type takes JSON null. */
bool block_type_takes_null(const BlockSchema *block, uint32_t type);

/*
 * The format drivers that take write permission on their file as soon as they are writable themselves, with
 * or without a writer above: QEMU marks their image file as metadata (bdrv_default_perms). Not `raw` and
 * filters, which pass on what is asked of them.
 */
bool block_driver_holds_write(const BlockSchema *block, const char *driver);

/* The formats that are known to pass on what is asked of them: their file follows the writer by itself. */
bool block_driver_passes_on(const BlockSchema *block, const char *driver);

/* Adds to `node` the options that are members of the driver, each with the type that the schema gives it. */
int block_options_to_json(const BlockSchema *block, const char *driver, const RequestOption *options,
                          size_t count, json_object *node, MusterError **ret_error);

/* The mandatory members of the driver that `node` lacks, ", "-separated, to free(); "" if none. -ENOMEM. */
int block_driver_missing(const BlockSchema *block, const char *driver, const json_object *node, char **ret);
