/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The descriptors' folders. As in libvirt every file counts whose name has no dot in front. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "domain/firmware.h"

#define PACKAGES_DIR       "/usr/share/qemu/firmware"
#define ADMINISTRATORS_DIR "/etc/qemu/firmware"

/* A file name, and the number of the folder that it was found in. */
typedef struct Found {
        char *name;
        size_t folder;
        bool hides; /* and is nothing else */
} Found;

typedef struct Finds {
        char *const *folders;
        Found *items;
        size_t n_items;
} Finds;

static void cleanup_finds(Finds *finds)
{
        for (size_t i = 0; i < finds->n_items; i++)
                free(finds->items[i].name);
        free(finds->items);
}

/* By the XDG base directory specification: a relative path is to be ignored. */
static int add_users(char ***folders)
{
        const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
        CLEANUP(free) char *folder = NULL;

        if (config && config[0] == '/')
                folder = text_format("%s/qemu/firmware", config);
        else if (home && home[0] == '/')
                folder = text_format("%s/.config/qemu/firmware", home);
        else
                return 0;
        return folder ? strv_append(folders, folder) : -ENOMEM;
}

int firmware_folders(bool user, char ***ret)
{
        CLEANUP(strv) char **folders = NULL;
        int r;

        r = strv_append(&folders, PACKAGES_DIR);
        if (r == 0)
                r = strv_append(&folders, ADMINISTRATORS_DIR);
        if (r == 0 && user)
                r = add_users(&folders);
        if (r < 0)
                return r;
        *ret = TAKE(folders);
        return 0;
}

/* Whether the entry counts: a file, /dev/null, or what cannot be looked at, which must not go unnoticed. */
static bool is_descriptor(int folder, const char *name, bool *ret_hides)
{
        struct stat st;

        *ret_hides = false;
        if (name[0] == '.')
                return false;
        if (fstatat(folder, name, &st, /* flags= */ 0) < 0)
                return true;
        *ret_hides = (S_ISREG(st.st_mode) && st.st_size == 0) ||
                     (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
        return S_ISREG(st.st_mode) || *ret_hides;
}

static int keep(Finds *finds, size_t folder, const char *name, bool hides)
{
        Found *grown = reallocarray(finds->items, finds->n_items + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        finds->items = grown;
        grown[finds->n_items] = (Found){.name = strdup(name), .folder = folder, .hides = hides};
        return grown[finds->n_items].name ? (finds->n_items++, 0) : -ENOMEM;
}

static int find_in(Finds *finds, size_t folder)
{
        CLEANUP(dir) DIR *dir = opendir(finds->folders[folder]);
        struct dirent *entry;
        size_t n = 0;
        int r = 0;

        if (!dir)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        while (r == 0 && (errno = 0, entry = readdir(dir))) {
                bool hides;

                /* All entries count, so that reading ends. */
                if (++n > FIRMWARE_FILES_MAX + 2)
                        return -E2BIG;
                if (is_descriptor(dirfd(dir), entry->d_name, &hides))
                        r = keep(finds, folder, entry->d_name, hides);
        }
        return r < 0 ? r : -errno;
}

/* By name in the order of bytes, whatever the locale, and of one name the most specific first. */
static int compare_finds(const void *a, const void *b)
{
        const Found *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ?: (x->folder < y->folder) - (x->folder > y->folder);
}

/* What it is may have changed since it was found, and a FIFO must not hold us up. */
static int read_descriptor(const char *path, char **ret_text, size_t *ret_size)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return read_fd(fd, FIRMWARE_SIZE_MAX, ret_text, ret_size);
}

static int load_one(const char *path, Firmware **ret)
{
        CLEANUP(Firmware) Firmware *firmware = NULL;
        CLEANUP(MusterError) MusterError *problem = NULL;
        CLEANUP(free) char *text = NULL;
        size_t size;
        int r;

        r = read_descriptor(path, &text, &size);
        if (r < 0)
                (void)error_errno(&problem, r, _("The descriptor cannot be read"));
        else
                r = firmware_parse(text, size, &firmware, &problem);
        if (r < 0)
                firmware = calloc(1, sizeof(*firmware));
        if (r == -ENOMEM || !firmware)
                return -ENOMEM;
        firmware->problem = TAKE(problem);
        firmware->path = strdup(path);
        if (!firmware->path)
                return -ENOMEM;
        *ret = TAKE(firmware);
        return 0;
}

static int load_found(const Finds *finds, FirmwareList **ret)
{
        CLEANUP(FirmwareList) FirmwareList *list = calloc(1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        list->items = calloc(finds->n_items + 1, sizeof(*list->items));
        for (size_t i = 0; list->items && i < finds->n_items; i++) {
                const Found *found = &finds->items[i];
                CLEANUP(free) char *path = NULL;

                if (found->hides || (i > 0 && streq(found[-1].name, found->name)))
                        continue;
                path = text_format("%s/%s", finds->folders[found->folder], found->name);
                if (!path || load_one(path, &list->items[list->n_items]) < 0)
                        return -ENOMEM;
                list->n_items++;
        }
        if (!list->items)
                return -ENOMEM;
        *ret = TAKE(list);
        return 0;
}

int firmware_load(char *const *folders, FirmwareList **ret, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_finds))) Finds finds = {.folders = folders};
        int r;

        for (size_t i = 0; folders && folders[i]; i++) {
                r = find_in(&finds, i);
                if (r == -ENOMEM)
                        return error_oom(ret_error);
                if (r == -E2BIG)
                        return error_set(ret_error, r,
                                         _("%s has more than %d entries; what is no firmware descriptor "
                                           "does not belong there."),
                                         folders[i], FIRMWARE_FILES_MAX);
                if (r < 0)
                        return error_errno(ret_error, r, _("The firmware descriptors' folder %s"),
                                           folders[i]);
        }
        if (finds.items)
                qsort(finds.items, finds.n_items, sizeof(*finds.items), compare_finds);
        return load_found(&finds, ret) < 0 ? error_oom(ret_error) : 0;
}

FirmwareList *firmware_list_free(FirmwareList *list)
{
        if (!list)
                return NULL;
        for (size_t i = 0; i < list->n_items; i++)
                firmware_free(list->items[i]);
        free(list->items);
        free(list);
        return NULL;
}
