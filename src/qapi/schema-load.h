/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the loader (schema-load.c) and the look-ups (schema.c). */

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
