/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The schema as an interned graph in one arena. Entities, members, variants, enumeration values and features
 * are arrays; references are indices into them; each distinct name is stored once, so that two names are
 * equal exactly if their pointers are (look a foreign string up with schema_intern() first).
 *
 * QEMU renames types to numbers ("1", "[23]") and orders entities at will: only commands' and events' names
 * mean anything, so every walk starts there. The graph has cycles (a block node has children); whoever
 * walks it marks what it visits or bounds its depth.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "muster/schema.h"

#define SCHEMA_NONE UINT32_MAX

typedef enum SchemaMeta {
        SCHEMA_BUILTIN,
        SCHEMA_ENUM,
        SCHEMA_ARRAY,
        SCHEMA_OBJECT,
        SCHEMA_ALTERNATE,
        SCHEMA_COMMAND,
        SCHEMA_EVENT,
        SCHEMA_OTHER, /* a meta-type newer than muster: kept by name, opaque */
} SchemaMeta;

/* A run of consecutive elements of one of the schema's arrays. */
typedef struct SchemaRange {
        uint32_t first;
        uint32_t count;
} SchemaRange;

typedef struct SchemaMember {
        const char *name;
        uint32_t type; /* index of an entity */
        bool optional; /* has a `default` key */
        SchemaRange features;
} SchemaMember;

/* A branch of a union (case_name is the tag's value), or of an alternate (case_name is NULL). */
typedef struct SchemaVariant {
        const char *case_name;
        uint32_t type;
} SchemaVariant;

typedef struct SchemaValue {
        const char *name;
        SchemaRange features; /* QEMU 6.2+ tells; see SchemaEntity.values_have_features */
} SchemaValue;

typedef struct SchemaEntity {
        const char *name;
        SchemaMeta meta;
        SchemaRange features;
        bool values_have_features; /* enum: came as `members`, not only as `values` */
        bool allow_oob;            /* command */
        const char *json_type;     /* built-in: "string", "int", …; interned */
        const char *tag;           /* object with variants: the tag member's name, else NULL */
        uint32_t arg_type;         /* command, event; array: the element type; else SCHEMA_NONE */
        uint32_t ret_type;         /* command */
        SchemaRange members;       /* object: members; enum: values; */
        SchemaRange variants;      /* object, alternate */
} SchemaEntity;

struct MusterSchema {
        unsigned n_ref; /* atomic */
        uint64_t seed;  /* of the hashes */
        const SchemaEntity *entities;
        uint32_t n_entities;
        const SchemaMember *members;
        const SchemaVariant *variants;
        const SchemaValue *values;
        const char *const *features;  /* interned names */
        const uint32_t *entity_index; /* open addressing by name; SCHEMA_NONE is empty */
        uint32_t entity_index_mask;
        const char *const *names; /* open addressing of interned names */
        uint32_t names_mask;
        uint32_t n_members, n_variants, n_values, n_features, n_names;
        size_t arena_size;
        void *arena;
};

/* As muster_schema_new(), from a parsed array. */
int schema_new_from_json(json_object *array, MusterSchema **ret, MusterError **ret_error);

/* The interned pointer for a name, NULL if no entity of the schema uses it. `size` bytes of `name`. */
const char *schema_intern(const MusterSchema *schema, const char *name, size_t size);

/* By interned or foreign name; SCHEMA_NONE. */
uint32_t schema_find(const MusterSchema *schema, const char *name);
/* A command or an event of this name; NULL. Types do not answer: their names mean nothing. */
const SchemaEntity *schema_find_root(const MusterSchema *schema, const char *name);

static inline const SchemaEntity *schema_entity(const MusterSchema *schema, uint32_t index)
{
        return index < schema->n_entities ? schema->entities + index : NULL;
}

static inline bool schema_has_feature(const MusterSchema *schema, SchemaRange features, const char *interned)
{
        for (uint32_t i = 0; interned && i < features.count; i++)
                if (schema->features[features.first + i] == interned)
                        return true;
        return false;
}

/* "command", "object", … as in the schema's meta-type. */
const char *schema_meta_name(SchemaMeta meta);

static inline void cleanup_schema(MusterSchema **schema)
{
        muster_schema_unref(*schema);
}
