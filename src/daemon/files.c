/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/access.h"

typedef struct Files {
        const FilesInput *input;
        json_object *remove, *granted;
        MusterError **ret_error;
} Files;

static bool is_own(const Files *files, const char *path)
{
        const char *const folders[] = {files->input->run_directory, files->input->state_directory};

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                const char *rest = startswith(path, folders[i]);

                if (rest && (*rest == '/' || *rest == '\0'))
                        return true;
        }
        return false;
}

static bool has_user(const Files *files)
{
        return files->input->user != NULL;
}

static int fail(const Files *files, int r, const char *path, const char *purpose)
{
        if (r == -ENOENT)
                return error_set(files->ret_error, r,
                                 _("%s (%s) is not there; make it, or correct the definition."), path,
                                 purpose);
        return error_errno(files->ret_error, r, "%s (%s)", path, purpose);
}

/* --- actions --------------------------------------------------------------------------------------- */

/* Every folder on the way; ours belong to the domain's user. */
static int make_directory(Files *files, const char *path, const char *purpose)
{
        CLEANUP(free) char *copy = strdup(path);
        struct stat st;

        if (!copy)
                return error_oom(files->ret_error);
        for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
                if (slash)
                        *slash = '\0';
                if (mkdir(copy, 0700) < 0 && errno != EEXIST)
                        return fail(files, -errno, copy, purpose);
                if (!slash)
                        break;
                *slash = '/';
        }
        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return fail(files, -ENOTDIR, path, purpose);
        return 0;
}

/* Read first, written later: that it is there, and for whom. */
static unsigned mode_of(const Files *files, const char *path)
{
        unsigned mode = ACCESS_READ;

        for (size_t i = 0; i < json_object_array_length(files->input->blockdev); i++) {
                const json_object *node = json_object_array_get_idx(files->input->blockdev, i);

                if (streq_ptr(json_get_string(node, "filename"), path) &&
                    !json_get_bool(node, "read-only", false))
                        mode = ACCESS_READ | ACCESS_WRITE;
        }
        return mode;
}

static int let_in(Files *files, const char *path, unsigned mode)
{
        const char *const own[] = {files->input->run_directory, files->input->state_directory, NULL};
        int r;

        if (!has_user(files) || is_own(files, path))
                return 0;
        r = access_grant(path, files->input->user, mode, own, files->ret_error);
        if (r < 0)
                return r;
        return json_append_string(files->granted, path) < 0 ? error_oom(files->ret_error) : 0;
}

/* A device of the host that is given away is reached through the node of its group. */
static int let_in_group(Files *files, const char *path)
{
        CLEANUP(free) char *link = NULL, *group = NULL, *node = NULL;
        const char *number;

        if (!has_user(files) || !startswith(path, "/sys/bus/"))
                return 0;
        link = text_format("%s/iommu_group", path);
        if (!link)
                return error_oom(files->ret_error);
        if (read_link(link, &group) < 0)
                return 0;
        number = strrchr(group, '/');
        node = text_format("/dev/vfio/%s", number ? number + 1 : group);
        if (!node)
                return error_oom(files->ret_error);
        return access(node, F_OK) < 0 ? 0 : let_in(files, node, ACCESS_READ | ACCESS_WRITE);
}

static int check_exists(Files *files, const char *path, const char *purpose)
{
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return fail(files, -errno, path, purpose);
        r = let_in_group(files, path);
        if (r < 0)
                return r;
        /* A device: what is done with it is said by requests, for which it is open both ways. */
        return let_in(files, path, S_ISCHR(st.st_mode) ? ACCESS_READ | ACCESS_WRITE : mode_of(files, path));
}

static int send_all(int from, int to)
{
        ssize_t n;

        do
                n = sendfile(to, from, NULL, (size_t)1 << 30);
        while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? -errno : 0;
}

/* Under another name first: what is there is whole. */
static int copy_file(Files *files, const char *from, const char *path, const char *purpose)
{
        CLEANUP(free) char *temporary = text_format("%s.muster-new", path);
        CLEANUP(fd) int source = -1, target = -1;
        int r;

        if (!temporary)
                return error_oom(files->ret_error);
        source = open(from, O_RDONLY | O_CLOEXEC);
        if (source < 0)
                return fail(files, -errno, from, purpose);
        (void)unlink(temporary);
        target = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (target < 0)
                return fail(files, -errno, temporary, purpose);
        r = send_all(source, target);
        if (r >= 0 && (fdatasync(target) < 0 || rename(temporary, path) < 0))
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary);
                return fail(files, r, path, purpose);
        }
        return 0;
}

static int write_secret(Files *files, const char *path, const char *content, const char *purpose)
{
        int r = write_file_at(AT_FDCWD, path, content, strlen(content), 0600, /* durable= */ false, NULL);

        if (r < 0)
                return fail(files, r, path, purpose);
        return json_append_string(files->remove, path) < 0 ? error_oom(files->ret_error) : 0;
}

/*
 * What the emulator makes by itself: in our folders, and where it is a socket, what is left there of an
 * earlier life is in its way. Elsewhere a file belongs to somebody: the emulator adds to it.
 */
static int make_way(Files *files, const char *path, const char *purpose)
{
        struct stat st;
        int fd;

        if (lstat(path, &st) == 0) {
                if ((is_own(files, path) && !S_ISDIR(st.st_mode)) || S_ISSOCK(st.st_mode)) {
                        if (unlink(path) < 0)
                                return fail(files, -errno, path, purpose);
                        return 0;
                }
                return let_in(files, path, ACCESS_READ | ACCESS_WRITE);
        }
        if (!has_user(files) || is_own(files, path) || strstr(path, ".sock"))
                return 0;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return fail(files, -errno, path, purpose);
        close(fd);
        return let_in(files, path, ACCESS_READ | ACCESS_WRITE);
}

static int do_file(Files *files, const json_object *file)
{
        const char *path = json_get_string(file, "path"), *action = json_get_string(file, "action"),
                   *from = json_get_string(file, "from"), *purpose = json_get_string(file, "purpose") ?: "?";
        bool there = access(path, F_OK) == 0;

        if (streq(action, "directory"))
                return make_directory(files, path, purpose);
        if (streq(action, "exists"))
                return check_exists(files, path, purpose);
        if (streq(action, "replace") || (streq(action, "copy") && !there))
                return copy_file(files, from ?: "", path, purpose);
        if (streq(action, "create"))
                return make_way(files, path, purpose);
        if (streq(action, "secret"))
                return write_secret(files, path, json_get_string(file, "content") ?: "", purpose);
        if (streq(action, "remove"))
                return json_append_string(files->remove, path) < 0 ? error_oom(files->ret_error) : 0;
        return let_in(files, path, ACCESS_READ | ACCESS_WRITE); /* a copy that was there */
}

/* --- whose they are -------------------------------------------------------------------------------- */

static _Thread_local uid_t new_uid;
static _Thread_local gid_t new_gid;

/*
 * A file with a second name may be somebody else's, to which an emulator that went wrong has made a link (as
 * far as fs.protected_hardlinks lets it).
 */
static int give(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)ftw;
        if (type == FTW_NS || (S_ISREG(st->st_mode) && st->st_nlink > 1))
                return 0;
        if ((st->st_uid != new_uid || st->st_gid != new_gid) && lchown(path, new_uid, new_gid) < 0 &&
            errno != ENOENT)
                return -errno;
        return 0;
}

static int give_all(Files *files)
{
        const char *const folders[] = {files->input->run_directory, files->input->state_directory};

        new_uid = files->input->user->uid;
        new_gid = files->input->user->gid;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                int r = nftw(folders[i], give, 16, FTW_PHYS | FTW_MOUNT);

                if (r < 0 && r != -1)
                        return error_errno(files->ret_error, r, "%s", folders[i]);
                if (r == -1 && errno != ENOENT)
                        return error_errno(files->ret_error, -errno, "%s", folders[i]);
        }
        return 0;
}

/* --- all of it ------------------------------------------------------------------------------------- */

int files_prepare(const FilesInput *input, json_object **ret_remove, json_object **ret_granted,
                  MusterError **ret_error)
{
        Files files = {
                .input = input,
                .remove = json_object_new_array(),
                .granted = json_object_new_array(),
                .ret_error = ret_error,
        };
        int r = files.remove && files.granted ? 0 : error_oom(ret_error);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(input->files); i++)
                r = do_file(&files, json_object_array_get_idx(input->files, i));
        if (r >= 0 && has_user(&files))
                r = give_all(&files);
        *ret_remove = files.remove;
        *ret_granted = files.granted;
        return r;
}

void files_clean_up(const json_object *remove, const json_object *granted, uid_t uid)
{
        for (size_t i = 0; remove && i < json_object_array_length(remove); i++)
                (void)unlink(json_object_get_string(json_object_array_get_idx(remove, i)));
        if (uid == (uid_t)-1)
                return;
        for (size_t i = 0; granted && i < json_object_array_length(granted); i++)
                (void)access_revoke(json_object_get_string(json_object_array_get_idx(granted, i)), uid,
                                    NULL);
}

int files_listen(const char *path, int *ret_fd, MusterError **ret_error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return error_set(ret_error, -ENAMETOOLONG, _("%s is too long for a socket's path."), path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_errno(ret_error, -errno, "%s", path);
        if (unlink(path) < 0 && errno != ENOENT)
                return error_errno(ret_error, -errno, "%s", path);
        /* Nobody can connect before it listens, and then the mode is right. */
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
            listen(fd, 8) < 0)
                return error_errno(ret_error, -errno, "%s", path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}
