/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/* Network cards, and what is behind them. */

/* "tcp:127.0.0.1:2222-:22", "tcp::2222-10.0.2.15:22": only what goes to the guest itself. */
static bool forward(ArgvMap *map, XmlElement *interface, const char *text)
{
        char protocol[4], host[64] = "";
        unsigned from, to;
        XmlElement *element, *range;
        int end = 0;

        if (sscanf(text, "%3[tcpud]::%u-:%u%n", protocol, &from, &to, &end) != 3 || text[end])
                if (sscanf(text, "%3[tcpud]:%63[0-9.]:%u-:%u%n", protocol, host, &from, &to, &end) != 4 ||
                    text[end])
                        return false;
        if (from == 0 || from > UINT16_MAX || to == 0 || to > UINT16_MAX)
                return false;
        element = argv_element(map, interface, "portForward");
        argv_set(map, element, "proto", protocol);
        if (*host)
                argv_set(map, element, "address", host);
        range = argv_element(map, element, "range");
        argv_setf(map, range, "start", "%u", from);
        if (to != from)
                argv_setf(map, range, "to", "%u", to);
        return true;
}

static bool take_user(ArgvMap *map, ArgvOption *netdev, XmlElement *interface)
{
        argv_set(map, interface, "type", "user");
        for (unsigned i = 0; i < 100; i++) {
                char key[32];

                snprintf(key, sizeof(key), "hostfwd.%u.str", i);
                if (!argv_get(netdev, key))
                        break;
                if (forward(map, interface, argv_get(netdev, key)))
                        (void)argv_take(map, netdev, key);
        }
        return true;
}

static bool take_tap(ArgvMap *map, ArgvOption *netdev, XmlElement *interface, XmlElement *driver)
{
        XmlElement *target;

        if (argv_get(netdev, "helper") || argv_get(netdev, "br")) {
                argv_set(map, interface, "type", "bridge");
                argv_set(map, argv_element(map, interface, "source"), "bridge",
                         argv_take(map, netdev, "br") ?: "br0");
                (void)argv_take(map, netdev, "helper");
        } else if (argv_get(netdev, "ifname")) {
                argv_set(map, interface, "type", "ethernet");
                target = argv_element(map, interface, "target");
                argv_move(map, netdev, "ifname", target, "dev");
                argv_set(map, target, "managed", "no");
                (void)argv_take_if(map, netdev, "script", "no");
                (void)argv_take_if(map, netdev, "downscript", "no");
        } else {
                return false; /* a descriptor: nobody can see what is behind it */
        }
        argv_set(map, driver, "name", argv_take_if(map, netdev, "vhost", "on") ? "vhost" : "qemu");
        (void)argv_take_if(map, netdev, "vhost", "off");
        return true;
}

static bool take_vhost_user(ArgvMap *map, ArgvOption *netdev, XmlElement *interface)
{
        const char *id = argv_get(netdev, "chardev");
        ArgvOption *chardev = id ? argv_find(map->argv, "chardev", "id", id) : NULL;
        XmlElement *source;

        if (!chardev || !streq_ptr(argv_get(chardev, "backend"), "socket") || !argv_get(chardev, "path"))
                return false;
        argv_set(map, interface, "type", "vhostuser");
        source = argv_element(map, interface, "source");
        argv_set(map, source, "type", "unix");
        argv_move(map, chardev, "path", source, "path");
        argv_set(map, source, "mode", streq_ptr(argv_get(chardev, "server"), "on") ? "server" : "client");
        (void)argv_take(map, chardev, "server");
        (void)argv_take(map, chardev, "backend");
        (void)argv_take(map, chardev, "id");
        (void)argv_take(map, netdev, "chardev");
        return true;
}

static bool take_netdev(ArgvMap *map, ArgvOption *netdev, XmlElement *interface, XmlElement *driver)
{
        const char *type = netdev ? argv_get(netdev, "type") : NULL;
        bool taken = false;

        if (!type)
                return false;
        if (streq(type, "user"))
                taken = take_user(map, netdev, interface);
        else if (streq(type, "tap") || streq(type, "bridge"))
                taken = take_tap(map, netdev, interface, driver);
        else if (streq(type, "vhost-user"))
                taken = take_vhost_user(map, netdev, interface);
        if (!taken)
                return false;
        (void)argv_take(map, netdev, "type");
        (void)argv_take(map, netdev, "id");
        return true;
}

void argv_map_interface(ArgvMap *map, ArgvOption *device)
{
        static const char *const cards[][2] = {{"virtio-net-pci", "virtio"},
                                               {"virtio-net-device", "virtio"},
                                               {"virtio-net-ccw", "virtio"},
                                               {"e1000", "e1000"},
                                               {"e1000e", "e1000e"},
                                               {"rtl8139", "rtl8139"},
                                               {"igb", "igb"},
                                               {"vmxnet3", "vmxnet3"},
                                               {"ne2k_pci", "ne2k_pci"},
                                               {"pcnet", "pcnet"}};
        const char *driver = argv_get(device, "driver"), *id = argv_get(device, "netdev"), *model = NULL;
        XmlElement *interface, *options;

        for (size_t i = 0; driver && i < ELEMENTSOF(cards); i++)
                if (streq(driver, cards[i][0]))
                        model = cards[i][1];
        if (!model || !id)
                return;
        interface = argv_element(map, map->devices, "interface");
        options = argv_element(map, interface, "driver");
        if (!take_netdev(map, argv_find(map->argv, "netdev", "id", id), interface, options)) {
                if (interface)
                        xml_remove(interface);
                return;
        }
        argv_move(map, device, "mac", argv_element(map, interface, "mac"), "address");
        argv_set(map, argv_element(map, interface, "model"), "type", model);
        argv_move(map, device, "rx_queue_size", options, "rx_queue_size");
        argv_move(map, device, "tx_queue_size", options, "tx_queue_size");
        if (options && !options->properties)
                xml_remove(options);
        if (argv_get(device, "host_mtu"))
                argv_move(map, device, "host_mtu", argv_element(map, interface, "mtu"), "size");
        (void)argv_take(map, device, "driver");
        (void)argv_take(map, device, "netdev");
        argv_common(map, device, interface);
        if (!xml_child(interface, "mac")->properties)
                xml_remove(xml_child(interface, "mac"));
}
