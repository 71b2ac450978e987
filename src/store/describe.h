/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is stored, as JSON for people; muster/store.h has the members. */

#include "store/inventory.h"

/* -ENOENT where it has gone meanwhile; -ENOMEM. */
int describe_record(const MusterStore *store, const InventoryGroup *group, json_object **ret);

/* Appends it, unless it is damaged, or about another path than `path` (NULL: any). -ENOMEM. */
int describe_failure(const MusterStore *store, const InventoryFile *file, const char *path,
                     json_object *array);

/* Appends the record, if there is one, and the failures. -ENOMEM. */
int describe_group(const MusterStore *store, const InventoryGroup *group, json_object *array);
