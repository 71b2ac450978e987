/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The file is opened once, without rights (O_PATH) and without following links, and everything else happens
 * to that: its list is read and written through /proc/self/fd, so nobody can put another file in its place
 * in between.
 *
 * An entry for a user counts only as far as the list's mask allows, and the mask bounds all named entries
 * and the group. Widening it for ours must not wake rights of others that it had put to sleep: those are
 * cut down to what the old mask left of them first.
 */

#include "daemon/access.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"

#define LINKS_MAX    8
#define FD_PATH_SIZE 32
#define ACCESS_MASK  (ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE)

static void cleanup_acl(acl_t *acl)
{
        if (*acl)
                acl_free(*acl);
}

/* A list is read, changed and written, and an image may be granted to many at once. A file system that hangs
 * shall not hold up the others. */
static pthread_mutex_t locks[] = {
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};

static void cleanup_lock(pthread_mutex_t **lock)
{
        (void)pthread_mutex_unlock(*lock);
}

static pthread_mutex_t *lock_device(dev_t device)
{
        pthread_mutex_t *lock = &locks[device % ELEMENTSOF(locks)];

        (void)pthread_mutex_lock(lock);
        return lock;
}

typedef struct File {
        int fd;
        struct stat st;
        char *path; /* where it really is */
} File;

static void cleanup_file_opened(File *file)
{
        cleanup_fd(&file->fd);
        free(file->path);
}

static const char *fd_path(int fd, char buffer[static FD_PATH_SIZE])
{
        snprintf(buffer, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
        return buffer;
}

/* Where the link leads: relative to its folder. */
static int follow(File *file)
{
        char *next, text[PATH_MAX];
        ssize_t n;

        n = readlinkat(file->fd, "", text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        next = text[0] == '/' ? strdup(text)
                              : text_format("%.*s/%s", (int)(strrchr(file->path, '/') - file->path),
                                            file->path, text);
        if (!next)
                return -ENOMEM;
        free(file->path);
        file->path = next;
        return 0;
}

static int open_step(File *file)
{
        cleanup_fd(&file->fd);
        file->fd = open(file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (file->fd < 0)
                return -errno;
        return fstat(file->fd, &file->st) < 0 ? -errno : 0;
}

static int open_file(const char *path, File *file, MusterError **ret_error)
{
        int r;

        if (path[0] != '/')
                return error_set(ret_error, -EINVAL, _("%s is not an absolute path."), path);
        file->path = strdup(path);
        if (!file->path)
                return error_oom(ret_error);
        for (unsigned i = 0; i < LINKS_MAX; i++) {
                r = open_step(file);
                if (r < 0)
                        return error_errno(ret_error, r, _("%s cannot be looked at"), file->path);
                if (!S_ISLNK(file->st.st_mode))
                        return 0;
                if (file->st.st_uid != 0 && file->st.st_uid != geteuid())
                        return error_set(
                                ret_error, -ELOOP,
                                _("%s is a symbolic link that another user made: name what it leads to."),
                                file->path);
                r = follow(file);
                if (r < 0)
                        return error_errno(ret_error, r, _("%s cannot be looked at"), file->path);
        }
        return error_set(ret_error, -ELOOP, _("%s is a chain of too many symbolic links."), path);
}

static unsigned permissions(acl_entry_t entry)
{
        static const acl_perm_t bits[] = {ACL_EXECUTE, ACL_WRITE, ACL_READ};
        acl_permset_t set;
        unsigned result = 0;

        if (acl_get_permset(entry, &set) < 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(bits); i++)
                if (acl_get_perm(set, bits[i]) > 0)
                        result |= bits[i];
        return result;
}

static int set_permissions(acl_entry_t entry, unsigned access)
{
        static const acl_perm_t bits[] = {ACL_EXECUTE, ACL_WRITE, ACL_READ};
        acl_permset_t set;

        if (acl_get_permset(entry, &set) < 0 || acl_clear_perms(set) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(bits); i++)
                if ((access & bits[i]) && acl_add_perm(set, bits[i]) < 0)
                        return -errno;
        return 0;
}

static acl_tag_t tag_of(acl_entry_t entry)
{
        acl_tag_t tag = ACL_UNDEFINED_TAG;

        (void)acl_get_tag_type(entry, &tag);
        return tag;
}

/* uid_t and gid_t are of one size. */
static id_t id_of(acl_entry_t entry)
{
        uid_t *qualifier = acl_get_qualifier(entry), id = qualifier ? *qualifier : (uid_t)-1;

        if (qualifier)
                acl_free(qualifier);
        return id;
}

static bool next_entry(acl_t acl, acl_entry_t *entry)
{
        int which = *entry ? ACL_NEXT_ENTRY : ACL_FIRST_ENTRY;

        return acl_get_entry(acl, which, entry) == 1;
}

static acl_entry_t find(acl_t acl, acl_tag_t tag, id_t id)
{
        acl_entry_t entry = NULL;

        while (next_entry(acl, &entry))
                if (tag_of(entry) == tag && (tag != ACL_USER || id_of(entry) == id))
                        return entry;
        return NULL;
}

static bool is_in_group(const ProcessUser *user, gid_t gid)
{
        if (user->gid == gid)
                return true;
        for (size_t i = 0; i < user->n_groups; i++)
                if (user->groups[i] == gid)
                        return true;
        return false;
}

/* acl(5), "Access check algorithm": one entry of the class that fits has to hold all that is asked for. */
static bool may(acl_t acl, const struct stat *st, const ProcessUser *user, unsigned access)
{
        acl_entry_t entry = find(acl, ACL_MASK, 0);
        unsigned mask = entry ? permissions(entry) : ACCESS_MASK;
        bool in_group = false;

        if (user->uid == 0)
                return true;
        if (st->st_uid == user->uid)
                return !(access & ~permissions(find(acl, ACL_USER_OBJ, 0)));
        /* With an empty mask Linux does not look at named entries at all. */
        entry = mask ? find(acl, ACL_USER, user->uid) : NULL;
        if (entry)
                return !(access & ~(permissions(entry) & mask));
        while (next_entry(acl, &entry)) {
                acl_tag_t tag = tag_of(entry);

                if (tag != ACL_GROUP_OBJ && (tag != ACL_GROUP || !mask))
                        continue;
                if (!is_in_group(user, tag == ACL_GROUP ? id_of(entry) : st->st_gid))
                        continue;
                in_group = true;
                if (!(access & ~(permissions(entry) & mask)))
                        return true;
        }
        return !in_group && !(access & ~permissions(find(acl, ACL_OTHER, 0)));
}

/* What the mask leaves of the others becomes all that they have; returns that mask, or what is to be it. */
static int settle_mask(acl_t *acl, acl_entry_t *ret_mask, unsigned *ret_old)
{
        acl_entry_t mask = find(*acl, ACL_MASK, 0), entry = NULL;
        int r;

        if (!mask) {
                *ret_old = permissions(find(*acl, ACL_GROUP_OBJ, 0));
                if (acl_create_entry(acl, ret_mask) < 0 || acl_set_tag_type(*ret_mask, ACL_MASK) < 0)
                        return -errno;
                return set_permissions(*ret_mask, *ret_old);
        }
        *ret_mask = mask;
        *ret_old = permissions(mask);
        while (next_entry(*acl, &entry)) {
                acl_tag_t tag = tag_of(entry);

                if (tag != ACL_USER && tag != ACL_GROUP && tag != ACL_GROUP_OBJ)
                        continue;
                r = set_permissions(entry, permissions(entry) & *ret_old);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_entry(acl_t *acl, uid_t uid, unsigned access)
{
        acl_entry_t entry, mask;
        unsigned old;
        int r;

        r = settle_mask(acl, &mask, &old);
        if (r == 0)
                r = set_permissions(mask, old | access);
        if (r < 0)
                return r;
        entry = find(*acl, ACL_USER, uid);
        if (!entry && (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, ACL_USER) < 0 ||
                       acl_set_qualifier(entry, &uid) < 0))
                return -errno;
        return set_permissions(entry, access);
}

static bool has_named(acl_t acl)
{
        acl_entry_t entry = NULL;

        while (next_entry(acl, &entry))
                if (tag_of(entry) == ACL_USER || tag_of(entry) == ACL_GROUP)
                        return true;
        return false;
}

/* Without others the mask has no use, and hides what mode the file has. */
static int remove_entry(acl_t *acl, acl_entry_t entry)
{
        acl_entry_t mask;
        unsigned old;
        int r;

        r = settle_mask(acl, &mask, &old);
        if (r < 0)
                return r;
        if (acl_delete_entry(*acl, entry) < 0)
                return -errno;
        if (!has_named(*acl) && acl_delete_entry(*acl, mask) < 0)
                return -errno;
        return 0;
}

static int read_acl(const File *file, acl_t *ret)
{
        char path[FD_PATH_SIZE];
        acl_t acl = acl_get_file(fd_path(file->fd, path), ACL_TYPE_ACCESS);

        if (!acl && errno == EOPNOTSUPP)
                acl = acl_from_mode(file->st.st_mode);
        if (!acl)
                return -errno;
        *ret = acl;
        return 0;
}

static int write_acl(const File *file, acl_t acl)
{
        char path[FD_PATH_SIZE];

        return acl_set_file(fd_path(file->fd, path), ACL_TYPE_ACCESS, acl) < 0 ? -errno : 0;
}

static int explain(int r, const File *file, const ProcessUser *user, MusterError **ret_error)
{
        if (r == -EOPNOTSUPP)
                return error_set(ret_error, r,
                                 _("User %u may not reach %s, and its file system has no access control "
                                   "lists: give it the right by owner, group or mode."),
                                 (unsigned)user->uid, file->path);
        if (r == -EPERM)
                return error_set(ret_error, r,
                                 _("User %u may not reach %s, and the right to it is not ours to give."),
                                 (unsigned)user->uid, file->path);
        return error_errno(ret_error, r, _("User %u cannot be given access to %s"), (unsigned)user->uid,
                           file->path);
}

static int grant_file(const File *file, const ProcessUser *user, unsigned access, MusterError **ret_error)
{
        __attribute__((unused, cleanup(cleanup_lock))) pthread_mutex_t *lock = lock_device(file->st.st_dev);
        __attribute__((cleanup(cleanup_acl))) acl_t acl = NULL;
        acl_entry_t entry;
        int r;

        r = read_acl(file, &acl);
        if (r < 0)
                return explain(r, file, user, ret_error);
        entry = find(acl, ACL_USER, user->uid);
        if (may(acl, &file->st, user, access) && (!entry || permissions(entry) == access))
                return 0;
        /* The owner's own entry goes before. */
        if (file->st.st_uid == user->uid)
                return error_set(ret_error, -EACCES,
                                 _("User %u owns %s, whose mode does not let its owner do that."),
                                 (unsigned)user->uid, file->path);
        r = add_entry(&acl, user->uid, access);
        if (r == 0)
                r = write_acl(file, acl);
        return r < 0 ? explain(r, file, user, ret_error) : 0;
}

static bool is_own(const char *path, const char *const *own)
{
        for (; own && *own; own++) {
                const char *rest = startswith(path, *own);

                if (rest && (*rest == '\0' || *rest == '/') && !strstr(rest, "/.."))
                        return true;
        }
        return false;
}

static int pass_folder(const char *path, const ProcessUser *user, const char *const *own,
                       MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_acl))) acl_t acl = NULL;
        __attribute__((cleanup(cleanup_file_opened))) File folder = {.fd = -1};
        int r;

        folder.path = strdup(path);
        if (!folder.path)
                return error_oom(ret_error);
        /* Links among the folders are the host's business: its /var/run, its mounts. Our own are none. */
        folder.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | (is_own(path, own) ? O_NOFOLLOW : 0));
        if (folder.fd < 0 || fstat(folder.fd, &folder.st) < 0)
                return error_errno(ret_error, -errno, _("%s cannot be looked at"), path);
        if (is_own(path, own))
                return grant_file(&folder, user, ACCESS_EXECUTE, ret_error);
        r = read_acl(&folder, &acl);
        if (r < 0)
                return explain(r, &folder, user, ret_error);
        if (!may(acl, &folder.st, user, ACCESS_EXECUTE))
                return error_set(ret_error, -EACCES,
                                 _("User %u may not go through the folder %s: move the file, or allow it "
                                   "(setfacl -m u:%u:x %s)."),
                                 (unsigned)user->uid, path, (unsigned)user->uid, path);
        return 0;
}

/* Each folder from the root down to the file's own. */
static int pass_folders(const char *path, const ProcessUser *user, const char *const *own,
                        MusterError **ret_error)
{
        CLEANUP(free) char *folder = strdup(path);
        int r;

        if (!folder)
                return error_oom(ret_error);
        r = pass_folder("/", user, own, ret_error);
        for (char *slash = strchr(folder + 1, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = pass_folder(folder, user, own, ret_error);
                *slash = '/';
        }
        return r;
}

int access_grant(const char *path, const ProcessUser *user, unsigned access, const char *const *own,
                 MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_file_opened))) File file = {.fd = -1};
        int r;

        r = open_file(path, &file, ret_error);
        /* Through a link the emulator goes both ways. */
        if (r == 0)
                r = pass_folders(path, user, own, ret_error);
        if (r == 0 && !streq(path, file.path))
                r = pass_folders(file.path, user, own, ret_error);
        return r < 0 ? r : grant_file(&file, user, access & ACCESS_MASK, ret_error);
}

static int revoke_file(const File *file, uid_t uid)
{
        __attribute__((unused, cleanup(cleanup_lock))) pthread_mutex_t *lock = lock_device(file->st.st_dev);
        __attribute__((cleanup(cleanup_acl))) acl_t acl = NULL;
        acl_entry_t entry;
        int r;

        r = read_acl(file, &acl);
        if (r < 0)
                return r;
        entry = find(acl, ACL_USER, uid);
        if (!entry)
                return 0;
        r = remove_entry(&acl, entry);
        return r < 0 ? r : write_acl(file, acl);
}

int access_revoke(const char *path, uid_t uid, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_file_opened))) File file = {.fd = -1};
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = open_file(path, &file, &error);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0) {
                HAND_OVER(ret_error, error);
                return r;
        }
        r = revoke_file(&file, uid);
        return r < 0 ? error_errno(ret_error, r, _("The access of user %u to %s cannot be taken away"),
                                   (unsigned)uid, file.path)
                     : 0;
}
