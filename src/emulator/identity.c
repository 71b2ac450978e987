/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/identity-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "emulator/proc.h"

/*
 * /proc/PID/exe is opened, not its name: the link leads to the file that the kernel mapped, whatever
 * became of the name, and into a chroot or a container. The name is for people: it is taken from the link's
 * text and proved by comparing what lies there with what was opened. d_path() gives it from our own root if
 * the process's root lies below that; out of another mount namespace it gives it from that one's root.
 *
 * The pid is all that the caller has, and pids are reused: the start time is read first and last, and if it
 * is the same then everything between was of one process.
 */

#define EXECUTABLE_MAX   ((off_t)1024 * 1024 * 1024)
#define ENVIRON_SIZE_MAX ((size_t)8 * 1024 * 1024)
#define HASH_TRIES       3

static void clear(Identity *identity)
{
        for (size_t i = 0; i < identity->n_links; i++) {
                free(identity->links[i].path);
                free(identity->links[i].name);
        }
        free(identity->links);
        for (size_t i = 0; i < identity->n_watched; i++)
                free(identity->watched[i].path);
        free(identity->watched);
        free(identity->path);
        free(identity->executable);
        free(identity->modules_dir);
        free(identity->modules_root);
        free(identity->modules_inside);
        free(identity->modules_env);
}

void identity_clear(Identity *identity)
{
        clear(identity);
        *identity = (Identity){};
}

/* The digest that `known` has for the file with this stamp, as executable or as a link; NULL. */
static const char *known_digest(const Identity *known, const FileStamp *stamp)
{
        if (!known)
                return NULL;
        if (known->digest[0] && file_stamp_equal(&known->stamp, stamp))
                return known->digest;
        for (size_t i = 0; i < known->n_links; i++)
                if (known->links[i].digest[0] && file_stamp_equal(&known->links[i].stamp, stamp))
                        return known->links[i].digest;
        return NULL;
}

/* A file that is written to while it is read has no digest: -ETXTBSY. The ctime may change: it was unlinked.
 */
int identity_hash(int fd, const Identity *known, FileStamp *ret_stamp, char ret_hex[static DIGEST_HEX_SIZE])
{
        for (unsigned i = 0; i < HASH_TRIES; i++) {
                FileStamp before, after;
                const char *digest;
                char hex[DIGEST_HEX_SIZE];
                struct stat st;
                int r;

                if (fstat(fd, &st) < 0)
                        return -errno;
                if (!S_ISREG(st.st_mode))
                        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
                if (st.st_size > EXECUTABLE_MAX)
                        return -EFBIG;
                before = file_stamp(&st);
                digest = known_digest(known, &before);
                if (digest) {
                        *ret_stamp = before;
                        memcpy(ret_hex, digest, DIGEST_HEX_SIZE);
                        return 0;
                }
                r = digest_fd(fd, hex);
                if (r < 0)
                        return r;
                if (fstat(fd, &st) < 0)
                        return -errno;
                after = file_stamp(&st);
                if (after.size != before.size || after.mtime_nsec != before.mtime_nsec)
                        continue;
                *ret_stamp = before;
                memcpy(ret_hex, hex, DIGEST_HEX_SIZE);
                return 0;
        }
        return -ETXTBSY;
}

static bool is_file(const char *path, const struct stat *file)
{
        struct stat st;

        return stat(path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* 1 if the text "<root><name>" names `file`; it is then handed over, where wanted. */
static int try_name(const char *root, const char *name, const struct stat *file, char **ret)
{
        CLEANUP(free) char *path = NULL;

        if (asprintf(&path, "%s%s", root, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (!is_file(path, file))
                return 0;
        HAND_OVER(ret, path);
        return 1;
}

/* Names the opened executable, see the head of this file. */
static int name_executable(pid_t pid, const struct stat *file, const char *root, Identity *identity)
{
        static const char suffix[] = " (deleted)";
        CLEANUP(free) char *text = NULL;
        char path[PROC_PATH_SIZE];
        size_t n;
        int r;

        r = read_link(proc_path(pid, "exe", path), &text);
        if (r < 0)
                return r;
        r = try_name("", text, file, &identity->executable);
        if (r == 0 && !streq(root, "/"))
                r = try_name(root, text, file, &identity->executable);
        if (r != 0)
                return r < 0 ? r : 0;
        r = try_name(proc_path(pid, "root", path), text, file, /* ret= */ NULL);
        if (r < 0)
                return r;
        n = strlen(text);
        if (r == 0 && n > strlen(suffix) && streq(text + n - strlen(suffix), suffix))
                text[n - strlen(suffix)] = '\0';
        identity->deleted = r == 0;
        identity->executable = TAKE(text);
        return 0;
}

/* The value of $QEMU_MODULE_DIR of the process, NULL where it has none or does not tell. */
static int read_module_dir(pid_t pid, char **ret)
{
        CLEANUP(free) char *data = NULL;
        char path[PROC_PATH_SIZE];
        size_t size;
        int r;

        r = read_file(proc_path(pid, "environ", path), ENVIRON_SIZE_MAX, &data, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < size; i += strlen(data + i) + 1) {
                const char *value = startswith(data + i, "QEMU_MODULE_DIR=");

                if (!value)
                        continue;
                *ret = strdup(value);
                return *ret ? 0 : -ENOMEM;
        }
        return 0;
}

/* Remembers where modules_scan() looked. */
int identity_keep_place(Identity *identity, const char *root, const char *inside, const char *first_dir)
{
        identity->modules_root = strdup(root);
        identity->modules_inside = strdup(inside);
        identity->modules_env = first_dir ? strdup(first_dir) : NULL;
        return identity->modules_root && identity->modules_inside && (!first_dir || identity->modules_env)
                       ? 0
                       : -ENOMEM;
}

void identity_take_modules(Identity *identity, Modules *modules)
{
        identity->modules_dir = TAKE(modules->dir);
        identity->n_modules = modules->count;
        memcpy(identity->modules_fingerprint, modules->fingerprint, DIGEST_HEX_SIZE);
        memcpy(identity->modules_stamp, modules->stamp, DIGEST_HEX_SIZE);
}

/*
 * Where the modules lie from our point of view. The folder is named as the executable is: from our root if
 * the process's root lies below it (a chroot), else from its own (a container), where it is reached through
 * /proc/PID/root. With a root that the executable lies outside of (-chroot), the executable's surroundings
 * count: modules were loaded before.
 */
static int find_modules(pid_t pid, const char *root, const Identity *known, Identity *identity)
{
        CLEANUP(free) char *first_dir = NULL;
        const char *from = "", *executable = identity->executable, *inside;
        char proc_root[PROC_PATH_SIZE];
        Modules modules;
        struct stat ours;
        int r;

        r = read_module_dir(pid, &first_dir);
        if (r < 0)
                return r;
        proc_path(pid, "root", proc_root);
        if (stat("/", &ours) < 0)
                return -errno;
        if (!is_file(proc_root, &ours)) {
                inside = startswith(executable, root);
                if (streq(root, "/")) {
                        from = proc_root;
                } else if (inside && *inside == '/') {
                        from = root;
                        executable = inside;
                }
        }
        r = modules_scan(from, executable, first_dir, known, &modules);
        if (r < 0)
                return r;
        if (from == proc_root && modules.dir)
                memmove(modules.dir, modules.dir + strlen(from), strlen(modules.dir) - strlen(from) + 1);
        identity_take_modules(identity, &modules);
        /* Out of a process's own root, the way ends with the process. */
        identity->watchable = from != proc_root && !identity->deleted;
        return identity_keep_place(identity, from, executable, first_dir);
}

/* The start time of a process that is alive; -ESRCH for a zombie, whose /proc/PID leads nowhere. */
static int read_start(pid_t pid, uint64_t *ret)
{
        ProcStat stat;
        int r;

        r = proc_stat(pid, &stat);
        if (r < 0)
                return r;
        if (stat.state == 'Z' || stat.state == 'X')
                return -ESRCH;
        *ret = stat.start;
        return 0;
}

static int identify(pid_t pid, const Identity *known, Identity *identity)
{
        CLEANUP(free) char *root = NULL;
        CLEANUP(fd) int fd = -1;
        char path[PROC_PATH_SIZE];
        uint64_t start, again;
        struct stat st;
        int r;

        r = read_start(pid, &start);
        if (r < 0)
                return r;
        fd = open(proc_path(pid, "exe", path), O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        r = read_link(proc_path(pid, "root", path), &root);
        if (r < 0)
                return r;
        r = name_executable(pid, &st, root, identity);
        if (r < 0)
                return r;
        r = find_modules(pid, root, known, identity);
        if (r < 0)
                return r;
        r = identity_hash(fd, known, &identity->stamp, identity->digest);
        if (r < 0)
                return r;
        r = identity_follow_chain(&st, known, identity);
        if (r < 0)
                return r;
        r = read_start(pid, &again);
        if (r < 0)
                return r;
        return again == start ? 0 : -ESRCH;
}

static int process_error(pid_t pid, const char *path, int r, MusterError **ret_error)
{
        switch (r) {
        case -ENOMEM:
                return error_oom(ret_error);
        case -ENOENT:
        case -ESRCH:
                return error_set(
                        ret_error, -ESRCH,
                        _("%s: the emulator, process %d, ended before it could be identified; try again."),
                        path, (int)pid);
        case -EACCES:
        case -EPERM:
                return error_set(ret_error, -EACCES,
                                 _("%s: the executable of the emulator, process %d, may not be read, since "
                                   "it runs as "
                                   "another user or is not readable; run muster as that user or as root."),
                                 path, (int)pid);
        default:
                return error_errno(ret_error, r, _("%s: the emulator, process %d, cannot be identified"),
                                   path, (int)pid);
        }
}

int identity_of_process(pid_t pid, const char *path, const Identity *known, Identity *ret,
                        MusterError **ret_error)
{
        CLEANUP(identity) Identity identity = {.path = strdup(path)};
        int r;

        if (!identity.path)
                return error_oom(ret_error);
        r = identify(pid, known, &identity);
        if (r < 0)
                return process_error(pid, path, r, ret_error);
        *ret = identity;
        identity = (Identity){};
        return 0;
}

static int identify_file(const char *path, const Identity *known, Identity *identity)
{
        CLEANUP(fd) int fd = -1;
        Modules modules;
        int r;

        identity->executable = realpath(path, NULL);
        if (!identity->executable)
                return -errno;
        fd = open(identity->executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        r = identity_hash(fd, known, &identity->stamp, identity->digest);
        if (r < 0)
                return r;
        r = modules_scan("", identity->executable, /* first_dir= */ NULL, known, &modules);
        if (r < 0)
                return r;
        identity_take_modules(identity, &modules);
        identity->watchable = true;
        return identity_keep_place(identity, "", identity->executable, /* first_dir= */ NULL);
}

static int file_error(const char *path, int r, MusterError **ret_error)
{
        switch (r) {
        case -ENOMEM:
                return error_oom(ret_error);
        case -ENOENT:
                return error_set(ret_error, r, _("%s: there is no such file; give the path of an emulator."),
                                 path);
        case -EACCES:
                return error_set(ret_error, r,
                                 _("%s: the file may not be read; run muster as a user who may."), path);
        case -EISDIR:
        case -EINVAL:
                return error_set(ret_error, r,
                                 _("%s: this is no regular file; give the path of an emulator."), path);
        case -EFBIG:
                return error_set(ret_error, r, _("%s: the file is larger than 1 GiB, which no emulator is."),
                                 path);
        default:
                return error_errno(ret_error, r, _("%s: the file cannot be identified"), path);
        }
}

int identity_of_file(const char *path, const Identity *known, Identity *ret, MusterError **ret_error)
{
        CLEANUP(identity) Identity identity = {.path = strdup(path)};
        int r;

        if (!identity.path)
                return error_oom(ret_error);
        r = identify_file(path, known, &identity);
        if (r < 0)
                return file_error(path, r, ret_error);
        *ret = identity;
        identity = (Identity){};
        return 0;
}
