/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What verbs read: bounded text from files and standard input. */

#include "base/error.h"
#include "muster/schema.h"

#define INPUT_JSON_MAX (16U * 1024 * 1024)

/* All of standard input as text to free(); -E2BIG beyond 16 MiB. */
int read_stdin(char **ret_text, MusterError **ret_error);

/* The schema in a file, as query-qmp-schema returned it. */
int read_schema(const char *path, MusterSchema **ret, MusterError **ret_error);

static inline void cleanup_schema(MusterSchema **schema)
{
        muster_schema_unref(*schema);
}
