/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "base/i18n.h"
#include "store/removal.h"

/* The lock stays: who waits for it has it open, and another file of its name would be another lock. */
_public_ int muster_store_clear(MusterStore *store, char **ret_json, MusterError **ret_error)
{
        Removal removal = {.store = store, .now_nsec = stamp_now_nsec()};

        if (removal_sweep(&removal, BELONGING_FRESH_NSEC) < 0)
                return error_oom(ret_error);
        for (const char *const *folder = store_folders; *folder; folder++) {
                if (removal_empty_folder(&removal, *folder) < 0)
                        return error_oom(ret_error);
                /* It stays where somebody else's file is in it, or a new one of ours. */
                (void)unlinkat(store->dirfd, *folder, AT_REMOVEDIR);
        }
        if (store_wrote_tag(store))
                (void)unlinkat(store->dirfd, STORE_TAG, 0);
        return removal_report(&removal, ret_json, ret_error);
}
