/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/descriptors-private.h"

int netdev_fail(int r, const char *name, MusterError **ret_error)
{
        if (r == -EPERM)
                return error_set(ret_error, r,
                                 _("The daemon may not configure the host's network device %s; it needs "
                                   "CAP_NET_ADMIN."),
                                 name);
        return error_errno(ret_error, r, _("The host's network device %s"), name);
}

int netdev_socket(int *ret, MusterError **ret_error)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        /* A kernel without IPv4 has the same ioctls elsewhere. */
        if (fd < 0)
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_errno(ret_error, -errno, _("No socket can be made"));
        *ret = fd;
        return 0;
}

bool netdev_exists(const char *name)
{
        return if_nametoindex(name) > 0;
}

int netdev_parse_mac(const char *text, uint8_t ret[static MAC_SIZE])
{
        unsigned bytes[MAC_SIZE];
        char rest;

        if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                            &bytes[4], &bytes[5], &rest) != MAC_SIZE)
                return -EINVAL;
        for (size_t i = 0; i < MAC_SIZE; i++)
                ret[i] = (uint8_t)bytes[i];
        return 0;
}

static void name_request(struct ifreq *request, const char *name)
{
        *request = (struct ifreq){};
        strncpy(request->ifr_name, name, IFNAMSIZ - 1);
}

int netdev_mac(int socket, const char *name, uint8_t ret[static MAC_SIZE])
{
        struct ifreq request;

        name_request(&request, name);
        if (ioctl(socket, SIOCGIFHWADDR, &request) < 0)
                return -errno;
        memcpy(ret, request.ifr_hwaddr.sa_data, MAC_SIZE);
        return 0;
}

int netdev_set_mac(int socket, const char *name, const uint8_t mac[static MAC_SIZE], MusterError **ret_error)
{
        struct ifreq request;

        name_request(&request, name);
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(request.ifr_hwaddr.sa_data, mac, MAC_SIZE);
        return ioctl(socket, SIOCSIFHWADDR, &request) < 0 ? netdev_fail(-errno, name, ret_error) : 0;
}

int netdev_mtu(int socket, const char *name, int *ret, MusterError **ret_error)
{
        struct ifreq request;

        name_request(&request, name);
        if (ioctl(socket, SIOCGIFMTU, &request) < 0)
                return netdev_fail(-errno, name, ret_error);
        *ret = request.ifr_mtu;
        return 0;
}

int netdev_set_mtu(int socket, const char *name, int mtu, MusterError **ret_error)
{
        struct ifreq request;

        name_request(&request, name);
        request.ifr_mtu = mtu;
        if (ioctl(socket, SIOCSIFMTU, &request) == 0)
                return 0;
        if (errno == EINVAL)
                return error_set(ret_error, -EINVAL, _("The host's network device %s takes no MTU of %d."),
                                 name, mtu);
        return netdev_fail(-errno, name, ret_error);
}

int netdev_set_up(int socket, const char *name, MusterError **ret_error)
{
        struct ifreq request;

        name_request(&request, name);
        if (ioctl(socket, SIOCGIFFLAGS, &request) < 0)
                return netdev_fail(-errno, name, ret_error);
        request.ifr_flags |= IFF_UP;
        return ioctl(socket, SIOCSIFFLAGS, &request) < 0 ? netdev_fail(-errno, name, ret_error) : 0;
}
