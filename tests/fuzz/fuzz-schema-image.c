/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An image of a schema with bytes changed: triples of place (two bytes) and value. It can be used, or not
 * had. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "qapi/schema-image.h"

static const char text[] =
        "[{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"o\",\"ret-type\":\"e\"},"
        "{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"t\",\"type\":\"e\"},{\"name\":"
        "\"l\","
        "\"type\":\"[s]\",\"default\":null,\"features\":[\"f\"]}],\"tag\":\"t\",\"variants\":[{\"case\":"
        "\"a\","
        "\"type\":\"v\"},{\"case\":\"b\",\"type\":\"x\"}]},{\"name\":\"e\",\"meta-type\":\"enum\","
        "\"members\":["
        "{\"name\":\"a\"},{\"name\":\"b\",\"features\":[\"f\"]}]},{\"name\":\"v\",\"meta-type\":\"object\","
        "\"members\":[{\"name\":\"self\",\"type\":\"o\"}]},{\"name\":\"x\",\"meta-type\":\"object\","
        "\"members\":[{\"name\":\"y\",\"type\":\"z\"}]},{\"name\":\"z\",\"meta-type\":\"alternate\","
        "\"members\":["
        "{\"type\":\"o\"},{\"type\":\"s\"}]},{\"name\":\"[s]\",\"meta-type\":\"array\",\"element-type\":"
        "\"s\"},"
        "{\"name\":\"s\",\"meta-type\":\"builtin\",\"json-type\":\"string\"}]";

static void make(void **image, size_t *size)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;

        if (muster_schema_new(text, strlen(text), &schema, NULL) < 0 ||
            schema_to_image(schema, image, size) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void *image;
        static size_t image_size;
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(free) uint8_t *changed = NULL;
        CLEANUP(free) char *shown = NULL, *diff = NULL;

        if (!image)
                make(&image, &image_size);
        changed = malloc(image_size);
        if (!changed)
                return 0;
        memcpy(changed, image, image_size);
        for (size_t i = 0; i + 2 < size; i += 3)
                changed[(data[i] << 8 | data[i + 1]) % image_size] = data[i + 2];
        if (schema_from_image(changed, image_size, &schema) < 0)
                return 0;
        (void)muster_schema_query(schema, "c/arg-type/+*/y/self/l", NULL, NULL);
        (void)muster_schema_show(schema, "c", 4, &shown, NULL);
        (void)muster_schema_diff(schema, schema, &diff, NULL);
        return 0;
}
