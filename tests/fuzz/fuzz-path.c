/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Path queries as a user or a catalogue writes them, on a schema with every kind of entity and cycles. */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "qapi/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
        "[{\"name\":\"s\",\"meta-type\":\"builtin\",\"json-type\":\"string\"},"
        "{\"name\":\"k\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"a\",\"features\":[\"f\"]},"
        "{\"name\":\"b\"}]},{\"name\":\"o\",\"meta-type\":\"enum\",\"values\":[\"a\"]},"
        "{\"name\":\"[u]\",\"meta-type\":\"array\",\"element-type\":\"u\"},"
        "{\"name\":\"l\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"s\"},{\"type\":\"[u]\"},"
        "{\"type\":\"o\"}]},{\"name\":\"u\",\"meta-type\":\"object\",\"tag\":\"t\",\"features\":[\"f\"],"
        "\"members\":[{\"name\":\"t\",\"type\":\"k\"},{\"name\":\"m\",\"type\":\"l\",\"default\":null,"
        "\"features\":[\"f\"]}],\"variants\":[{\"case\":\"a\",\"type\":\"u\"},{\"case\":\"b\",\"type\":"
        "\"v\"}]},"
        "{\"name\":\"v\",\"meta-type\":\"object\",\"members\":[{\"name\":\"1\",\"type\":\"n\"}]},"
        "{\"name\":\"n\",\"meta-type\":\"new\"},"
        "{\"name\":\"E\",\"meta-type\":\"event\",\"arg-type\":\"u\"},"
        "{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"u\",\"ret-type\":\"[u]\","
        "\"features\":[\"f\"]}]";

static void check_derived(const SchemaPath *path)
{
        CLEANUP(SchemaPath) SchemaPath *parent = NULL;
        CLEANUP(SchemaPath) SchemaPath *changed = NULL;

        if (schema_path_parent(path, &parent) < 0)
                abort();
        if (schema_path_with_case(path, "a", "b", &changed) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(SchemaPath) SchemaPath *path = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = strndup((const char *)data, size);
        CLEANUP(free) char *explained = NULL;
        CLEANUP(free) char *json = NULL;
        size_t met;
        int r, q;

        if (!text || muster_schema_new(schema_text, sizeof(schema_text) - 1, &schema, NULL) < 0)
                abort();
        r = schema_path_parse(text, &path, &error);
        if (r < 0) {
                if (r != -EINVAL || !error || path)
                        abort();
                return 0;
        }
        check_derived(path);
        r = schema_path_eval(schema, path, NULL);
        q = muster_schema_query(schema, text, &json, NULL);
        if ((q == 1) != (json != NULL) || (q >= 0 && q != r))
                abort();
        if (schema_path_explain(schema, path, &met, &explained) == 0 &&
            (met > strlen(text) || (r == 1) != (met == strlen(text))))
                abort();
        return 0;
}
