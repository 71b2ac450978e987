/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "muster/context.h"

struct MusterContext {
        uint64_t timeout_usec;
        int cancel_fd;
        bool change_user;
        char *user;
        uid_t uid;
        gid_t gid;
        unsigned n_spawned; /* processes started through this context; tests and look-ups count them */
};

static inline void cleanup_context(MusterContext **context)
{
        muster_context_free(*context);
}
