/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From where an entity is reached: the seed's question of what a flag applies to. One breadth-first walk a
 * command or event, each type visited once, so that shortest paths come out and cycles end.
 */

#include "qapi/schema.h"

typedef struct SchemaReach {
        const char *root;   /* command or event; borrowed from the schema */
        const char *branch; /* union case whose branch is the entity, e.g. "host_device"; NULL: not by one */
        char *path;         /* a shortest path, in the path language */
} SchemaReach;

/*
 * Every (root, branch) from whose arguments the type `entity` is reached; if `entity` is a command or an
 * event, itself. Only arguments are walked, not results. In the order of (root, branch). Free with
 * schema_reach_free().
 */
int schema_reach(const MusterSchema *schema, uint32_t entity, SchemaReach **ret, size_t *ret_count);
SchemaReach *schema_reach_free(SchemaReach *reach, size_t count);
