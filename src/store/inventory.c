/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/trail.h"

#define NAMES_MAX 1000000

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* strv_append() counts at each step; a folder may hold a hundred thousand. */
static int append(char ***names, size_t *n, size_t *room, const char *name)
{
        if (*n + 2 > *room) {
                size_t larger = *room ? *room * 2 : 64;
                char **grown = reallocarray(*names, larger, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                *names = grown;
                *room = larger;
        }
        (*names)[*n] = strdup(name);
        if (!(*names)[*n])
                return -ENOMEM;
        (*names)[++*n] = NULL;
        return 0;
}

int inventory_names(const MusterStore *store, const char *folder, char ***ret)
{
        int fd = openat(store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        CLEANUP(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        CLEANUP(strv) char **names = calloc(1, sizeof(*names));
        const struct dirent *entry;
        size_t n = 0, room = 0;

        if (!dir && fd >= 0)
                close(fd);
        if (!names || (!dir && errno == ENOMEM))
                return -ENOMEM;
        while (dir && n < NAMES_MAX && (entry = readdir(dir)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, "..") &&
                    append(&names, &n, &room, entry->d_name) < 0)
                        return -ENOMEM;
        if (n > 0)
                qsort(names, n, sizeof(*names), compare_names);
        *ret = TAKE(names);
        return 0;
}

/* Whose a file is: what its name begins with, but for paths. */
static int find_record(const MusterStore *store, InventoryFile *file)
{
        CLEANUP(trail) Trail trail = {};
        int r;

        if (file->belonging != BELONGS_TO_STORE)
                return 0;
        if (file->kind == ENTRY_PATH) {
                r = trail_load_name(store, file->name, &trail);
                if (r == 0)
                        strcpy(file->record, trail.record);
                return r == -ENOMEM ? r : 0;
        }
        if (strlen(file->name) < RECORD_ID_SIZE - 1)
                return 0;
        memcpy(file->record, file->name, RECORD_ID_SIZE - 1);
        if (!record_id_is_valid(file->record))
                file->record[0] = '\0';
        return 0;
}

/* Nothing is added for what has gone since the folder was read. */
static int add_file(const MusterStore *store, EntryKind kind, const char *folder, const char *name,
                    Inventory *inventory)
{
        InventoryFile file = {.kind = kind};
        FileStamp stamp;
        int r;

        file.belonging = belonging_of_file(store, folder, name, &stamp);
        if (file.belonging == BELONGS_TO_NOBODY)
                return 0;
        file.size = stamp.size;
        file.used_nsec = stamp.mtime_nsec;
        file.name = strdup(name);
        if (!file.name)
                return -ENOMEM;
        r = find_record(store, &file);
        inventory->files[inventory->n_files++] = file;
        return r;
}

static int take_kind(const MusterStore *store, EntryKind kind, const char *folder, Inventory *inventory)
{
        CLEANUP(strv) char **names = NULL;
        InventoryFile *grown;
        int r;

        r = inventory_names(store, folder, &names);
        if (r < 0)
                return r;
        grown = reallocarray(inventory->files, inventory->n_files + strv_length(names) + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        inventory->files = grown;
        for (char **name = names; *name; name++) {
                r = add_file(store, kind, folder, *name, inventory);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_files(const void *a, const void *b)
{
        const InventoryFile *x = a, *y = b;
        int order = strcmp(x->record, y->record);

        if (order == 0)
                order = (int)x->kind - (int)y->kind;
        return order ? order : strcmp(x->name, y->name);
}

int inventory_take(const MusterStore *store, Inventory *ret, MusterError **ret_error)
{
        static const struct {
                EntryKind kind;
                const char *folder;
        } kinds[] = {
                {ENTRY_RECORD, STORE_RECORDS},    {ENTRY_HOST, STORE_HOSTS},
                {ENTRY_FAILURE, STORE_FAILURES},  {ENTRY_PATH, STORE_PATHS},
                {ENTRY_VERDICTS, STORE_VERDICTS}, {ENTRY_SCHEMA, STORE_SCHEMAS},
        };
        CLEANUP(inventory) Inventory inventory = {};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (take_kind(store, kinds[i].kind, kinds[i].folder, &inventory) < 0)
                        return error_oom(ret_error);
        if (inventory.n_files > 0)
                qsort(inventory.files, inventory.n_files, sizeof(*inventory.files), compare_files);
        *ret = inventory;
        inventory = (Inventory){};
        return 0;
}

void inventory_clear(Inventory *inventory)
{
        for (size_t i = 0; i < inventory->n_files; i++)
                free(inventory->files[i].name);
        free(inventory->files);
        *inventory = (Inventory){};
}

bool inventory_next(const Inventory *inventory, size_t *cursor, InventoryGroup *ret)
{
        InventoryGroup group = {.files = inventory->files + *cursor};

        if (*cursor >= inventory->n_files)
                return false;
        group.id = group.files->record;
        for (; *cursor < inventory->n_files && streq(inventory->files[*cursor].record, group.id);
             ++*cursor) {
                const InventoryFile *file = &inventory->files[*cursor];

                group.n_files++;
                group.size += file->size;
                group.has_record = group.has_record || (file->kind == ENTRY_RECORD && *group.id);
                if (file->used_nsec > group.used_nsec)
                        group.used_nsec = file->used_nsec;
        }
        *ret = group;
        return true;
}
