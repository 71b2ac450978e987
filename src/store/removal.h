/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taking files out of a store, one by one, and telling what went: what `prune` and `clear` share. */

#include "store/inventory.h"

typedef struct Removal {
        const MusterStore *store;
        int64_t now_nsec;
        int64_t removed, kept; /* records */
        uint64_t freed, size;  /* bytes; `size` is of what was kept */
        int r;                 /* the first failure */
} Removal;

/* "folder/name"; 1 if it was there. A failure is kept in removal->r. */
int removal_unlink(Removal *removal, const char *file, uint64_t size);
void removal_unlink_entry(Removal *removal, const InventoryFile *file);

/* All of a folder that belongs to the store, but for temporary files. -ENOMEM. */
int removal_empty_folder(Removal *removal, const char *folder);

/* In all folders, the store's own included, temporary files that are older than that. -ENOMEM. */
int removal_sweep(Removal *removal, int64_t age_nsec);

/* {"removed", "freed", "kept", "size"}, or the first failure. */
int removal_report(const Removal *removal, char **ret_json, MusterError **ret_error);
