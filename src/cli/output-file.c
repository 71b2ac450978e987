/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

#define LINKS_MAX 40 /* as many as the kernel follows */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction actions_before[ELEMENTSOF(signals)];
static const char *volatile doomed; /* what a signal is to remove */

/* Nothing that a library does while it writes can be cancelled otherwise, and a slow disk takes its time. */
static void on_signal(int number)
{
        if (doomed)
                unlink(doomed);
        _exit(128 + number);
}

static void watch_signals(const char *path)
{
        doomed = path;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                const struct sigaction action = {.sa_handler = on_signal};

                sigaction(signals[i], &action, &actions_before[i]);
                if (actions_before[i].sa_handler == SIG_IGN) /* nohup */
                        sigaction(signals[i], &actions_before[i], /* oldact= */ NULL);
        }
}

static void leave_signals(void)
{
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaction(signals[i], &actions_before[i], /* oldact= */ NULL);
        doomed = NULL;
}

/* The folder of a path with the slash behind it: "" for the current one. */
static char *folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return strndup(path, slash ? (size_t)(slash + 1 - path) : 0);
}

/* What a link says, as it stands in `*path`. 0 if it leads into an open file (/dev/stdout), else 1. */
static int follow(char **path)
{
        CLEANUP(free) char *folder = folder_of(*path), *target = NULL;
        struct statfs fs;
        char *followed;
        int r;

        if (!folder)
                return -ENOMEM;
        if (statfs(*folder ? folder : ".", &fs) < 0)
                return -errno;
        if (fs.f_type == PROC_SUPER_MAGIC)
                return 0;
        r = read_link(*path, &target);
        if (r < 0)
                return r;
        followed = text_format("%s%s", *target == '/' ? "" : folder, target);
        if (!followed)
                return -ENOMEM;
        free(*path);
        *path = followed;
        return 1;
}

/* Follows links to what is written. 1 if a file may take its place: it is regular, or absent (a mode of 0).
 */
static int find_place(char **path, struct stat *ret_st)
{
        for (unsigned i = 0; i < LINKS_MAX; i++) {
                int r;

                if (lstat(*path, ret_st) < 0) {
                        ret_st->st_mode = 0;
                        return errno == ENOENT ? 1 : -errno;
                }
                if (!S_ISLNK(ret_st->st_mode))
                        return S_ISREG(ret_st->st_mode);
                r = follow(path);
                if (r <= 0)
                        return r;
        }
        return -ELOOP;
}

static char *temporary_beside(const char *path)
{
        CLEANUP(free) char *folder = folder_of(path);
        uint64_t random;

        if (!folder || getrandom(&random, sizeof(random), 0) != sizeof(random))
                return NULL;
        return text_format("%s.muster-%016llx", folder, (unsigned long long)random);
}

/* In the place of a file that may be written, with its owner and its rights. */
static int open_temporary(OutputFile *file, const struct stat *there)
{
        int r = 0;

        if (there->st_mode != 0 && faccessat(AT_FDCWD, file->path, W_OK, AT_EACCESS) < 0)
                return -errno;
        file->temporary = temporary_beside(file->path);
        if (!file->temporary)
                return -ENOMEM;
        watch_signals(file->temporary);
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
        if (file->fd < 0) {
                r = -errno;
        } else if (there->st_mode != 0) {
                if (fchown(file->fd, there->st_uid, there->st_gid) < 0 && errno != EPERM)
                        r = -errno;
                if (fchmod(file->fd, there->st_mode & 0777) < 0)
                        r = -errno;
        }
        return r;
}

int output_file_open(OutputFile *file, const char *path, MusterError **ret_error)
{
        struct stat there;
        int r;

        file->path = strdup(path);
        if (!file->path)
                return error_oom(ret_error);
        r = find_place(&file->path, &there);
        if (r > 0) {
                r = open_temporary(file, &there);
        } else if (r == 0) {
                file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
                r = file->fd < 0 ? -errno : 0;
        }
        return r < 0 ? error_errno(ret_error, r, _("%s cannot be written"), path) : 0;
}

int output_file_commit(OutputFile *file, MusterError **ret_error)
{
        int r = 0;

        if (file->temporary && fsync(file->fd) < 0)
                r = -errno;
        if (close(TAKE_FD(file->fd)) < 0 && r == 0)
                r = -errno;
        if (r == 0 && file->temporary && rename(file->temporary, file->path) < 0)
                r = -errno;
        if (r < 0 && file->path)
                return error_errno(ret_error, r, _("%s cannot be written"), file->path);
        if (r < 0)
                return error_errno(ret_error, r, _("Cannot write the output"));
        if (file->temporary)
                leave_signals();
        free(TAKE(file->temporary));
        return 0;
}

void output_file_done(OutputFile *file)
{
        if (file->fd >= 0)
                close(file->fd);
        if (file->temporary) {
                unlink(file->temporary);
                leave_signals();
        }
        free(file->temporary);
        free(file->path);
        *file = OUTPUT_FILE_NULL;
}
