/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/*
 * QEMU looks for a module in $QEMU_MODULE_DIR, then in the folder that was compiled in, relocated: since 5.2
 * it is taken relative to the executable (…/bin/../lib/x86_64-linux-gnu/qemu), or below qemu-bundle beside
 * it where that exists. What was compiled in is not known from outside, but there are few customs: lib/qemu,
 * lib64/qemu, lib/<triplet>/qemu. All that hold modules are counted together, since a folder too many only
 * costs a needless probe one day, while one too few would let facts go stale.
 *
 * The fingerprint is over names and contents, so that the same package on another host, or installed again,
 * has the same; it costs about a millisecond for the 36 modules (1.7 MB) of Debian 12. The stamp is over
 * names, inodes and times, costs a stat() each, and tells that the fingerprint needs no new look.
 */

#define MODULES_MAX      4096
#define MODULE_BYTES_MAX (UINT64_C(512) * 1024 * 1024)
#define LIB_FOLDERS_MAX  64

typedef struct Module {
        char *name;
        char *path;
        FileStamp stamp;
} Module;

typedef struct Scan {
        char **folders;
        FileStamp *seen; /* a folder may be reached by two names: lib64 is a link to lib on some systems */
        size_t n_seen;
        char *dir;
        Module *modules;
        size_t n_modules, n_room;
} Scan;

static void cleanup_scan(Scan *scan)
{
        for (size_t i = 0; i < scan->n_modules; i++) {
                free(scan->modules[i].name);
                free(scan->modules[i].path);
        }
        free(scan->modules);
        free(scan->seen);
        free(scan->dir);
        strv_free(scan->folders);
}

void modules_clear(Modules *modules)
{
        free(modules->dir);
        *modules = (Modules){};
}

static int add_folder(Scan *scan, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int add_folder(Scan *scan, const char *format, ...)
{
        CLEANUP(free) char *path = NULL;
        va_list args;

        va_start(args, format);
        path = text_vformat(format, args);
        va_end(args);
        if (!path)
                return -ENOMEM;
        return strv_append(&scan->folders, path);
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* lib/<triplet>/qemu for every triplet: that of the emulator need not be that of this program. */
static int add_triplets(Scan *scan, const char *lib)
{
        CLEANUP(strv) char **names = NULL;
        CLEANUP(dir) DIR *dir = opendir(lib);
        const struct dirent *entry;
        size_t n = 0;
        int r;

        while (dir && n < LIB_FOLDERS_MAX && (entry = readdir(dir))) {
                if (!strstr(entry->d_name, "-linux-"))
                        continue;
                r = strv_append(&names, entry->d_name);
                if (r < 0)
                        return r;
                n++;
        }
        if (n == 0)
                return 0;
        qsort(names, n, sizeof(*names), compare_strings);
        for (size_t i = 0; i < n; i++) {
                r = add_folder(scan, "%s/%s/qemu", lib, names[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_prefix(Scan *scan, const char *root, const char *prefix, const char *below)
{
        CLEANUP(free) char *lib = NULL;
        int r;

        if (asprintf(&lib, "%s%s%s/lib", root, prefix, below) < 0) {
                lib = NULL;
                return -ENOMEM;
        }
        r = add_triplets(scan, lib);
        if (r < 0)
                return r;
        r = add_folder(scan, "%s64/qemu", lib);
        if (r < 0)
                return r;
        return add_folder(scan, "%s/qemu", lib);
}

/*
 * Since 5.0 also /var/run/qemu/<package version>, where packages put the modules of an emulator that still
 * runs when they are upgraded. The version is compiled in, so all are taken.
 */
static int add_runtime(Scan *scan, const char *root)
{
        CLEANUP(free) char *run = text_format("%s/var/run/qemu", root);
        CLEANUP(strv) char **names = NULL;
        CLEANUP(dir) DIR *dir = run ? opendir(run) : NULL;
        const struct dirent *entry;
        size_t n = 0;
        int r = run ? 0 : -ENOMEM;

        while (r == 0 && dir && n < LIB_FOLDERS_MAX && (entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        r = strv_append(&names, entry->d_name);
                        n++;
                }
        if (r == 0 && n > 0)
                qsort(names, n, sizeof(*names), compare_strings);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_folder(scan, "%s/%s", run, names[i]);
        return r;
}

static int add_folders(Scan *scan, const char *root, const char *executable, const char *first_dir)
{
        CLEANUP(free) char *exec_dir = strdup(executable);
        char *slash;
        int r;

        if (!exec_dir)
                return -ENOMEM;
        if (first_dir && *first_dir == '/') {
                r = add_folder(scan, "%s%s", root, first_dir);
                if (r < 0)
                        return r;
        }
        slash = strrchr(exec_dir, '/');
        if (!slash)
                return 0;
        *slash = '\0';
        r = add_prefix(scan, root, exec_dir, "/qemu-bundle/usr/local");
        if (r < 0)
                return r;
        slash = strrchr(exec_dir, '/');
        if (slash)
                *slash = '\0';
        r = add_prefix(scan, root, exec_dir, "");
        return r < 0 ? r : add_runtime(scan, root);
}

static int add_module(Scan *scan, const char *folder, const char *name, const struct stat *st)
{
        Module *module;

        if (scan->n_modules == MODULES_MAX)
                return -E2BIG;
        if (scan->n_modules == scan->n_room) {
                size_t room = scan->n_room ? scan->n_room * 2 : 64;
                Module *grown = realloc(scan->modules, room * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                scan->modules = grown;
                scan->n_room = room;
        }
        module = &scan->modules[scan->n_modules];
        *module = (Module){.name = strdup(name), .stamp = file_stamp(st)};
        scan->n_modules++;
        if (!module->name || asprintf(&module->path, "%s/%s", folder, name) < 0) {
                module->path = NULL;
                return -ENOMEM;
        }
        return 0;
}

static bool is_module_name(const char *name)
{
        size_t n = strlen(name);

        return n > strlen(".so") && streq(name + n - strlen(".so"), ".so");
}

/* 1 if the folder was scanned before; its stamp is remembered otherwise. */
static int folder_seen(Scan *scan, const struct stat *st)
{
        FileStamp *grown;

        for (size_t i = 0; i < scan->n_seen; i++)
                if (scan->seen[i].dev == st->st_dev && scan->seen[i].ino == st->st_ino)
                        return 1;
        grown = realloc(scan->seen, (scan->n_seen + 1) * sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        scan->seen = grown;
        scan->seen[scan->n_seen++] = file_stamp(st);
        return 0;
}

/* A folder that is not there or cannot be read holds nothing for the emulator either. */
static int scan_folder(Scan *scan, const char *folder)
{
        CLEANUP(dir) DIR *dir = opendir(folder);
        const struct dirent *entry;
        size_t before = scan->n_modules;
        struct stat st;
        int r;

        if (!dir || fstat(dirfd(dir), &st) < 0)
                return 0;
        r = folder_seen(scan, &st);
        if (r != 0)
                return r < 0 ? r : 0;
        while ((entry = readdir(dir))) {
                if (!is_module_name(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 ||
                    !S_ISREG(st.st_mode))
                        continue;
                r = add_module(scan, folder, entry->d_name, &st);
                if (r < 0)
                        return r;
        }
        if (scan->n_modules > before && !scan->dir) {
                scan->dir = strdup(folder);
                if (!scan->dir)
                        return -ENOMEM;
        }
        return 0;
}

static int compare_modules(const void *a, const void *b)
{
        const Module *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : strcmp(x->path, y->path);
}

/* What cannot be read (the emulator could not either), or is too much to read, counts by its stamp. */
static void print_content(FILE *out, const Module *module, uint64_t *budget)
{
        CLEANUP(fd) int fd = -1;
        char hex[DIGEST_HEX_SIZE];

        if (module->stamp.size <= *budget)
                fd = open(module->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && digest_fd(fd, hex) == 0) {
                *budget -= module->stamp.size;
                fputs(hex, out);
                return;
        }
        file_stamp_print(&module->stamp, out);
}

/* A digest over one line for each module: its name, and its stamp or its content. */
static int digest_modules(const Scan *scan, bool content, char ret_hex[static DIGEST_HEX_SIZE])
{
        CLEANUP(free) char *text = NULL;
        uint64_t budget = MODULE_BYTES_MAX;
        bool failed;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < scan->n_modules; i++) {
                fprintf(out, "%s ", scan->modules[i].name);
                if (content)
                        print_content(out, &scan->modules[i], &budget);
                else
                        file_stamp_print(&scan->modules[i].stamp, out);
                fputc('\n', out);
        }
        failed = ferror(out);
        if (fclose(out) != 0 || failed)
                return -ENOMEM;
        return digest_bytes(text, size, ret_hex);
}

static int scan_all(Scan *scan, const char *root, const char *executable, const char *first_dir)
{
        int r;

        r = add_folders(scan, root, executable, first_dir);
        if (r < 0)
                return r;
        for (char **folder = scan->folders; folder && *folder; folder++) {
                r = scan_folder(scan, *folder);
                if (r < 0)
                        return r;
        }
        if (scan->n_modules > 0)
                qsort(scan->modules, scan->n_modules, sizeof(*scan->modules), compare_modules);
        return 0;
}

int modules_scan(const char *root, const char *executable, const char *first_dir, const Identity *known,
                 Modules *ret)
{
        CLEANUP(scan) Scan scan = {};
        Modules modules = {};
        int r;

        r = scan_all(&scan, root, executable, first_dir);
        if (r < 0)
                return r;
        if (scan.n_modules > 0) {
                r = digest_modules(&scan, /* content= */ false, modules.stamp);
                if (r < 0)
                        return r;
                if (known && streq(known->modules_stamp, modules.stamp))
                        memcpy(modules.fingerprint, known->modules_fingerprint, sizeof(modules.fingerprint));
                else
                        r = digest_modules(&scan, /* content= */ true, modules.fingerprint);
                if (r < 0)
                        return r;
        }
        modules.dir = TAKE(scan.dir);
        modules.count = scan.n_modules;
        *ret = modules;
        return 0;
}

int modules_observe(const char *root, const char *executable, const char *first_dir, FILE *out,
                    int64_t *newest_nsec)
{
        CLEANUP(scan) Scan scan = {};
        int r;

        r = scan_all(&scan, root, executable, first_dir);
        for (size_t i = 0; r == 0 && i < scan.n_modules; i++)
                file_stamp_observe(&scan.modules[i].stamp, scan.modules[i].path, out, newest_nsec);
        return r;
}

int modules_fingerprint(const char *root, const char *executable, char **ret_dir, size_t *ret_count,
                        char ret_hex[static DIGEST_HEX_SIZE])
{
        Modules modules;
        int r;

        r = modules_scan(root, executable, /* first_dir= */ NULL, /* known= */ NULL, &modules);
        if (r < 0)
                return r;
        *ret_dir = modules.dir;
        *ret_count = modules.count;
        memcpy(ret_hex, modules.fingerprint, DIGEST_HEX_SIZE);
        return 0;
}
