/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Arguments of a command against a small schema that has each kind of type: a union with a union in a
 * branch, an alternate, arrays, a circle. The input is the arguments' JSON.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "muster/schema.h"

static const char schema_text[] =
        "[{\"name\": \"str\", \"meta-type\": \"builtin\", \"json-type\": \"string\"},"
        "{\"name\": \"int\", \"meta-type\": \"builtin\", \"json-type\": \"int\"},"
        "{\"name\": \"number\", \"meta-type\": \"builtin\", \"json-type\": \"number\"},"
        "{\"name\": \"bool\", \"meta-type\": \"builtin\", \"json-type\": \"boolean\"},"
        "{\"name\": \"null\", \"meta-type\": \"builtin\", \"json-type\": \"null\"},"
        "{\"name\": \"any\", \"meta-type\": \"builtin\", \"json-type\": \"value\"},"
        "{\"name\": \"0\", \"meta-type\": \"object\", \"members\": []},"
        "{\"name\": \"c\", \"meta-type\": \"command\", \"arg-type\": \"1\", \"ret-type\": \"0\"},"
        "{\"name\": \"1\", \"meta-type\": \"object\", \"tag\": \"driver\", \"members\": ["
        "{\"name\": \"driver\", \"type\": \"2\"}, {\"name\": \"read-only\", \"type\": \"bool\", "
        "\"default\": null}],"
        "\"variants\": [{\"case\": \"file\", \"type\": \"3\"}, {\"case\": \"raw\", \"type\": \"4\"}]},"
        "{\"name\": \"2\", \"meta-type\": \"enum\", \"values\": [\"file\", \"raw\", \"null-co\"], "
        "\"members\": ["
        "{\"name\": \"file\"}, {\"name\": \"raw\", \"features\": [\"unstable\"]}, {\"name\": \"null-co\"}]},"
        "{\"name\": \"3\", \"meta-type\": \"object\", \"tag\": \"aio\", \"members\": ["
        "{\"name\": \"aio\", \"type\": \"str\"}, {\"name\": \"filename\", \"type\": \"str\"}],"
        "\"variants\": [{\"case\": \"io_uring\", \"type\": \"6\"}]},"
        "{\"name\": \"4\", \"meta-type\": \"object\", \"members\": [{\"name\": \"file\", \"type\": \"5\"},"
        "{\"name\": \"list\", \"type\": \"[5]\", \"default\": null}]},"
        "{\"name\": \"5\", \"meta-type\": \"alternate\", \"members\": ["
        "{\"type\": \"str\"}, {\"type\": \"1\"}, {\"type\": \"null\"}]},"
        "{\"name\": \"[5]\", \"meta-type\": \"array\", \"element-type\": \"5\"},"
        "{\"name\": \"6\", \"meta-type\": \"object\", \"features\": [\"deprecated\"], \"members\": ["
        "{\"name\": \"size\", \"type\": \"int\", \"default\": null, \"features\": [\"deprecated\"]},"
        "{\"name\": \"ratio\", \"type\": \"number\", \"default\": null},"
        "{\"name\": \"more\", \"type\": \"any\", \"default\": null}]}]";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static MusterSchema *schema;
        CLEANUP(free) char *arguments = strndup((const char *)data, size), *json = NULL;
        CLEANUP(json) json_object *faults = NULL;
        int n;

        if (!schema && muster_schema_new(schema_text, strlen(schema_text), &schema, NULL) < 0)
                abort();
        if (!arguments)
                return 0;
        n = muster_schema_check(schema, "c", arguments, &json, NULL);
        if (n < 0)
                return 0;
        /* Whatever was asked: the answer is JSON, and has as many errors as was said. */
        if (json_parse(json, strlen(json), &faults) < 0)
                abort();
        for (size_t i = 0; i < json_object_array_length(faults); i++)
                n -= strcmp(json_get_string(json_object_array_get_idx(faults, i), "severity"), "error") == 0;
        if (n != 0)
                abort();
        return 0;
}
