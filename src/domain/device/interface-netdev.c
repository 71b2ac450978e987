/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface-private.h"

/*
 * The other end as -netdev. A bridge is joined by qemu-bridge-helper, which is set-uid root and asks
 * /etc/qemu/bridge.conf: so neither muster nor the emulator need rights of their own, and the same argv
 * works from a shell. Where there is a daemon that makes the device as root it hands over descriptors
 * instead (interface-descriptors.c), as libvirt's does. -netdev bridge knows no vhost; -netdev tap does, and
 * takes the same helper.
 */

static int add_port(json_object *netdev, const char *member, const Endpoint *endpoint)
{
        return json_add_stringf(netdev, member, "%s:%llu", endpoint->address ?: "",
                                (unsigned long long)endpoint->port);
}

static int plan_socket(const Interface *net, json_object *netdev)
{
        int r = json_add_string(netdev, "type", "socket");

        if (r < 0)
                return r;
        switch (net->means) {
        case INTERFACE_UDP:
                r = add_port(netdev, "udp", &net->remote);
                return r < 0 ? r : add_port(netdev, "localaddr", &net->local);
        case INTERFACE_MCAST:
                return add_port(netdev, "mcast", &net->remote);
        case INTERFACE_SERVER:
                return add_port(netdev, "listen", &net->remote);
        default:
                return add_port(netdev, "connect", &net->remote);
        }
}

static int plan_bridge(Plan *plan, Part *part, json_object *netdev)
{
        const DomainHost *host = plan->domain->host;
        const Interface *net = part->data;
        CLEANUP(free) char *helper = NULL;
        int r;

        r = host->find_program(host, "qemu-bridge-helper", &helper);
        if (r == -ENOENT) {
                plan_fault(plan, part->element, "type",
                           _("This host has no qemu-bridge-helper, which joins a guest to a bridge; install "
                             "it (Debian: qemu-system-common), or take type='ethernet' with a tap device "
                             "that is there."));
                return 0;
        }
        if (r >= 0)
                r = json_add_string(netdev, "type", net->vhost ? "tap" : "bridge");
        if (r >= 0)
                r = json_add_string(netdev, "br", net->name);
        if (r >= 0)
                r = json_add_string(netdev, "helper", helper);
        if (r >= 0 && net->vhost)
                r = json_add_bool(netdev, "vhost", true);
        if (r >= 0 && net->vhost && net->has_sndbuf)
                r = json_add_int(netdev, "sndbuf", (int64_t)net->sndbuf);
        return r;
}

static int plan_tap(const Interface *net, json_object *netdev)
{
        int r = json_add_string(netdev, "type", "tap");

        if (r >= 0 && net->target)
                r = json_add_string(netdev, "ifname", net->target);
        if (r >= 0)
                r = json_add_string(netdev, "script", "no");
        if (r >= 0)
                r = json_add_string(netdev, "downscript", "no");
        if (r >= 0 && net->card.queues > 1)
                r = json_add_int(netdev, "queues", (int64_t)net->card.queues);
        if (r >= 0 && net->vhost)
                r = json_add_bool(netdev, "vhost", true);
        if (r >= 0 && net->has_sndbuf)
                r = json_add_int(netdev, "sndbuf", (int64_t)net->sndbuf);
        return r;
}

static int plan_vdpa(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        int r;

        if (!plan_has(plan, part, "netdev-vhost-vdpa", NULL, _("the card is a vDPA device"), NULL))
                plan_fault(plan, part->element, "type",
                           _("%s has no -netdev vhost-vdpa (QEMU 5.1 or newer); take a newer one."),
                           domain_emulator_text(plan->domain));
        r = plan_file(plan, PLAN_FILE_EXISTS, net->name, /* from= */ NULL, _("a vDPA device"));
        if (r >= 0)
                r = json_add_string(netdev, "type", "vhost-vdpa");
        if (r >= 0)
                r = json_add_string(netdev, "vhostdev", net->name);
        if (r >= 0 && net->card.queues > 1)
                r = json_add_int(netdev, "queues", (int64_t)net->card.queues);
        return r;
}

static int add_reconnect(Plan *plan, const Part *part, json_object *chardev)
{
        const Interface *net = part->data;

        if (net->reconnect == 0)
                return 0;
        if (plan_has(plan, part, "chardev-reconnect-ms", NULL, _("the time is given in milliseconds"),
                     _("the time is given in seconds")))
                return json_add_int(chardev, "reconnect-ms", (int64_t)net->reconnect * 1000);
        return json_add_int(chardev, "reconnect", (int64_t)net->reconnect);
}

static int plan_vhostuser(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        CLEANUP(free) char *id = text_format("char%s", part->alias);
        CLEANUP(json) json_object *chardev = json_object_new_object();
        int r = id && chardev ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_add_string(chardev, "backend", "socket");
        if (r >= 0)
                r = json_add_string(chardev, "id", id);
        if (r >= 0)
                r = json_add_string(chardev, "path", net->name);
        if (r >= 0 && net->server)
                r = json_add_bool(chardev, "server", true);
        if (r >= 0)
                r = add_reconnect(plan, part, chardev);
        if (r >= 0)
                r = plan_properties(plan, part, "-chardev", TAKE(chardev));
        if (r >= 0 && net->server)
                r = plan_file(plan, PLAN_FILE_CREATE, net->name, /* from= */ NULL, _("a vhost-user socket"));
        if (r >= 0)
                r = json_add_string(netdev, "type", "vhost-user");
        if (r >= 0)
                r = json_add_string(netdev, "chardev", id);
        if (r >= 0 && net->card.queues > 1)
                r = json_add_int(netdev, "queues", (int64_t)net->card.queues);
        return r;
}

static int plan_by_type(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;

        if (interface_is_tap(net) && plan->domain->host->descriptors)
                return interface_plan_descriptors(plan, part, netdev);
        switch (net->means) {
        case INTERFACE_USER:
                return net->passt ? interface_plan_passt(plan, part, netdev)
                                  : interface_plan_user(plan, part, netdev);
        case INTERFACE_BRIDGE:
                return plan_bridge(plan, part, netdev);
        case INTERFACE_ETHERNET:
                return plan_tap(net, netdev);
        case INTERFACE_VHOSTUSER:
                return plan_vhostuser(plan, part, netdev);
        case INTERFACE_VDPA:
                return plan_vdpa(plan, part, netdev);
        default:
                return plan_socket(net, netdev);
        }
}

int interface_plan_netdev(Plan *plan, Part *part, char **ret_id)
{
        const Interface *net = part->data;
        CLEANUP(json) json_object *netdev = NULL;
        CLEANUP(free) char *id = NULL;
        int r;

        if (net->means == INTERFACE_NULL) {
                *ret_id = NULL;
                return 0;
        }
        netdev = json_object_new_object();
        id = text_format("host%s", part->alias);
        if (!netdev || !id)
                return -ENOMEM;
        r = plan_by_type(plan, part, netdev);
        /* Where there is no type a fault was reported. */
        if (r >= 0 && json_get_string(netdev, "type"))
                r = json_add_string(netdev, "id", id);
        if (r >= 0 && json_get_string(netdev, "type"))
                r = plan_properties(plan, part, "-netdev", TAKE(netdev));
        if (r >= 0)
                *ret_id = TAKE(id);
        return r;
}
