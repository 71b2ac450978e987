/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/place-private.h"

/*
 * From the leaves to the root: what a bus of one kind needs may be one more controller, which is itself
 * plugged into a bus of another kind, in the end into PCI. CCID readers are USB devices, so they come before
 * USB. All that was given is taken before anything is given out.
 */

static XmlElement *target_of(const Part *part)
{
        return streq(part->kind->name, "disk") ? xml_child(part->element, "target") : NULL;
}

char *place_part_name(const Part *part)
{
        const Controller *controller = controller_of(part);
        XmlElement *target = target_of(part);
        const char *dev = target ? xml_attribute(target, "dev") : NULL;

        if (controller)
                return text_format(_("%s controller %d"), controller_type_name(controller->type),
                                   controller->index);
        if (dev)
                return text_format(_("disk %.60s"), dev);
        return text_format(_("<%s> in line %u"), part->kind->name, xml_line(part->element));
}

bool place_is(const Part *part, PlaceType type)
{
        return part->place.type == type &&
               (type == PLACE_VIRTIO_SERIAL || !streq(part->kind->name, "console"));
}

XmlElement *place_fault_element(const Part *part)
{
        return part->place.element ?: part->element;
}

int place_element(Part *part, XmlElement **ret)
{
        int r = 0;

        if (!part->place.element)
                r = xml_ensure(part->element, "address", &part->place.element);
        if (r >= 0)
                r = xml_set(part->place.element, "type", place_type_name(part->place.type));
        *ret = part->place.element;
        return r;
}

int place_clash(Domain *domain, const Part *first, const Part *second)
{
        CLEANUP(free) char *one = place_part_name(first), *other = place_part_name(second);
        CLEANUP(free) char *text = place_to_text(&second->place);

        if (!one || !other || !text)
                return -ENOMEM;
        xml_fault(domain->xml, FAULT_ERROR, place_fault_element(second), /* attribute= */ NULL,
                  _("%s and %s both have the %s address %s; give one of them another."), one, other,
                  place_type_name(second->place.type), text);
        return 0;
}

int place_assign(Domain *domain)
{
        static int (*const steps[])(Domain * domain) = {
                place_assign_drives, place_assign_virtio_serial, place_assign_ccid,
                place_assign_usb,    place_assign_spapr_vio,     place_assign_pci,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && domain->faults->n_errors == 0 && i < ELEMENTSOF(steps); i++)
                r = steps[i](domain);
        return r;
}
