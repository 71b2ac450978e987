/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/chardev.h"

int chardev_read(Domain *domain, XmlElement *element, const char *attribute, const char *const *allowed,
                 Chardev *ret)
{
        ret->element = element;
        return 0;
}

int chardev_plan(Plan *plan, Part *part, const Chardev *chardev, const char *id, const char *file)
{
        return 0;
}

const char *chardev_type(const Chardev *chardev)
{
        return "pty";
}

void chardev_clear(Chardev *chardev) {}
