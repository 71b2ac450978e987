/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface-private.h"
#include "domain/section/general.h"
#include "domain/section/memory.h"

/* The other end: what <source>, <target>, <backend> and <tune> say. */

bool interface_is_tap(const Interface *net)
{
        return net->means == INTERFACE_BRIDGE || net->means == INTERFACE_ETHERNET ||
               net->means == INTERFACE_DIRECT;
}

/* Libvirt's names, and iproute2's. What it calls "passthrough" takes the host's card over, address and all.
 */
static const char *const direct_modes[] = {"vepa", "bridge", "private", NULL};

const char *interface_mode(const Interface *net)
{
        return direct_modes[net->mode];
}

/* --- reading ------------------------------------------------------------------------------------- */

/* The attribute that the type cannot do without. */
static int read_name(Domain *domain, Part *part, const char *attribute)
{
        Interface *net = part->data;
        int r = net->source ? read_text(domain->xml, net->source, attribute, &net->name) : 0;

        if (r < 0)
                return r;
        if (r == 0 || !*net->name)
                xml_fault(domain->xml, FAULT_ERROR, net->source ?: part->element, /* attribute= */ NULL,
                          _("What is it connected to? Add <source %s='…'/>."), attribute);
        return 0;
}

/* As the kernel has it (dev_valid_name()), and without what an option or a file name would be made of. */
static bool is_device_name(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

        return n > 0 && n < IFNAMSIZ && !name[n] && name[0] != '-' && name[0] != '.';
}

static void check_device_name(Domain *domain, XmlElement *element, const char *attribute, const char *name)
{
        if (name && *name && !is_device_name(name))
                xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                          _("\"%s\" is no name for a network interface of the host: up to 15 letters, "
                            "digits, '-', '.' and '_'."),
                          name);
}

static void read_reconnect(Domain *domain, Interface *net)
{
        XmlElement *reconnect = xml_child(net->source, "reconnect");
        bool enabled = false;

        if (!reconnect)
                return;
        read_switch(domain->xml, reconnect, "enabled", &enabled);
        if (enabled)
                net->reconnect = 1;
        read_uint(domain->xml, reconnect, "timeout", UINT32_MAX / 1000, &net->reconnect);
        if (!enabled)
                net->reconnect = 0;
        if (net->reconnect > 0 && net->server)
                xml_fault(domain->xml, FAULT_ERROR, reconnect, /* attribute= */ NULL,
                          _("Who listens does not connect again; remove <reconnect>, or take "
                            "mode='client'."));
}

static int read_vhostuser(Domain *domain, Part *part)
{
        static const char *const types[] = {"unix", NULL}, *const modes[] = {"client", "server", NULL};
        Interface *net = part->data;
        int type = 0, mode = 0;

        if (net->source) {
                read_word(domain->xml, net->source, "type", types, &type);
                read_word(domain->xml, net->source, "mode", modes, &mode);
                net->server = mode == 1;
                read_reconnect(domain, net);
        }
        return read_name(domain, part, "path");
}

static int read_endpoint(Domain *domain, XmlElement *element, bool optional, Endpoint *ret)
{
        struct in_addr binary;
        int r;

        r = read_text(domain->xml, element, "address", &ret->address);
        if (r < 0)
                return r;
        if (read_uint(domain->xml, element, "port", UINT16_MAX, &ret->port) == 0 && !optional)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Which port is it? Add port='…'."));
        if (r > 0 && inet_pton(AF_INET, ret->address, &binary) != 1)
                xml_fault(domain->xml, FAULT_ERROR, element, "address",
                          _("\"%s\" is no IPv4 address, and the emulator's network sockets take no "
                            "other."),
                          ret->address);
        return 0;
}

static int read_sockets(Domain *domain, Part *part)
{
        Interface *net = part->data;
        XmlElement *local;
        int r;

        if (!net->source) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("What is it connected to? Add <source address='…' port='…'/>."));
                return 0;
        }
        r = read_endpoint(domain, net->source, /* optional= */ false, &net->remote);
        local = net->type == INTERFACE_UDP ? xml_child(net->source, "local") : NULL;
        if (r >= 0 && local)
                r = read_endpoint(domain, local, /* optional= */ false, &net->local);
        if (r >= 0 && net->type == INTERFACE_UDP && !local)
                xml_fault(domain->xml, FAULT_ERROR, net->source, /* attribute= */ NULL,
                          _("UDP needs both ends; add <local address='…' port='…'/>."));
        if (r >= 0 && !net->remote.address && net->type != INTERFACE_SERVER)
                xml_fault(domain->xml, FAULT_ERROR, net->source, /* attribute= */ NULL,
                          _("Which address is it? Add address='…'."));
        return r;
}

static int read_network(Domain *domain, Part *part)
{
        Interface *net = part->data;

        if (net->source) {
                /* What libvirt's network driver says of a running domain. */
                xml_attribute(net->source, "portid");
                xml_attribute(net->source, "bridge");
                if (xml_attribute(net->source, "portgroup"))
                        xml_fault(domain->xml, FAULT_ERROR, net->source, "portgroup",
                                  _("Muster's networks have no port groups; give each its own name in "
                                    "networks.d, and name it in network=."));
        }
        return read_name(domain, part, "network");
}

static int read_bridge(Domain *domain, Part *part)
{
        Interface *net = part->data;
        int r;

        if (net->source)
                xml_attribute(net->source, "portid");
        r = read_name(domain, part, "bridge");
        check_device_name(domain, net->source, "bridge", net->name);
        return r;
}

static int read_direct(Domain *domain, Part *part)
{
        Interface *net = part->data;
        const char *mode = net->source ? xml_attribute(net->source, "mode") : NULL;
        int r;

        if (net->source)
                xml_attribute(net->source, "portid");
        r = read_name(domain, part, "dev");
        check_device_name(domain, net->source, "dev", net->name);
        if (streq_ptr(mode, "passthrough"))
                xml_fault(domain->xml, FAULT_ERROR, net->source, "mode",
                          _("Muster gives no guest a whole card of the host; take mode='bridge', or write a "
                            "virtual function of it as <hostdev mode='subsystem' type='pci'>."));
        else if (mode)
                read_word(domain->xml, net->source, "mode", direct_modes, &net->mode);
        return r;
}

static void refuse(Domain *domain, Part *part)
{
        Interface *net = part->data;

        if (net->source)
                xml_mark_all(net->source);
        if (net->type == INTERFACE_HOSTDEV)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("Muster does not configure the host's network cards; set the MAC address with "
                            "ip link, and write the device as <hostdev mode='subsystem' type='pci'>."));
        else
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("QEMU has nothing of that kind; take type='user' or type='bridge'."));
}

static int read_by_type(Domain *domain, Part *part)
{
        Interface *net = part->data;

        switch (net->type) {
        case INTERFACE_USER:
                return net->source ? read_text(domain->xml, net->source, "dev", &net->name) : 0;
        case INTERFACE_BRIDGE:
                return read_bridge(domain, part);
        case INTERFACE_NETWORK:
                return read_network(domain, part);
        case INTERFACE_VHOSTUSER:
                return read_vhostuser(domain, part);
        case INTERFACE_VDPA:
                return read_name(domain, part, "dev");
        case INTERFACE_UDP:
        case INTERFACE_MCAST:
        case INTERFACE_SERVER:
        case INTERFACE_CLIENT:
                return read_sockets(domain, part);
        case INTERFACE_ETHERNET:
        case INTERFACE_NULL:
                return 0;
        case INTERFACE_DIRECT:
                return read_direct(domain, part);
        case INTERFACE_HOSTDEV:
        case INTERFACE_INTERNAL:
        case INTERFACE_VDS:
                refuse(domain, part);
                return 0;
        }
        return 0;
}

static int read_target(Domain *domain, Part *part)
{
        XmlElement *target = xml_child(part->element, "target");
        Interface *net = part->data;
        bool managed;
        int r;

        net->managed = -1;
        if (!target)
                return 0;
        r = read_text(domain->xml, target, "dev", &net->target);
        check_device_name(domain, target, "dev", net->target);
        if (read_switch(domain->xml, target, "managed", &managed) > 0)
                net->managed = managed;
        return r < 0 ? r : 0;
}

static void check_backend_path(Domain *domain, Interface *net, const char *attribute, const char *usual)
{
        const char *path = xml_attribute(net->backend, attribute);

        if (path && !streq(path, usual))
                xml_fault(domain->xml, FAULT_ERROR, net->backend, attribute,
                          _("The emulator opens %s by itself, and no other; remove %s='%s'."), usual,
                          attribute, path);
}

static int read_backend(Domain *domain, Interface *net)
{
        static const char *const types[] = {"default", "passt", NULL};
        int type = 0, r;

        read_word(domain->xml, net->backend, "type", types, &type);
        net->passt = type == 1;
        check_backend_path(domain, net, "tap", "/dev/net/tun");
        check_backend_path(domain, net, "vhost", "/dev/vhost-net");
        r = read_text(domain->xml, net->backend, "logFile", &net->log_file);
        if (r >= 0)
                r = read_text(domain->xml, net->backend, "hostname", &net->hostname);
        if (r >= 0)
                r = read_text(domain->xml, net->backend, "fqdn", &net->fqdn);
        return r < 0 ? r : 0;
}

static void read_tune(Domain *domain, Part *part)
{
        XmlElement *tune = xml_child(part->element, "tune"), *sndbuf;
        Interface *net = part->data;

        sndbuf = tune ? xml_child(tune, "sndbuf") : NULL;
        if (sndbuf)
                net->has_sndbuf = read_number(domain->xml, sndbuf, INT32_MAX, &net->sndbuf) > 0;
}

int interface_read_source(Domain *domain, Part *part)
{
        Interface *net = part->data;
        int r;

        net->source = xml_child(part->element, "source");
        net->backend = xml_child(part->element, "backend");
        r = read_by_type(domain, part);
        if (r >= 0)
                r = read_target(domain, part);
        if (r >= 0 && net->backend)
                r = read_backend(domain, net);
        read_tune(domain, part);
        return r;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int no_network(Domain *domain, const Interface *net, int r, const MusterError *error)
{
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT)
                xml_fault(domain->xml, FAULT_ERROR, net->source, "network",
                          _("This host has no network \"%s\"; say what it is in a file of "
                            "/etc/muster/networks.d, as [%s] and type = bridge, bridge = br0, or take "
                            "<interface type='user'>."),
                          net->name, net->name);
        else
                xml_fault(domain->xml, FAULT_ERROR, net->source, "network", "%s",
                          muster_error_message(error));
        return 0;
}

/* What <source network=…> stands for on this host. */
static int resolve(Domain *domain, Interface *net)
{
        static const struct {
                const char *name;
                InterfaceType type;
                bool passt;
        } types[] = {{"user", INTERFACE_USER, false},
                     {"passt", INTERFACE_USER, true},
                     {"bridge", INTERFACE_BRIDGE, false},
                     {"ethernet", INTERFACE_ETHERNET, false}};
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(json) json_object *words = NULL;
        const char *bridge;
        int r;

        r = domain->host->network(domain->host, net->name, &words, &error);
        if (r < 0)
                return no_network(domain, net, r, error);
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq_ptr(json_get_string(words, "type"), types[i].name)) {
                        net->means = types[i].type;
                        net->passt = net->passt || types[i].passt;
                }
        free(TAKE(net->name));
        bridge = json_get_string(words, "bridge");
        if (!bridge)
                return 0;
        net->name = strdup(bridge);
        return net->name ? 0 : -ENOMEM;
}

/* vnet0, tap3, vif1.0 …: what a host gave to a domain that ran, which libvirt forgets, too. */
bool interface_is_generated(const char *name)
{
        static const char *const prefixes[] = {"vnet", "tap", "vif", "macvtap", "macvlan"};

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                const char *rest = startswith(name, prefixes[i]);

                if (rest && *rest && strspn(rest, "0123456789.") == strlen(rest))
                        return true;
        }
        return false;
}

static void check_target(Domain *domain, Part *part)
{
        XmlElement *target = xml_child(part->element, "target");
        const Interface *net = part->data;

        if (net->means == INTERFACE_ETHERNET) {
                if (net->managed == 0 && !net->target)
                        xml_fault(domain->xml, FAULT_ERROR, target, /* attribute= */ NULL,
                                  _("Which device of the host is it? Add dev='…'."));
                return;
        }
        if (net->target && !domain->host->descriptors && !interface_is_generated(net->target))
                xml_fault(domain->xml, FAULT_COSMETIC, target, "dev",
                          _("Only of type='ethernet' can the host's device have a name; remove <target>."));
        if (net->managed == 0)
                xml_fault(domain->xml, FAULT_ERROR, target, "managed",
                          _("Only of type='ethernet' can the host's device be one that is there already."));
}

/* What carries more than one queue, or bypasses the emulator. */
static void check_driver(Domain *domain, Part *part)
{
        const Interface *net = part->data;
        bool vhost = net->means == INTERFACE_VHOSTUSER || net->means == INTERFACE_VDPA;

        bool queues = vhost || net->means == INTERFACE_ETHERNET ||
                      (interface_is_tap(net) && domain->host->descriptors);

        if (net->card.queues > 1 && !queues)
                xml_fault(
                        domain->xml, FAULT_ERROR, net->card.driver, "queues",
                        net->means == INTERFACE_BRIDGE
                                ? _("qemu-bridge-helper makes devices of one queue; make a multi-queue tap "
                                    "device, and take type='ethernet', or remove queues=.")
                                : _("What this card is connected to has one queue; remove queues=, or "
                                    "take type='ethernet' with a multi-queue tap device."));
        if (net->driver == 0 && !interface_is_tap(net) && !vhost)
                xml_fault(domain->xml, FAULT_COSMETIC, net->card.driver, "name",
                          _("vhost carries packets between a guest and a tap device, and there is none "
                            "here; remove name='vhost'."));
        if (net->driver == 0 && interface_is_tap(net) && !net->card.is_virtio)
                xml_fault(domain->xml, FAULT_ERROR, net->card.driver, "name",
                          _("Only virtio cards can have vhost; remove name='vhost', or take <model "
                            "type='virtio'/>."));
        if (net->driver == 1 && vhost)
                xml_fault(domain->xml, FAULT_ERROR, net->card.driver, "name",
                          _("Packets of this type never pass the emulator; remove name='qemu'."));
}

/* Whether it is usable shows when it is opened; the emulator carries the packets itself then, and says so.
 */
static void choose_vhost(Domain *domain, Interface *net)
{
        mode_t mode = 0;
        bool there;

        if (!interface_is_tap(net) || !net->card.is_virtio || net->driver == 1)
                return;
        there = domain->host->file_mode(domain->host, "/dev/vhost-net", &mode) == 0 && S_ISCHR(mode);
        net->vhost = there && (net->driver == 0 || domain_general(domain)->kvm);
        if (net->driver == 0 && !there)
                xml_fault(domain->xml, FAULT_ERROR, net->card.driver, "name",
                          _("This host has no /dev/vhost-net; load the module vhost_net, or remove "
                            "name='vhost'."));
}

static void check_rest(Domain *domain, Part *part)
{
        const Interface *net = part->data;

        if (net->has_sndbuf && !interface_is_tap(net))
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(part->element, "tune"),
                          /* attribute= */ NULL,
                          _("Only tap devices have a buffer whose size can be set; remove <tune>."));
        if (net->has_sndbuf && net->means == INTERFACE_BRIDGE && !net->vhost && !domain->host->descriptors)
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(part->element, "tune"),
                          /* attribute= */ NULL,
                          _("qemu-bridge-helper makes the device, and the size of its buffer cannot be "
                            "set; remove <tune>, or take type='ethernet'."));
        if (net->passt && net->means != INTERFACE_USER)
                xml_fault(domain->xml, FAULT_ERROR, net->backend, "type",
                          _("passt is a backend of type='user' only."));
        if (net->card.mtu > 1500 && net->card.is_virtio && net->means == INTERFACE_USER && !net->passt)
                xml_fault(
                        domain->xml, FAULT_ERROR, xml_child(part->element, "mtu"), "size",
                        _("The emulator's own user network carries up to 1500 bytes; remove <mtu>, or take "
                          "<backend type='passt'/> or type='bridge'."));
        if (net->means == INTERFACE_VHOSTUSER && !memory_is_shared(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("The other process must map the guest's memory; add <memoryBacking><source "
                            "type='memfd'/><access mode='shared'/></memoryBacking>."));
        if ((net->means == INTERFACE_VHOSTUSER || net->means == INTERFACE_VDPA) && !net->card.is_virtio)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("What it is connected to speaks virtio; take <model type='virtio'/>."));
        if (net->card.failover && net->means == INTERFACE_NULL)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("A team needs a card that is connected."));
}

static void check_direct(Domain *domain, Part *part)
{
        const Interface *net = part->data;

        if (net->means == INTERFACE_DIRECT && !domain->host->descriptors)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("Muster makes no macvtap device; put the host's interface into a bridge and "
                            "take type='bridge', or make a tap device and take type='ethernet' with <target "
                            "dev='…' managed='no'/>."));
}

int interface_complete_source(Domain *domain, Part *part)
{
        Interface *net = part->data;
        int r = 0;

        if (net->type == INTERFACE_NETWORK)
                r = resolve(domain, net);
        /* A network that is not there was said to be so; nothing else can be. */
        if (r < 0 || net->means == INTERFACE_NETWORK)
                return r;
        check_direct(domain, part);
        check_target(domain, part);
        check_driver(domain, part);
        choose_vhost(domain, net);
        check_rest(domain, part);
        return 0;
}
