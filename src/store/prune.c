/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Making room. Files go one by one, each by unlink(), while others read and write: who has one open keeps
 * what it opened, who comes later probes again. Of a group the record goes last, so that being stopped
 * halfway leaves a record that lacks something, or orphans, which the next prune takes.
 *
 * First every file by itself: what is damaged, and failures that no look-up would believe. Then groups: what
 * is of no record, and what was not used for long. The rest are units, records with all that is theirs and
 * failures that are of none, of which the least recently used go until the others fit.
 */

#include <errno.h>
#include <time.h>

#include "base/i18n.h"
#include "config.h"
#include "store/failure.h"
#include "store/removal.h"

typedef struct Pruning {
        Removal removal;
        int64_t oldest_nsec;
        InventoryGroup *units;
        size_t n_units;
} Pruning;

static void cleanup_pruning(Pruning *pruning)
{
        free(pruning->units);
}

static void remove_group(Pruning *pruning, const InventoryGroup *group)
{
        for (size_t i = group->n_files; i > 0; i--)
                removal_unlink_entry(&pruning->removal, &group->files[i - 1]);
        pruning->removal.removed += group->has_record;
}

/* Whether no look-up would believe this failure, or it is too old. */
static int is_spent(const Pruning *pruning, const InventoryFile *file)
{
        CLEANUP(json) json_object *failure = NULL;
        CLEANUP(free) char *body = NULL;
        int64_t age;
        size_t size;
        int r;

        if (file->used_nsec < pruning->oldest_nsec)
                return true;
        r = entry_read(pruning->removal.store, ENTRY_FAILURE, file->name, &body, &size,
                       /* ret_stamp= */ NULL);
        if (r == 0)
                r = json_parse(body, size, &failure);
        if (r < 0)
                return r == -ENOMEM ? r : true;
        age = pruning->removal.now_nsec / NSEC_PER_SEC - json_get_int(failure, "when", 0);
        return !streq_ptr(json_get_string(failure, "muster"), MUSTER_VERSION) ||
               (json_get_bool(failure, "script", true) && (age < 0 || age >= FAILURE_SCRIPT_LIFETIME_SEC));
}

static int is_unfit(const Pruning *pruning, const InventoryFile *file)
{
        CLEANUP(free) char *why = NULL;
        int r = entry_check(pruning->removal.store, file->kind, file->name, &why);

        if (r == -EBADMSG || r == -ENOENT)
                return true;
        if (r == 0 && file->kind == ENTRY_FAILURE)
                return is_spent(pruning, file);
        /* That it could not be read just now says nothing about it. */
        return r == -ENOMEM ? r : false;
}

/* Each by itself. *ret: what stays, at the front of the inventory's files and in their order. */
static int prune_files(Pruning *pruning, Inventory *inventory, Inventory *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < inventory->n_files; i++) {
                InventoryFile file = inventory->files[i];
                int unfit;

                if (file.belonging != BELONGS_TO_STORE)
                        continue;
                unfit = is_unfit(pruning, &file);
                if (unfit < 0)
                        return unfit;
                if (unfit) {
                        removal_unlink_entry(&pruning->removal, &file);
                        pruning->removal.removed += file.kind == ENTRY_RECORD;
                        continue;
                }
                inventory->files[i] = inventory->files[n];
                inventory->files[n++] = file;
        }
        *ret = (Inventory){.files = inventory->files, .n_files = n};
        return 0;
}

/* Its record may have come after the folder of records was read. */
static bool is_fresh(const Pruning *pruning, const InventoryFile *file)
{
        int64_t age = pruning->removal.now_nsec - file->used_nsec;

        return age < BELONGING_FRESH_NSEC && age > -BELONGING_FRESH_NSEC;
}

/* A group without a record: only its failures say anything. */
static void prune_orphans(Pruning *pruning, const InventoryGroup *group)
{
        for (size_t i = 0; i < group->n_files; i++) {
                const InventoryFile *file = &group->files[i];

                if (file->kind == ENTRY_FAILURE)
                        pruning->units[pruning->n_units++] = (InventoryGroup){.id = group->id,
                                                                              .files = file,
                                                                              .n_files = 1,
                                                                              .size = file->size,
                                                                              .used_nsec = file->used_nsec};
                else if (!is_fresh(pruning, file))
                        removal_unlink_entry(&pruning->removal, file);
        }
}

static int prune_groups(Pruning *pruning, const Inventory *inventory)
{
        InventoryGroup group;
        size_t cursor = 0;

        pruning->units = calloc(inventory->n_files + 1, sizeof(*pruning->units));
        if (!pruning->units)
                return -ENOMEM;
        while (inventory_next(inventory, &cursor, &group)) {
                if (!group.has_record)
                        prune_orphans(pruning, &group);
                else if (group.used_nsec < pruning->oldest_nsec)
                        remove_group(pruning, &group);
                else
                        pruning->units[pruning->n_units++] = group;
        }
        return 0;
}

static int compare_used(const void *a, const void *b)
{
        const InventoryGroup *x = a, *y = b;

        if (x->used_nsec != y->used_nsec)
                return x->used_nsec < y->used_nsec ? 1 : -1;
        return strcmp(x->files->name, y->files->name);
}

/* The newest first, as long as they fit. */
static void prune_by_size(Pruning *pruning, uint64_t max_size)
{
        Removal *removal = &pruning->removal;
        InventoryGroup *units = pruning->units;
        bool full = false;

        if (pruning->n_units > 0)
                qsort(units, pruning->n_units, sizeof(*units), compare_used);
        for (size_t i = 0; i < pruning->n_units; i++) {
                /* From there on all go: a small one that is older is not worth more. */
                full = full || units[i].size > max_size - removal->size;
                if (full) {
                        remove_group(pruning, &units[i]);
                        continue;
                }
                removal->size += units[i].size;
                removal->kept += units[i].has_record;
        }
}

static int has_any(const MusterStore *store, const char *folder)
{
        CLEANUP(strv) char **names = NULL;

        if (inventory_names(store, folder, &names) < 0)
                return -ENOMEM;
        for (char **name = names; *name; name++)
                if (belonging_of_name(folder, *name) == BELONGS_TO_STORE)
                        return true;
        return false;
}

/* Nothing says which executable a size is of, so they stay until none is known. */
static int prune_sizes(Pruning *pruning)
{
        int r = has_any(pruning->removal.store, STORE_RECORDS);

        if (r == 0)
                r = has_any(pruning->removal.store, STORE_FAILURES);
        if (r != 0)
                return r < 0 ? r : 0;
        return removal_empty_folder(&pruning->removal, STORE_SIZES);
}

static int prune(Pruning *pruning, Inventory *inventory, uint64_t max_size)
{
        Inventory whole;
        int r;

        r = prune_files(pruning, inventory, &whole);
        if (r == 0)
                r = prune_groups(pruning, &whole);
        if (r < 0)
                return r;
        prune_by_size(pruning, max_size);
        r = prune_sizes(pruning);
        return r < 0 ? r : removal_sweep(&pruning->removal, BELONGING_LEFT_OVER_NSEC);
}

_public_ int muster_store_prune(MusterStore *store, uint64_t older_than_sec, uint64_t max_size,
                                char **ret_json, MusterError **ret_error)
{
        CLEANUP(inventory) Inventory inventory = {};
        MusterStore quiet = *store; /* of what it removes nobody need be told that it is damaged */
        CLEANUP(pruning)
        Pruning pruning = {.removal = {.store = &quiet, .now_nsec = stamp_now_nsec()},
                           .oldest_nsec = INT64_MIN};
        int64_t now = pruning.removal.now_nsec;
        int r;

        if (older_than_sec < (uint64_t)(now / NSEC_PER_SEC))
                pruning.oldest_nsec = now - (int64_t)older_than_sec * NSEC_PER_SEC;
        quiet.note = NULL;
        r = inventory_take(&quiet, &inventory, ret_error);
        if (r < 0)
                return r;
        if (prune(&pruning, &inventory, max_size) < 0)
                return error_oom(ret_error);
        return removal_report(&pruning.removal, ret_json, ret_error);
}
