/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An emulator cannot be told to open its log again, so the log is copied and cut. All names are looked up in
 * the folder that was opened at first, and none is followed if it is a link.
 */

#include "daemon/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"

#define COPY_SIZE (64U * 1024)
#define COUNT_MAX 100U

/* `fd` is of the file, or the errno with which it could not be opened. */
static int check_log(const char *path, int fd, MusterError **ret_error)
{
        struct stat st;

        if (fd == -ELOOP)
                return error_set(ret_error, -ELOOP, _("The log %s is a symbolic link: remove it."), path);
        if (fd < 0)
                return error_errno(ret_error, fd, _("The log %s cannot be opened"), path);
        if (fstat(fd, &st) < 0)
                return error_errno(ret_error, -errno, _("The log %s cannot be opened"), path);
        if (!S_ISREG(st.st_mode))
                return error_set(ret_error, -EPERM, _("The log %s is no regular file: remove it."), path);
        if (st.st_uid != geteuid() || st.st_nlink > 1)
                return error_set(ret_error, -EPERM,
                                 _("The log %s belongs to another user, or has another name: remove it."),
                                 path);
        return 0;
}

int log_file_open(const char *path, int *ret, MusterError **ret_error)
{
        /* A FIFO would block, were it not for O_NONBLOCK; regular files do not know it. */
        CLEANUP(fd)
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                      0600);
        int r;

        r = check_log(path, fd < 0 ? -errno : fd, ret_error);
        if (r < 0)
                return r;
        if (fcntl(fd, F_SETFL, O_APPEND) < 0)
                return error_errno(ret_error, -errno, _("The log %s cannot be opened"), path);
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_folder(const char *path, const char **ret_name, MusterError **ret_error)
{
        const char *slash = strrchr(path, '/');
        CLEANUP(free) char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
        int fd;

        if (!folder)
                return error_oom(ret_error);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(ret_error, -errno, _("The folder %s cannot be opened"), folder);
        *ret_name = slash ? slash + 1 : path;
        return fd;
}

/* NAME.log.1 to .2, and so on; what falls off the end is replaced. */
static int move_up(int folder, const char *name, unsigned count)
{
        for (unsigned i = count; i > 1; i--) {
                CLEANUP(free) char *from = text_format("%s.%u", name, i - 1);
                CLEANUP(free) char *to = text_format("%s.%u", name, i);

                if (!from || !to)
                        return -ENOMEM;
                if (renameat(folder, from, folder, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

/*
 * What is written meanwhile comes along, but no more than `max` bytes: somebody may write faster than
 * this.
 */
static int copy(int from, off_t offset, uint64_t max, int to)
{
        CLEANUP(free) char *buffer = malloc(COPY_SIZE);
        bool at_line = offset == 0;

        if (!buffer)
                return -ENOMEM;
        for (uint64_t total = 0; total < max;) {
                ssize_t n = pread(from, buffer, COPY_SIZE, offset + (off_t)total);
                const char *data = buffer, *line;
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                total += (uint64_t)n;
                if (!at_line && (line = memchr(data, '\n', (size_t)n)))
                        data = line + 1;
                at_line = true;
                r = write_all(to, data, (size_t)(buffer + n - data));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int keep(int folder, const char *name, int log, uint64_t size, uint64_t size_max)
{
        CLEANUP(free) char *first = text_format("%s.1", name);
        CLEANUP(fd) int to = -1;
        uint64_t kept = 2 * size_max + COPY_SIZE, offset = size > kept ? size - kept : 0;

        if (!first)
                return -ENOMEM;
        /* With a count of one, or if an earlier attempt was cut short, it is still there. */
        if (unlinkat(folder, first, 0) < 0 && errno != ENOENT)
                return -errno;
        to = openat(folder, first, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        return copy(log, (off_t)offset, 2 * kept, to);
}

int log_file_rotate(const char *path, uint64_t size_max, unsigned count, MusterError **ret_error)
{
        CLEANUP(fd) int folder = -1, log = -1;
        const char *name = NULL;
        struct stat st;
        int r;

        folder = open_folder(path, &name, ret_error);
        if (folder < 0)
                return folder;
        log = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (log < 0 && errno == ENOENT)
                return 0;
        r = check_log(path, log < 0 ? -errno : log, ret_error);
        if (r < 0)
                return r;
        if (fstat(log, &st) < 0 || (uint64_t)st.st_size <= size_max)
                return 0;
        count = count > COUNT_MAX ? COUNT_MAX : count;
        r = move_up(folder, name, count);
        if (r == 0 && count > 0)
                r = keep(folder, name, log, (uint64_t)st.st_size, size_max);
        /* Even if there is no room to keep it: what fills the disk is this log. */
        if (ftruncate(log, 0) < 0 && r == 0)
                r = -errno;
        return r < 0 ? error_errno(ret_error, r, _("The log %s cannot be rotated"), path) : 1;
}
