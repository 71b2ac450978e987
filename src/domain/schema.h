/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The RELAX NG schema in conf/schemas, by libxml2. */

#include "base/error.h"
#include "domain/xml.h"

/*
 * Adds a fault for what does not follow the schema, unless there are errors already: those of the readers
 * say more. Before the tree is edited. $MUSTER_SCHEMAS_DIR names another folder than the installed one.
 * -ENOENT, -EBADMSG: there is no schema, or it is none; -ENOMEM.
 */
int schema_validate(Xml *xml, MusterError **ret_error);
