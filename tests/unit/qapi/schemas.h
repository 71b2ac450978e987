/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the tests of src/qapi: real emulators' schemas, and small ones written by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "qapi/schema.h"

#define CLEANUP_SCHEMA __attribute__((cleanup(cleanup_schema))) MusterSchema

/* tests/data/schema/NAME.json */
static inline MusterSchema *load_schema(const char *name)
{
        const char *folder = getenv("MUSTER_TEST_DATA");
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;
        MusterSchema *schema = NULL;
        char path[512];
        size_t size;

        assert_non_null(folder);
        snprintf(path, sizeof(path), "%s/schema/%s.json", folder, name);
        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        if (muster_schema_new(text, size, &schema, &error) < 0)
                fail_msg("%s: %s", name, muster_error_message(error));
        return schema;
}

static inline MusterSchema *parse_schema(const char *text)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterSchema *schema = NULL;

        if (muster_schema_new(text, strlen(text), &schema, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return schema;
}

/* The entity of an index that must be one. */
static inline const SchemaEntity *entity_of(const MusterSchema *schema, uint32_t index)
{
        assert_true(index < schema->n_entities);
        return schema->entities + index;
}

static inline const SchemaEntity *root_of(const MusterSchema *schema, const char *name)
{
        return entity_of(schema, schema_find(schema, name));
}
