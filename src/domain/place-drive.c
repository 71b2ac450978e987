/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/place-private.h"

/* Drives: their numbers come from the disk's name or its <address>; here they are checked and written. */

/* What the drive is plugged into; _CONTROLLER_TYPES: nothing with such an address. */
static ControllerType type_of(const Part *part)
{
        static const ControllerType types[] = {CONTROLLER_SCSI, CONTROLLER_IDE, CONTROLLER_SATA,
                                               CONTROLLER_FDC};
        XmlElement *target = xml_child(part->element, "target");
        const char *bus = target ? xml_attribute(target, "bus") : NULL;

        if (part->place.type != PLACE_DRIVE)
                return _CONTROLLER_TYPES;
        if (streq(part->kind->name, "hostdev"))
                return CONTROLLER_SCSI;
        for (size_t i = 0; bus && i < ELEMENTSOF(types); i++)
                if (streq(bus, controller_type_name(types[i])))
                        return types[i];
        return _CONTROLLER_TYPES;
}

static void check_number(Domain *domain, const Part *part, const char *name, const char *what,
                         unsigned value, unsigned max)
{
        XmlElement *address = part->place.element;

        if (value <= max)
                return;
        xml_fault(domain->xml, FAULT_ERROR, place_fault_element(part), address ? name : NULL,
                  _("On a controller of %s the %s of a drive is at most %u, not %u; give another "
                    "<address>, or another controller."),
                  what, name, max, value);
}

static void check_range(Domain *domain, const Part *part, ControllerType type)
{
        const Place *place = &part->place;
        const Part *owner = controller_get(domain, type, place->controller);
        const Controller *controller = owner ? owner->data : NULL;
        const ControllerModel *model = controller ? controller->model : NULL;
        const char *what = model ? model->name : controller_type_name(type);
        unsigned max_bus = 0, max_target = 0, max_unit = 1;

        if (type == CONTROLLER_IDE)
                max_bus = 1;
        else if (type == CONTROLLER_SATA)
                max_unit = 5;
        else if (type == CONTROLLER_SCSI && model) {
                max_bus = model->max_channel;
                max_target = model->narrow ? 0 : model->max_target;
                max_unit = model->max_unit;
        }
        check_number(domain, part, "bus", what, place->bus, max_bus);
        check_number(domain, part, "target", what, place->target, max_target);
        check_number(domain, part, "unit", what, place->unit, max_unit);
}

/* IDE and floppy have one controller, which the machine type decides. */
static int provide(Domain *domain, const Part *part, ControllerType type)
{
        unsigned max = type == CONTROLLER_IDE || type == CONTROLLER_FDC ? 0 : PLACE_CONTROLLERS_MAX - 1;

        if (controller_get(domain, type, part->place.controller))
                return 0;
        check_number(domain, part, "controller", controller_type_name(type), part->place.controller, max);
        return domain->faults->n_errors > 0 ? 0 : controller_ensure(domain, type, part->place.controller);
}

static int compare_numbers(unsigned a, unsigned b)
{
        return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
        const Part *first = *(Part *const *)a, *second = *(Part *const *)b;
        const Place *one = &first->place, *other = &second->place;
        int order = compare_numbers(type_of(first), type_of(second));

        if (order == 0)
                order = compare_numbers(one->controller, other->controller);
        if (order == 0)
                order = compare_numbers(one->bus, other->bus);
        if (order == 0)
                order = compare_numbers(one->target, other->target);
        return order == 0 ? compare_numbers(one->unit, other->unit) : order;
}

/* Equal ones in the order of the definition, so that the later one is shown. */
static int compare_stable(const void *a, const void *b)
{
        const Part *first = *(Part *const *)a, *second = *(Part *const *)b;
        int order = compare(a, b);

        if (order == 0)
                order = compare_numbers(xml_line(first->element), xml_line(second->element));
        return order == 0 ? compare_numbers(first->index, second->index) : order;
}

static int check_clashes(Domain *domain, Part **drives, size_t n)
{
        int r = 0;

        qsort(drives, n, sizeof(*drives), compare_stable);
        for (size_t i = 1; r >= 0 && i < n; i++)
                if (compare(&drives[i - 1], &drives[i]) == 0)
                        r = place_clash(domain, drives[i - 1], drives[i]);
        return r;
}

static int write_address(Part *part)
{
        const Place *place = &part->place;
        XmlElement *element;
        int r;

        if (place->given)
                return 0;
        r = place_element(part, &element);
        if (r >= 0)
                r = xml_setf(element, "controller", "%u", place->controller);
        if (r >= 0)
                r = xml_setf(element, "bus", "%u", place->bus);
        if (r >= 0)
                r = xml_setf(element, "target", "%u", place->target);
        if (r >= 0)
                r = xml_setf(element, "unit", "%u", place->unit);
        part->place.given = true;
        return r;
}

static int collect(Domain *domain, Part ***ret, size_t *ret_n)
{
        CLEANUP(free) Part **drives = calloc(domain->n_devices + 1, sizeof(Part *));
        size_t n = 0;

        if (!drives)
                return -ENOMEM;
        for (size_t i = 0; i < domain->n_devices; i++)
                if (type_of(domain->devices[i]) != _CONTROLLER_TYPES)
                        drives[n++] = domain->devices[i];
        *ret = TAKE(drives);
        *ret_n = n;
        return 0;
}

/* By type as libvirt adds their controllers. */
int place_assign_drives(Domain *domain)
{
        static const ControllerType order[] = {CONTROLLER_SCSI, CONTROLLER_FDC, CONTROLLER_IDE,
                                               CONTROLLER_SATA};
        CLEANUP(free) Part **drives = NULL;
        size_t n;
        int r;

        r = collect(domain, &drives, &n);
        for (size_t type = 0; r >= 0 && type < ELEMENTSOF(order); type++)
                for (size_t i = 0; r >= 0 && i < n; i++)
                        if (type_of(drives[i]) == order[type])
                                r = provide(domain, drives[i], order[type]);
        if (r < 0 || domain->faults->n_errors > 0)
                return r;
        for (size_t i = 0; i < n; i++)
                check_range(domain, drives[i], type_of(drives[i]));
        r = check_clashes(domain, drives, n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = write_address(drives[i]);
        return r;
}
