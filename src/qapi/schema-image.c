/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/schema-image.h"

#include <errno.h>

#include "base/util.h"
#include "config.h"
#include "qapi/schema-load.h"

/*
 * The arena (schema-load.c lays it out) with offsets in place of pointers, behind a mark of the build. The
 * MusterSchema comes first in it, so offset 0 is no name and stands for NULL. Its parts lie where they lay;
 * their places are computed anew from the counts and must be those that are written.
 */

typedef struct Mark {
        char magic[8], version[24];
        uint32_t order; /* of bytes */
        uint32_t sizes; /* of all structures, added up in different digits */
} Mark;

static Mark make_mark(void)
{
        Mark mark = {.magic = "mschema1", .order = 0x01020304};

        snprintf(mark.version, sizeof(mark.version), "%s", MUSTER_VERSION);
        mark.sizes = (uint32_t)(sizeof(MusterSchema) + 1000 * sizeof(SchemaEntity) +
                                100000 * sizeof(SchemaMember) + 1000000 * sizeof(SchemaVariant) +
                                10000000 * sizeof(SchemaValue));
        return mark;
}

/* One pointer of the arena, in place. */
typedef bool (*Convert)(void *slot, const char *base, size_t text, size_t size);

static bool to_offset(void *slot, const char *base, size_t text, size_t size)
{
        const char *pointer;
        uintptr_t offset;

        memcpy(&pointer, slot, sizeof(pointer));
        offset = pointer ? (uintptr_t)(pointer - base) : 0;
        memcpy(slot, &offset, sizeof(offset));
        return true;
}

static bool to_pointer(void *slot, const char *base, size_t text, size_t size)
{
        const char *pointer;
        uintptr_t offset;

        memcpy(&offset, slot, sizeof(offset));
        if (offset != 0 && (offset < text || offset >= size))
                return false;
        pointer = offset ? base + offset : NULL;
        memcpy(slot, &pointer, sizeof(pointer));
        return true;
}

/* Where the parts lie in an arena of these counts; the last is the text. */
typedef struct Parts {
        size_t entities, members, variants, values, features, names, index, text;
} Parts;

static size_t place(size_t *at, uint64_t n, size_t element)
{
        size_t result = *at;

        *at += ((size_t)n * element + 7) & ~(size_t)7;
        return result;
}

static Parts find_parts(const MusterSchema *schema)
{
        size_t at = 0;
        Parts parts;

        place(&at, 1, sizeof(MusterSchema));
        parts.entities = place(&at, schema->n_entities, sizeof(SchemaEntity));
        parts.members = place(&at, schema->n_members, sizeof(SchemaMember));
        parts.variants = place(&at, schema->n_variants, sizeof(SchemaVariant));
        parts.values = place(&at, schema->n_values, sizeof(SchemaValue));
        parts.features = place(&at, schema->n_features, sizeof(char *));
        parts.names = place(&at, (uint64_t)schema->names_mask + 1, sizeof(char *));
        parts.index = place(&at, (uint64_t)schema->entity_index_mask + 1, sizeof(uint32_t));
        parts.text = at;
        return parts;
}

static bool convert_all(const MusterSchema *schema, const Parts *parts, char *arena, const char *base,
                        size_t size, Convert convert)
{
        SchemaEntity *entities = (SchemaEntity *)(void *)(arena + parts->entities);
        SchemaMember *members = (SchemaMember *)(void *)(arena + parts->members);
        SchemaVariant *variants = (SchemaVariant *)(void *)(arena + parts->variants);
        SchemaValue *values = (SchemaValue *)(void *)(arena + parts->values);
        const char **features = (const char **)(void *)(arena + parts->features);
        const char **names = (const char **)(void *)(arena + parts->names);
        bool right = true;

        for (uint32_t i = 0; i < schema->n_entities; i++)
                right = convert(&entities[i].name, base, parts->text, size) &&
                        convert(&entities[i].json_type, base, parts->text, size) &&
                        convert(&entities[i].tag, base, parts->text, size) && right;
        for (uint32_t i = 0; i < schema->n_members; i++)
                right = convert(&members[i].name, base, parts->text, size) && right;
        for (uint32_t i = 0; i < schema->n_variants; i++)
                right = convert(&variants[i].case_name, base, parts->text, size) && right;
        for (uint32_t i = 0; i < schema->n_values; i++)
                right = convert(&values[i].name, base, parts->text, size) && right;
        for (uint32_t i = 0; i < schema->n_features; i++)
                right = convert(&features[i], base, parts->text, size) && right;
        for (uint32_t i = 0; i <= schema->names_mask; i++)
                right = convert(&names[i], base, parts->text, size) && right;
        return right;
}

int schema_to_image(const MusterSchema *schema, void **ret, size_t *ret_size)
{
        Mark mark = make_mark();
        size_t size = sizeof(mark) + schema->arena_size;
        Parts parts = find_parts(schema);
        char *image = malloc(size), *arena;
        MusterSchema head = *schema;

        if (!image)
                return -ENOMEM;
        memcpy(image, &mark, sizeof(mark));
        arena = image + sizeof(mark);
        memcpy(arena, schema->arena, schema->arena_size);
        convert_all(schema, &parts, arena, schema->arena, schema->arena_size, to_offset);
        head.entities = NULL;
        head.members = NULL;
        head.variants = NULL;
        head.values = NULL;
        head.features = NULL;
        head.names = NULL;
        head.entity_index = NULL;
        head.arena = NULL;
        head.n_ref = 0;
        memcpy(arena, &head, sizeof(head));
        *ret = image;
        *ret_size = size;
        return 0;
}

/* --- back ---------------------------------------------------------------------------------------- */

static bool is_mask(uint32_t mask)
{
        return mask >= 15 && mask < (UINT32_C(1) << 30) && (mask & (mask + 1)) == 0;
}

static bool is_range(SchemaRange range, uint32_t n)
{
        return range.count == 0 || (range.first < n && range.count <= n - range.first);
}

static bool is_type(const MusterSchema *schema, uint32_t index)
{
        return index == SCHEMA_NONE || index < schema->n_entities;
}

/* Any other byte in a bool is undefined behaviour. */
static bool is_bool(const bool *value)
{
        unsigned char byte;

        memcpy(&byte, value, sizeof(byte));
        return byte <= 1;
}

static bool check_entity(const MusterSchema *schema, const SchemaEntity *entity)
{
        uint32_t n_members = entity->meta == SCHEMA_ENUM ? schema->n_values : schema->n_members;

        return is_bool(&entity->values_have_features) && is_bool(&entity->allow_oob) && entity->name &&
               (unsigned)entity->meta <= SCHEMA_OTHER &&
               (entity->meta != SCHEMA_BUILTIN || entity->json_type) &&
               is_range(entity->features, schema->n_features) && is_range(entity->members, n_members) &&
               is_range(entity->variants, schema->n_variants) && is_type(schema, entity->arg_type) &&
               is_type(schema, entity->ret_type);
}

/* A union has a tag and names its cases; an alternate has neither. */
static bool check_cases(const MusterSchema *schema, const SchemaEntity *entity)
{
        if (entity->meta != SCHEMA_OBJECT || entity->variants.count == 0)
                return true;
        for (uint32_t i = 0; i < entity->variants.count; i++)
                if (!schema->variants[entity->variants.first + i].case_name)
                        return false;
        return entity->tag != NULL;
}

static bool check_tables(const MusterSchema *schema)
{
        bool free_index = false, free_name = false;

        for (uint32_t i = 0; i <= schema->entity_index_mask; i++) {
                if (!is_type(schema, schema->entity_index[i]))
                        return false;
                free_index = free_index || schema->entity_index[i] == SCHEMA_NONE;
        }
        for (uint32_t i = 0; i <= schema->names_mask; i++)
                free_name = free_name || !schema->names[i];
        return free_index && free_name; /* so that every search ends */
}

static bool check(const MusterSchema *schema)
{
        for (uint32_t i = 0; i < schema->n_entities; i++)
                if (!check_entity(schema, schema->entities + i) ||
                    !check_cases(schema, schema->entities + i))
                        return false;
        for (uint32_t i = 0; i < schema->n_members; i++)
                if (!is_bool(&schema->members[i].optional) || !schema->members[i].name ||
                    schema->members[i].type >= schema->n_entities ||
                    !is_range(schema->members[i].features, schema->n_features))
                        return false;
        for (uint32_t i = 0; i < schema->n_variants; i++)
                if (schema->variants[i].type >= schema->n_entities)
                        return false;
        for (uint32_t i = 0; i < schema->n_values; i++)
                if (!schema->values[i].name || !is_range(schema->values[i].features, schema->n_features))
                        return false;
        for (uint32_t i = 0; i < schema->n_features; i++)
                if (!schema->features[i])
                        return false;
        return check_tables(schema);
}

static bool is_image(const char *image, size_t size)
{
        Mark mark = make_mark();

        return size > sizeof(mark) + sizeof(MusterSchema) && size < UINT32_MAX &&
               memcmp(image, &mark, sizeof(mark)) == 0;
}

/* The counts are what was written; they must fit the size, or no part is where it should be. */
static bool fits(const MusterSchema *schema, const Parts *parts, size_t size)
{
        uint64_t most = (uint64_t)schema->n_entities | schema->n_members | schema->n_variants |
                        schema->n_values | schema->n_features;

        return schema->arena_size == size && is_mask(schema->names_mask) &&
               is_mask(schema->entity_index_mask) && most < (UINT32_C(1) << 28) && parts->text < size;
}

int schema_from_image(const void *image, size_t size, MusterSchema **ret)
{
        const char *bytes = image;
        MusterSchema *schema;
        char *arena;
        Parts parts;

        if (!is_image(bytes, size))
                return -EBADMSG;
        size -= sizeof(Mark);
        arena = malloc(size);
        if (!arena)
                return -ENOMEM;
        memcpy(arena, bytes + sizeof(Mark), size);
        schema = (MusterSchema *)(void *)arena;
        parts = find_parts(schema);
        if (!fits(schema, &parts, size) || arena[size - 1] != '\0' ||
            !convert_all(schema, &parts, arena, arena, size, to_pointer)) {
                free(arena);
                return -EBADMSG;
        }
        schema->entities = (SchemaEntity *)(void *)(arena + parts.entities);
        schema->members = (SchemaMember *)(void *)(arena + parts.members);
        schema->variants = (SchemaVariant *)(void *)(arena + parts.variants);
        schema->values = (SchemaValue *)(void *)(arena + parts.values);
        schema->features = (const char *const *)(void *)(arena + parts.features);
        schema->names = (const char *const *)(void *)(arena + parts.names);
        schema->entity_index = (uint32_t *)(void *)(arena + parts.index);
        schema->arena = arena;
        schema->n_ref = 1;
        if (!check(schema)) {
                free(arena);
                return -EBADMSG;
        }
        *ret = schema;
        return 0;
}
