/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/i18n.h"
#include "base/util.h"
#include "muster/emulator.h"

/*
 * Debian and most others install emulators in /usr/bin; Red Hat's one lies in /usr/libexec as qemu-kvm, and
 * so may, on Debian, binaries behind a wrapper in /usr/bin (qemu-system-i386), which are not to be listed
 * beside it. One executable that is reached by several names or folders (/bin is a link to /usr/bin) is
 * listed once, by the name that comes first.
 */

#define EMULATORS_MAX 1024

static const char *const usual_folders[] = {"/usr/bin", "/usr/local/bin"};
static const char *const usual_kvm_folders[] = {"/usr/libexec", "/usr/lib/qemu", "/usr/lib/qemu-kvm"};

/* uname()'s machine: QEMU's target and Debian 12's package. */
static const struct {
        const char *machine, *target, *package;
} machines[] = {
        {"x86_64", "x86_64", "qemu-system-x86"},
        {"i686", "i386", "qemu-system-x86"},
        {"i586", "i386", "qemu-system-x86"},
        {"i486", "i386", "qemu-system-x86"},
        {"i386", "i386", "qemu-system-x86"},
        {"aarch64", "aarch64", "qemu-system-arm"},
        {"armv8l", "arm", "qemu-system-arm"},
        {"armv7l", "arm", "qemu-system-arm"},
        {"armv6l", "arm", "qemu-system-arm"},
        {"armv5tel", "arm", "qemu-system-arm"},
        {"ppc64le", "ppc64", "qemu-system-ppc"},
        {"ppc64", "ppc64", "qemu-system-ppc"},
        {"ppc", "ppc", "qemu-system-ppc"},
        {"mips", "mips", "qemu-system-mips"},
        {"mips64", "mips64", "qemu-system-mips"},
        {"sparc64", "sparc64", "qemu-system-sparc"},
        {"sparc", "sparc", "qemu-system-sparc"},
        {"riscv64", "riscv64", "qemu-system-misc"},
        {"riscv32", "riscv32", "qemu-system-misc"},
        {"s390x", "s390x", "qemu-system-misc"},
        {"loongarch64", "loongarch64", "qemu-system-misc"},
        {"m68k", "m68k", "qemu-system-misc"},
        {"parisc64", "hppa", "qemu-system-misc"},
        {"alpha", "alpha", "qemu-system-misc"},
};

typedef struct Found {
        char *path;
        const char *name; /* within path */
        bool daemon, link;
        size_t folder;
        dev_t dev;
        ino_t ino;
} Found;

typedef struct FoundList {
        Found *items;
        size_t n, n_room;
} FoundList;

static void cleanup_found(FoundList *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i].path);
        free(list->items);
}

static bool ends_with(const char *text, const char *end)
{
        size_t n = strlen(text), m = strlen(end);

        return n >= m && streq(text + n - m, end);
}

static bool is_emulator_name(const char *name, bool only_kvm)
{
        const char *target;

        if (streq(name, "qemu-kvm"))
                return true;
        if (only_kvm)
                return false;
        if (streq(name, "qemu-storage-daemon"))
                return true;
        target = startswith(name, "qemu-system-");
        /* What package managers and editors leave beside a file that they replace is none. */
        return target && *target && !strchr(target, '~') && !strstr(target, ".dpkg-") &&
               !strstr(target, ".rpm") && !ends_with(target, ".debug");
}

static int add_found(FoundList *list, const char *folder, size_t index, const char *name)
{
        CLEANUP(free) char *path = NULL;
        struct stat st, own;
        Found *found;

        if (list->n == EMULATORS_MAX)
                return 0;
        if (asprintf(&path, "%s/%s", folder, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || lstat(path, &own) < 0 ||
            faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
                return 0;
        if (list->n == list->n_room) {
                size_t room = list->n_room ? list->n_room * 2 : 32;
                Found *grown = realloc(list->items, room * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                list->items = grown;
                list->n_room = room;
        }
        found = &list->items[list->n++];
        *found = (Found){
                .path = TAKE(path),
                .daemon = streq(name, "qemu-storage-daemon"),
                .link = S_ISLNK(own.st_mode),
                .folder = index,
                .dev = st.st_dev,
                .ino = st.st_ino,
        };
        found->name = strrchr(found->path, '/') + 1;
        return 0;
}

/* A relative folder in PATH means another one tomorrow: it is left out. One that is not there is empty. */
static int search_folders(FoundList *list, char *const *folders, bool only_kvm, size_t *index)
{
        for (; folders && *folders; folders++, (*index)++) {
                CLEANUP(dir) DIR *dir = **folders == '/' ? opendir(*folders) : NULL;
                const struct dirent *entry;

                while (dir && (entry = readdir(dir))) {
                        int r;

                        if (!is_emulator_name(entry->d_name, only_kvm))
                                continue;
                        r = add_found(list, *folders, *index, entry->d_name);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int compare_found(const void *a, const void *b)
{
        const Found *x = a, *y = b;
        int order;

        if (x->daemon != y->daemon)
                return x->daemon ? 1 : -1;
        order = strcmp(x->name, y->name);
        if (order != 0)
                return order;
        return x->folder < y->folder ? -1 : x->folder > y->folder;
}

/* Of several names of one executable: its own before a link's, the earlier folder's before the later's. */
static bool is_better_name(const Found *a, const Found *b)
{
        if (a->link != b->link)
                return b->link;
        return a->folder != b->folder ? a->folder < b->folder : strcmp(a->name, b->name) < 0;
}

static bool has_better_name(const FoundList *list, const Found *found)
{
        for (size_t i = 0; i < list->n; i++) {
                const Found *other = &list->items[i];

                if (other != found && other->dev == found->dev && other->ino == found->ino &&
                    is_better_name(other, found))
                        return true;
        }
        return false;
}

static int search(char *const *folders, char *const *only_kvm, FoundList *list)
{
        size_t index = 0;
        int r;

        r = search_folders(list, folders, /* only_kvm= */ false, &index);
        if (r < 0)
                return r;
        r = search_folders(list, only_kvm, /* only_kvm= */ true, &index);
        if (r < 0)
                return r;
        if (list->n > 0)
                qsort(list->items, list->n, sizeof(*list->items), compare_found);
        return 0;
}

int find_emulators(char *const *folders, char *const *only_kvm, char ***ret_paths, MusterError **ret_error)
{
        CLEANUP(found) FoundList list = {};
        CLEANUP(strv) char **paths = calloc(1, sizeof(*paths));

        if (!paths || search(folders, only_kvm, &list) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; i < list.n; i++) {
                /* The same folder twice gives the same path twice, neither of which is the better name. */
                if (has_better_name(&list, &list.items[i]) || strv_contains(paths, list.items[i].path))
                        continue;
                if (strv_append(&paths, list.items[i].path) < 0)
                        return error_oom(ret_error);
        }
        *ret_paths = TAKE(paths);
        return 0;
}

/* The first folder's file of this name, for a verb that has no time to list folders. */
static int find_name(FoundList *list, char *const *folders, const char *name)
{
        for (; folders && *folders && list->n == 0; folders++) {
                int r = **folders == '/' ? add_found(list, *folders, /* index= */ 0, name) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int find_default(const char *machine, char *const *folders, char *const *only_kvm, char **ret_path,
                 MusterError **ret_error)
{
        CLEANUP(found) FoundList list = {};
        CLEANUP(free) char *name = NULL;
        const char *target = machine, *package = "qemu-system";
        int r;

        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (streq(machines[i].machine, machine)) {
                        target = machines[i].target;
                        package = machines[i].package;
                }
        if (asprintf(&name, "qemu-system-%s", target) < 0) {
                name = NULL;
                return error_oom(ret_error);
        }
        r = find_name(&list, folders, name);
        if (r == 0)
                r = find_name(&list, folders, "qemu-kvm");
        if (r == 0)
                r = find_name(&list, only_kvm, "qemu-kvm");
        if (r < 0)
                return error_oom(ret_error);
        if (list.n == 0)
                return error_set(ret_error, -ENOENT,
                                 _("There is no emulator for this host: neither %s nor qemu-kvm is in PATH "
                                   "or the usual "
                                   "folders; install the package %s, or name an emulator."),
                                 name, package);
        *ret_path = TAKE(list.items[0].path);
        return 0;
}

static int append_all(char ***folders, const char *const *more, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int r = strv_append(folders, more[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int default_folders(char ***ret_folders, char ***ret_kvm)
{
        CLEANUP(strv) char **folders = NULL, **kvm = NULL;
        const char *path = getenv("PATH");
        int r;

        r = strv_split(path ? path : "", ":", &folders);
        if (r < 0)
                return r;
        r = append_all(&folders, usual_folders, ELEMENTSOF(usual_folders));
        if (r < 0)
                return r;
        r = append_all(&kvm, usual_kvm_folders, ELEMENTSOF(usual_kvm_folders));
        if (r < 0)
                return r;
        *ret_folders = TAKE(folders);
        *ret_kvm = TAKE(kvm);
        return 0;
}

_public_ int muster_emulators_find(char ***ret_paths, MusterError **ret_error)
{
        CLEANUP(strv) char **folders = NULL, **kvm = NULL;

        if (default_folders(&folders, &kvm) < 0)
                return error_oom(ret_error);
        return find_emulators(folders, kvm, ret_paths, ret_error);
}

_public_ int muster_emulator_default(char **ret_path, MusterError **ret_error)
{
        CLEANUP(strv) char **folders = NULL, **kvm = NULL;
        struct utsname uts;

        if (default_folders(&folders, &kvm) < 0)
                return error_oom(ret_error);
        if (uname(&uts) < 0)
                return error_errno(ret_error, -errno, _("The host's architecture cannot be found out"));
        return find_default(uts.machine, folders, kvm, ret_path, ret_error);
}

static const char *package_of(const char *target)
{
        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (streq(machines[i].target, target))
                        return machines[i].package;
        return "qemu-system";
}

int find_for_target(const char *target, char **ret_path, MusterError **ret_error)
{
        CLEANUP(strv) char **folders = NULL, **kvm = NULL;
        CLEANUP(found) FoundList list = {};
        CLEANUP(free) char *name = text_format("qemu-system-%s", target);
        struct utsname uts;

        if (!name || default_folders(&folders, &kvm) < 0 || find_name(&list, folders, name) < 0)
                return error_oom(ret_error);
        if (list.n > 0) {
                *ret_path = TAKE(list.items[0].path);
                return 0;
        }
        if (uname(&uts) == 0)
                for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                        if (streq(machines[i].machine, uts.machine) && streq(machines[i].target, target))
                                return find_default(uts.machine, folders, kvm, ret_path, ret_error);
        return error_set(ret_error, -ENOENT,
                         _("There is no emulator for %s: %s is neither in PATH nor in the usual folders; "
                           "install the package %s, or name an emulator."),
                         target, name, package_of(target));
}
