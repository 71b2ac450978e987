/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/canonical.h"

#include <errno.h>

#include "base/util.h"

static const char *const order[] = {
        "name",      "uuid",     "genid",         "title",       "description",     "metadata",
        "maxMemory", "memory",   "currentMemory", "blkiotune",   "memtune",         "memoryBacking",
        "vcpu",      "vcpus",    "iothreads",     "iothreadids", "defaultiothread", "cputune",
        "numatune",  "resource", "sysinfo",       "os",          "idmap",           "features",
        "cpu",       "clock",    "on_poweroff",   "on_reboot",   "on_crash",        "on_lockfailure",
        "pm",        "perf",     "devices",       "seclabel",    "keywrap",         "launchSecurity",
};

/* What is not known, QEMU's own elements among it, comes last. */
static unsigned section_rank(const XmlElement *element)
{
        unsigned rank = 0;

        while (rank < ELEMENTSOF(order) && (element->ns || !streq(order[rank], xml_name(element))))
                rank++;
        return rank;
}

static unsigned device_rank(const XmlElement *element)
{
        unsigned rank = 0;

        if (streq(xml_name(element), "emulator"))
                return 0;
        while (device_kinds[rank] && !streq(device_kinds[rank]->name, xml_name(element)))
                rank++;
        return rank + 1;
}

int domain_sort(Domain *domain)
{
        int r;

        r = xml_sort(domain->xml->root, section_rank);
        if (r >= 0 && domain->devices_element)
                r = xml_sort(domain->devices_element, device_rank);
        return r;
}
