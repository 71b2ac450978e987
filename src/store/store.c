/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A record decides what is sent to emulators, so nobody but the caller (or root) may have written it. What
 * counts is the opened folder's owner and mode, not the way to it: whoever can swap a component of the path
 * reaches no more than a folder of the caller's own. The last component may be a symbolic link only if it is
 * the caller's or root's, or in a shared folder somebody could point us to a folder of ours that is no
 * store. Within the folder nothing is followed, and its own folders are held to the same.
 */

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

#define ROOTS_DIRECTORY "/var/cache/muster"

const char *const store_folders[] = {STORE_RECORDS,  STORE_HOSTS,   STORE_FAILURES, STORE_PATHS,
                                     STORE_VERDICTS, STORE_SCHEMAS, STORE_SIZES,    NULL};

static const char cachedir_tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                                   "# A cache of muster, https://bford.info/cachedir/\n";

void hex64(uint64_t number, char ret[static HEX64_SIZE])
{
        snprintf(ret, HEX64_SIZE, "%016llx", (unsigned long long)number);
}

bool store_trusts(const struct stat *st)
{
        return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

void store_note(const MusterStore *store, const char *format, ...)
{
        CLEANUP(free) char *sentence = NULL;
        va_list args;

        if (!store || !store->note)
                return;
        va_start(args, format);
        sentence = text_vformat(format, args);
        va_end(args);
        if (sentence)
                store->note(sentence, store->note_userdata);
}

bool store_was_noted(const MusterStore *store, const FileStamp *stamp)
{
        /* Memory of notes is no part of what const promises. */
        uint64_t *noted = ((MusterStore *)store)->noted;
        uint64_t sum = checksum64((const char *)stamp, sizeof(*stamp)) | 1;
        uint64_t *place = noted + (sum >> 1) % ELEMENTSOF(store->noted);

        return stamp->ino != 0 && __atomic_exchange_n(place, sum, __ATOMIC_RELAXED) == sum;
}

void store_note_unwritable(MusterStore *store, int r)
{
        if (store && !__atomic_exchange_n(&store->unwritable, 1, __ATOMIC_RELAXED))
                store_note(
                        store,
                        _("Nothing can be kept in %s: %s. Make room or give rights there, or name another "
                          "folder by MUSTER_CACHE_DIR."),
                        store->directory, strerror(-r));
}

_public_ int muster_store_default_directory(char **ret)
{
        const char *named = secure_getenv("MUSTER_CACHE_DIR"), *cache = secure_getenv("XDG_CACHE_HOME"),
                   *home = secure_getenv("HOME");
        char *directory;

        if (named && *named)
                directory = strdup(named);
        else if (geteuid() == 0)
                directory = strdup(ROOTS_DIRECTORY);
        else if (cache && cache[0] == '/')
                directory = text_format("%s/muster", cache);
        else if (home && home[0] == '/')
                directory = text_format("%s/.cache/muster", home);
        else
                return -ENOENT;
        if (!directory)
                return -ENOMEM;
        *ret = directory;
        return 0;
}

/* All parents that are missing, then the folder itself. */
static int make_path(const char *path)
{
        CLEANUP(free) char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST && errno != EISDIR && errno != EROFS &&
                    errno != EACCES)
                        return -errno;
                *slash = '/';
        }
        return mkdir(copy, store_folder_mode()) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_directory(const char *path)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0)
                return fd;
        if (errno != ENOTDIR && errno != ELOOP)
                return -errno;
        if (lstat(path, &st) < 0)
                return -errno;
        if (!S_ISLNK(st.st_mode))
                return -ENOTDIR;
        if (st.st_uid != geteuid() && st.st_uid != 0)
                return -EPERM;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int open_error(const char *directory, int r, MusterError **ret_error)
{
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -EPERM)
                return error_set(
                        ret_error, r,
                        _("The cache %s is a link that belongs to another user, so nothing in it can "
                          "be trusted; remove it, or name another folder by MUSTER_CACHE_DIR."),
                        directory);
        return error_errno(ret_error, r,
                           _("The cache %s cannot be used (MUSTER_CACHE_DIR can name another folder)"),
                           directory);
}

static int check_owner(MusterStore *store, MusterError **ret_error)
{
        const char *directory = store->directory;
        struct stat st;

        if (fstat(store->dirfd, &st) < 0)
                return open_error(directory, -errno, ret_error);
        if (store_trusts(&st))
                return 0;
        if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
                return error_set(
                        ret_error, -EPERM,
                        _("Others may write to the cache %s, so nothing in it can be trusted; remove it, or "
                          "name another folder by MUSTER_CACHE_DIR."),
                        directory);
        return error_set(ret_error, -EPERM,
                         _("The cache %s belongs to the user %lu, so nothing in it can be trusted; name "
                           "another folder by MUSTER_CACHE_DIR."),
                         directory, (unsigned long)st.st_uid);
}

/* Its folders are real ones: nobody but the caller or root can have put a link there, but such a link, or a
 * folder that others may write to, would lead out of what was checked. */
static int check_folders(const char *directory, int fd, MusterError **ret_error)
{
        struct stat st;

        for (const char *const *folder = store_folders; *folder; folder++) {
                if (fstatat(fd, *folder, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode) || !store_trusts(&st))
                        return error_set(
                                ret_error, -EPERM,
                                _("In the cache %s, '%s' is a link, or others may write to it, so nothing "
                                  "in it "
                                  "can be trusted; remove it, or name another folder by MUSTER_CACHE_DIR."),
                                directory, *folder);
        }
        return 0;
}

/* A slash behind a name makes the kernel follow it, whatever the flags, and mkdir() of it a parent's. */
static int open_or_make(const char *directory)
{
        CLEANUP(free) char *path = strdup(directory);
        size_t n = strlen(directory);
        int r;

        if (!path)
                return -ENOMEM;
        if (n == 0)
                return -ENOENT;
        while (n > 1 && path[n - 1] == '/')
                path[--n] = '\0';
        r = open_directory(path);
        if (r != -ENOENT)
                return r;
        r = make_path(path);
        return r < 0 ? r : open_directory(path);
}

static bool is_own_name(const char *name)
{
        for (const char *const *folder = store_folders; *folder; folder++)
                if (streq(*folder, name))
                        return true;
        return streq(name, ".") || streq(name, "..") || streq(name, STORE_LOCK) || streq(name, STORE_TAG) ||
               startswith(name, ".tmp-");
}

/*
 * A folder that holds something else, and none of what a store begins with, is somebody's own: 'cache clear'
 * would look for its files in there.
 */
static bool is_somebodys(int fd)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CLEANUP(dir) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;

        if (faccessat(fd, STORE_TAG, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
            faccessat(fd, STORE_LOCK, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return false;
        if (!dir && copy >= 0)
                close(copy);
        while (dir && (entry = readdir(dir)))
                if (!is_own_name(entry->d_name))
                        return true;
        return false;
}

static int check_named(const char *directory, MusterError **ret_error)
{
        if (directory[0] == '/')
                return 0;
        return error_set(
                ret_error, -EINVAL,
                _("The cache '%s' is named by a relative path, so each folder would have one of its "
                  "own; name it by an absolute path in MUSTER_CACHE_DIR."),
                directory);
}

static int check_content(const char *directory, int fd, MusterError **ret_error)
{
        if (!is_somebodys(fd))
                return 0;
        return error_set(ret_error, -ENOTEMPTY,
                         _("%s is no cache of muster's, and is not empty; name an empty folder by "
                           "MUSTER_CACHE_DIR, or one that does not exist yet."),
                         directory);
}

_public_ int muster_store_open(const char *directory, MusterStore **ret, MusterError **ret_error)
{
        CLEANUP(MusterStore) MusterStore *store = calloc(1, sizeof(*store));
        int r;

        if (!store)
                return error_oom(ret_error);
        store->n_ref = 1;
        store->dirfd = -1;
        r = directory ? ((store->directory = strdup(directory)) ? 0 : -ENOMEM)
                      : muster_store_default_directory(&store->directory);
        if (r == -ENOENT)
                return error_set(ret_error, r,
                                 _("There is no folder for a cache, since neither MUSTER_CACHE_DIR, "
                                   "XDG_CACHE_HOME nor HOME is set."));
        if (r < 0)
                return error_oom(ret_error);
        r = check_named(store->directory, ret_error);
        if (r < 0)
                return r;
        r = open_or_make(store->directory);
        if (r < 0)
                return open_error(store->directory, r, ret_error);
        store->dirfd = r;
        r = check_owner(store, ret_error);
        if (r >= 0)
                r = check_folders(store->directory, store->dirfd, ret_error);
        if (r >= 0)
                r = check_content(store->directory, store->dirfd, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(store);
        return 0;
}

_public_ MusterStore *muster_store_ref(MusterStore *store)
{
        if (store)
                __atomic_add_fetch(&store->n_ref, 1, __ATOMIC_RELAXED);
        return store;
}

_public_ MusterStore *muster_store_unref(MusterStore *store)
{
        if (!store || __atomic_sub_fetch(&store->n_ref, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        if (store->dirfd >= 0)
                close(store->dirfd);
        free(store->directory);
        free(store);
        return NULL;
}

_public_ const char *muster_store_directory(const MusterStore *store)
{
        return store->directory;
}

_public_ void muster_store_set_note_handler(MusterStore *store, MusterNoteFn handler, void *userdata)
{
        store->note = handler;
        store->note_userdata = userdata;
}

mode_t store_file_mode(void)
{
        return geteuid() == 0 ? 0644 : 0600;
}

mode_t store_folder_mode(void)
{
        return geteuid() == 0 ? 0755 : 0700;
}

int store_make_folders(MusterStore *store)
{
        for (const char *const *folder = store_folders; *folder; folder++)
                if (mkdirat(store->dirfd, *folder, store_folder_mode()) < 0 && errno != EEXIST)
                        return -errno;
        if (faccessat(store->dirfd, STORE_TAG, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        return write_file_at(store->dirfd, STORE_TAG, cachedir_tag, strlen(cachedir_tag), 0644,
                             /* durable= */ false, /* ret_stamp= */ NULL);
}

bool store_wrote_tag(const MusterStore *store)
{
        CLEANUP(free) char *text = NULL;

        return read_file_at(store->dirfd, STORE_TAG, sizeof(cachedir_tag), &text, /* ret_size= */ NULL) ==
                       0 &&
               streq(text, cachedir_tag);
}
