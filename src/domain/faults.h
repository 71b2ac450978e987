/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is wrong with a definition: all of it, each with its line and the path of the element, so that one
 * run shows what one run can show. Reading goes on after a fault with whatever is the most harmless value.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

#define FAULTS_MAX 1000 /* what comes after is only counted */

typedef enum FaultSeverity {
        FAULT_WARNING,
        FAULT_ERROR,
        /* Not honoured, but neither the guest's hardware nor its data are other ones for it: an error, which
         * --lenient makes a warning. */
        FAULT_COSMETIC,
} FaultSeverity;

typedef struct Fault {
        bool error; /* else a warning */
        unsigned line;
        char *path; /* "/domain/devices/disk[2]/target/@bus"; NULL where there is none */
        char *message;
} Fault;

typedef struct Faults {
        const char *file; /* as it was named */
        bool lenient;
        bool out_of_memory;
        Fault *items;
        size_t n_items;
        size_t n_errors, n_warnings; /* those that are only counted included */
} Faults;

/* One sentence: the fact and the remedy. Being out of memory is remembered. */
void fault(Faults *faults, FaultSeverity severity, unsigned line, const char *path, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* Whether further ones are only counted. */
static inline bool faults_full(const Faults *faults)
{
        return faults->n_items >= FAULTS_MAX;
}

/* "FILE:LINE: /domain/devices/disk[2]: sentence", to free(); NULL when out of memory. */
char *fault_to_text(const Faults *faults, const Fault *item);

/* An array of {"file", "line", "path"?, "severity": "error"|"warning", "message"}; NULL when out of memory.
 */
json_object *faults_to_json(const Faults *faults);

void faults_clear(Faults *faults);

static inline void cleanup_faults(Faults *faults)
{
        faults_clear(faults);
}
