/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* How many characters to insert, delete, replace or swap with their neighbour to get from `a` to `b`. */
unsigned edit_distance(const char *a, const char *b);

/*
 * The search for the name that was probably meant: feed all candidates, then read `best`, which is NULL
 * where none is near (a third of the characters wrong at most, or the word is the beginning of it).
 */
typedef struct Suggestion {
        const char *word;
        const char *best; /* borrowed from the candidate */
        unsigned distance;
} Suggestion;

void suggestion_feed(Suggestion *suggestion, const char *candidate);
