/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/removal.h"

#include <errno.h>
#include <unistd.h>

#include "base/i18n.h"

int removal_unlink(Removal *removal, const char *file, uint64_t size)
{
        int r = unlinkat(removal->store->dirfd, file, 0) < 0 ? -errno : 0;

        if (r == 0)
                removal->freed += size;
        else if (r != -ENOENT && removal->r == 0)
                removal->r = r;
        return r == 0;
}

void removal_unlink_entry(Removal *removal, const InventoryFile *file)
{
        CLEANUP(free) char *path = entry_file(file->kind, file->name);

        if (path)
                (void)removal_unlink(removal, path, file->size);
        else if (removal->r == 0)
                removal->r = -ENOMEM;
}

/* `age_nsec`: of temporary files, and of nothing else; -1: of what is the store's, and no temporary ones. */
static int remove_from(Removal *removal, const char *folder, int64_t age_nsec)
{
        CLEANUP(strv) char **names = NULL;
        Belonging wanted = age_nsec < 0 ? BELONGS_TO_STORE : BELONGS_TO_WRITER;

        if (inventory_names(removal->store, folder, &names) < 0)
                return -ENOMEM;
        for (char **name = names; *name; name++) {
                CLEANUP(free) char *file = text_format("%s/%s", folder, *name);
                FileStamp stamp;

                if (!file)
                        return -ENOMEM;
                if (belonging_of_name(folder, *name) != wanted ||
                    belonging_of_file(removal->store, folder, *name, &stamp) != wanted ||
                    (age_nsec >= 0 && removal->now_nsec - stamp.mtime_nsec <= age_nsec))
                        continue;
                if (removal_unlink(removal, file, stamp.size))
                        removal->removed += streq(folder, STORE_RECORDS) && wanted == BELONGS_TO_STORE;
        }
        return 0;
}

int removal_empty_folder(Removal *removal, const char *folder)
{
        return remove_from(removal, folder, /* age_nsec= */ -1);
}

int removal_sweep(Removal *removal, int64_t age_nsec)
{
        int r = remove_from(removal, ".", age_nsec);

        for (const char *const *folder = store_folders; r == 0 && *folder; folder++)
                r = remove_from(removal, *folder, age_nsec);
        return r;
}

int removal_report(const Removal *removal, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        char *text;

        if (removal->r < 0)
                return error_errno(ret_error, removal->r, _("Not all could be removed from %s"),
                                   removal->store->directory);
        if (!object || json_add_int(object, "removed", removal->removed) < 0 ||
            json_add_int(object, "freed", (int64_t)removal->freed) < 0 ||
            json_add_int(object, "kept", removal->kept) < 0 ||
            json_add_int(object, "size", (int64_t)removal->size) < 0 || !(text = json_to_text(object)))
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}
