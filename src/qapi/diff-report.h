/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The differences that were found, and their JSON. */

#include "qapi/diff-graph.h"

typedef struct Difference {
        char *path;
        const char *change, *kind;
        char *from, *to;
        uint32_t pair; /* whose other roots are worth naming; SCHEMA_NONE: it is of one root only */
        size_t order;  /* in which it was found; keeps the sort stable */
} Difference;

typedef struct DiffReport {
        Difference *found;
        size_t n_found, allocated;
        size_t size; /* of all text, which is bounded */
} DiffReport;

void diff_report_done(DiffReport *report);

/* Takes `path` (NULL: making it failed), `from` and `to` (may be NULL) in every case. -ENOMEM, -E2BIG. */
int diff_report_add(DiffReport *report, uint32_t pair, const char *change, const char *kind, char *path,
                    char *from, char *to);

/* The JSON array, by path; to free(). */
int diff_report_to_text(DiffReport *report, const DiffGraph *graph, char **ret_text);
