/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/device/hub.h"
#include "domain/place-private.h"
#include "domain/section/os.h"
#include "domain/value.h"

#define USB_DEVICES_MAX 127 /* addresses have seven bits */

/*
 * USB ports: those of the controllers, and behind each hub eight more. Where there are fewer than devices,
 * hubs are added, as libvirt does.
 */

static bool is_usb(const Part *part)
{
        return place_is(part, PLACE_USB);
}

static bool is_named(const Part *part, const char *attribute)
{
        return part->place.element && xml_attribute(part->place.element, attribute);
}

static Part *find_user(const Domain *domain, unsigned bus, const char *port)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                Part *part = domain->devices[i];

                if (is_usb(part) && part->place.given && part->place.bus == bus &&
                    streq(part->place.usb_port, port))
                        return part;
        }
        return NULL;
}

static unsigned count_ports(const Domain *domain, unsigned bus)
{
        const Part *owner = controller_get(domain, CONTROLLER_USB, bus);

        return owner ? controller_usb_ports(owner->data) : 0;
}

/* --- what was given ------------------------------------------------------------------------------ */

/* "1.2" is port 2 of the hub at port 1. */
static void check_port(Domain *domain, const Part *part)
{
        const Place *place = &part->place;
        char way[PLACE_USB_PORT_SIZE];
        const char *last = strrchr(place->usb_port, '.');
        unsigned n = count_ports(domain, place->bus);
        uint64_t port = 0;
        const Part *hub;

        if (last) {
                snprintf(way, sizeof(way), "%.*s", (int)(last - place->usb_port), place->usb_port);
                hub = find_user(domain, place->bus, way);
                if (!hub || hub->kind != &device_hub) {
                        xml_fault(domain->xml, FAULT_ERROR, place->element, "port",
                                  _("No hub is at port %s of USB bus %u; add a <hub type='usb'> with that "
                                    "address, or give another port."),
                                  way, place->bus);
                        return;
                }
                n = HUB_PORTS;
        }
        if (value_uint(last ? last + 1 : place->usb_port, UINT8_MAX, &port) < 0 || port == 0 || port > n)
                xml_fault(domain->xml, FAULT_ERROR, place->element, "port",
                          _("There is no port %s on USB bus %u, since the controller or hub has ports 1 to "
                            "%u; give one of them, or leave port out to get a free one."),
                          place->usb_port, place->bus, n);
}

static int check_given(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                Part *part = domain->devices[i];

                if (!is_usb(part) || !part->place.given)
                        continue;
                check_port(domain, part);
                if (find_user(domain, part->place.bus, part->place.usb_port) != part)
                        r = place_clash(domain, find_user(domain, part->place.bus, part->place.usb_port),
                                        part);
        }
        return r;
}

/* --- controllers --------------------------------------------------------------------------------- */

static bool has_no_usb(const Domain *domain)
{
        const Part *first = controller_next(domain, CONTROLLER_USB, NULL);
        const Controller *controller = first ? first->data : NULL;

        return os_pci_machine(domain) == PCI_MACHINE_NONE ||
               (controller && streq(controller->model->name, "none"));
}

static int provide(Domain *domain, const Part *part)
{
        if (has_no_usb(domain)) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("The domain has no USB: its machine type has no PCI, or a controller says "
                            "model='none'; remove that, or what needs USB."));
                return 0;
        }
        if (controller_get(domain, CONTROLLER_USB, part->place.bus))
                return 0;
        if (part->place.bus > 0 || !controller_next(domain, CONTROLLER_USB, NULL) || is_named(part, "bus"))
                return controller_ensure(domain, CONTROLLER_USB, part->place.bus);
        return 0;
}

/* --- what is free -------------------------------------------------------------------------------- */

/* The lowest port here, or else of the hubs that are here. `way` is "" or "1.". */
static bool find_free(const Domain *domain, unsigned bus, const char *way, unsigned n,
                      char ret[static PLACE_USB_PORT_SIZE])
{
        char port[PLACE_USB_PORT_SIZE + 4];
        const Part *user;

        for (unsigned i = 1; i <= n; i++) {
                snprintf(port, sizeof(port), "%s%u", way, i);
                if (find_user(domain, bus, port))
                        continue;
                strcpy(ret, port);
                return true;
        }
        for (unsigned i = 1; strlen(way) < 6 && i <= n; i++) {
                snprintf(port, sizeof(port), "%s%u", way, i);
                user = find_user(domain, bus, port);
                if (!user || user->kind != &device_hub)
                        continue;
                strcat(port, ".");
                if (find_free(domain, bus, port, HUB_PORTS, ret))
                        return true;
        }
        return false;
}

static bool take_free(const Domain *domain, Part *part, unsigned bus)
{
        char port[PLACE_USB_PORT_SIZE];

        if (!find_free(domain, bus, "", count_ports(domain, bus), port))
                return false;
        part->place.bus = bus;
        strcpy(part->place.usb_port, port);
        part->place.given = true;
        return true;
}

static bool take_any(const Domain *domain, Part *part)
{
        if (is_named(part, "bus"))
                return take_free(domain, part, part->place.bus);
        for (unsigned bus = 0; bus < PLACE_CONTROLLERS_MAX; bus++)
                if (take_free(domain, part, bus))
                        return true;
        return false;
}

static int give(Domain *domain, Part *part)
{
        XmlElement *element;
        int r;

        if (!take_any(domain, part)) {
                xml_fault(domain->xml, FAULT_ERROR, place_fault_element(part), /* attribute= */ NULL,
                          _("No USB port is free; add a USB controller, give one more ports, or free a port "
                            "for a hub."));
                return 0;
        }
        r = place_element(part, &element);
        if (r >= 0)
                r = xml_setf(element, "bus", "%u", part->place.bus);
        return r < 0 ? r : xml_set(element, "port", part->place.usb_port);
}

static bool has_free(const Domain *domain)
{
        char port[PLACE_USB_PORT_SIZE];

        for (unsigned bus = 0; bus < PLACE_CONTROLLERS_MAX; bus++)
                if (find_free(domain, bus, "", count_ports(domain, bus), port))
                        return true;
        return false;
}

static int add_hubs(Domain *domain)
{
        size_t ports = 0, devices = 0, buses = 0;
        const Part *last = NULL;
        int r = 0;

        for (size_t i = 0; i < domain->n_devices; i++) {
                const Part *part = domain->devices[i];
                const Controller *controller = controller_of(part);

                if (controller && controller->type == CONTROLLER_USB) {
                        ports += controller_usb_ports(controller);
                        buses++;
                } else if (part->kind == &device_hub) {
                        ports += HUB_PORTS;
                }
                devices += is_usb(part);
                last = is_usb(part) ? part : last;
        }
        if (last && devices > USB_DEVICES_MAX * (buses ?: 1)) {
                xml_fault(domain->xml, FAULT_ERROR, last->element, /* attribute= */ NULL,
                          _("A USB bus has no more than %d devices; add a USB controller, or remove some."),
                          USB_DEVICES_MAX);
                return 0;
        }
        if (!has_free(domain)) /* not for a hub either, which the device itself will say */
                return 0;
        for (; r >= 0 && ports < devices && domain->faults->n_errors == 0; ports += HUB_PORTS - 1)
                r = hub_add(domain);
        return r;
}

/* Hubs first, since others go behind them; then as libvirt goes through the kinds. */
static int give_all(Domain *domain)
{
        static const char *const order[] = {"hub",   "hostdev", "disk",  "controller",
                                            "input", "serial",  "sound", "redirdev"};
        int r = 0;

        for (size_t kind = 0; kind <= ELEMENTSOF(order); kind++)
                for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                        Part *part = domain->devices[i];

                        if (is_usb(part) && !part->place.given && domain->faults->n_errors == 0 &&
                            (kind == ELEMENTSOF(order) || streq(part->kind->name, order[kind])))
                                r = give(domain, part);
                }
        return r;
}

int place_assign_usb(Domain *domain)
{
        size_t n = domain->n_devices;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n && domain->faults->n_errors == 0; i++)
                if (is_usb(domain->devices[i]))
                        r = provide(domain, domain->devices[i]);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = check_given(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = add_hubs(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = give_all(domain);
        return r;
}
