/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "emulator/proc.h"

/*
 * The command line is read the way QEMU reads it (lookup_opt() in its vl.c): an option is a word that begins
 * with '-' or '--' and equals an option's name; if that takes an argument, it is the next word, whatever it
 * looks like ("-opt=arg" is no option at all). So `-name -runas` changes no user. Which options take an
 * argument differs from release to release: the table lists those that do from QEMU 4.0 to 11.1; the
 * argument of one that it does not list is looked at as if it were an option. That errs on the safe side: a
 * condition too many refuses a dynamic reopen, one too few lets it fail in a running guest.
 *
 * Some conditions leave traces outside the command line (a launcher may do the like by itself): user ids
 * that differ from each other, and a root that the executable lies outside of. A process that was in a
 * chroot or a container already when its executable was started is not meant: it opens and reopens by the
 * same names.
 */

#define CMDLINE_SIZE_MAX ((size_t)8 * 1024 * 1024)
#define STATUS_SIZE_MAX  ((size_t)64 * 1024)

/* Sorted by strcmp(). */
static const char *const with_argument[] = {
        "D",           "L",          "M",
        "accel",       "acpitable",  "action",
        "add-fd",      "append",     "audio",
        "audiodev",    "bios",       "blockdev",
        "boot",        "bt",         "cdrom",
        "chardev",     "chroot",     "compat",
        "cpu",         "d",          "debugcon",
        "device",      "dfilter",    "display",
        "drive",       "dtb",        "dump-vmstate",
        "echr",        "fda",        "fdb",
        "fsdev",       "fw_cfg",     "g",
        "gdb",         "global",     "hda",
        "hdachs",      "hdb",        "hdc",
        "hdd",         "icount",     "incoming",
        "initrd",      "iscsi",      "k",
        "kernel",      "loadvm",     "m",
        "machine",     "mem-path",   "mon",
        "monitor",     "msg",        "mtdblock",
        "name",        "net",        "netdev",
        "nic",         "numa",       "object",
        "option-rom",  "overcommit", "parallel",
        "pflash",      "pidfile",    "plugin",
        "prom-env",    "qmp",        "qmp-pretty",
        "qtest",       "qtest-log",  "readconfig",
        "realtime",    "rotate",     "rtc",
        "run-with",    "runas",      "sandbox",
        "sd",          "seed",       "semihosting-config",
        "serial",      "set",        "shim",
        "smbios",      "smp",        "soundhw",
        "spice",       "tb-size",    "tpmdev",
        "trace",       "usbdevice",  "uuid",
        "vga",         "virtfs",     "virtioconsole",
        "vnc",         "watchdog",   "watchdog-action",
        "writeconfig", "xen-domid",
};

static int compare_names(const void *key, const void *entry)
{
        return strcmp(key, *(const char *const *)entry);
}

static bool takes_argument(const char *name)
{
        return bsearch(name, with_argument, ELEMENTSOF(with_argument), sizeof(with_argument[0]),
                       compare_names);
}

/*
 * One `key[=value],` of QemuOpts text; returns the rest. In a value two commas stand for one, so a comma
 * ends it only if no second follows: `user=a,,chroot=b` names one user.
 */
static const char *next_key(const char *text, size_t *ret_length)
{
        const char *end = text + strcspn(text, "=,");

        *ret_length = (size_t)(end - text);
        if (*end == '=')
                for (end++; *end && !(end[0] == ',' && end[1] != ','); end++)
                        if (*end == ',')
                                end++;
        return *end ? end + 1 : end;
}

static unsigned conditions_of_run_with(const char *text)
{
        unsigned conditions = 0;

        while (*text) {
                const char *key = text;
                size_t length;

                text = next_key(key, &length);
                if (length == strlen("user") && memcmp(key, "user", length) == 0)
                        conditions |= LAUNCH_RUNAS;
                if (length == strlen("chroot") && memcmp(key, "chroot", length) == 0)
                        conditions |= LAUNCH_CHROOT;
        }
        return conditions;
}

unsigned launch_from_argv(char *const *argv)
{
        unsigned conditions = 0;

        if (!argv || !argv[0])
                return 0;
        for (char *const *arg = argv + 1; *arg; arg++) {
                const char *name = *arg;

                if (*name != '-')
                        continue;
                name += name[1] == '-' ? 2 : 1;
                if (!arg[1] || !takes_argument(name))
                        continue;
                arg++;
                if (streq(name, "runas"))
                        conditions |= LAUNCH_RUNAS;
                else if (streq(name, "chroot"))
                        conditions |= LAUNCH_CHROOT;
                else if (streq(name, "run-with"))
                        conditions |= conditions_of_run_with(*arg);
        }
        return conditions;
}

bool launch_changes_facts(char *const *argv)
{
        if (!argv || !argv[0])
                return false;
        for (char *const *arg = argv + 1; *arg; arg++) {
                const char *name = *arg;

                if (*name != '-')
                        continue;
                name += name[1] == '-' ? 2 : 1;
                if (streq(name, "compat") || streq(name, "readconfig"))
                        return true;
                if (arg[1] && takes_argument(name))
                        arg++;
        }
        return false;
}

static int read_argv(pid_t pid, char ***ret)
{
        CLEANUP(strv) char **argv = NULL;
        CLEANUP(free) char *data = NULL;
        char path[PROC_PATH_SIZE];
        size_t size, n = 0;
        int r;

        r = read_file(proc_path(pid, "cmdline", path), CMDLINE_SIZE_MAX, &data, &size);
        if (r < 0)
                return r;
        /* A zombie and a kernel thread have none. */
        if (size == 0)
                return -ESRCH;
        for (size_t i = 0; i < size; i += strlen(data + i) + 1)
                n++;
        argv = calloc(n + 1, sizeof(*argv));
        if (!argv)
                return -ENOMEM;
        n = 0;
        for (size_t i = 0; i < size; i += strlen(data + i) + 1) {
                argv[n] = strdup(data + i);
                if (!argv[n++])
                        return -ENOMEM;
        }
        *ret = TAKE(argv);
        return 0;
}

/* Real, effective, saved and file system id: those of a process that was just started are all the same. */
static int uids_differ(pid_t pid, bool *ret)
{
        CLEANUP(free) char *data = NULL;
        char path[PROC_PATH_SIZE];
        unsigned real, effective, saved, fs;
        const char *line;
        int r;

        r = read_file(proc_path(pid, "status", path), STATUS_SIZE_MAX, &data, NULL);
        if (r < 0)
                return r;
        line = strstr(data, "\nUid:");
        if (!line || sscanf(line, "\nUid: %u %u %u %u", &real, &effective, &saved, &fs) != 4)
                return -EBADMSG;
        *ret = real != effective || real != saved || real != fs;
        return 0;
}

/* Pure: whether a process with this root and this executable, as /proc names them, left it behind. */
static bool root_left_executable(const char *root, const char *executable)
{
        const char *rest;

        /* "/" that is not ours is the root of another mount namespace: a container, entered before. */
        if (streq(root, "/"))
                return false;
        rest = startswith(executable, root);
        return !rest || *rest != '/';
}

static int root_changed(pid_t pid, bool *ret)
{
        CLEANUP(free) char *root = NULL, *executable = NULL;
        char path[PROC_PATH_SIZE];
        struct stat theirs, ours;
        int r;

        if (stat(proc_path(pid, "root", path), &theirs) < 0 || stat("/", &ours) < 0)
                return -errno;
        if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) {
                *ret = false;
                return 0;
        }
        r = read_link(path, &root);
        if (r < 0)
                return r;
        r = read_link(proc_path(pid, "exe", path), &executable);
        if (r < 0)
                return r;
        *ret = root_left_executable(root, executable);
        return 0;
}

static int launch_error(pid_t pid, int r, MusterError **ret_error)
{
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -ENOENT || r == -ESRCH)
                return error_set(
                        ret_error, -ESRCH,
                        _("The emulator, process %d, ended before it could be looked at; start it again."),
                        (int)pid);
        if (r == -EACCES || r == -EPERM)
                return error_set(ret_error, -EACCES,
                                 _("How the emulator, process %d, was started cannot be seen: it runs as "
                                   "another user; "
                                   "run muster as that user or as root."),
                                 (int)pid);
        return error_errno(ret_error, r,
                           _("How the emulator, process %d, was started cannot be read from /proc"),
                           (int)pid);
}

int launch_argv(pid_t pid, char ***ret, MusterError **ret_error)
{
        int r = read_argv(pid, ret);

        return r < 0 ? launch_error(pid, r, ret_error) : 0;
}

int launch_of_process(pid_t pid, unsigned *ret_conditions, MusterError **ret_error)
{
        CLEANUP(strv) char **argv = NULL;
        unsigned conditions;
        bool differ, changed;
        int r;

        r = read_argv(pid, &argv);
        if (r < 0)
                return launch_error(pid, r, ret_error);
        r = uids_differ(pid, &differ);
        if (r < 0)
                return launch_error(pid, r, ret_error);
        r = root_changed(pid, &changed);
        if (r < 0)
                return launch_error(pid, r, ret_error);

        conditions = launch_from_argv(argv);
        if (differ)
                conditions |= LAUNCH_UID;
        if (changed)
                conditions |= LAUNCH_CHROOT;
        *ret_conditions = conditions;
        return 0;
}

int launch_fd_access(pid_t pid, int fd, int *ret_mode)
{
        CLEANUP(free) char *data = NULL;
        char path[PROC_PATH_SIZE], name[32];
        const char *line;
        unsigned flags;
        int r;

        snprintf(name, sizeof(name), "fdinfo/%d", fd);
        r = read_file(proc_path(pid, name, path), STATUS_SIZE_MAX, &data, NULL);
        if (r < 0)
                return r;
        line = strstr(data, "flags:");
        if (!line || sscanf(line, "flags: %o", &flags) != 1)
                return -EBADMSG;
        *ret_mode = (int)(flags & O_ACCMODE);
        return 0;
}

const char *launch_condition_name(unsigned bit)
{
        switch (bit) {
        case LAUNCH_RUNAS:
                return _("it gives up its user (-runas or -run-with user=)");
        case LAUNCH_CHROOT:
                return _("it shuts itself into another root directory (-chroot or -run-with chroot=)");
        case LAUNCH_UID:
                return _("it changes its user id");
        case LAUNCH_SINGLE_FD:
                return _("the image was passed without both a read-only and a writable descriptor");
        default:
                return _("an unknown launch condition");
        }
}
