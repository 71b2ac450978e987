/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "domain/chardev.h"

/* A <console> and a <serial> that are one device say the same of their other end. */

static const char *const members[] = {"source", "protocol", "log"};

/* Whether `twin` has no attribute and no element that `element` has not as well. */
static bool says_no_more(XmlElement *element, XmlElement *twin)
{
        XmlElement *child = NULL, *other = NULL;

        for (const xmlAttr *attribute = twin->properties; attribute; attribute = attribute->next) {
                const char *name = (const char *)attribute->name;

                if (!streq_ptr(xml_attribute(element, name), xml_attribute(twin, name)))
                        return false;
        }
        while ((child = xml_next_any(twin, child))) {
                other = xml_next(element, xml_name(child), other);
                if (!other || !says_no_more(other, child))
                        return false;
        }
        return true;
}

bool chardev_agrees(XmlElement *element, XmlElement *twin)
{
        const char *type = xml_attribute(twin, "type");

        if (type && !streq(type, xml_attribute(element, "type") ?: "pty"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                XmlElement *x = NULL, *y = NULL;

                while ((y = xml_next(twin, members[i], y))) {
                        x = xml_next(element, members[i], x);
                        if (!x || !says_no_more(x, y))
                                return false;
                }
        }
        return true;
}

static int copy_element(XmlElement *from, XmlElement *parent)
{
        XmlElement *copy;
        int r;

        r = xml_add(parent, xml_name(from), /* text= */ NULL, &copy);
        for (const xmlAttr *attribute = from->properties; r >= 0 && attribute; attribute = attribute->next)
                r = xml_set(copy, (const char *)attribute->name,
                            xml_attribute(from, (const char *)attribute->name));
        for (XmlElement *child = NULL; r >= 0 && (child = xml_next_any(from, child));)
                r = copy_element(child, copy);
        return r;
}

int chardev_copy(XmlElement *element, XmlElement *twin)
{
        int r;

        r = xml_set(twin, "type", xml_attribute(element, "type"));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(members); i++) {
                XmlElement *old;

                while ((old = xml_child(twin, members[i])))
                        xml_remove(old);
                for (XmlElement *child = NULL; r >= 0 && (child = xml_next(element, members[i], child));)
                        r = copy_element(child, twin);
        }
        return r;
}
