/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The emulator finds them under the numbers that its arguments name, so they lie in an array in which the
 * place is the number: a plan whose numbers leave a gap, or meet, is not carried out.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/descriptors-private.h"

#define FIRST_FD        3
#define DESCRIPTORS_MAX 4096U

/* --- settling -------------------------------------------------------------------------------------- */

static int add_link(const json_object *macvtap, json_object *links)
{
        CLEANUP(json) json_object *link = json_object_new_object();

        if (!link || json_add_string(link, "name", json_get_string(macvtap, "name")) < 0 ||
            json_add_string(link, "mac", json_get_string(macvtap, "mac")) < 0)
                return -ENOMEM;
        return json_append(links, TAKE(link));
}

int descriptors_settle(json_object *fds, json_object **ret_links, MusterError **ret_error)
{
        CLEANUP(json) json_object *links = json_object_new_array();

        if (!links)
                return error_oom(ret_error);
        for (size_t i = 0; i < json_object_array_length(fds); i++) {
                json_object *macvtap =
                        json_get(json_object_array_get_idx(fds, i), "macvtap", json_type_object);
                int r = macvtap ? macvtap_settle(macvtap, ret_error) : 0;

                if (r < 0)
                        return r;
                if (macvtap && add_link(macvtap, links) < 0)
                        return error_oom(ret_error);
        }
        *ret_links = TAKE(links);
        return 0;
}

/* --- opening --------------------------------------------------------------------------------------- */

static int64_t count_of(const json_object *entry)
{
        return json_get_int(entry, "count", 1);
}

/* How many there are; -EINVAL: they do not follow one another. */
static int64_t count_all(const json_object *fds)
{
        int64_t next = FIRST_FD;

        for (size_t i = 0; i < json_object_array_length(fds); i++) {
                const json_object *entry = json_object_array_get_idx(fds, i);
                int64_t count = count_of(entry);

                if (json_get_int(entry, "fd", -1) != next || count < 1 || count > DESCRIPTORS_MAX)
                        return -EINVAL;
                next += count;
                if (next > DESCRIPTORS_MAX)
                        return -EINVAL;
        }
        return next - FIRST_FD;
}

static const char *module_of(const char *path)
{
        return streq(path, "/dev/vhost-net")     ? "vhost_net"
               : streq(path, "/dev/vhost-vsock") ? "vhost_vsock"
                                                 : NULL;
}

static int open_node(const char *path, const char *purpose, int *ret, MusterError **ret_error)
{
        const char *module = module_of(path);
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

        if (fd >= 0) {
                *ret = fd;
                return 0;
        }
        if (module && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
                return error_set(ret_error, -ENODEV, _("This host has no %s; load the module: modprobe %s."),
                                 path, module);
        return error_errno(ret_error, -errno, "%s (%s)", path, purpose);
}

static int open_nodes(const char *path, const char *purpose, size_t n, int *fds, MusterError **ret_error)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = open_node(path, purpose, &fds[i], ret_error);
        return r;
}

static int open_entry(const json_object *entry, int *fds, json_object *names, MusterError **ret_error)
{
        const char *path = json_get_string(entry, "open"),
                   *purpose = json_get_string(entry, "purpose") ?: "?",
                   *alias = json_get_string(entry, "alias");
        json_object *tap = json_get(entry, "tap", json_type_object),
                    *macvtap = json_get(entry, "macvtap", json_type_object);
        size_t n = (size_t)count_of(entry);
        char name[IFNAMSIZ] = "";
        int r;

        if (path)
                return open_nodes(path, purpose, n, fds, ret_error);
        if (!tap && !macvtap)
                return 0; /* the monitor's */
        r = tap ? tap_open(tap, n, fds, name, ret_error) : macvtap_open(macvtap, n, fds, name, ret_error);
        if (r < 0)
                return r;
        return alias && json_add_string(names, alias, name) < 0 ? error_oom(ret_error) : 0;
}

int descriptors_open(const json_object *fds, Descriptors *ret, MusterError **ret_error)
{
        int64_t n = count_all(fds);
        Descriptors self = {};
        int r = 0;

        if (n < 0)
                return error_set(ret_error, -EINVAL, _("The plan's descriptors do not follow one another."));
        self = (Descriptors){
                .fds = malloc(((size_t)n + 1) * sizeof(int)),
                .n = (size_t)n,
                .names = json_object_new_object(),
        };
        for (size_t i = 0; self.fds && i < self.n; i++)
                self.fds[i] = -1;
        if (!self.fds || !self.names)
                r = error_oom(ret_error);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(fds); i++) {
                const json_object *entry = json_object_array_get_idx(fds, i);

                r = open_entry(entry, self.fds + json_get_int(entry, "fd", FIRST_FD) - FIRST_FD, self.names,
                               ret_error);
        }
        if (r < 0) {
                descriptors_close(&self);
                return r;
        }
        *ret = self;
        return 0;
}

void descriptors_close(Descriptors *descriptors)
{
        for (size_t i = 0; descriptors->fds && i < descriptors->n; i++)
                if (descriptors->fds[i] >= 0)
                        close(descriptors->fds[i]);
        free(descriptors->fds);
        json_object_put(descriptors->names);
        *descriptors = (Descriptors){};
}

void descriptors_clean_up(const json_object *links)
{
        for (size_t i = 0; links && i < json_object_array_length(links); i++) {
                const json_object *link = json_object_array_get_idx(links, i);
                const char *name = json_get_string(link, "name"), *mac = json_get_string(link, "mac");

                if (name && mac)
                        macvtap_delete(name, mac);
        }
}
