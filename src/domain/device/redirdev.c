/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/redirdev.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/device/redirfilter.h"
#include "domain/value.h"

typedef struct Redirdev {
        Chardev chardev;
} Redirdev;

static int read_redirdev(Domain *domain, Part *part)
{
        static const char *const types[] = {"spicevmc", "tcp", "unix", "pty",   "dev", "file",
                                            "pipe",     "udp", "null", "stdio", NULL};
        static const char *const buses[] = {"usb", NULL};
        Redirdev *redirdev = part->data;
        int bus = 0;

        read_word(domain->xml, part->element, "bus", buses, &bus);
        return chardev_read(domain, part->element, "type", types, &redirdev->chardev);
}

static int complete(Domain *domain, Part *part)
{
        Redirdev *redirdev = part->data;
        int r;

        if (!domain_has_type(domain, "usb-redir"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("%s has no device \"usb-redir\"; install its module (qemu-system-modules-spice, "
                            "usbredir), or remove <redirdev>."),
                          domain_emulator_text(domain));
        r = chardev_complete(&redirdev->chardev, "type");
        if (r >= 0)
                r = xml_set(part->element, "bus", "usb");
        return r < 0 ? r : place_want_usb(domain, part);
}

static int plan(Plan *plan, Part *part)
{
        const Redirdev *redirdev = part->data;
        const char *filter = redirfilter_text(plan->domain);
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *device = json_object_new_object();
        int r;

        if (!device)
                return -ENOMEM;
        r = chardev_plan_alias(plan, part, &redirdev->chardev, &chardev);
        if (r >= 0)
                r = json_add_string(device, "driver", "usb-redir");
        if (r >= 0)
                r = json_add_string(device, "chardev", chardev);
        if (r >= 0 && filter)
                r = json_add_string(device, "filter", filter);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Redirdev *redirdev = part->data;

        chardev_clear(&redirdev->chardev);
}

const PartKind device_redirdev = {
        .name = "redirdev",
        .alias = "redir",
        .flags = PART_ADDRESS | PART_BOOT,
        .places = 1 << PLACE_USB,
        .size = sizeof(Redirdev),
        .read = read_redirdev,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
