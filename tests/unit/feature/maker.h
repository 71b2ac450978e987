/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Facts and catalogues for tests: real schemas of tests/data/schema, edited, with facts beside them. */

#include "emulator/facts.h"
#include "feature/judge.h"
#include "feature/verdict.h"

typedef struct FactRow {
        const char *name; /* NULL ends a list; "measured:NAME" is the outcome of a check */
        FactStatus status;
        const char *value; /* JSON */
        const char *reason;
} FactRow;

/* The schema of tests/data/schema/NAME.json. */
json_object *maker_schema(const char *name);

/* Its entity `name`; the type of the arguments of a command; the type of one branch of these. */
json_object *maker_entity(json_object *schema, const char *name);
json_object *maker_arguments(json_object *schema, const char *command);
json_object *maker_branch(json_object *schema, const char *command, const char *branch);

json_object *maker_json(const char *text);
void maker_add_feature(json_object *entity, const char *feature);

/* Takes `schema`, which may be NULL. `version` is "7.2.22", or NULL for one that is not told. */
MusterFacts *maker_facts(json_object *schema, const char *version, const FactRow *rows);

MusterCatalogue *maker_catalogue(const char *text);

/* The path of an unnamed file that holds `text`; the descriptor stays open until the test ends. */
const char *maker_file(const char *text, size_t size);

char *maker_data(const char *name);
