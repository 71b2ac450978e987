/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/* Character devices, by the device that has them: a channel, a serial line, a redirector. */

static bool source_path(ArgvMap *map, ArgvOption *chardev, XmlElement *element, const char *type)
{
        XmlElement *source;

        argv_set(map, element, "type", type);
        source = argv_element(map, element, "source");
        argv_move(map, chardev, "path", source, "path");
        if (streq(type, "file"))
                argv_move(map, chardev, "append", source, "append");
        return true;
}

static bool source_socket(ArgvMap *map, ArgvOption *chardev, XmlElement *element)
{
        bool server = streq_ptr(argv_get(chardev, "server"), "on");
        XmlElement *source, *protocol;

        argv_set(map, element, "type", argv_get(chardev, "path") ? "unix" : "tcp");
        source = argv_element(map, element, "source");
        argv_set(map, source, "mode", server ? "bind" : "connect");
        (void)argv_take(map, chardev, "server");
        /* A definition's servers never wait, but those of TCP lines that say so. */
        (void)argv_take_if(map, chardev, "wait", "off");
        if (argv_get(chardev, "path")) {
                argv_move(map, chardev, "path", source, "path");
                return true;
        }
        argv_move(map, chardev, "host", source, "host");
        argv_move(map, chardev, "port", source, "service");
        protocol = argv_element(map, element, "protocol");
        argv_set(map, protocol, "type", argv_take_if(map, chardev, "telnet", "on") ? "telnet" : "raw");
        (void)argv_take_if(map, chardev, "telnet", "off");
        return true;
}

static bool source_udp(ArgvMap *map, ArgvOption *chardev, XmlElement *element)
{
        XmlElement *source;

        argv_set(map, element, "type", "udp");
        if (argv_get(chardev, "localaddr") || argv_get(chardev, "localport")) {
                source = argv_element(map, element, "source");
                argv_set(map, source, "mode", "bind");
                argv_move(map, chardev, "localaddr", source, "host");
                argv_move(map, chardev, "localport", source, "service");
        }
        source = argv_element(map, element, "source");
        argv_set(map, source, "mode", "connect");
        argv_move(map, chardev, "host", source, "host");
        argv_move(map, chardev, "port", source, "service");
        return true;
}

static bool source_of(ArgvMap *map, ArgvOption *chardev, XmlElement *element)
{
        const char *backend = argv_get(chardev, "backend") ?: "";

        if (streq(backend, "pty") || streq(backend, "null") || streq(backend, "stdio") ||
            streq(backend, "vc")) {
                argv_set(map, element, "type", backend);
                return true;
        }
        if (streq(backend, "file") || streq(backend, "pipe"))
                return source_path(map, chardev, element, backend);
        if (streq(backend, "serial") || streq(backend, "parallel") || streq(backend, "tty"))
                return source_path(map, chardev, element, "dev");
        if (streq(backend, "socket"))
                return source_socket(map, chardev, element);
        if (streq(backend, "udp"))
                return source_udp(map, chardev, element);
        if (streq(backend, "spicevmc")) {
                argv_set(map, element, "type", "spicevmc");
                (void)argv_take(map, chardev, "name");
                return true;
        }
        if (!streq(backend, "spiceport"))
                return false;
        argv_set(map, element, "type", "spiceport");
        argv_move(map, chardev, "name", argv_element(map, element, "source"), "channel");
        return true;
}

bool argv_source(ArgvMap *map, ArgvOption *device, const char *key, XmlElement *element)
{
        const char *id = argv_get(device, key);
        ArgvOption *chardev = id ? argv_find(map->argv, "chardev", "id", id) : NULL;
        XmlElement *log;

        if (!chardev || !element || !source_of(map, chardev, element))
                return false;
        if (argv_get(chardev, "logfile")) {
                log = argv_element(map, element, "log");
                argv_move(map, chardev, "logfile", log, "file");
                argv_move(map, chardev, "logappend", log, "append");
        }
        (void)argv_take(map, chardev, "backend");
        (void)argv_take(map, chardev, "id");
        (void)argv_take(map, device, key);
        return true;
}

static XmlElement *line(ArgvMap *map, ArgvOption *device, const char *name)
{
        XmlElement *element = argv_element(map, map->devices, name);

        if (!argv_source(map, device, "chardev", element)) {
                if (element)
                        xml_remove(element);
                return NULL;
        }
        (void)argv_take(map, device, "driver");
        return element;
}

static void map_serial(ArgvMap *map, ArgvOption *device)
{
        static const struct {
                const char *driver, *type;
        } types[] = {{"isa-serial", "isa-serial"},
                     {"pci-serial", "pci-serial"},
                     {"usb-serial", "usb-serial"},
                     {"isa-debugcon", "isa-debug"},
                     {"spapr-vty", "spapr-vio-serial"}};
        const char *driver = argv_get(device, "driver");
        XmlElement *element = NULL, *target;

        for (size_t i = 0; driver && i < ELEMENTSOF(types); i++)
                if (streq(driver, types[i].driver)) {
                        element = line(map, device, "serial");
                        if (!element)
                                return;
                        target = argv_element(map, element, "target");
                        argv_set(map, target, "type", types[i].type);
                        argv_move(map, device, "index", target, "port");
                        argv_set(map, argv_element(map, target, "model"), "name", driver);
                        argv_common(map, device, element);
                        return;
                }
        if (!driver || !streq(driver, "isa-parallel"))
                return;
        element = line(map, device, "parallel");
        if (!element)
                return;
        argv_move(map, device, "index", argv_element(map, element, "target"), "port");
        argv_common(map, device, element);
}

static void map_port(ArgvMap *map, ArgvOption *device)
{
        const char *driver = argv_get(device, "driver"), *bus = argv_get(device, "bus"), *controller;
        bool console;
        XmlElement *element, *target, *address;

        if (!driver || (!streq(driver, "virtserialport") && !streq(driver, "virtconsole")))
                return;
        console = streq(driver, "virtconsole");
        element = line(map, device, console ? "console" : "channel");
        if (!element)
                return;
        target = argv_element(map, element, "target");
        argv_set(map, target, "type", "virtio");
        if (!console)
                argv_move(map, device, "name", target, "name");
        controller = bus ? startswith(bus, "virtio-serial") : NULL;
        if (controller && controller[strspn(controller, "0123456789")] == '.') {
                address = argv_element(map, element, "address");
                argv_set(map, address, "type", "virtio-serial");
                argv_setf(map, address, "controller", "%.*s", (int)strspn(controller, "0123456789"),
                          controller);
                argv_set(map, address, "bus", "0");
                argv_move(map, device, "nr", address, "port");
                (void)argv_take(map, device, "bus");
        }
        argv_common(map, device, element);
}

static void map_redirector(ArgvMap *map, ArgvOption *device)
{
        XmlElement *element;

        if (!streq_ptr(argv_get(device, "driver"), "usb-redir"))
                return;
        element = line(map, device, "redirdev");
        if (!element)
                return;
        argv_set(map, element, "bus", "usb");
        argv_common(map, device, element);
}

/* The board's own lines have no device: -serial chardev:ID is all of it. */
static void map_board_serial(ArgvMap *map, ArgvOption *serial)
{
        const char *id = startswith(argv_get(serial, "") ?: "", "chardev:");
        CLEANUP(json) json_object *saved = json_object_get(serial->values);
        XmlElement *element;

        if (!id || !strstr(map->about->arch, "aarch64") || json_add_string(saved, "chardev", id) < 0)
                return;
        element = argv_element(map, map->devices, "serial");
        if (!argv_source(map, serial, "chardev", element)) {
                json_object_object_del(serial->values, "chardev");
                if (element)
                        xml_remove(element);
                return;
        }
        (void)argv_take(map, serial, "");
}

void argv_map_chardevs(ArgvMap *map)
{
        for (ArgvOption *serial = NULL; (serial = argv_next(map->argv, "serial", serial));)
                map_board_serial(map, serial);
        for (ArgvOption *device = NULL; (device = argv_next(map->argv, "device", device));) {
                map_serial(map, device);
                map_port(map, device);
                map_redirector(map, device);
        }
}
