/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "emulator/context.h"
#include "store/store.h"

typedef struct StoreLock {
        int fd;
        bool waited; /* somebody else had it */
} StoreLock;

#define STORE_LOCK_NULL                                                                                     \
        {                                                                                                   \
                .fd = -1                                                                                    \
        }

/*
 * Waits until nobody else, in any process or thread, holds the lock of this name; until the context's time
 * limit and 2 s more, or its canceller. It ends with store_unlock() or the process, however that ends.
 *
 * 1: without a lock, since the store cannot be written (a note is given); 0: locked. -ETIMEDOUT, -ECANCELED
 * with a sentence in which `what` is being probed.
 */
int store_lock(MusterStore *store, const MusterContext *context, const char *name, const char *what,
               StoreLock *ret, MusterError **ret_error);
void store_unlock(StoreLock *lock);

static inline void cleanup_store_lock(StoreLock *lock)
{
        store_unlock(lock);
}
