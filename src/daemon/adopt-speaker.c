/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/adopt.h"
#include "emulator/proc.h"

/*
 * The kernel knows the inode of the socket at the other end (unix_diag); whoever has a descriptor of it is
 * who speaks. A kernel without unix_diag tells only who made the listener, which is not enough.
 */

/* --- the other end's inode ------------------------------------------------------------------------- */

static int ask(int fd, ino_t inode)
{
        const struct {
                struct nlmsghdr header;
                struct unix_diag_req request;
        } message = {
                .header = {.nlmsg_len = sizeof(message),
                           .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                           .nlmsg_flags = NLM_F_REQUEST},
                .request = {.sdiag_family = AF_UNIX,
                            .udiag_states = UINT32_MAX,
                            .udiag_ino = (uint32_t)inode,
                            .udiag_show = UDIAG_SHOW_PEER,
                            .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
        };
        const struct timeval limit = {.tv_sec = 1};

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* RTA_NEXT() by way of void: the kernel aligns what it sends, which clang cannot know. */
static const struct rtattr *next_attribute(const struct rtattr *attribute, int *left)
{
        int step = (int)RTA_ALIGN(attribute->rta_len);

        *left -= step;
        return (const void *)((const char *)attribute + step);
}

static int read_peer(const struct nlmsghdr *header, uint64_t *ret)
{
        const struct unix_diag_msg *message = NLMSG_DATA(header);
        int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*message));

        for (const struct rtattr *attribute = (const struct rtattr *)(message + 1); RTA_OK(attribute, left);
             attribute = next_attribute(attribute, &left))
                if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) >= sizeof(uint32_t)) {
                        uint32_t inode;

                        memcpy(&inode, RTA_DATA(attribute), sizeof(inode));
                        *ret = inode;
                        return 0;
                }
        return -ENODATA;
}

static int find_peer(ino_t own, uint64_t *ret)
{
        CLEANUP(fd) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        union {
                struct nlmsghdr header;
                char bytes[4096];
        } buffer;
        ssize_t n;
        int r;

        if (fd < 0)
                return -errno;
        r = ask(fd, own);
        if (r < 0)
                return r;
        n = recv(fd, &buffer, sizeof(buffer), 0);
        if (n < 0)
                return -errno;
        if (!NLMSG_OK(&buffer.header, (size_t)n) || buffer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return -ENODATA;
        return read_peer(&buffer.header, ret);
}

/* --- whose it is ----------------------------------------------------------------------------------- */

/* -EACCES where its descriptors cannot be seen. */
static int has_open(pid_t pid, const char *socket)
{
        char path[PROC_PATH_SIZE];
        CLEANUP(dir) DIR *dir = opendir(proc_path(pid, "fd", path));
        const struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                CLEANUP(free) char *link = NULL, *target = NULL;

                if (entry->d_name[0] == '.')
                        continue;
                link = text_format("%s/%s", path, entry->d_name);
                if (link && read_link(link, &target) == 0 && streq(target, socket))
                        return 1;
        }
        return 0;
}

static int find_holder(const char *socket, pid_t *ret)
{
        CLEANUP(dir) DIR *dir = opendir("/proc");
        const struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char *end;
                long pid = strtol(entry->d_name, &end, 10);

                if (pid > 0 && !*end && has_open((pid_t)pid, socket) > 0) {
                        *ret = (pid_t)pid;
                        return 0;
                }
        }
        return -ESRCH;
}

int adopt_find_speaker(ino_t own_inode, pid_t peer, pid_t *ret, MusterError **ret_error)
{
        char socket[64];
        uint64_t inode;
        int r;

        r = find_peer(own_inode, &inode);
        if (r < 0) {
                /* Not to be told apart from one that has handed its listener on. */
                return error_errno(
                        ret_error, r,
                        _("The kernel does not tell whose socket this is (load its module unix_diag)"));
        }
        snprintf(socket, sizeof(socket), "socket:[%" PRIu64 "]", inode);
        r = peer > 0 ? has_open(peer, socket) : 0;
        if (r > 0) {
                *ret = peer;
                return 0;
        }
        if (find_holder(socket, ret) == 0)
                return 0;
        if (r == -EACCES)
                return error_set(
                        ret_error, -EPERM,
                        _("The process behind the socket (%d) is another user's; adopt it with that user's "
                          "daemon, or the system's."),
                        (int)peer);
        return error_set(
                ret_error, -ESRCH,
                _("The process behind the socket cannot be seen from here; run the daemon where it runs."));
}
