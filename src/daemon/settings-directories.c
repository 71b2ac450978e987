/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's folders. What other users pass through, to the socket or as an emulator to its own files, is
 * 0755, the rest 0700; one that exists keeps its mode as long as nobody else may write to it. The cache is
 * not among them: the store makes and judges its folder itself.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/settings.h"

#define PASSED_THROUGH 0755
#define PRIVATE        0700

/* All folders on the way that are missing. The umask is not asked: the process may have any. */
static int make_parents(const char *path)
{
        CLEANUP(free) char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                if (mkdir(copy, PASSED_THROUGH) == 0) {
                        if (chmod(copy, PASSED_THROUGH) < 0)
                                return -errno;
                } else if (errno != EEXIST && access(copy, X_OK) < 0) {
                        return -errno;
                }
                *slash = '/';
        }
        return 0;
}

/* Without following a link in the place of the last part. */
static int open_directory(const char *path, mode_t mode, int *ret)
{
        CLEANUP(fd) int fd = -1;
        bool made = mkdir(path, mode) == 0;

        if (!made && errno != EEXIST && errno != EROFS && errno != EACCES)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || (made && fchmod(fd, mode) < 0))
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int check_ours(const char *path, const struct stat *st, MusterError **ret_error)
{
        if (st->st_uid != geteuid())
                return error_set(ret_error, -EPERM,
                                 _("The folder %s belongs to the user %lu, so it cannot be trusted; give it "
                                   "to the user %lu, or name another one in musterd.conf."),
                                 path, (unsigned long)st->st_uid, (unsigned long)geteuid());
        if (st->st_mode & (S_IWGRP | S_IWOTH))
                return error_set(ret_error, -EPERM,
                                 _("Others may write to the folder %s, so it cannot be trusted; chmod go-w "
                                   "it, or name another one in musterd.conf."),
                                 path);
        return 0;
}

static int open_error(const char *path, int r, MusterError **ret_error)
{
        struct stat st;

        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
                return error_set(ret_error, -ELOOP,
                                 _("The folder %s is a link, so it cannot be trusted; name what it leads to "
                                   "in musterd.conf."),
                                 path);
        return error_errno(ret_error, r, _("The folder %s cannot be used"), path);
}

static int make_directory(const char *path, mode_t mode, MusterError **ret_error)
{
        CLEANUP(fd) int fd = -1;
        struct stat st;
        int r = make_parents(path);

        if (r == 0)
                r = open_directory(path, mode, &fd);
        if (r < 0)
                return open_error(path, r, ret_error);
        if (fstat(fd, &st) < 0)
                return open_error(path, -errno, ret_error);
        return check_ours(path, &st, ret_error);
}

/* The socket's may be one that everybody has, such as /tmp: there its own mode and the sticky bit protect
 * it. */
static int make_socket_directory(const char *socket, MusterError **ret_error)
{
        CLEANUP(free) char *path = strndup(socket, (size_t)(strrchr(socket, '/') - socket));
        struct stat st;

        if (!path)
                return error_oom(ret_error);
        if (!*path ||
            (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 && (st.st_mode & S_ISVTX)))
                return 0;
        return make_directory(path, PASSED_THROUGH, ret_error);
}

int settings_make_directories(const Settings *settings, MusterError **ret_error)
{
        const struct {
                const char *path;
                mode_t mode;
        } directories[] = {
                {settings->run, PASSED_THROUGH},
                {settings->state, PASSED_THROUGH},
                {settings->definitions, PRIVATE},
                {settings->logs, PRIVATE},
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(directories); i++)
                r = make_directory(directories[i].path, directories[i].mode, ret_error);
        return r < 0 ? r : make_socket_directory(settings->socket, ret_error);
}
