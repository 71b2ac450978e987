/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* Finds the nearest of many names to one that was mistyped: offer each, then look at `best`. */
typedef struct Near {
        const char *wanted;
        const char *best; /* NULL: none is near enough to be meant */
        unsigned distance;
} Near;

void near_offer(Near *near, const char *name);
