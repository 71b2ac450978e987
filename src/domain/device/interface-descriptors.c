/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "domain/device/interface-private.h"

/*
 * A tap or macvtap device that a daemon with the rights to do so makes (or opens, where it is there already)
 * and hands over, with one of /dev/vhost-net for each queue. So the emulator needs neither a right nor a
 * helper, and may be forbidden to start programs. -netdev tap takes one descriptor as fd=, several as fds=,
 * and with them nothing else that would say how to make the device.
 */

static unsigned queues_of(const Interface *net)
{
        return net->card.queues > 1 ? (unsigned)net->card.queues : 1;
}

/* A number that the kernel gave to an earlier life is tried again, but is no condition. */
static int add_name(const Interface *net, json_object *device)
{
        const char *generated = net->means == INTERFACE_DIRECT ? "macvtap%d" : "vnet%d";
        int r = json_add_string(device, "name", net->target ?: generated);

        if (r >= 0 && net->managed == 0)
                r = json_add_bool(device, "existing", true);
        else if (r >= 0 && net->target && interface_is_generated(net->target))
                r = json_add_string(device, "otherwise", generated);
        return r;
}

static int add_ends(const Interface *net, json_object *device)
{
        int r = 0;

        if (net->means == INTERFACE_BRIDGE)
                r = json_add_string(device, "bridge", net->name);
        if (net->means == INTERFACE_DIRECT) {
                r = json_add_string(device, "link", net->name);
                if (r >= 0)
                        r = json_add_string(device, "mode", interface_mode(net));
        }
        if (r >= 0)
                r = json_add_string(device, "mac", net->mac);
        if (r >= 0 && net->card.mtu > 0)
                r = json_add_int(device, "mtu", (int64_t)net->card.mtu);
        return r;
}

static json_object *how_to_make(const Interface *net)
{
        CLEANUP(json) json_object *how = json_object_new_object(), *device = json_object_new_object();

        if (!how || !device || add_name(net, device) < 0 || add_ends(net, device) < 0 ||
            json_add(how, net->means == INTERFACE_DIRECT ? "macvtap" : "tap", TAKE(device)) < 0)
                return NULL;
        return TAKE(how);
}

static json_object *how_to_open(const char *path)
{
        CLEANUP(json) json_object *how = json_object_new_object();

        return how && json_add_string(how, "open", path) == 0 ? TAKE(how) : NULL;
}

/* "4", or "4:5:6". */
static int add_numbers(const Plan *plan, const Part *part, json_object *netdev, const char *one,
                       const char *several, int first, unsigned n)
{
        CLEANUP(free) char *text = plan_descriptor_name(plan, part, first);

        for (unsigned i = 1; text && i < n; i++) {
                CLEANUP(free) char *next = plan_descriptor_name(plan, part, first + (int)i);
                char *longer = next ? text_format("%s:%s", text, next) : NULL;

                free(text);
                text = longer;
        }
        return text ? json_add_string(netdev, n > 1 ? several : one, text) : -ENOMEM;
}

static int add_vhost(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        unsigned n = queues_of(net);
        int fd, r;

        r = json_add_bool(netdev, "vhost", true);
        if (r >= 0)
                r = plan_descriptors(plan, part, "vhost-net", n, how_to_open("/dev/vhost-net"), &fd);
        return r < 0 ? r : add_numbers(plan, part, netdev, "vhostfd", "vhostfds", fd, n);
}

int interface_plan_descriptors(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        unsigned n = queues_of(net);
        int fd, r;

        r = json_add_string(netdev, "type", "tap");
        if (r >= 0)
                r = plan_descriptors(plan, part, "tap", n, how_to_make(net), &fd);
        if (r >= 0)
                r = add_numbers(plan, part, netdev, "fd", "fds", fd, n);
        if (r >= 0 && net->vhost)
                r = add_vhost(plan, part, netdev);
        if (r >= 0 && net->has_sndbuf)
                r = json_add_int(netdev, "sndbuf", (int64_t)net->sndbuf);
        return r;
}
