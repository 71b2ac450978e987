/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a process runs the executable that its record names by digest. */

#include "base/digest.h"
#include "base/error.h"
#include "base/stamp.h"

/* Files that were hashed, so that a thousand emulators of one binary are hashed once. */
typedef struct ExecutableCache {
        struct ExecutableKnown {
                FileStamp stamp;
                char digest[DIGEST_HEX_SIZE];
        } * items;
        size_t n;
} ExecutableCache;

void executable_cache_clear(ExecutableCache *cache);

/*
 * What the process really runs, whatever lies at its path by now. Blocking: some 20 ms for a file that is
 * not in the cache (which may be NULL). 1: it is this one; 0: it is another one; -ESRCH, -EACCES: one cannot
 * tell.
 */
int executable_matches(pid_t pid, const char *digest, ExecutableCache *cache);

static inline void cleanup_executable_cache(ExecutableCache *cache)
{
        executable_cache_clear(cache);
}
