/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new name for a domain that does not run. All its files have its name in theirs. The definition's file is
 * replaced first, by one that says the new name under the old file name: from then on the domain has the new
 * name, whatever happens. The other files follow, and last the definition's file gets the new name itself,
 * in one step. So there is exactly one definition at any moment, and one that says another name than its
 * file's is a rename to be finished when the daemon starts.
 */

#include "daemon/settings.h"
#include "base/error.h"

/* The definition with that name, and paths in the domain's own directories that follow it; to free(). */
int rename_definition(const Settings *settings, const char *definition, const char *old_name,
                      const char *new_name, char **ret, MusterError **ret_error);

/* -EEXIST: something has that name already. */
int rename_check(const Settings *settings, const char *old_name, const char *new_name,
                 MusterError **ret_error);

/*
 * All but the first step, in the pool. What has moved already, or is not there, is passed over, so that it
 * can be called again. On failure what was moved is moved back.
 */
int rename_files(const Settings *settings, const char *old_name, const char *new_name,
                 MusterError **ret_error);
