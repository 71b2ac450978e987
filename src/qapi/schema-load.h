/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the loader (schema-load.c, its first walk schema-scan.c) and the look-ups (schema.c). */

#include <string.h>

#include "qapi/schema.h"

/*
 * Keyed, since the names come from the emulator: who cannot know the seed cannot make names collide.
 * Nothing that is seen from outside depends on the order in a hash table.
 */
static inline uint64_t schema_hash(uint64_t seed, const char *text, size_t size)
{
        uint64_t h = seed ^ size;

        for (; size > 0; text += 8) {
                size_t n = size < 8 ? size : 8;
                unsigned __int128 product;
                uint64_t word = 0;

                memcpy(&word, text, n);
                product = (unsigned __int128)(h ^ word) * (UINT64_C(0x9e3779b97f4a7c15) ^ (seed << 1));
                h = (uint64_t)product ^ (uint64_t)(product >> 64);
                size -= n;
        }
        return h ^ (h >> 32);
}

typedef struct Name {
        const char *text;
        size_t size;
} Name;

typedef struct Loader {
        MusterError **ret_error;
        const char *entity; /* the one that sentences are about */
        uint64_t seed;

        Name *names; /* set of the distinct names, open addressing */
        size_t n_slots, n_names, names_size;
        size_t n_entities, n_members, n_variants, n_values, n_features;

        /* The arena's parts, and how far they are filled. */
        MusterSchema *schema;
        SchemaEntity *entities;
        SchemaMember *members;
        SchemaVariant *variants;
        SchemaValue *values;
        const char **features;
        uint32_t *index;
        const char **table;
        char *text;
        uint32_t at_member, at_variant, at_value, at_feature;
} Loader;

/* -EBADMSG with a sentence about the entity that is being looked at. */
int loader_bad(Loader *loader, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An entity whose "meta-type" is a string. */
SchemaMeta loader_meta(const json_object *entity);

/* The first walk: checks all, counts, collects the names. */
int loader_scan(Loader *loader, json_object *array);
