/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which files in the store's folder are the store's. Somebody may have pointed muster to a folder of theirs,
 * or put something into one of muster's, so nothing is removed but what certainly is:
 *
 *   records       ID
 *   hosts         ID.HEX16
 *   failures      ID.HEX16 or HEX64.script.HEX16
 *   verdicts      ID.HEX16.HEX16.d, .m or .i
 *   sizes         decimal digits, and the file is empty
 *   paths         any name, and the file begins with "muster path "
 *   in all, and in the store's own folder: ".tmp-HEX16"
 *
 * But for sizes and paths the name decides alone: what is damaged, or of another version, is the store's.
 */

#include "base/util.h"
#include "store/entry.h"

typedef enum Belonging {
        BELONGS_TO_STORE,
        BELONGS_TO_WRITER, /* ".tmp-…": being written, or left by a process that was killed */
        BELONGS_TO_OTHERS, /* never removed, never used */
        BELONGS_TO_NOBODY, /* it is not there (any more) */
} Belonging;

/* From what age on a temporary file is nobody's any more, and until what age a file may have been written by
 * somebody who is still at it. */
#define BELONGING_LEFT_OVER_NSEC (3600 * NSEC_PER_SEC)
#define BELONGING_FRESH_NSEC     (60 * NSEC_PER_SEC)

/* Pure: by the name alone. `folder` is one of store_folders, or "." for the store's own. */
Belonging belonging_of_name(const char *folder, const char *name);

/* Also by what lies there. *ret_stamp is all zero for what is not there. */
Belonging belonging_of_file(const MusterStore *store, const char *folder, const char *name,
                            FileStamp *ret_stamp);
