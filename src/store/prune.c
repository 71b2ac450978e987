/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Making room. Files go one by one, each by unlink(), while others read and write: who has one open keeps
 * what it opened, who comes later probes again. Of a group the record goes last but for nothing, so that
 * being stopped halfway leaves orphans, which the next prune takes.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/inventory.h"

#define LEFT_OVER_AGE_NSEC (3600 * NSEC_PER_SEC) /* a ".tmp-" of this age is nobody's any more */

typedef struct Pruning {
        const MusterStore *store;
        int64_t removed, kept; /* records */
        uint64_t freed, size;  /* bytes */
        int r;                 /* the first failure */
} Pruning;

static void remove_file(Pruning *pruning, EntryKind kind, const char *name, uint64_t size)
{
        int r = entry_remove(pruning->store, kind, name);

        if (r == 0)
                pruning->freed += size;
        else if (pruning->r == 0)
                pruning->r = r;
}

static void remove_group(Pruning *pruning, const InventoryGroup *group)
{
        for (size_t i = group->n_files; i > 0; i--)
                remove_file(pruning, group->files[i - 1].kind, group->files[i - 1].name,
                            group->files[i - 1].size);
        pruning->removed += group->has_record;
}

static bool is_left_over(const InventoryFile *file, int64_t now)
{
        return startswith(file->name, ".tmp-") && now - file->used_nsec > LEFT_OVER_AGE_NSEC;
}

/* What is nobody's: paths that are damaged, names that are none; failures of scripts have an age of their
 * own. */
static void prune_nobodys(Pruning *pruning, const InventoryGroup *group, int64_t oldest, int64_t now)
{
        for (size_t i = 0; i < group->n_files; i++) {
                const InventoryFile *file = &group->files[i];

                if (startswith(file->name, ".tmp-")
                            ? is_left_over(file, now)
                            : file->kind != ENTRY_FAILURE || file->used_nsec < oldest)
                        remove_file(pruning, file->kind, file->name, file->size);
        }
}

/* A group without its record: only its failures say anything. */
static void prune_orphans(Pruning *pruning, const InventoryGroup *group, int64_t oldest)
{
        for (size_t i = 0; i < group->n_files; i++)
                if (group->files[i].kind != ENTRY_FAILURE || group->files[i].used_nsec < oldest)
                        remove_file(pruning, group->files[i].kind, group->files[i].name,
                                    group->files[i].size);
}

static bool is_damaged(const MusterStore *store, const char *id)
{
        CLEANUP(facts) MusterFacts *facts = NULL;

        return record_load(store, id, &facts, /* ret_stamp= */ NULL) == -EBADMSG;
}

static int compare_used(const void *a, const void *b)
{
        const InventoryGroup *x = a, *y = b;

        return x->used_nsec < y->used_nsec ? 1 : x->used_nsec > y->used_nsec ? -1 : strcmp(x->id, y->id);
}

/* By age; *groups gets those that stay. */
static int prune_by_age(Pruning *pruning, const Inventory *inventory, int64_t oldest,
                        InventoryGroup **ret_groups, size_t *ret_n)
{
        CLEANUP(free) InventoryGroup *groups = calloc(inventory->n_files + 1, sizeof(*groups));
        int64_t now = stamp_now_nsec();
        InventoryGroup group;
        size_t cursor = 0, n = 0;

        if (!groups)
                return -ENOMEM;
        while (inventory_next(inventory, &cursor, &group)) {
                if (!*group.id)
                        prune_nobodys(pruning, &group, oldest, now);
                else if (!group.has_record)
                        prune_orphans(pruning, &group, oldest);
                else if (group.used_nsec < oldest || is_damaged(pruning->store, group.id))
                        remove_group(pruning, &group);
                else
                        groups[n++] = group;
        }
        *ret_groups = TAKE(groups);
        *ret_n = n;
        return 0;
}

/* The newest first, as long as they fit. */
static void prune_by_size(Pruning *pruning, InventoryGroup *groups, size_t n, uint64_t max_size)
{
        if (n > 0)
                qsort(groups, n, sizeof(*groups), compare_used);
        for (size_t i = 0; i < n; i++) {
                if (groups[i].size > max_size - pruning->size) {
                        /* From here on all go: a small one that is older is not worth more. */
                        for (; i < n; i++)
                                remove_group(pruning, &groups[i]);
                        return;
                }
                pruning->size += groups[i].size;
                pruning->kept++;
        }
}

static int report(const Pruning *pruning, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        char *text;

        if (pruning->r < 0)
                return error_errno(ret_error, pruning->r, _("Not all could be removed from %s"),
                                   pruning->store->directory);
        if (!object || json_add_int(object, "removed", pruning->removed) < 0 ||
            json_add_int(object, "freed", (int64_t)pruning->freed) < 0 ||
            json_add_int(object, "kept", pruning->kept) < 0 ||
            json_add_int(object, "size", (int64_t)pruning->size) < 0)
                return error_oom(ret_error);
        text = json_to_text(object);
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

_public_ int muster_store_prune(MusterStore *store, uint64_t older_than_sec, uint64_t max_size,
                                char **ret_json, MusterError **ret_error)
{
        CLEANUP(inventory) Inventory inventory = {};
        CLEANUP(free) InventoryGroup *groups = NULL;
        Pruning pruning = {.store = store};
        int64_t now = stamp_now_nsec(), oldest = INT64_MIN;
        size_t n;
        int r;

        if (older_than_sec < (uint64_t)(now / NSEC_PER_SEC))
                oldest = now - (int64_t)older_than_sec * NSEC_PER_SEC;
        r = inventory_take(store, &inventory, ret_error);
        if (r < 0)
                return r;
        if (prune_by_age(&pruning, &inventory, oldest, &groups, &n) < 0)
                return error_oom(ret_error);
        prune_by_size(&pruning, groups, n, max_size);
        return report(&pruning, ret_json, ret_error);
}

/* The folder's files, of whatever kind but folders, and the folder. */
static int clear_folder(Pruning *pruning, const char *folder)
{
        CLEANUP(strv) char **names = NULL;

        if (inventory_names(pruning->store, folder, &names) < 0)
                return -ENOMEM;
        for (char **name = names; *name; name++) {
                CLEANUP(free) char *file = text_format("%s/%s", folder, *name);
                struct stat st;

                if (!file)
                        return -ENOMEM;
                if (fstatat(pruning->store->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (unlinkat(pruning->store->dirfd, file, 0) == 0) {
                        pruning->freed += (uint64_t)st.st_size;
                        pruning->removed += streq(folder, STORE_RECORDS) && record_id_is_valid(*name);
                } else if (errno != ENOENT && pruning->r == 0) {
                        pruning->r = -errno;
                }
        }
        (void)unlinkat(pruning->store->dirfd, folder, AT_REMOVEDIR);
        return 0;
}

/* The lock stays: who waits for it has it open, and another file of its name would be another lock. */
_public_ int muster_store_clear(MusterStore *store, char **ret_json, MusterError **ret_error)
{
        Pruning pruning = {.store = store};

        for (const char *const *folder = store_folders; *folder; folder++)
                if (clear_folder(&pruning, *folder) < 0)
                        return error_oom(ret_error);
        (void)unlinkat(store->dirfd, STORE_TAG, 0);
        return report(&pruning, ret_json, ret_error);
}
