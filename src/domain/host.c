/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/host-network.h"

/*
 * This machine. What is read of folders is read when it is first asked for, and once: most definitions need
 * neither firmware nor networks.
 */

typedef struct LocalHost {
        DomainHost host;
        struct utsname name;
        char *run_directory, *state_directory;
        FirmwareList *firmware;
        NetworkList *networks;
} LocalHost;

static int host_firmware(const DomainHost *host, const FirmwareList **ret, MusterError **ret_error)
{
        LocalHost *self = host->userdata;
        CLEANUP(strv) char **folders = NULL;

        if (!self->firmware) {
                int r = firmware_folders(/* user= */ geteuid() != 0, &folders);

                if (r == 0)
                        r = firmware_load(folders, &self->firmware, ret_error);
                else
                        error_oom(ret_error);
                if (r < 0)
                        return r;
        }
        *ret = self->firmware;
        return 0;
}

static int host_network(const DomainHost *host, const char *name, json_object **ret, MusterError **ret_error)
{
        LocalHost *self = host->userdata;
        CLEANUP(strv) char **folders = NULL;
        int r;

        if (!self->networks) {
                r = network_folders(/* user= */ geteuid() != 0, &folders);
                if (r < 0)
                        return error_oom(ret_error);
                r = network_load(folders, &self->networks, ret_error);
                if (r < 0)
                        return r;
        }
        r = network_find(self->networks, name, ret);
        return r == -ENOMEM ? error_oom(ret_error) : r;
}

/* --- files --------------------------------------------------------------------------------------- */

static int check_bytes(const struct stat *st)
{
        if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
                return 0;
        return S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
}

/*
 * What is no file of bytes (a FIFO, a terminal, a tape, a watchdog) may hold us up, or do something when it
 * is opened, so it is looked at before; and again then, since it may be another one.
 */
static int host_read_head(const DomainHost *host, const char *path, void *buffer, size_t size,
                          size_t *ret_size)
{
        CLEANUP(fd) int fd = -1;
        size_t done = 0;
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return -errno;
        r = check_bytes(&st);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        r = check_bytes(&st);
        if (r < 0)
                return r;
        while (done < size) {
                ssize_t n = read(fd, (char *)buffer + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        *ret_size = done;
        return 0;
}

static int host_file_mode(const DomainHost *host, const char *path, mode_t *ret)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        *ret = st.st_mode;
        return 0;
}

/* 0: it is not there. */
static int try_program(const char *folder, size_t size, const char *name, char **ret)
{
        CLEANUP(free) char *path = text_format("%.*s/%s", (int)size, folder, name);
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
                return 0;
        *ret = TAKE(path);
        return 1;
}

/* In PATH, of which relative folders do not count, then where helpers are that nobody calls by hand. */
static int host_find_program(const DomainHost *host, const char *name, char **ret)
{
        static const char *const folders[] = {"/usr/lib/qemu", "/usr/libexec", "/usr/libexec/qemu",
                                              "/usr/lib", "/usr/local/libexec"};
        const char *path = secure_getenv("PATH") ?: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
        int r = 0;

        if (!*name || strchr(name, '/'))
                return -ENOENT;
        while (r == 0 && *path) {
                size_t size = strcspn(path, ":");

                if (path[0] == '/' && size < PATH_MAX)
                        r = try_program(path, size, name, ret);
                path += size + (path[size] == ':');
        }
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(folders); i++)
                r = try_program(folders[i], strlen(folders[i]), name, ret);
        return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

static int host_random(const DomainHost *host, void *buffer, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = getrandom((char *)buffer + done, size - done, /* flags= */ 0);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        done += (size_t)n;
        }
        return 0;
}

/* --- directories --------------------------------------------------------------------------------- */

static char *users_run_directory(void)
{
        const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

        if (runtime && runtime[0] == '/')
                return text_format("%s/muster/domains", runtime);
        return text_format("/run/user/%lu/muster/domains", (unsigned long)geteuid());
}

/* NULL and *ret_known false: nobody says where home is. */
static char *users_state_directory(bool *ret_known)
{
        const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");

        *ret_known = true;
        if (state && state[0] == '/')
                return text_format("%s/muster/domains", state);
        if (home && home[0] == '/')
                return text_format("%s/.local/state/muster/domains", home);
        *ret_known = false;
        return NULL;
}

/* What a variable names, if it is absolute. */
static char *named_directory(const char *variable)
{
        const char *directory = secure_getenv(variable);

        return directory && directory[0] == '/' ? strdup(directory) : NULL;
}

static int find_directories(LocalHost *self, const char *run, const char *state, MusterError **ret_error)
{
        bool known = true, root = geteuid() == 0;

        self->run_directory = run ? strdup(run) : named_directory("MUSTER_RUN_DIR");
        if (!self->run_directory)
                self->run_directory = root ? strdup("/run/muster/domains") : users_run_directory();
        self->state_directory = state ? strdup(state) : named_directory("MUSTER_STATE_DIR");
        if (!self->state_directory)
                self->state_directory =
                        root ? strdup("/var/lib/muster/domains") : users_state_directory(&known);
        if (!known)
                return error_set(ret_error, -ENOENT,
                                 _("Nothing says where your home is; set HOME or XDG_STATE_HOME."));
        if (!self->run_directory || !self->state_directory)
                return error_oom(ret_error);
        self->host.run_directory = self->run_directory;
        self->host.state_directory = self->state_directory;
        return 0;
}

/* --- all of it ----------------------------------------------------------------------------------- */

int host_local(DomainHost **ret, MusterError **ret_error)
{
        return host_local_at(/* run_directory= */ NULL, /* state_directory= */ NULL, ret, ret_error);
}

int host_local_at(const char *run_directory, const char *state_directory, DomainHost **ret,
                  MusterError **ret_error)
{
        LocalHost *self = calloc(1, sizeof(*self));
        CLEANUP(DomainHost) DomainHost *host = self ? &self->host : NULL;
        int r;

        if (!self)
                return error_oom(ret_error);
        self->host = (DomainHost){
                .root = geteuid() == 0,
                .firmware = host_firmware,
                .read_head = host_read_head,
                .file_mode = host_file_mode,
                .find_program = host_find_program,
                .network = host_network,
                .random = host_random,
                .userdata = self,
        };
        r = find_directories(self, run_directory, state_directory, ret_error);
        if (r < 0)
                return r;
        if (uname(&self->name) < 0)
                return error_errno(ret_error, -errno, _("This machine's architecture"));
        /* The kernel's names are libvirt's, but for older Arms. */
        self->host.arch = startswith(self->name.machine, "armv") ? "armv7l" : self->name.machine;
        *ret = TAKE(host);
        return 0;
}

DomainHost *host_free(DomainHost *host)
{
        LocalHost *self = host ? host->userdata : NULL;

        if (!self)
                return NULL;
        firmware_list_free(self->firmware);
        network_list_free(self->networks);
        free(self->run_directory);
        free(self->state_directory);
        free(self);
        return NULL;
}
