/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The RELAX NG schema in conf/schemas, by libxml2. To compile it takes longer than everything else that is
 * done with a definition, so that is done in a thread, on a tree of its own, while the emulator is looked
 * up.
 */

#include "base/error.h"
#include "domain/faults.h"

typedef struct SchemaCheck SchemaCheck;

/*
 * Begins. `text` must live until it is finished. $MUSTER_SCHEMAS_DIR names another folder than the installed
 * one. -ENOENT: there is no schema; -ENOMEM, and what starting a thread fails with.
 */
int schema_check_start(const char *text, size_t size, SchemaCheck **ret, MusterError **ret_error);

/*
 * Waits, and adds a fault for what does not follow the schema, unless there are errors already: those of the
 * readers say more. Frees `check` (NULL: nothing happens). -EBADMSG: the schema is none; -ENOMEM.
 */
int schema_check_finish(SchemaCheck *check, Faults *faults, MusterError **ret_error);
