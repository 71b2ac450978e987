/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One catalogue file: from bytes to features and faults. Pure: no file is touched here. */

#include "feature/catalogue.h"

#define CATALOGUE_FILE_MAX (1024U * 1024)

typedef struct CatalogueFault {
        unsigned line;
        bool warning;
        char *message; /* without file and line */
} CatalogueFault;

/* What one file says. `features` are sorted by name and valid only if there are no errors. */
typedef struct CatalogueFile {
        Feature *features;
        size_t n_features;
        CatalogueFault *faults; /* in the order of lines; the first CATALOGUE_FAULTS_MAX */
        size_t n_faults;
        size_t n_errors;
} CatalogueFile;

#define CATALOGUE_FAULTS_MAX 1000

/* `name` is what the features' `file` says. Faults are no failure: 0, or -ENOMEM. */
int catalogue_parse(const char *name, const char *data, size_t size, CatalogueFile *ret);
void catalogue_file_clear(CatalogueFile *file);

/* The first error as a sentence with file:line; -EBADMSG. Only where n_errors > 0. */
int catalogue_file_error(const CatalogueFile *file, const char *name, MusterError **ret_error);

/* Values. -EINVAL with a sentence that names what is malformed. */
int tie_parse(const char *text, Tie *ret, MusterError **ret_error);
int governs_parse(const char *text, Governs *ret, MusterError **ret_error);

/* Letters, digits, '.', '_', '-', beginning with a letter or digit, at most 64: features, commands, drivers.
 */
bool catalogue_name_valid(const char *name);

/* The same with '+', which libvirt's names have. */
bool catalogue_libvirt_name_valid(const char *name);

/* A driver of the governed command that a path names and `governs` does not; borrowed, *ret_size long; NULL.
 */
const char *tie_foreign_driver(const Tie *tie, const Governs *governs, size_t *ret_size);

void tie_clear(Tie *tie);
void governs_clear(Governs *governs);
void feature_clear(Feature *feature);

static inline void cleanup_catalogue_file(CatalogueFile *file)
{
        catalogue_file_clear(file);
}
