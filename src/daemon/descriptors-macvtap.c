/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A macvtap device is made by rtnetlink, has a node /dev/tapN of its own (N: its index), and outlives
 * whoever had that open: so its name is settled and on record before it is made, and it is deleted by that
 * name afterwards, if the address says that it still is the one that was made.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/descriptors-private.h"

/* Udev makes nodes, or gives them their place, a moment after the device is there. */
#define NODE_TRIES     200U
#define NODE_WAIT_NSEC (10L * 1000 * 1000)

/* --- rtnetlink ------------------------------------------------------------------------------------- */

typedef struct Message {
        struct nlmsghdr header;
        struct ifinfomsg link;
        uint8_t attributes[512];
} Message;

static struct rtattr *add(Message *message, unsigned short type, const void *data, size_t size)
{
        size_t at = NLMSG_ALIGN(message->header.nlmsg_len);
        struct rtattr *attribute = (struct rtattr *)(void *)((uint8_t *)message + at);

        if (at + RTA_SPACE(size) > sizeof(*message))
                return NULL;
        attribute->rta_type = type;
        attribute->rta_len = (unsigned short)RTA_LENGTH(size);
        if (size > 0)
                memcpy(RTA_DATA(attribute), data, size);
        message->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
        return attribute;
}

static void end(const Message *message, struct rtattr *nest)
{
        nest->rta_len = (unsigned short)((const uint8_t *)message + message->header.nlmsg_len -
                                         (const uint8_t *)nest);
}

static void begin(Message *message, unsigned short type, unsigned short flags)
{
        *message = (Message){
                .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                           .nlmsg_type = type,
                           .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)},
                .link = {.ifi_family = AF_UNSPEC},
        };
}

/* The answer is one message with an errno, 0 for a yes, behind which the request may be quoted. */
static int transact(const Message *message)
{
        CLEANUP(fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        union {
                struct nlmsghdr header;
                uint8_t bytes[4096];
        } answer;
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);
        ssize_t n;

        if (fd < 0 || send(fd, message, message->header.nlmsg_len, 0) < 0)
                return -errno;
        do
                n = recv(fd, &answer, sizeof(answer), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if ((size_t)n < NLMSG_LENGTH(sizeof(*error)) || answer.header.nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return error->error;
}

static int make(const char *name, unsigned link, uint32_t mode, const uint8_t mac[static MAC_SIZE])
{
        struct rtattr *info, *data;
        Message message;

        begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        if (!add(&message, IFLA_IFNAME, name, strlen(name) + 1) ||
            !add(&message, IFLA_ADDRESS, mac, MAC_SIZE) || !add(&message, IFLA_LINK, &link, sizeof(link)))
                return -E2BIG;
        info = add(&message, IFLA_LINKINFO, NULL, 0);
        if (!info || !add(&message, IFLA_INFO_KIND, "macvtap", strlen("macvtap")))
                return -E2BIG;
        data = add(&message, IFLA_INFO_DATA, NULL, 0);
        if (!data || !add(&message, IFLA_MACVLAN_MODE, &mode, sizeof(mode)))
                return -E2BIG;
        end(&message, data);
        end(&message, info);
        return transact(&message);
}

static int delete (unsigned index)
{
        Message message;

        begin(&message, RTM_DELLINK, 0);
        message.link.ifi_index = (int)index;
        return transact(&message);
}

/* --- its name -------------------------------------------------------------------------------------- */

/* They go round, so that two domains that start at the same time do not get the same one. */
static int next_free(const char *pattern, char ret[static IFNAMSIZ])
{
        static _Atomic unsigned next;
        size_t stem = strcspn(pattern, "%");

        for (unsigned tries = 0; tries < 10000; tries++) {
                if (snprintf(ret, IFNAMSIZ, "%.*s%u", (int)stem, pattern, next++ % 10000) >= IFNAMSIZ)
                        return -ENAMETOOLONG;
                if (!netdev_exists(ret))
                        return 0;
        }
        return -ENOSPC;
}

int macvtap_settle(json_object *macvtap, MusterError **ret_error)
{
        const char *name = json_get_string(macvtap, "name") ?: "",
                   *otherwise = json_get_string(macvtap, "otherwise");
        char settled[IFNAMSIZ];
        int r;

        if (!strchr(name, '%') && !netdev_exists(name))
                return 0;
        if (!strchr(name, '%') && !otherwise)
                return error_set(
                        ret_error, -EEXIST,
                        _("This host has a network device %s already; take another name for <target "
                          "dev=…>, or none."),
                        name);
        r = next_free(otherwise ?: name, settled);
        if (r < 0)
                return error_errno(ret_error, r, _("No name for a macvtap device is free"));
        return json_add_string(macvtap, "name", settled) < 0 ? error_oom(ret_error) : 0;
}

/* --- its node -------------------------------------------------------------------------------------- */

static int open_node(const char *path, int *ret)
{
        const struct timespec wait = {.tv_nsec = NODE_WAIT_NSEC};

        for (unsigned i = 0;; i++) {
                int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

                if (fd >= 0) {
                        *ret = fd;
                        return 0;
                }
                if ((errno != ENOENT && errno != ENXIO) || i >= NODE_TRIES)
                        return -errno;
                (void)nanosleep(&wait, NULL);
        }
}

static int open_queues(const char *path, size_t n, int *fds, MusterError **ret_error)
{
        struct ifreq request = {
                .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (n > 1 ? IFF_MULTI_QUEUE : 0))};

        for (size_t i = 0; i < n; i++) {
                int r = open_node(path, &fds[i]);

                if (r < 0)
                        return error_errno(ret_error, r, _("%s, by which a macvtap device is used"), path);
                if (ioctl(fds[i], TUNSETIFF, &request) < 0)
                        return error_errno(ret_error, -errno, "%s", path);
        }
        return 0;
}

int macvtap_open_queues(const char *name, size_t n, int *fds, MusterError **ret_error)
{
        CLEANUP(free)
        char *folder = text_format("/sys/class/net/%s/macvtap", name),
             *path = text_format("/dev/tap%u", if_nametoindex(name));

        if (!folder || !path)
                return error_oom(ret_error);
        return access(folder, F_OK) < 0 ? -ENXIO : open_queues(path, n, fds, ret_error);
}

/* --- all of it ------------------------------------------------------------------------------------- */

static uint32_t mode_of(const json_object *macvtap)
{
        const char *mode = json_get_string(macvtap, "mode");

        if (streq_ptr(mode, "bridge"))
                return MACVLAN_MODE_BRIDGE;
        return streq_ptr(mode, "private") ? MACVLAN_MODE_PRIVATE : MACVLAN_MODE_VEPA;
}

static int say_why(int r, const char *name, const char *link, MusterError **ret_error)
{
        if (r == -EPERM)
                return error_set(ret_error, r,
                                 _("The daemon may not make the macvtap device %s; it needs CAP_NET_ADMIN."),
                                 name);
        if (r == -EEXIST)
                return error_set(ret_error, r, _("This host has a network device %s already."), name);
        if (r == -EOPNOTSUPP)
                return error_set(ret_error, r,
                                 _("This host's kernel knows no macvtap devices; load the module: modprobe "
                                   "macvtap."));
        if (r == -EBUSY || r == -EINVAL)
                return error_set(
                        ret_error, r,
                        _("No macvtap device can be made on %s, which may be a bridge's port, or no "
                          "Ethernet."),
                        link);
        return error_errno(ret_error, r, _("The macvtap device %s on %s"), name, link);
}

static int configure(const json_object *macvtap, const char *name, MusterError **ret_error)
{
        int mtu = (int)json_get_int(macvtap, "mtu", 0), r;
        CLEANUP(fd) int socket = -1;

        r = netdev_socket(&socket, ret_error);
        if (r >= 0 && mtu > 0)
                r = netdev_set_mtu(socket, name, mtu, ret_error);
        return r < 0 ? r : netdev_set_up(socket, name, ret_error);
}

int macvtap_open(const json_object *macvtap, size_t n, int *fds, char name[static IFNAMSIZ],
                 MusterError **ret_error)
{
        const char *wanted = json_get_string(macvtap, "name") ?: "",
                   *link = json_get_string(macvtap, "link") ?: "";
        unsigned index = if_nametoindex(link);
        CLEANUP(free) char *path = NULL;
        uint8_t mac[MAC_SIZE];
        int r;

        if (index == 0)
                return error_set(ret_error, -ENODEV,
                                 _("This host has no network device %s for a guest's card to share; ip link "
                                   "shows those that it has."),
                                 link);
        if (netdev_parse_mac(json_get_string(macvtap, "mac"), mac) < 0)
                return error_set(ret_error, -EINVAL, _("The guest's card behind %s has no address."),
                                 wanted);
        r = make(wanted, index, mode_of(macvtap), mac);
        if (r < 0)
                return say_why(r, wanted, link, ret_error);
        memset(name, 0, IFNAMSIZ);
        strncpy(name, wanted, IFNAMSIZ - 1);
        path = text_format("/dev/tap%u", if_nametoindex(name));
        r = path ? configure(macvtap, name, ret_error) : error_oom(ret_error);
        return r < 0 ? r : open_queues(path, n, fds, ret_error);
}

void macvtap_delete(const char *name, const char *mac)
{
        uint8_t ours[MAC_SIZE], its[MAC_SIZE];
        CLEANUP(fd) int socket = -1;

        if (netdev_socket(&socket, NULL) < 0 || netdev_parse_mac(mac, ours) < 0 ||
            netdev_mac(socket, name, its) < 0 || memcmp(ours, its, MAC_SIZE) != 0)
                return;
        (void)delete (if_nametoindex(name));
}
