/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/schema.h"

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/schema-load.h"

/* Readers share a schema between threads: the count is all that ever changes. */
_public_ MusterSchema *muster_schema_ref(MusterSchema *schema)
{
        if (schema)
                __atomic_add_fetch(&schema->n_ref, 1, __ATOMIC_RELAXED);
        return schema;
}

_public_ MusterSchema *muster_schema_unref(MusterSchema *schema)
{
        /* The schema lies in its own arena. */
        if (schema && __atomic_sub_fetch(&schema->n_ref, 1, __ATOMIC_ACQ_REL) == 0)
                free(schema->arena);
        return NULL;
}

const char *schema_intern(const MusterSchema *schema, const char *name, size_t size)
{
        uint32_t slot = (uint32_t)schema_hash(schema->seed, name, size) & schema->names_mask;

        for (;; slot = (slot + 1) & schema->names_mask) {
                const char *found = schema->names[slot];

                if (!found || (strlen(found) == size && memcmp(found, name, size) == 0))
                        return found;
        }
}

uint32_t schema_find(const MusterSchema *schema, const char *name)
{
        uint32_t slot = (uint32_t)schema_hash(schema->seed, name, strlen(name)) & schema->entity_index_mask;

        for (;; slot = (slot + 1) & schema->entity_index_mask) {
                uint32_t found = schema->entity_index[slot];

                if (found == SCHEMA_NONE || streq(schema->entities[found].name, name))
                        return found;
        }
}

const SchemaEntity *schema_find_root(const MusterSchema *schema, const char *name)
{
        const SchemaEntity *entity = schema_entity(schema, schema_find(schema, name));

        if (!entity || (entity->meta != SCHEMA_COMMAND && entity->meta != SCHEMA_EVENT))
                return NULL;
        return entity;
}

const char *schema_meta_name(SchemaMeta meta)
{
        static const char *const names[] = {
                [SCHEMA_BUILTIN] = "builtin", [SCHEMA_ENUM] = "enum",           [SCHEMA_ARRAY] = "array",
                [SCHEMA_OBJECT] = "object",   [SCHEMA_ALTERNATE] = "alternate", [SCHEMA_COMMAND] = "command",
                [SCHEMA_EVENT] = "event",     [SCHEMA_OTHER] = "other",
        };

        return (size_t)meta < ELEMENTSOF(names) ? names[meta] : "other";
}
