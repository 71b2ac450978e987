/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/describe.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"

/* There are no more ways to look in JSON, so a sane schema has no more branches. */
#define ALTERNATE_MAX 8

const char *schema_json_kind(const MusterSchema *schema, uint32_t type)
{
        const SchemaEntity *entity = schema_entity(schema, type);

        if (!entity)
                return NULL;
        switch (entity->meta) {
        case SCHEMA_BUILTIN:
                if (!entity->json_type)
                        return NULL;
                return streq(entity->json_type, "int") ? "number" : entity->json_type;
        case SCHEMA_ENUM:
                return "string";
        case SCHEMA_ARRAY:
                return "array";
        case SCHEMA_OBJECT:
                return "object";
        default:
                return NULL;
        }
}

uint32_t schema_alternate_branch(const MusterSchema *schema, const SchemaEntity *alternate, const char *kind)
{
        for (uint32_t i = 0; kind && i < alternate->variants.count; i++) {
                uint32_t type = schema->variants[alternate->variants.first + i].type;

                if (streq_ptr(schema_json_kind(schema, type), kind))
                        return type;
        }
        return SCHEMA_NONE;
}

static void put_alternate(const MusterSchema *schema, const SchemaEntity *entity, FILE *out)
{
        fputs("alternate of ", out);
        for (uint32_t i = 0; i < entity->variants.count; i++) {
                const char *kind =
                        schema_json_kind(schema, schema->variants[entity->variants.first + i].type);

                fprintf(out, "%s%s", i ? ", " : "", kind ? kind : "?");
        }
}

static void put_type(const MusterSchema *schema, uint32_t type, FILE *out)
{
        const SchemaEntity *entity = schema_entity(schema, type);

        for (unsigned i = 0; entity && entity->meta == SCHEMA_ARRAY && i < SCHEMA_ARRAYS_MAX; i++) {
                fputs("array of ", out);
                entity = schema_entity(schema, entity->arg_type);
        }
        if (!entity)
                fputs("nothing", out);
        else if (entity->meta == SCHEMA_BUILTIN)
                fputs(entity->json_type ? entity->json_type : "?", out);
        else if (entity->meta == SCHEMA_OBJECT && entity->tag)
                fprintf(out, "union by %s", entity->tag);
        else if (entity->meta == SCHEMA_ALTERNATE)
                put_alternate(schema, entity, out);
        else
                fputs(schema_meta_name(entity->meta), out);
}

char *schema_type_text(const MusterSchema *schema, uint32_t type)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        put_type(schema, type, out);
        return fclose(out) == 0 ? TAKE(text) : NULL;
}
