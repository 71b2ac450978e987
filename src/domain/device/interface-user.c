/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface-private.h"

/*
 * Networks in user space: the emulator's own (slirp, -netdev user) and passt, a process of its own at the
 * other end of a socket. libvirt forwards ports with passt only; slirp can as well (hostfwd), one port an
 * argument.
 */

/* --- reading ------------------------------------------------------------------------------------- */

static bool is_address(const char *text, bool *ret_v6)
{
        struct in6_addr binary;

        *ret_v6 = strchr(text, ':') != NULL;
        return inet_pton(*ret_v6 ? AF_INET6 : AF_INET, text, &binary) == 1;
}

static int read_ip(Domain *domain, Part *part, XmlElement *element)
{
        static const char *const families[] = {"ipv4", "ipv6", NULL};
        Interface *net = part->data;
        const char *address = xml_attribute(element, "address");
        InterfaceIp *ip;
        int family = -1;
        bool v6 = false;

        if (!address || !is_address(address, &v6)) {
                xml_mark_all(element);
                xml_fault(domain->xml, FAULT_ERROR, element, address ? "address" : NULL,
                          _("Give an IPv4 or IPv6 address, as in address='10.0.2.15'."));
                return 0;
        }
        if (read_word(domain->xml, element, "family", families, &family) > 0 && (family == 1) != v6)
                xml_fault(domain->xml, FAULT_ERROR, element, "family",
                          _("%s is an address of the other family."), address);
        ip = v6 ? &net->ip6 : &net->ip4;
        if (ip->element)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("A user network has one address of each family; keep one."));
        ip->element = element;
        ip->has_prefix = read_uint(domain->xml, element, "prefix", v6 ? 128 : 32, &ip->prefix) > 0;
        free(ip->address);
        ip->address = strdup(address);
        return ip->address ? 0 : -ENOMEM;
}

static void check_range(Domain *domain, XmlElement *element, const PortRange *range)
{
        if (range->start == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, "start",
                          _("Which port is it? Give start='…' from 1 to 65535."));
        else if (range->end < range->start)
                xml_fault(domain->xml, FAULT_ERROR, element, "end", _("The range ends before it starts."));
        else if (range->to + (range->end - range->start) > UINT16_MAX)
                xml_fault(domain->xml, FAULT_ERROR, element, "to", _("The guest has no port above 65535."));
        else if (range->exclude && range->to > 0)
                xml_fault(domain->xml, FAULT_ERROR, element, "to",
                          _("Ports that are excluded go nowhere; remove to=."));
}

static int read_range(Domain *domain, PortForward *forward, XmlElement *element)
{
        PortRange *grown = reallocarray(forward->ranges, forward->n_ranges + 1, sizeof(*grown)), *range;

        if (!grown)
                return -ENOMEM;
        forward->ranges = grown;
        range = &grown[forward->n_ranges++];
        *range = (PortRange){0};
        read_uint(domain->xml, element, "start", UINT16_MAX, &range->start);
        range->end = range->start;
        read_uint(domain->xml, element, "end", UINT16_MAX, &range->end);
        read_uint(domain->xml, element, "to", UINT16_MAX, &range->to);
        read_switch(domain->xml, element, "exclude", &range->exclude);
        check_range(domain, element, range);
        return 0;
}

/* These become part of a word that passt reads. */
static void check_forward(Domain *domain, const PortForward *forward)
{
        bool v6;

        if (forward->address && !is_address(forward->address, &v6))
                xml_fault(domain->xml, FAULT_ERROR, forward->element, "address",
                          _("\"%s\" is neither an IPv4 nor an IPv6 address."), forward->address);
        if (forward->device && !value_is_id(forward->device))
                xml_fault(domain->xml, FAULT_ERROR, forward->element, "dev",
                          _("\"%s\" is no name for a network interface of the host."), forward->device);
}

static int read_forward(Domain *domain, Part *part, XmlElement *element)
{
        static const char *const protocols[] = {"tcp", "udp", NULL};
        Interface *net = part->data;
        PortForward *grown = reallocarray(net->forwards, net->n_forwards + 1, sizeof(*grown)), *forward;
        XmlElement *range = NULL;
        int protocol = 0, r;

        if (!grown)
                return -ENOMEM;
        net->forwards = grown;
        forward = &grown[net->n_forwards++];
        *forward = (PortForward){.element = element};
        if (read_word(domain->xml, element, "proto", protocols, &protocol) == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Which ports are these? Add proto='tcp' or proto='udp'."));
        forward->udp = protocol == 1;
        r = read_text(domain->xml, element, "address", &forward->address);
        if (r >= 0)
                r = read_text(domain->xml, element, "dev", &forward->device);
        while (r >= 0 && (range = xml_next(element, "range", range)))
                r = read_range(domain, forward, range);
        check_forward(domain, forward);
        return r < 0 ? r : 0;
}

int interface_read_user(Domain *domain, Part *part)
{
        const Interface *net = part->data;
        XmlElement *element = NULL;
        int r = 0;

        if (net->type != INTERFACE_USER && net->type != INTERFACE_NETWORK) {
                if ((element = xml_child(part->element, "ip"))) {
                        xml_mark_all(element);
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("Only type='user' gives a guest its address; remove <ip>, and configure "
                                    "the guest."));
                }
                return 0;
        }
        while (r >= 0 && (element = xml_next(part->element, "ip", element)))
                r = read_ip(domain, part, element);
        element = NULL;
        while (r >= 0 && (element = xml_next(part->element, "portForward", element)))
                r = read_forward(domain, part, element);
        return r;
}

void interface_clear_user(Interface *net)
{
        for (size_t i = 0; i < net->n_forwards; i++) {
                free(net->forwards[i].address);
                free(net->forwards[i].device);
                free(net->forwards[i].ranges);
        }
        free(net->forwards);
        free(net->ip4.address);
        free(net->ip6.address);
        free(net->log_file);
        free(net->hostname);
        free(net->fqdn);
}

/* --- slirp --------------------------------------------------------------------------------------- */

static int add_hostfwd(json_object *list, const PortForward *forward, uint64_t from, uint64_t to)
{
        CLEANUP(json) json_object *item = json_object_new_object();

        if (!item ||
            json_add_stringf(item, "str", "%s:%s:%llu-:%llu", forward->udp ? "udp" : "tcp",
                             forward->address ?: "", (unsigned long long)from, (unsigned long long)to) < 0)
                return -ENOMEM;
        return json_append(list, TAKE(item));
}

static void check_hostfwd(Plan *plan, const PortForward *forward)
{
        if (forward->n_ranges == 0)
                plan_fault(
                        plan, forward->element, /* attribute= */ NULL,
                        _("The emulator's own user network forwards no port that is not named; add <range "
                          "start='…'/>, or take <backend type='passt'/>."));
        if (forward->device)
                plan_fault(plan, forward->element, "dev",
                           _("The emulator's own user network listens on addresses, not on devices; give "
                             "address=, or take <backend type='passt'/>."));
        /* Releases before 10 split this at the first colon. */
        if (forward->address && strchr(forward->address, ':'))
                plan_fault(plan, forward->element, "address",
                           _("The emulator's own user network forwards from IPv4 addresses only; take "
                             "<backend type='passt'/>."));
}

static int add_forward(Plan *plan, const PortForward *forward, json_object *list)
{
        check_hostfwd(plan, forward);
        for (size_t i = 0; i < forward->n_ranges; i++) {
                const PortRange *range = &forward->ranges[i];
                uint64_t to = range->to ?: range->start;

                if (range->exclude) {
                        plan_fault(plan, forward->element, /* attribute= */ NULL,
                                   _("The emulator's own user network forwards what is named and nothing "
                                     "else; remove <range exclude='yes'>."));
                        continue;
                }
                if (json_object_array_length(list) + (range->end - range->start) >= INTERFACE_PORTS_MAX) {
                        plan_fault(plan, forward->element, /* attribute= */ NULL,
                                   _("The emulator's own user network forwards up to %d ports with muster; "
                                     "take <backend type='passt'/>."),
                                   INTERFACE_PORTS_MAX);
                        return 0;
                }
                for (uint64_t port = range->start; port <= range->end; port++)
                        if (add_hostfwd(list, forward, port, to++) < 0)
                                return -ENOMEM;
        }
        return 0;
}

static int add_forwards(Plan *plan, const Interface *net, json_object *netdev)
{
        CLEANUP(json) json_object *list = json_object_new_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < net->n_forwards; i++)
                r = add_forward(plan, &net->forwards[i], list);
        if (r < 0 || json_object_array_length(list) == 0)
                return r;
        return json_add(netdev, "hostfwd", TAKE(list));
}

/* As with libvirt, the address says which network it is. */
static int add_networks(const Interface *net, json_object *netdev)
{
        int r = 0;

        if (net->ip4.element && net->ip4.has_prefix)
                r = json_add_stringf(netdev, "net", "%s/%llu", net->ip4.address,
                                     (unsigned long long)net->ip4.prefix);
        else if (net->ip4.element)
                r = json_add_string(netdev, "net", net->ip4.address);
        if (r >= 0 && net->ip6.element)
                r = json_add_string(netdev, "ipv6-prefix", net->ip6.address);
        if (r >= 0 && net->ip6.element && net->ip6.has_prefix)
                r = json_add_int(netdev, "ipv6-prefixlen", (int64_t)net->ip6.prefix);
        return r;
}

int interface_plan_user(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        int r;

        if (!plan_has(plan, part, "netdev-user", NULL, _("the network is the emulator's own"), NULL)) {
                plan_fault(plan, part->element, "type",
                           _("%s was built without -netdev user (slirp); take <backend type='passt'/>, "
                             "type='bridge', or another emulator."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        if (net->log_file || net->fqdn)
                plan_fault(plan, net->backend, net->log_file ? "logFile" : "fqdn",
                           _("The emulator's own user network has nothing of that kind; add type='passt'."));
        if (net->name)
                plan_fault(plan, net->source, "dev",
                           _("The emulator's own user network goes where the host's routes go; remove "
                             "<source>, or take <backend type='passt'/>."));
        r = json_add_string(netdev, "type", "user");
        if (r >= 0 && net->hostname)
                r = json_add_string(netdev, "hostname", net->hostname);
        if (r >= 0)
                r = add_networks(net, netdev);
        return r < 0 ? r : add_forwards(plan, net, netdev);
}

/* --- passt --------------------------------------------------------------------------------------- */

static int add_word(json_object *argv, const char *option, const char *value)
{
        int r = json_append_string(argv, option);

        return r < 0 || !value ? r : json_append_string(argv, value);
}

static int add_range(FILE *out, const PortRange *range, bool first)
{
        unsigned long long length = range->end - range->start;

        fprintf(out, "%s%s%llu", first ? "" : ",", range->exclude ? "~" : "",
                (unsigned long long)range->start);
        if (length > 0)
                fprintf(out, "-%llu", (unsigned long long)range->end);
        if (range->to > 0)
                fprintf(out, ":%llu", (unsigned long long)range->to);
        if (range->to > 0 && length > 0)
                fprintf(out, "-%llu", (unsigned long long)range->to + length);
        return ferror(out) ? -ENOMEM : 0;
}

/* "ADDRESS%DEVICE/2000-2010:22-32,~2005"; passt's own words for what <portForward> says. */
static int add_ports(json_object *argv, const PortForward *forward)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r = 0;

        if (!out)
                return -ENOMEM;
        if (forward->address)
                fputs(forward->address, out);
        if (forward->device)
                fprintf(out, "%%%s", forward->device);
        if (forward->address || forward->device)
                fputc('/', out);
        if (forward->n_ranges == 0)
                fputs("all", out);
        for (size_t i = 0; r >= 0 && i < forward->n_ranges; i++)
                r = add_range(out, &forward->ranges[i], i == 0);
        if (fclose(out) != 0 || r < 0)
                return -ENOMEM;
        return add_word(argv, forward->udp ? "--udp-ports" : "--tcp-ports", text);
}

static int add_numbered(json_object *argv, const char *option, uint64_t number)
{
        CLEANUP(free) char *text = text_format("%llu", (unsigned long long)number);

        return text ? add_word(argv, option, text) : -ENOMEM;
}

static int add_ip(json_object *argv, const InterfaceIp *ip, bool v6)
{
        int r;

        if (!ip->element)
                return 0;
        r = add_word(argv, "--address", ip->address);
        /* passt has no prefix but 64 for IPv6. */
        return r < 0 || v6 || !ip->has_prefix ? r : add_numbered(argv, "--netmask", ip->prefix);
}

/* In the foreground: who starts it looks after it. It ends with the connection. */
static int add_argv(const Interface *net, const char *socket, json_object *argv)
{
        int r = add_word(argv, "--foreground", NULL);

        if (r >= 0)
                r = add_word(argv, "--one-off", NULL);
        if (r >= 0)
                r = add_word(argv, "--socket", socket);
        if (r >= 0 && net->card.mtu > 0)
                r = add_numbered(argv, "--mtu", net->card.mtu);
        if (r >= 0 && net->name)
                r = add_word(argv, "--interface", net->name);
        if (r >= 0 && net->log_file)
                r = add_word(argv, "--log-file", net->log_file);
        if (r >= 0 && net->hostname)
                r = add_word(argv, "--hostname", net->hostname);
        if (r >= 0 && net->fqdn)
                r = add_word(argv, "--fqdn", net->fqdn);
        if (r >= 0)
                r = add_ip(argv, &net->ip4, /* v6= */ false);
        if (r >= 0)
                r = add_ip(argv, &net->ip6, /* v6= */ true);
        for (size_t i = 0; r >= 0 && i < net->n_forwards; i++)
                r = add_ports(argv, &net->forwards[i]);
        return r;
}

static int start_passt(Plan *plan, Part *part, const char *socket)
{
        const DomainHost *host = plan->domain->host;
        const Interface *net = part->data;
        CLEANUP(free) char *program = NULL;
        CLEANUP(json) json_object *argv = NULL;
        int r;

        r = host->find_program(host, "passt", &program);
        if (r == -ENOENT) {
                plan_fault(plan, net->backend ?: part->element, "type",
                           _("This host has no passt; install it, or remove <backend type='passt'/>."));
                return 0;
        }
        argv = json_object_new_array();
        if (r < 0 || !argv)
                return r < 0 ? r : -ENOMEM;
        r = json_append_string(argv, program);
        /* Else it becomes nobody before it makes its socket, in a folder that only root may enter. What it
         * confines itself with (namespaces, seccomp) it does either way. */
        if (r >= 0 && host->root)
                r = json_append_string(argv, "--runas");
        if (r >= 0 && host->root)
                r = json_append_string(argv, "0");
        if (r >= 0)
                r = add_argv(net, socket, argv);
        return r < 0 ? r : plan_process(plan, _("a network in user space"), socket, TAKE(argv));
}

/* Five seconds, as libvirt has it, so that passt may be started anew behind a running guest. */
static int add_reconnect(Plan *plan, const Part *part, json_object *netdev)
{
        if (plan_has(plan, part, "netdev-stream-reconnect-ms", NULL,
                     _("the connection to passt is made again"), NULL))
                return json_add_int(netdev, "reconnect-ms", 5000);
        if (plan_has(plan, part, "netdev-stream-reconnect", NULL, _("the connection to passt is made again"),
                     _("a connection to passt that was lost stays so")))
                return json_add_int(netdev, "reconnect", 5);
        return 0;
}

int interface_plan_passt(Plan *plan, Part *part, json_object *netdev)
{
        const Interface *net = part->data;
        CLEANUP(free) char *file = text_format("%s-passt.sock", part->alias);
        CLEANUP(free) char *socket = file ? plan_run_path(plan, file) : NULL;
        CLEANUP(json) json_object *address = json_object_new_object();
        int r;

        if (!socket || !address)
                return -ENOMEM;
        if (!plan_has(plan, part, "netdev-stream", NULL, _("passt is reached through a socket"), NULL)) {
                plan_fault(plan, net->backend ?: part->element, "type",
                           _("%s has no -netdev stream (QEMU 7.2 or newer), which passt is reached through; "
                             "remove <backend type='passt'/>."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        r = start_passt(plan, part, socket);
        if (r >= 0)
                r = json_add_string(address, "type", "unix");
        if (r >= 0)
                r = json_add_string(address, "path", socket);
        if (r >= 0)
                r = json_add_string(netdev, "type", "stream");
        if (r >= 0)
                r = json_add(netdev, "addr", TAKE(address));
        if (r >= 0)
                r = json_add_bool(netdev, "server", false);
        return r < 0 ? r : add_reconnect(plan, part, netdev);
}
