/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/parallel.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/value.h"

#define PORTS_MAX 3

typedef struct Parallel {
        bool has_port;
        uint64_t port;
        Chardev chardev;
} Parallel;

static int read_parallel(Domain *domain, Part *part)
{
        XmlElement *target = xml_child(part->element, "target");
        Parallel *parallel = part->data;

        if (target)
                parallel->has_port = read_uint(domain->xml, target, "port", INT16_MAX, &parallel->port) > 0;
        return chardev_read(domain, part->element, "type", chardev_plain, &parallel->chardev);
}

static int64_t port_of(const Part *part, int which)
{
        const Parallel *parallel = part->data;

        return parallel->has_port ? (int64_t)parallel->port : -1;
}

static int complete(Domain *domain, Part *part)
{
        Parallel *parallel = part->data;
        XmlElement *target;
        int r;

        if (!domain_has_type(domain, "isa-parallel"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("%s has no parallel port (there is no device \"isa-parallel\"); remove it."),
                          domain_emulator_text(domain));
        if (!parallel->has_port)
                parallel->port = domain_free_number(domain, &device_parallel, /* least= */ 0, port_of,
                                                    /* which= */ 0);
        parallel->has_port = true;
        r = chardev_complete(&parallel->chardev, "type");
        if (r >= 0)
                r = xml_ensure(part->element, "target", &target);
        return r < 0 ? r : xml_setf(target, "port", "%llu", (unsigned long long)parallel->port);
}

static int check(Domain *domain, Part *part)
{
        const Parallel *parallel = part->data;

        if (parallel->port >= PORTS_MAX)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("A PC has %d parallel ports, 0 to %d; give it one of those numbers."), PORTS_MAX,
                          PORTS_MAX - 1);
        for (Part *other = NULL; (other = domain_next(domain, &device_parallel, other)) && other != part;) {
                const Parallel *before = other->data;

                if (before->port == parallel->port)
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Two parallel ports have number %llu; give one of them another <target "
                                    "port=…>."),
                                  (unsigned long long)parallel->port);
        }
        return 0;
}

static int plan(Plan *plan, Part *part)
{
        const Parallel *parallel = part->data;
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *device = json_object_new_object();
        int r;

        if (!device)
                return -ENOMEM;
        r = chardev_plan_alias(plan, part, &parallel->chardev, &chardev);
        if (r >= 0)
                r = json_add_string(device, "driver", "isa-parallel");
        if (r >= 0)
                r = json_add_string(device, "chardev", chardev);
        if (r >= 0)
                r = json_add_int(device, "index", (int64_t)parallel->port);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Parallel *parallel = part->data;

        chardev_clear(&parallel->chardev);
}

const PartKind device_parallel = {
        .name = "parallel",
        .alias = "parallel",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_ISA,
        .size = sizeof(Parallel),
        .read = read_parallel,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
