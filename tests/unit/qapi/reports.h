/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of show, diff and check share. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/json.h"
#include "base/util.h"
#include "qapi/schema.h"

#define CLEANUP_SCHEMA __attribute__((cleanup(cleanup_schema)))

/* JSON with ' for ", so that it reads well in C; to free(). */
static inline char *quoted(const char *text)
{
        char *copy = strdup(text);

        assert_non_null(copy);
        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

/* What each schema needs, and the entities of a test, as the inside of a JSON array. */
#define BUILTINS                                                                                            \
        "{'name': 'str', 'meta-type': 'builtin', 'json-type': 'string'},"                                   \
        "{'name': 'int', 'meta-type': 'builtin', 'json-type': 'int'},"                                      \
        "{'name': 'number', 'meta-type': 'builtin', 'json-type': 'number'},"                                \
        "{'name': 'bool', 'meta-type': 'builtin', 'json-type': 'boolean'},"                                 \
        "{'name': 'null', 'meta-type': 'builtin', 'json-type': 'null'},"                                    \
        "{'name': 'any', 'meta-type': 'builtin', 'json-type': 'value'},"                                    \
        "{'name': '0', 'meta-type': 'object', 'members': []},"                                              \
        "{'name': '[str]', 'meta-type': 'array', 'element-type': 'str'},"

static inline MusterSchema *schema_of(const char *entities)
{
        CLEANUP(free) char *text = NULL, *json = NULL;
        MusterError *error = NULL;
        MusterSchema *schema = NULL;

        assert_true(asprintf(&text, "[" BUILTINS "%s]", entities) > 0);
        json = quoted(text);
        if (muster_schema_new(json, strlen(json), &schema, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return schema;
}

/* A schema that a real QEMU gave: "7.2-x86_64". */
static inline MusterSchema *recorded(const char *name)
{
        CLEANUP(free) char *path = NULL, *text = NULL;
        MusterSchema *schema = NULL;
        size_t size;

        assert_non_null(getenv("MUSTER_TEST_DATA"));
        assert_true(asprintf(&path, "%s/schema/%s.json", getenv("MUSTER_TEST_DATA"), name) > 0);
        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        assert_int_equal(muster_schema_new(text, size, &schema, NULL), 0);
        return schema;
}

/* The one element of `array` whose members `key` and `key2` have these values; NULL if there is none. */
static inline json_object *find_entry(json_object *array, const char *key, const char *value,
                                      const char *key2, const char *value2)
{
        json_object *found = NULL;

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *entry = json_object_array_get_idx(array, i);

                if (!streq_ptr(json_get_string(entry, key), value) ||
                    !streq_ptr(json_get_string(entry, key2), value2))
                        continue;
                if (found)
                        fail_msg("%s %s is there twice", value, value2);
                found = entry;
        }
        return found;
}
