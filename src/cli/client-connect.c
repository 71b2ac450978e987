/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/client.h"

/* Which daemon is asked, and the way to it. */

#define SYSTEM_SOCKET "/run/muster/muster.sock"

/* --- which daemon ----------------------------------------------------------------------------------- */

static int use_session(Client *client, MusterError **ret_error)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        if (!runtime || runtime[0] != '/')
                return error_set(ret_error, -ENOENT,
                                 _("XDG_RUNTIME_DIR is not set, so it is not known where your own daemon "
                                   "listens; give --connect unix:PATH."));
        client->socket = text_format("%s/muster/muster.sock", runtime);
        client->session = client->may_start = true;
        return client->socket ? 0 : error_oom(ret_error);
}

static int use_path(Client *client, const char *path, MusterError **ret_error)
{
        client->socket = strdup(path);
        return client->socket ? 0 : error_oom(ret_error);
}

static int use_address(Client *client, const char *address, MusterError **ret_error)
{
        const char *path = startswith(address, "unix:") ?: address;

        if (streq(address, "session") || streq(address, "qemu:///session"))
                return use_session(client, ret_error);
        if (streq(address, "system") || streq(address, "qemu:///system"))
                return use_path(client, SYSTEM_SOCKET, ret_error);
        if (path[0] != '/')
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no address of a daemon; give unix:PATH, system or session."),
                                 address);
        return use_path(client, path, ret_error);
}

int client_new(const char *address, bool session, Client **ret, MusterError **ret_error)
{
        CLEANUP(Client) Client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return error_oom(ret_error);
        client->usec = CLIENT_TIMEOUT_USEC;
        if (!address && !session)
                address = getenv("MUSTER_CONNECT");
        if (address && *address)
                r = use_address(client, address, ret_error);
        else if (session || geteuid() != 0)
                r = use_session(client, ret_error);
        else
                r = use_path(client, SYSTEM_SOCKET, ret_error);
        if (r < 0)
                return r;
        if (strlen(client->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return error_set(ret_error, -ENAMETOOLONG, _("%s is too long for a socket's path."),
                                 client->socket);
        *ret = TAKE(client);
        return 0;
}

/* --- connecting ------------------------------------------------------------------------------------- */

int client_try_connect(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int cannot_connect(const Client *client, int r, MusterError **ret_error)
{
        bool system = streq(client->socket, SYSTEM_SOCKET);

        if ((r == -ENOENT || r == -ECONNREFUSED) && system)
                return error_set(ret_error, r,
                                 _("The system's daemon does not run; start it with 'systemctl start "
                                   "musterd.socket', or give --session to use your own."));
        if (r == -ENOENT || r == -ECONNREFUSED)
                return error_set(ret_error, r, _("No daemon listens at %s."), client->socket);
        if ((r == -EACCES || r == -EPERM) && system)
                return error_set(ret_error, r,
                                 _("Only root and members of the group muster may use the system's daemon; "
                                   "give --session to use your own."));
        return error_errno(ret_error, r, _("Cannot connect to the daemon at %s"), client->socket);
}

int client_connect(const Client *client, MusterError **ret_error)
{
        int fd = client_try_connect(client->socket), r;

        if ((fd == -ENOENT || fd == -ECONNREFUSED) && client->may_start) {
                r = client_start_daemon(client, ret_error);
                if (r < 0)
                        return r;
                fd = client_try_connect(client->socket);
        }
        return fd < 0 ? cannot_connect(client, fd, ret_error) : fd;
}
