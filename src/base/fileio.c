/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/* /proc's files say size 0, so the size is found by reading. */
int read_fd(int fd, size_t max, char **ret_data, size_t *ret_size)
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

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

/* "a/b" -> "a/.tmp-<random>": in the same folder, so that rename() stays within one file system. */
static char *temporary_name(const char *name)
{
        const char *slash = strrchr(name, '/');
        size_t folder = slash ? (size_t)(slash - name) + 1 : 0;
        unsigned long long random = 0;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return NULL;
        return text_format("%.*s.tmp-%016llx", (int)folder, name, random);
}

int write_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool durable,
                  FileStamp *ret_stamp)
{
        CLEANUP(free) char *temporary = temporary_name(name);
        CLEANUP(fd) int fd = -1;
        struct stat st;
        int r;

        if (!temporary)
                return -ENOMEM;
        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        /* Without it a crash may leave a file of the new name with none of its content. */
        if (r == 0 && durable && fdatasync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dirfd, temporary, 0);
                return r;
        }
        /* Renaming has changed its ctime. */
        if (ret_stamp)
                *ret_stamp = fstat(fd, &st) == 0 ? file_stamp(&st) : (FileStamp){0};
        return 0;
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

void close_fds_from(int first)
{
        struct rlimit limit;

        if (syscall(SYS_close_range, first, ~0U, 0) == 0)
                return;
        /* Linux before 5.9. */
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
                limit.rlim_cur = 65536;
        for (int fd = first; fd < (int)limit.rlim_cur; fd++)
                (void)close(fd);
}
