/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between check.c (values, commands) and check-object.c. All return 0, -ENOMEM, or -E2BIG from faults_add().
 */

#include "qapi/faults.h"

typedef struct Check {
        const MusterSchema *schema;
        Faults faults;
        const char *deprecated, *unstable; /* interned */
} Check;

int check_value(Check *check, uint32_t type, json_object *value, const Place *place);

/* `any`: members that the schema does not name are welcome. */
int check_object(Check *check, uint32_t type, json_object *object, bool any, const Place *place);

/* Warns of deprecated and unstable ones: what has a name, and what has none. */
int check_features(Check *check, SchemaRange features, const Place *place, const char *what,
                   const char *name);
int check_type_features(Check *check, SchemaRange features, const Place *place);

int wrong_type(Check *check, uint32_t type, const json_object *value, const Place *place);

/* The string of a JSON value with no NUL in it, which would make it look like another; NULL. */
const char *plain_string(json_object *value);
