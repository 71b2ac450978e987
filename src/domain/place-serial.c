/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/place-private.h"

/* Numbered places in a row: ports of virtio-serial, slots of CCID readers, registers of pSeries' own bus. */

#define PORTS_DEFAULT 31 /* of QEMU's virtio-serial, without max_ports */

/* QEMU keeps port 0 for the first console. */
static unsigned least_port(const Part *part)
{
        return !streq(part->kind->name, "console");
}

static unsigned count_ports(const Part *owner)
{
        const Controller *controller = owner->data;

        if (controller->type == CONTROLLER_CCID)
                return 1;
        return controller->ports > 0 ? (unsigned)controller->ports : PORTS_DEFAULT;
}

/* Who has it; NULL. Only what is placed has one. */
static Part *find_user(const Domain *domain, PlaceType type, unsigned controller, unsigned port)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Place *place = &domain->devices[i]->place;

                if (place->type == type && place->given && place->controller == controller &&
                    place->port == port)
                        return domain->devices[i];
        }
        return NULL;
}

static int provide(Domain *domain, const Part *part, ControllerType type)
{
        unsigned index = part->place.element ? part->place.controller : 0;
        Part *added;

        if (controller_get(domain, type, index))
                return 0;
        if (index < PLACE_CONTROLLERS_MAX)
                return controller_add(domain, type, index, /* model= */ NULL, &added);
        xml_fault(domain->xml, FAULT_ERROR, part->place.element, "controller",
                  _("There is no %s controller %u, and above %d none is added unasked; add it, or give "
                    "another one."),
                  controller_type_name(type), index, PLACE_CONTROLLERS_MAX - 1);
        return 0;
}

static void check_ccid(Domain *domain, Part *part)
{
        if (part->place.port > 0)
                xml_fault(domain->xml, FAULT_ERROR, part->place.element, "slot",
                          _("A CCID controller has one slot, 0; give that, and another controller for each "
                            "further card."));
}

static void check_virtio_serial(Domain *domain, Part *part)
{
        const Place *place = &part->place;
        const Part *owner = controller_get(domain, CONTROLLER_VIRTIO_SERIAL, place->controller);

        if (place->bus > 0)
                xml_fault(domain->xml, FAULT_ERROR, place->element, "bus",
                          _("A virtio-serial controller has one bus, 0; give that, or leave bus out."));
        if (!owner)
                return;
        if (place->port >= count_ports(owner))
                xml_fault(domain->xml, FAULT_ERROR, place->element, "port",
                          _("The ports of this virtio-serial controller end with %u; give a lower one, or "
                            "leave port out to get a free one."),
                          count_ports(owner) - 1);
        else if (place->port < least_port(part))
                xml_fault(domain->xml, FAULT_ERROR, place->element, "port",
                          _("Port 0 is kept for a console; give one from 1 on, or leave port out to get a "
                            "free one."));
}

static int check_given(Domain *domain, PlaceType type)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                Part *part = domain->devices[i], *user;

                if (!place_is(part, type) || !part->place.given)
                        continue;
                if (type == PLACE_CCID)
                        check_ccid(domain, part);
                else
                        check_virtio_serial(domain, part);
                user = find_user(domain, type, part->place.controller, part->place.port);
                if (user != part)
                        r = place_clash(domain, user, part);
        }
        return r;
}

static bool take_free(const Domain *domain, Part *part, ControllerType type, unsigned index)
{
        const Part *owner = controller_get(domain, type, index);
        unsigned port = type == CONTROLLER_CCID ? 0 : least_port(part);

        for (; owner && port < count_ports(owner); port++)
                if (!find_user(domain, part->place.type, index, port)) {
                        part->place.controller = index;
                        part->place.port = port;
                        part->place.given = true;
                        return true;
                }
        return false;
}

/* The lowest port of the controller that is named, or of the lowest one that has any, or of a new one. */
static int give(Domain *domain, Part *part, ControllerType type)
{
        bool named = part->place.element && xml_attribute(part->place.element, "controller");
        Part *added;
        int r;

        for (unsigned index = 0; !named && index < PLACE_CONTROLLERS_MAX; index++)
                if (take_free(domain, part, type, index))
                        return 0;
        if (named && take_free(domain, part, type, part->place.controller))
                return 0;
        if (!named && controller_free_index(domain, type) < PLACE_CONTROLLERS_MAX) {
                unsigned index = (unsigned)controller_free_index(domain, type);

                r = controller_add(domain, type, index, /* model= */ NULL, &added);
                if (r < 0 || !added || take_free(domain, part, type, index))
                        return r;
        }
        xml_fault(domain->xml, FAULT_ERROR, place_fault_element(part), named ? "controller" : NULL,
                  _("No place is free on the %s controller; leave it out to get one on another."),
                  controller_type_name(type));
        return 0;
}

static int write_address(Part *part)
{
        XmlElement *element;
        int r;

        r = place_element(part, &element);
        if (r >= 0)
                r = xml_setf(element, "controller", "%u", part->place.controller);
        if (r >= 0 && part->place.type == PLACE_VIRTIO_SERIAL)
                r = xml_setf(element, "bus", "%u", part->place.bus);
        if (r >= 0)
                r = xml_setf(element, part->place.type == PLACE_CCID ? "slot" : "port", "%u",
                             part->place.port);
        return r;
}

static int assign(Domain *domain, PlaceType place, ControllerType type)
{
        size_t n = domain->n_devices;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (place_is(domain->devices[i], place))
                        r = provide(domain, domain->devices[i], type);
        if (r >= 0)
                r = check_given(domain, place);
        for (size_t i = 0; r >= 0 && i < n && domain->faults->n_errors == 0; i++) {
                Part *part = domain->devices[i];

                if (!place_is(part, place) || part->place.given)
                        continue;
                r = give(domain, part, type);
                if (r >= 0)
                        r = write_address(part);
        }
        return r;
}

int place_assign_virtio_serial(Domain *domain)
{
        return assign(domain, PLACE_VIRTIO_SERIAL, CONTROLLER_VIRTIO_SERIAL);
}

int place_assign_ccid(Domain *domain)
{
        return assign(domain, PLACE_CCID, CONTROLLER_CCID);
}

/* --- pSeries' own bus ---------------------------------------------------------------------------- */

static Part *find_register(const Domain *domain, uint64_t reg)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Place *place = &domain->devices[i]->place;

                if (place_is(domain->devices[i], PLACE_SPAPR_VIO) && place->reg == reg)
                        return domain->devices[i];
        }
        return NULL;
}

int place_assign_spapr_vio(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                Part *part = domain->devices[i];

                if (!place_is(part, PLACE_SPAPR_VIO) || !part->place.given)
                        continue;
                if (find_register(domain, part->place.reg) != part)
                        r = place_clash(domain, find_register(domain, part->place.reg), part);
        }
        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                Part *part = domain->devices[i];
                uint64_t reg = part->place.base;
                XmlElement *element;

                if (!place_is(part, PLACE_SPAPR_VIO) || part->place.given)
                        continue;
                while (find_register(domain, reg))
                        reg += 0x1000;
                part->place.reg = reg;
                part->place.given = true;
                r = place_element(part, &element);
                if (r >= 0)
                        r = xml_setf(element, "reg", "0x%08llx", (unsigned long long)reg);
        }
        return r;
}
