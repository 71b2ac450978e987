/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/disk-private.h"

/*
 * <iotune>: a throttle-group object, and a throttle filter as the topmost node. Disks that name one group
 * share its limits, and its object is that of the first of them.
 */

#define LIMIT_MAX UINT64_C(1000000000000000) /* THROTTLE_VALUE_MAX */

typedef struct Limit {
        const char *element; /* its burst is "_max", that burst's length "_max_length" */
        const char *member;  /* "-max", "-max-length" */
} Limit;

/* Of each three the first is the sum of the others, so it goes without them. */
static const Limit limits[] = {
        {"total_bytes_sec", "bps-total"}, {"read_bytes_sec", "bps-read"}, {"write_bytes_sec", "bps-write"},
        {"total_iops_sec", "iops-total"}, {"read_iops_sec", "iops-read"}, {"write_iops_sec", "iops-write"},
};

static uint64_t read_limit(Domain *domain, Disk *disk, const char *name, XmlElement **ret)
{
        XmlElement *element = xml_child(disk->iotune, name);
        uint64_t value = 0;

        if (element)
                read_number(domain->xml, element, LIMIT_MAX, &value);
        *ret = element;
        return value;
}

static int read_one(Domain *domain, Disk *disk, const Limit *limit, bool *ret_set)
{
        CLEANUP(free)
        char *max_name = text_format("%s_max", limit->element),
             *length_name = text_format("%s_max_length", limit->element),
             *max_member = text_format("%s-max", limit->member),
             *length_member = text_format("%s-max-length", limit->member);
        XmlElement *element, *max_element, *length_element;
        uint64_t rate, max, length;

        if (!max_name || !length_name || !max_member || !length_member)
                return -ENOMEM;
        rate = read_limit(domain, disk, limit->element, &element);
        max = read_limit(domain, disk, max_name, &max_element);
        length = read_limit(domain, disk, length_name, &length_element);
        *ret_set = rate > 0 || max > 0;
        if (max > 0 && max < rate)
                xml_fault(domain->xml, FAULT_ERROR, max_element, /* attribute= */ NULL,
                          _("A burst is not below the rate itself, %llu."), (unsigned long long)rate);
        if (max > 0 && rate == 0)
                xml_fault(domain->xml, FAULT_ERROR, max_element, /* attribute= */ NULL,
                          _("A burst of what? Add <%s>."), limit->element);
        if (length > 0 && max == 0)
                xml_fault(domain->xml, FAULT_ERROR, length_element, /* attribute= */ NULL,
                          _("The length of which burst? Add <%s>."), max_name);
        if ((rate > 0 && json_add_int(disk->limits, limit->member, (int64_t)rate) < 0) ||
            (max > 0 && json_add_int(disk->limits, max_member, (int64_t)max) < 0) ||
            (length > 0 && json_add_int(disk->limits, length_member, (int64_t)length) < 0))
                return -ENOMEM;
        return 0;
}

int disk_read_tune(Domain *domain, Part *part)
{
        Disk *disk = part->data;
        XmlElement *element;
        bool set[ELEMENTSOF(limits)] = {};
        uint64_t size;
        int r = 0;

        disk->iotune = xml_child(part->element, "iotune");
        if (!disk->iotune)
                return 0;
        disk->limits = json_object_new_object();
        if (!disk->limits)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(limits); i++)
                r = read_one(domain, disk, &limits[i], &set[i]);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(limits); i += 3)
                if (set[i] && (set[i + 1] || set[i + 2]))
                        xml_fault(domain->xml, FAULT_ERROR, xml_child(disk->iotune, limits[i].element),
                                  /* attribute= */ NULL,
                                  _("A limit of the total goes without those of reading and writing."));
        size = read_limit(domain, disk, "size_iops_sec", &element);
        if (size > 0 && json_add_int(disk->limits, "iops-size", (int64_t)size) < 0)
                return -ENOMEM;
        element = xml_child(disk->iotune, "group_name");
        if (element) {
                disk->throttle_group = xml_text(element);
                if (!disk->throttle_group)
                        return -ENOMEM;
        }
        disk->tuned = json_object_object_length(disk->limits) > 0 || element;
        return 0;
}

/* The disk whose limits hold: the first one of the group. */
static const Part *first_of_group(const Domain *domain, const Part *part)
{
        const Disk *disk = part->data;

        if (!disk->throttle_group)
                return part;
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Disk *its = domain->devices[i]->data;

                if (domain->devices[i]->kind == &device_disk && its->tuned &&
                    streq_ptr(its->throttle_group, disk->throttle_group))
                        return domain->devices[i];
        }
        return part;
}

void disk_check_tune(Domain *domain, Part *part)
{
        const Disk *disk = part->data, *first = first_of_group(domain, part)->data;

        if (!disk->tuned)
                return;
        if (!disk->images[0]->storage)
                xml_fault(domain->xml, FAULT_ERROR, disk->iotune, /* attribute= */ NULL,
                          _("An empty drive has nothing to limit; remove <iotune>."));
        if (first != disk && json_object_object_length(disk->limits) > 0 &&
            !json_object_equal(disk->limits, first->limits))
                xml_fault(domain->xml, FAULT_ERROR, disk->iotune, /* attribute= */ NULL,
                          _("The group \"%s\" has other limits at disk %s; give the same ones."),
                          disk->throttle_group, first->target);
}

/* Before 6.0 -object has no members within members, but a property of each limit. */
static int add_limits(Plan *plan, const Part *part, json_object *values, json_object *object)
{
        if (plan_has(plan, part, "object-json", NULL, _("limits are written as a member of its own"),
                     _("limits are written as properties one by one")))
                return json_add(object, "limits", json_object_get(values));
        json_object_object_foreach (values, key, value) {
                CLEANUP(free) char *name = text_format("x-%s", key);

                if (!name || json_add(object, name, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int disk_plan_tune(Plan *plan, Part *part, json_object **ret_filter)
{
        const Disk *disk = part->data;
        const Part *first = first_of_group(plan->domain, part);
        CLEANUP(free) char *id = text_format("throttle-%s", first->alias);
        CLEANUP(json) json_object *filter = json_object_new_object();
        int r = 0;

        if (!id || !filter)
                return -ENOMEM;
        if (first == part) {
                CLEANUP(json) json_object *object = json_object_new_object();

                r = object ? add_limits(plan, part, disk->limits, object) : -ENOMEM;
                if (r >= 0)
                        r = plan_object(plan, part, "throttle-group", id, TAKE(object));
        }
        if (r < 0 || json_add_string(filter, "driver", "throttle") < 0 ||
            json_add_string(filter, "throttle-group", id) < 0)
                return -ENOMEM;
        *ret_filter = TAKE(filter);
        return 0;
}
