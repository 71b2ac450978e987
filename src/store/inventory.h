/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies in a store: every file by its kind, and what belongs to which record. By names, as far as they
 * say it. */

#include "store/belonging.h"
#include "store/record.h"

typedef struct InventoryFile {
        EntryKind kind;
        Belonging belonging;
        char *name;
        uint64_t size;
        int64_t used_nsec;           /* mtime */
        char record[RECORD_ID_SIZE]; /* whose it is; "" where nothing says it, or it is not the store's */
} InventoryFile;

typedef struct Inventory {
        InventoryFile *files; /* by record, then by kind, then by name */
        size_t n_files;
} Inventory;

/* All that is of one record. */
typedef struct InventoryGroup {
        const char *id; /* "" for what is of none */
        const InventoryFile *files;
        size_t n_files;
        bool has_record; /* the record itself is among them */
        uint64_t size;
        int64_t used_nsec; /* the last time */
} InventoryGroup;

/* Paths are read, since only their content says whose they are; one that is damaged belongs to none. */
int inventory_take(const MusterStore *store, Inventory *ret, MusterError **ret_error);
void inventory_clear(Inventory *inventory);

/* The next group in the order of IDs; start with *cursor == 0. */
bool inventory_next(const Inventory *inventory, size_t *cursor, InventoryGroup *ret);

/* The names in one folder of the store, sorted, without "." and ".."; to strv_free(). */
int inventory_names(const MusterStore *store, const char *folder, char ***ret);

/* What a person's name for records means: the beginning of their IDs, to free(). -ENOENT with a sentence. */
int store_find_id(const MusterStore *store, const char *name, char **ret_prefix, MusterError **ret_error);
bool store_name_is_digits(const char *name);

static inline void cleanup_inventory(Inventory *inventory)
{
        inventory_clear(inventory);
}
