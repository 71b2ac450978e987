/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the host's catalogue lies, and whether it is still the one that was read. */

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/stamp.h"
#include "base/util.h"
#include "config.h"
#include "feature/catalogue.h"

#define ADMINISTRATORS_DIR "/etc/muster/features.d"

static bool is_ini(const char *name)
{
        size_t n = strlen(name);

        return name[0] != '.' && n > 4 && streq(name + n - 4, ".ini");
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of bytes, whatever the locale. */
int catalogue_list(const char *folder, char ***ret)
{
        CLEANUP(dir) DIR *dir = opendir(folder);
        CLEANUP(strv) char **names = NULL;
        struct dirent *entry;

        if (!dir)
                return -errno;
        while ((errno = 0, entry = readdir(dir)))
                if (is_ini(entry->d_name) && strv_append(&names, entry->d_name) < 0)
                        return -ENOMEM;
        if (errno > 0)
                return -errno;
        if (names)
                qsort(names, strv_length(names), sizeof(*names), compare_names);
        *ret = TAKE(names);
        return 0;
}

/* By the XDG base directory specification: a relative path is to be ignored. */
static int add_users(char ***folders)
{
        const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
        CLEANUP(free) char *folder = NULL;

        if (config && config[0] == '/')
                folder = text_format("%s/muster/features.d", config);
        else if (home && home[0] == '/')
                folder = text_format("%s/.config/muster/features.d", home);
        else
                return 0;
        return folder ? strv_append(folders, folder) : -ENOMEM;
}

int catalogue_folders(char ***ret)
{
        const char *shipped = secure_getenv("MUSTER_FEATURES_DIR");
        CLEANUP(strv) char **folders = NULL;
        int r;

        r = strv_append(&folders, shipped && *shipped ? shipped : MUSTER_FEATURES_DIR);
        if (r == 0)
                r = strv_append(&folders, ADMINISTRATORS_DIR);
        if (r == 0)
                r = add_users(&folders);
        if (r < 0)
                return r;
        *ret = TAKE(folders);
        return 0;
}

static int observe_folder(const char *folder, FILE *out, int64_t *newest_nsec)
{
        CLEANUP(strv) char **names = NULL;

        if (catalogue_list(folder, &names) == -ENOMEM)
                return -ENOMEM;
        fprintf(out, "%s\n", folder);
        for (char **name = names; name && *name; name++) {
                CLEANUP(free) char *path = text_format("%s/%s", folder, *name);
                FileStamp stamp = {0};
                struct stat st;

                if (!path)
                        return -ENOMEM;
                if (stat(path, &st) == 0)
                        stamp = file_stamp(&st);
                file_stamp_observe(&stamp, *name, out, newest_nsec);
        }
        return 0;
}

int catalogue_observe(FILE *out, int64_t *newest_nsec)
{
        CLEANUP(strv) char **folders = NULL;
        int r;

        r = catalogue_folders(&folders);
        for (char **folder = folders; r == 0 && *folder; folder++)
                r = observe_folder(*folder, out, newest_nsec);
        return r;
}

int catalogue_seen(char **ret, int64_t *ret_newest_nsec)
{
        CLEANUP(free) char *text = NULL;
        int64_t newest = 0;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r;

        if (!out)
                return -ENOMEM;
        r = catalogue_observe(out, &newest);
        if (fclose(out) != 0 || r < 0)
                return -ENOMEM;
        *ret = TAKE(text);
        if (ret_newest_nsec)
                *ret_newest_nsec = newest;
        return 0;
}
