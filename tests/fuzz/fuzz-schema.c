/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A schema from a hostile emulator: loaded, then asked from every command and event. */

#include <stdint.h>
#include <string.h>

#include "qapi/path.h"
#include "qapi/reach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const MusterSchema *schema, const char *root, const char *rest)
{
        CLEANUP(SchemaPath) SchemaPath *path = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(free) char *explained = NULL;
        CLEANUP(free) char *json = NULL;
        size_t met;

        if (asprintf(&text, "%s/%s", root, rest) < 0) {
                text = NULL;
                return;
        }
        muster_schema_query(schema, text, &json, NULL);
        if (schema_path_parse(text, &path, NULL) == 0)
                schema_path_explain(schema, path, &met, &explained);
}

static void reach(const MusterSchema *schema, uint32_t entity)
{
        SchemaReach *rows;
        size_t n;

        if (schema_reach(schema, entity, &rows, &n) < 0)
                return;
        /* A name may hold a slash, so not each path can be met; but each is a string that can be read. */
        for (size_t i = 0; i < n; i++)
                if (strlen(rows[i].path) < strlen(rows[i].root))
                        abort();
        schema_reach_free(rows, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const rests[] = {"arg-type/+*/a/$f", "ret-type/a/@f", "arg-type/+*/+*/+*", "$f"};
        __attribute__((cleanup(cleanup_schema))) MusterSchema *schema = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = muster_schema_new((const char *)data, size, &schema, &error);
        if ((r < 0) != (schema == NULL) || (r < 0) != (error != NULL))
                abort();
        if (r < 0)
                return 0;
        for (uint32_t i = 0; i < schema->n_entities && i < 64; i++) {
                const SchemaEntity *entity = schema->entities + i;

                if (schema_find(schema, entity->name) != i)
                        abort();
                reach(schema, i);
                if (schema_find_root(schema, entity->name))
                        for (size_t k = 0; k < sizeof(rests) / sizeof(*rests); k++)
                                ask(schema, entity->name, rests[k]);
        }
        return 0;
}
