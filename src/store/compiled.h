/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The schema of a record as memory has it, kept beside the record: three quarters of a record are its
 * schema, and to parse that takes longer than all else that a warm look-up does. It belongs to one content
 * of a record, by a checksum that needs no libcrypto, so that the record's own need not be looked at again;
 * it is made from the record when it is missing or does not fit.
 */

#include "store/record.h"

/*
 * As record_load(), where the schema is taken from here if it is. *ret_sum: what compiled_save() is to be
 * told once the facts are sealed; 0: nothing is to be saved.
 */
int compiled_record_load(const MusterStore *store, const char *id, MusterFacts **ret, FileStamp *ret_stamp,
                         uint64_t *ret_sum);

/* A failure is no one's business: it is only slower the next time. */
void compiled_save(MusterStore *store, const char *id, uint64_t sum, const MusterFacts *facts);

/* Whether a look-up would use it. -EBADMSG: not; -ENOENT: there is none. */
int compiled_check(const MusterStore *store, const char *id);
