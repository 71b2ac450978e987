/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A tap device lives as long as one of its descriptors is open, so nothing need be undone: whatever fails,
 * or dies, closes them. It is put into its bridge before anybody can send through it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/descriptors-private.h"

/* --- the device ------------------------------------------------------------------------------------ */

static int open_node(int *ret, MusterError **ret_error)
{
        int fd = open(NETDEV_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

        if (fd >= 0) {
                *ret = fd;
                return 0;
        }
        if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
                return error_set(ret_error, -ENODEV,
                                 _("This host has no %s, by which tap devices are made; load the module: "
                                   "modprobe tun."),
                                 NETDEV_NODE);
        return error_errno(ret_error, -errno, "%s", NETDEV_NODE);
}

static int say_why(int r, const char *name, bool existing, MusterError **ret_error)
{
        if (r == -EPERM)
                return error_set(ret_error, r,
                                 _("The daemon may not make the tap device %s; it needs CAP_NET_ADMIN."),
                                 name);
        if (r == -EBUSY && existing)
                return error_set(ret_error, r, _("The tap device %s is in use by another program."), name);
        if (r == -EBUSY)
                return error_set(
                        ret_error, -EEXIST,
                        _("This host has a network device %s already; take another name for <target "
                          "dev=…>, or none."),
                        name);
        if (r == -EINVAL && existing)
                return error_set(
                        ret_error, r,
                        _("The network device %s is no tap device, or has another number of queues; "
                          "make it by: ip tuntap add dev %s mode tap [multi_queue]."),
                        name, name);
        return error_errno(ret_error, r, _("The tap device %s"), name);
}

/*
 * IFF_TUN_EXCL: a device that is there must not become ours, least of all as one more queue of somebody
 * else's. Headers of virtio are on always: the emulator takes them off for cards that know none.
 */
static int attach(int fd, const char *name, unsigned flags, char ret_name[static IFNAMSIZ])
{
        struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags)};

        strncpy(request.ifr_name, name, IFNAMSIZ - 1);
        if (ioctl(fd, TUNSETIFF, &request) < 0)
                return -errno;
        memcpy(ret_name, request.ifr_name, IFNAMSIZ);
        return 0;
}

static int make_first(int fd, const json_object *tap, unsigned flags, char name[static IFNAMSIZ],
                      MusterError **ret_error)
{
        const char *wanted = json_get_string(tap, "name") ?: "",
                   *otherwise = json_get_string(tap, "otherwise");
        bool existing = json_get_bool(tap, "existing", false);
        int r;

        if (existing && !netdev_exists(wanted))
                return error_set(
                        ret_error, -ENODEV,
                        _("This host has no network device %s, and its definition says that it is "
                          "there already (managed='no'); make it by: ip tuntap add dev %s mode tap."),
                        wanted, wanted);
        r = attach(fd, wanted, flags | (existing ? 0 : IFF_TUN_EXCL), name);
        if (r == -EBUSY && otherwise)
                r = attach(fd, otherwise, flags | IFF_TUN_EXCL, name);
        return r < 0 ? say_why(r, wanted, existing, ret_error) : 0;
}

static int open_queues(const json_object *tap, size_t n, int *fds, char name[static IFNAMSIZ],
                       MusterError **ret_error)
{
        bool existing = json_get_bool(tap, "existing", false);
        unsigned flags = n > 1 ? IFF_MULTI_QUEUE : 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = open_node(&fds[i], ret_error);
                if (r >= 0 && i == 0)
                        r = make_first(fds[i], tap, flags, name, ret_error);
                else if (r >= 0) {
                        r = attach(fds[i], name, flags, name);
                        if (r < 0)
                                say_why(r, name, existing, ret_error);
                }
        }
        return r;
}

/* --- its place on the host ------------------------------------------------------------------------- */

/*
 * A bridge takes the lowest address of its ports for its own, unless it was given one, and would change it
 * with each guest that comes and goes. So the host's end has the guest's address with a first byte that is
 * higher than any vendor's; and never the guest's own, which the bridge must find behind the port.
 */
static int set_address(int socket, const json_object *tap, const char *name, MusterError **ret_error)
{
        uint8_t mac[MAC_SIZE];

        if (netdev_parse_mac(json_get_string(tap, "mac"), mac) < 0)
                return error_set(ret_error, -EINVAL, _("The guest's card behind %s has no address."), name);
        mac[0] = mac[0] == 0xfe ? 0xfa : 0xfe;
        return netdev_set_mac(socket, name, mac, ret_error);
}

static int check_bridge(const char *bridge, MusterError **ret_error)
{
        if (netdev_exists(bridge))
                return 0;
        return error_set(
                ret_error, -ENODEV,
                _("This host has no bridge %s; make it by: ip link add %s type bridge && ip link set "
                  "%s up, or take another one."),
                bridge, bridge, bridge);
}

static int join(int socket, const char *bridge, const char *name, MusterError **ret_error)
{
        struct ifreq request = {.ifr_ifindex = (int)if_nametoindex(name)};

        strncpy(request.ifr_name, bridge, IFNAMSIZ - 1);
        if (ioctl(socket, SIOCBRADDIF, &request) == 0)
                return 0;
        if (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOTTY)
                return error_set(ret_error, -EINVAL,
                                 _("The network device %s is no bridge of the kernel's; a guest that is to "
                                   "join another kind of switch takes type='ethernet'."),
                                 bridge);
        return netdev_fail(-errno, bridge, ret_error);
}

/* As large as what the bridge carries: a port of a smaller one would make it carry less for all. */
static int set_mtu(int socket, const json_object *tap, const char *bridge, const char *name,
                   MusterError **ret_error)
{
        int mtu = (int)json_get_int(tap, "mtu", 0), r = 0;

        if (mtu == 0 && bridge)
                r = netdev_mtu(socket, bridge, &mtu, ret_error);
        return r < 0 || mtu == 0 ? r : netdev_set_mtu(socket, name, mtu, ret_error);
}

static int configure(const json_object *tap, const char *bridge, const char *name, MusterError **ret_error)
{
        CLEANUP(fd) int socket = -1;
        int r;

        r = netdev_socket(&socket, ret_error);
        if (r >= 0)
                r = set_address(socket, tap, name, ret_error);
        if (r >= 0)
                r = set_mtu(socket, tap, bridge, name, ret_error);
        if (r >= 0 && bridge)
                r = join(socket, bridge, name, ret_error);
        return r < 0 ? r : netdev_set_up(socket, name, ret_error);
}

int tap_open(const json_object *tap, size_t n, int *fds, char name[static IFNAMSIZ], MusterError **ret_error)
{
        const char *bridge = json_get_string(tap, "bridge"), *wanted = json_get_string(tap, "name") ?: "";
        bool existing = json_get_bool(tap, "existing", false);
        int r = bridge ? check_bridge(bridge, ret_error) : 0;

        if (r < 0)
                return r;
        if (existing) {
                memset(name, 0, IFNAMSIZ);
                strncpy(name, wanted, IFNAMSIZ - 1);
                r = macvtap_open_queues(wanted, n, fds, ret_error);
                if (r != -ENXIO)
                        return r;
        }
        r = open_queues(tap, n, fds, name, ret_error);
        return r < 0 || existing ? r : configure(tap, bridge, name, ret_error);
}
