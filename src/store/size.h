/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which sizes of executables have been seen, as empty files: what has a size that nothing had cannot be a
 * copy of anything known, so it need not be hashed before it is started. One that is missing costs a
 * needless start, one too many a needless reading.
 */

#include "store/store.h"

bool size_was_seen(const MusterStore *store, uint64_t size);
void size_remember(MusterStore *store, uint64_t size);
