/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the lines of a catalogue file (catalogue-parse.c) and what they say (catalogue-feature.c). */

#include "feature/catalogue-parse.h"

typedef struct CatalogueParser {
        const char *name;
        const char *data;
        size_t size, at;
        unsigned line;     /* the one that inih is at */
        bool owed;         /* inih owes a call for it */
        bool continuation; /* it goes on with the value of an earlier line */
        bool has_key;      /* inih has a key that an indented line would continue */
        bool in_feature;
        char *key, *value; /* held back until complete */
        unsigned value_line;
        size_t room, fault_room;
        CatalogueFile out;
        int r; /* -ENOMEM, from then on nothing is done */
} CatalogueParser;

void catalogue_fault(CatalogueParser *p, unsigned line, bool warning, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The feature at hand; NULL before the first. */
Feature *catalogue_current(CatalogueParser *p);

/* The value held back is complete. */
void catalogue_flush(CatalogueParser *p);

/* The feature at hand is complete. */
void catalogue_finish(CatalogueParser *p);

/* Whether a line would set a key if it were not indented. */
bool catalogue_looks_like_key(const char *text);
