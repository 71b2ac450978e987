/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/* /proc's files say size 0, so the size is found by reading. */
static int read_fd(int fd, size_t max, char **ret_data, size_t *ret_size)
{
        CLEANUP(free) char *data = NULL;
        size_t size = 0, room = 0;
        ssize_t n;

        for (;;) {
                if (size + 1 >= room) {
                        char *grown;

                        room = room ? room * 2 : 4096;
                        grown = realloc(data, room);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                n = read(fd, data + size, room - size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > max)
                        return -EFBIG;
        }
        data[size] = '\0';
        *ret_data = TAKE(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int read_file_at(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_size)
{
        CLEANUP(fd) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return read_fd(fd, max, ret_data, ret_size);
}

int read_file(const char *path, size_t max, char **ret_data, size_t *ret_size)
{
        return read_file_at(AT_FDCWD, path, max, ret_data, ret_size);
}

int read_link(const char *path, char **ret)
{
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target));

        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof(target))
                return -ENAMETOOLONG;
        *ret = strndup(target, (size_t)n);
        return *ret ? 0 : -ENOMEM;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)ftw;
        if ((type == FTW_DP ? rmdir(path) : unlink(path)) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

int remove_tree(const char *path)
{
        int r = nftw(path, remove_entry, /* open directories= */ 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

        if (r == -1)
                return errno == ENOENT ? 0 : -errno;
        return r;
}
