/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Features as data (DESIGN section 5). */

#include "base/error.h"
#include "muster/feature.h"
#include "qapi/path.h"

typedef enum TieKind {
        TIE_SCHEMA,
        TIE_RUNTIME,
        TIE_OPTION,   /* OPTION or OPTION/PARAMETER */
        TIE_TYPE,     /* QOM type */
        TIE_PROPERTY, /* TYPE.PROPERTY */
        TIE_MEASURED, /* name of a check */
        TIE_VERSION,  /* "4.0.0 .. 4.0.99", ".. 4.2", "4.1 .." */
} TieKind;

typedef struct Tie {
        TieKind kind;
        bool bad;
        char *ref; /* as written, without the kind */
        unsigned line;
        SchemaPath *
                *paths; /* schema: all must be met ("A & B"); runtime: the member in query-qemu-features */
        size_t n_paths;
        char *object,
                *part; /* option/parameter, type.property; runtime, type and measured: object is the name */
        unsigned from[3], to[3]; /* version, inclusive */
} Tie;

typedef struct Governs {
        char *command;
        char **drivers; /* NULL-terminated; empty: no matter which */
        char *member;   /* NULL: the whole command */
} Governs;

typedef struct Feature {
        char *name;
        char *summary;
        char *since;
        char *note;
        char **libvirt; /* names under which libvirt's users know it */
        Governs *governs;
        size_t n_governs;
        Tie *ties;
        size_t n_ties;
        char *file;
        unsigned line;
} Feature;

struct MusterCatalogue {
        unsigned n_ref;
        Feature *features; /* sorted by name */
        size_t n_features;
};

const Feature *catalogue_find(const MusterCatalogue *catalogue, const char *name);

/* Every driver that any of its `governs` lines names, without doubles; NULL-terminated, to strv_free(). */
int feature_drivers(const Feature *feature, char ***ret);

/* QOM types that property ties need, NULL-terminated, sorted; for muster_facts_probe(). */
int catalogue_types(const MusterCatalogue *catalogue, char ***ret);

const char *tie_kind_name(TieKind kind);

static inline void cleanup_catalogue(MusterCatalogue **catalogue)
{
        muster_catalogue_unref(*catalogue);
}
