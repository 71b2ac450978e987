/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verdicts of the host's own catalogue, ready to be read: a warm `muster has` needs neither the facts nor
 * the catalogue. Derived and thrown away freely; a file holds as long as record, host facts, catalogue and
 * muster's version are those that it was made from, which their stamps tell.
 *
 *   muster VERSION
 *   record DEV INO SIZE MTIME CTIME
 *   host DEV INO SIZE MTIME CTIME
 *   looked NSEC                    when the catalogue's files were looked at
 *   catalogue CHECKSUM
 *   seen                           followed by the lines of catalogue_observe(), then
 *   verdicts                       followed by lines of
 *   VERDICT FEATURE [DRIVER]       DRIVER is * where the verdict holds for any
 */

#include "feature/verdict.h"
#include "store/record.h"

/* What verdicts were made from. */
typedef struct ReadySource {
        const char *id;
        const char *fingerprint;
        FileStamp record, host;
} ReadySource;

/* A verdict, -ENOENT where the catalogue has no such feature, or -ENODATA: not ready. `driver` may be NULL.
 */
int ready_verdict(const MusterStore *store, const char *id, const char *fingerprint, MusterTrust trust,
                  const char *feature, const char *driver);

/* Keeps them, unless what is there holds, or the catalogue is not the host's own. */
void ready_keep(MusterStore *store, const ReadySource *source, const MusterVerdicts *verdicts);

/* Whether a name in the folder of verdicts belongs to this ID. */
bool ready_name_is_of(const char *name, const char *id);
