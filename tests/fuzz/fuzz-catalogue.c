/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A catalogue file; what is without faults must be complete, so that a verdict can be drawn from it. */

#include <stdint.h>
#include <stdlib.h>

#include "feature/catalogue-parse.h"

static void require(bool holds)
{
        if (!holds)
                abort();
}

static void check_tie(const Tie *tie)
{
        require(tie->ref && tie->line > 0);
        if (tie->kind == TIE_SCHEMA || tie->kind == TIE_RUNTIME)
                require(tie->n_paths > 0);
        for (size_t i = 0; i < tie->n_paths; i++)
                require(schema_path_text(tie->paths[i]));
        if (tie->kind == TIE_PROPERTY)
                require(tie->object && tie->part);
}

static void check_feature(const Feature *feature)
{
        require(catalogue_name_valid(feature->name) && feature->summary && feature->file &&
                feature->line > 0);
        require(feature->n_ties > 0);
        for (size_t i = 0; i < feature->n_ties; i++)
                check_tie(&feature->ties[i]);
        for (size_t i = 0; i < feature->n_governs; i++)
                require(feature->governs[i].command && feature->governs[i].drivers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(catalogue_file) CatalogueFile file = {0};
        CLEANUP(MusterError) MusterError *error = NULL;

        if (size > CATALOGUE_FILE_MAX || catalogue_parse("fuzz.ini", (const char *)data, size, &file) < 0)
                return 0;
        for (size_t i = 1; i < file.n_faults; i++)
                require(file.faults[i - 1].line <= file.faults[i].line);
        if (file.n_errors > 0) {
                require(catalogue_file_error(&file, "fuzz.ini", &error) < 0 && error);
                return 0;
        }
        for (size_t i = 0; i < file.n_features; i++)
                check_feature(&file.features[i]);
        return 0;
}
