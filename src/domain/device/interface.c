/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/interface.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface-private.h"
#include "domain/section/os.h"

/* What is neither the card (interface-card.c) nor its other end (interface-source.c). */

bool interface_spawns(const Domain *domain)
{
        if (domain->host->descriptors)
                return false;
        for (const Part *part = NULL; (part = domain_next(domain, &device_interface, part));)
                if (((const Interface *)part->data)->means == INTERFACE_BRIDGE)
                        return true;
        return false;
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_mac(Domain *domain, Part *part)
{
        static const char *const types[] = {"generated", "static", NULL};
        XmlElement *mac = xml_child(part->element, "mac");
        const char *address = mac ? xml_attribute(mac, "address") : NULL;
        Interface *net = part->data;
        int type = 0;

        if (mac)
                read_word(domain->xml, mac, "type", types, &type);
        if (address && value_mac(address, net->mac) < 0)
                xml_fault(domain->xml, FAULT_ERROR, mac, "address",
                          _("\"%s\" is no MAC address of one card, as 52:54:00:12:34:56 is."), address);
}

static void read_link(Domain *domain, Part *part)
{
        static const char *const states[] = {"up", "down", NULL};
        XmlElement *link = xml_child(part->element, "link");
        Interface *net = part->data;
        int state = 0;

        if (link)
                read_word(domain->xml, link, "state", states, &state);
        net->link_down = state == 1;
}

/* What libvirt does to the host's end, and muster, which changes nothing there, does not. */
static void refuse_rest(Domain *domain, Part *part)
{
        static const struct {
                const char *element;
                FaultSeverity severity;
                const char *why;
        } refused[] = {
                {"bandwidth", FAULT_COSMETIC,
                 N_("Muster does not shape the host's traffic; do it with tc on the device or the bridge, "
                    "and "
                    "remove <bandwidth>.")},
                {"coalesce", FAULT_COSMETIC,
                 N_("Muster does not configure the host's device; do it with ethtool, and remove "
                    "<coalesce>.")},
                {"filterref", FAULT_ERROR,
                 N_("Muster filters no packets, and without <filterref> the guest may send what it likes; "
                    "filter them on the host, and remove it.")},
                {"vlan", FAULT_ERROR,
                 N_("Muster sets no VLAN tags; make a bridge for each VLAN, take that, and remove <vlan>.")},
                {"virtualport", FAULT_ERROR,
                 N_("Muster has no virtual ports; configure Open vSwitch by itself, with a tap device and "
                    "type='ethernet', and remove <virtualport>.")},
                {"script", FAULT_ERROR,
                 N_("Muster runs no scripts; make the tap device first, take <target dev='…' "
                    "managed='no'/>, and remove <script>.")},
                {"downscript", FAULT_ERROR,
                 N_("Muster runs no scripts; make the tap device first, take <target dev='…' "
                    "managed='no'/>, and remove <downscript>.")},
                {"backenddomain", FAULT_ERROR, N_("That is Xen's; remove <backenddomain>.")},
                {"route", FAULT_ERROR,
                 N_("Only containers are given routes; configure the guest, and remove <route>.")},
        };

        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                XmlElement *element = xml_child(part->element, refused[i].element);

                if (!element)
                        continue;
                xml_mark_all(element);
                xml_fault(domain->xml, refused[i].severity, element, /* attribute= */ NULL, "%s",
                          _(refused[i].why));
        }
}

static void read_switches(Domain *domain, Part *part)
{
        XmlElement *port = xml_child(part->element, "port");
        bool trust = false, isolated = false, managed = false;

        read_switch(domain->xml, part->element, "trustGuestRxFilters", &trust);
        if (trust)
                xml_fault(domain->xml, FAULT_COSMETIC, part->element, "trustGuestRxFilters",
                          _("Muster does not configure the host's device by what the guest asks; remove "
                            "trustGuestRxFilters=."));
        if (port)
                read_switch(domain->xml, port, "isolated", &isolated);
        if (isolated)
                xml_fault(domain->xml, FAULT_ERROR, port, "isolated",
                          _("Muster does not configure the bridge's ports; set it with bridge link, and "
                            "remove <port>."));
        read_switch(domain->xml, part->element, "managed", &managed);
}

static int read_interface(Domain *domain, Part *part)
{
        static const char *const types[] = {
                "user",   "bridge", "ethernet", "network", "vhostuser", "vdpa",     "udp", "mcast",
                "server", "client", "null",     "direct",  "hostdev",   "internal", "vds", NULL,
        };
        Interface *net = part->data;
        int type = INTERFACE_USER, r;

        if (read_word(domain->xml, part->element, "type", types, &type) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("What is it connected to? Add type='user', 'bridge' or 'network'."));
        net->type = net->means = (InterfaceType)type;
        net->driver = -1;
        read_mac(domain, part);
        read_link(domain, part);
        read_switches(domain, part);
        r = interface_read_card(domain, part);
        if (r >= 0)
                r = interface_read_source(domain, part);
        if (r >= 0)
                r = interface_read_user(domain, part);
        refuse_rest(domain, part);
        return r;
}

/* --- completing ---------------------------------------------------------------------------------- */

static const Part *find_mac(const Domain *domain, const Part *self)
{
        const char *mac = ((const Interface *)self->data)->mac;

        for (const Part *part = NULL; (part = domain_next(domain, &device_interface, part));)
                if (part != self && streq(((const Interface *)part->data)->mac, mac))
                        return part;
        return NULL;
}

/* QEMU's own prefix, as everybody does; what another card has already is not taken. */
static int make_mac(Domain *domain, Part *part)
{
        Interface *net = part->data;
        XmlElement *mac;
        uint8_t bytes[3];
        int r;

        do {
                r = domain->host->random(domain->host, bytes, sizeof(bytes));
                if (r < 0)
                        return r;
                snprintf(net->mac, sizeof(net->mac), "52:54:00:%02x:%02x:%02x", bytes[0], bytes[1],
                         bytes[2]);
        } while (find_mac(domain, part));
        r = xml_ensure(part->element, "mac", &mac);
        return r < 0 ? r : xml_set(mac, "address", net->mac);
}

static int complete(Domain *domain, Part *part)
{
        Interface *net = part->data;
        const Part *other;
        int r;

        if (!net->mac[0]) {
                r = make_mac(domain, part);
                if (r < 0)
                        return r;
        }
        other = find_mac(domain, part);
        if (other && other->index < part->index)
                xml_fault(domain->xml, FAULT_WARNING, xml_child(part->element, "mac"), "address",
                          _("Another card of this domain has the same MAC address."));
        r = interface_complete_card(domain, part);
        if (r >= 0)
                r = interface_complete_source(domain, part);
        if (r >= 0 && part->boot_order == 0)
                part->boot_order = os_take_boot(domain, OS_BOOT_NETWORK);
        return r;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int pull_cable(Plan *plan, const Part *part)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        if (!arguments || json_add_string(arguments, "name", part->alias) < 0 ||
            json_add_bool(arguments, "up", false) < 0)
                return -ENOMEM;
        return plan_command(plan, part, "set_link", TAKE(arguments));
}

static int plan(Plan *plan, Part *part)
{
        const Interface *net = part->data;
        CLEANUP(free) char *netdev = NULL;
        int r;

        r = interface_plan_netdev(plan, part, &netdev);
        if (r >= 0)
                r = interface_plan_card(plan, part, netdev);
        if (r >= 0 && net->link_down)
                r = pull_cable(plan, part);
        return r;
}

static void clear(Part *part)
{
        Interface *net = part->data;

        interface_clear_user(net);
        free(net->card.model);
        free(net->name);
        free(net->target);
        free(net->remote.address);
        free(net->local.address);
}

const PartKind device_interface = {
        .name = "interface",
        .alias = "net",
        .flags = PART_ADDRESS | PART_BOOT | PART_ROM,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO | 1 << PLACE_USB | 1 << PLACE_SPAPR_VIO,
        .size = sizeof(Interface),
        .read = read_interface,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
