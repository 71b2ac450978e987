/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/console.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/device/serial.h"
#include "domain/value.h"

typedef enum ConsoleType {
        CONSOLE_SERIAL,
        CONSOLE_VIRTIO,
        _CONSOLE_HERE,
} ConsoleType;

static const char *const types[] = {[CONSOLE_SERIAL] = "serial",
                                    [CONSOLE_VIRTIO] = "virtio",
                                    "sclp",
                                    "sclplm",
                                    "xen",
                                    "lxc",
                                    "uml",
                                    "openvz",
                                    NULL};

typedef struct Console {
        int type; /* ConsoleType, or one of those that are refused */
        bool has_port;
        uint64_t port;
        Chardev chardev;
} Console;

static int read_console(Domain *domain, Part *part)
{
        XmlElement *target = xml_child(part->element, "target");
        Console *console = part->data;

        /* The name of its pty, in the dump of a running domain. */
        xml_attribute(part->element, "tty");
        if (target) {
                read_word(domain->xml, target, "type", types, &console->type);
                console->has_port = read_uint(domain->xml, target, "port", INT16_MAX, &console->port) > 0;
        }
        if (console->type >= _CONSOLE_HERE) {
                xml_fault(domain->xml, FAULT_ERROR, target, "type",
                          _("No machine that muster starts has a console of type \"%s\"; give serial or "
                            "virtio."),
                          types[console->type]);
                console->type = CONSOLE_VIRTIO;
        }
        return chardev_read(domain, part->element, "type", chardev_plain, &console->chardev);
}

/* The console that is a serial port, NULL: there is none. */
static Part *find_twin(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_console, part));)
                if (((const Console *)part->data)->type == CONSOLE_SERIAL)
                        return part;
        return NULL;
}

/* --- what is implied ----------------------------------------------------------------------------- */

/* A console without a serial port: it is one. */
static int imply_serial(Domain *domain, Part *console)
{
        XmlElement *element;
        int r;

        r = domain_new_element(domain, "serial", &element);
        if (r >= 0)
                r = chardev_copy(console->element, element);
        return r < 0 ? r : domain_add_device(domain, element, /* ret= */ NULL);
}

/* It is the first of all consoles, as libvirt wants it. */
static int imply_console(Domain *domain, Part *serial)
{
        Part *first = domain_next(domain, &device_console, NULL);
        XmlElement *element, *target;
        int r;

        r = domain_new_element(domain, "console", &element);
        if (r >= 0)
                r = chardev_copy(serial->element, element);
        if (r >= 0)
                r = xml_add(element, "target", /* text= */ NULL, &target);
        if (r >= 0)
                r = xml_set(target, "type", types[CONSOLE_SERIAL]);
        if (r < 0)
                return r;
        if (first)
                xml_move_before(element, first->element);
        return domain_add_device(domain, element, /* ret= */ NULL);
}

static int imply(Domain *domain)
{
        Part *serial = domain_next(domain, &device_serial, NULL), *twin = find_twin(domain);

        if (twin && !serial)
                return imply_serial(domain, twin);
        if (serial && !twin && serial_has_console(serial))
                return imply_console(domain, serial);
        return 0;
}

/* --- completion ---------------------------------------------------------------------------------- */

/* The twin has the alias of the serial port, and does not take one itself. */
static int settle_alias(Domain *domain, Part *part, const Part *serial)
{
        CLEANUP(free) char *alias = serial_alias(serial);

        if (!alias)
                return -ENOMEM;
        if (part->alias && !streq(part->alias, alias))
                xml_fault(domain->xml, FAULT_COSMETIC, part->element, /* attribute= */ NULL,
                          _("The first console is the first serial port, so it has the alias \"%s\", too; "
                            "remove its own."),
                          alias);
        free(TAKE(part->alias));
        return 0;
}

/* Its address, if it says one, is the port's, too; it must not count as a second one. */
static void settle_place(Domain *domain, Part *part, const Part *serial)
{
        const Place *place = &part->place, *other = &serial->place;

        if (place->type != PLACE_NONE && other->given &&
            (place->type != other->type || place->reg != other->reg || place->iobase != other->iobase ||
             place->irq != other->irq))
                xml_fault(domain->xml, FAULT_ERROR, place->element, /* attribute= */ NULL,
                          _("The first console is the first serial port, which has another address; remove "
                            "this one."));
        part->place.type = PLACE_NONE;
        part->place.given = false;
}

static int complete_twin(Domain *domain, Part *part)
{
        Part *serial = domain_next(domain, &device_serial, NULL);
        int r;

        if (find_twin(domain) != part) {
                xml_fault(
                        domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                        _("Only one console can be a serial port; give this one <target type='virtio'/>, or "
                          "make it a <serial>."));
                return 0;
        }
        if (!chardev_agrees(serial->element, part->element))
                xml_fault(domain->xml, FAULT_WARNING, part->element, /* attribute= */ NULL,
                          _("The first console is the first serial port, so what that says of the other end "
                            "holds for both; for a console of its own give <target type='virtio'/>."));
        /* The port may have its turn later, and shall not say more then. */
        r = chardev_complete(serial_chardev(serial), "type");
        if (r >= 0)
                r = chardev_copy(serial->element, part->element);
        if (r >= 0)
                r = settle_alias(domain, part, serial);
        settle_place(domain, part, serial);
        return r;
}

/* Libvirt counts the twin, too, wherever it stands. */
static int make_alias(const Domain *domain, Part *part)
{
        unsigned number = find_twin(domain) != NULL;

        for (Part *other = NULL; (other = domain_next(domain, &device_console, other)) && other != part;)
                number += ((const Console *)other->data)->type == CONSOLE_VIRTIO;
        if (!part->alias)
                part->alias = text_format("console%u", number);
        return part->alias ? 0 : -ENOMEM;
}

static uint64_t free_port(const Domain *domain, int type)
{
        uint64_t port = 0;

        for (Part *part = NULL; (part = domain_next(domain, &device_console, part));) {
                const Console *console = part->data;

                if (console->type == type && console->has_port && console->port >= port)
                        port = console->port + 1;
        }
        return port;
}

static int write_target(Domain *domain, Part *part)
{
        Console *console = part->data;
        XmlElement *target;
        int r;

        if (!console->has_port)
                console->port = free_port(domain, console->type);
        console->has_port = true;
        r = xml_ensure(part->element, "target", &target);
        if (r >= 0)
                r = xml_set(target, "type", types[console->type]);
        return r < 0 ? r : xml_setf(target, "port", "%llu", (unsigned long long)console->port);
}

static int complete(Domain *domain, Part *part)
{
        Console *console = part->data;
        int r;

        r = write_target(domain, part);
        if (r < 0)
                return r;
        if (console->type == CONSOLE_SERIAL)
                return complete_twin(domain, part);
        r = chardev_complete(&console->chardev, "type");
        if (r >= 0)
                r = make_alias(domain, part);
        return r < 0 ? r : place_want_virtio_serial(domain, part);
}

static int plan(Plan *plan, Part *part)
{
        const Console *console = part->data;
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (console->type == CONSOLE_SERIAL)
                return 0;
        r = chardev_plan_alias(plan, part, &console->chardev, &chardev);
        if (r < 0)
                return r;
        device = json_object_new_object();
        if (!device)
                return -ENOMEM;
        r = json_add_string(device, "driver", "virtconsole");
        if (r >= 0)
                r = json_add_string(device, "chardev", chardev);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Console *console = part->data;

        chardev_clear(&console->chardev);
}

const PartKind device_console = {
        .name = "console",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_VIRTIO_SERIAL | 1 << PLACE_SPAPR_VIO | 1 << PLACE_ISA,
        .size = sizeof(Console),
        .read = read_console,
        .imply = imply,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
