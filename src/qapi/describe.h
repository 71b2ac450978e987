/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Types in words, for reports: their own names are numbers that mean nothing outside of one binary. */

#include "qapi/schema.h"

/* Behind an array comes its element, at most this often; no QEMU nests them deeper than twice. */
#define SCHEMA_ARRAYS_MAX 8

/* "string", "enum", "object", "union by driver", "array of int", "alternate of string, object"; to free().
 */
char *schema_type_text(const MusterSchema *schema, uint32_t type);

/*
 * What a value of the type looks like in JSON: "string", "number", "boolean", "null", "object", "array", or
 * "value" for any of them; NULL for what holds no value or is an alternate. No two branches of an alternate
 * look alike, so this names a branch, across binaries too.
 */
const char *schema_json_kind(const MusterSchema *schema, uint32_t type);

/* The branch of an alternate that takes values which look like `kind`; SCHEMA_NONE. */
uint32_t schema_alternate_branch(const MusterSchema *schema, const SchemaEntity *alternate,
                                 const char *kind);
