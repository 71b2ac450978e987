/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Features as data (DESIGN section 5). */

#include <stdint.h>
#include <stdio.h>

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
        uint64_t checksum; /* of all that was read, in order */
        /* What catalogue_observe() said before anything was read; NULL: not the host's own catalogue. */
        char *seen;
        int64_t looked_nsec;
        Feature *features; /* sorted by name */
        size_t n_features;
};

/*
 * A line for every file that muster_catalogue_new() would read now: as long as these lines are the same, and
 * none is racy (base/stamp.h), so is the catalogue. Reads no file. *newest_nsec may be NULL.
 */
int catalogue_observe(FILE *out, int64_t *newest_nsec);

/* The same as text, to free(). */
int catalogue_seen(char **ret, int64_t *ret_newest_nsec);

/* The folders of the host's catalogue, in order, the first one required; to strv_free(). */
int catalogue_folders(char ***ret);

/* The names of a folder's files, in the order of bytes; to strv_free(). */
int catalogue_list(const char *folder, char ***ret);

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
