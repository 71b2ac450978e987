/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/hotplug-private.h"

/*
 * Which device is meant: by a name that it has, or by the XML of one, of which whatever singles it out is
 * compared. Of an address numbers are numbers, since people write 0x05 and 5.
 */

static const char *value_of(XmlElement *device, const char *child, const char *attribute)
{
        XmlElement *element = xml_child(device, child);

        return element ? xml_attribute(element, attribute) : NULL;
}

static bool has_name(XmlElement *device, const char *name)
{
        const char *mac = value_of(device, "mac", "address");

        return streq_ptr(value_of(device, "alias", "name"), name) ||
               streq_ptr(value_of(device, "target", "dev"), name) || (mac && strcasecmp(mac, name) == 0);
}

static bool same_value(const char *a, const char *b)
{
        char *end_a, *end_b;
        unsigned long one = strtoul(a, &end_a, 0), other = strtoul(b, &end_b, 0);

        if (*a && *b && !*end_a && !*end_b)
                return one == other;
        return strcasecmp(a, b) == 0;
}

static const char *const keys[][2] = {
        {"alias", "name"},       {"target", "dev"},         {"mac", "address"},    {"source", "file"},
        {"source", "dev"},       {"source", "bridge"},      {"source", "network"}, {"source", "path"},
        {"source", "name"},      {"address", "domain"},     {"address", "bus"},    {"address", "slot"},
        {"address", "function"}, {"address", "controller"}, {"address", "target"}, {"address", "unit"},
        {"address", "port"},     {"address", "type"},
};

static bool is_like(XmlElement *have, XmlElement *want)
{
        if (!streq(xml_name(have), xml_name(want)))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *wanted = value_of(want, keys[i][0], keys[i][1]);
                const char *its = wanted ? value_of(have, keys[i][0], keys[i][1]) : NULL;

                if (wanted && (!its || !same_value(its, wanted)))
                        return false;
        }
        /* Whoever writes nothing but <controller type='scsi' index='1'/> means that one. */
        for (xmlAttr *attribute = want->properties; attribute; attribute = attribute->next) {
                const char *name = (const char *)attribute->name, *its = xml_attribute(have, name);

                if (!its || !same_value(its, xml_attribute(want, name)))
                        return false;
        }
        return true;
}

static int judge(size_t found, const char *which, MusterError **ret_error)
{
        CLEANUP(free) char *shown = text_for_terminal(which, strlen(which), /* max= */ 120);

        if (found == 0)
                return error_set(ret_error, -ENOENT,
                                 _("The domain has no device \"%s\"; `muster dumpxml` shows those that it "
                                   "has, and how they are called."),
                                 shown ?: "?");
        if (found > 1)
                return error_set(ret_error, -ENOTUNIQ,
                                 _("\"%s\" could be any of %zu devices; name it by its alias, its target or "
                                   "its address."),
                                 shown ?: "?", found);
        return 0;
}

static int find(XmlElement *devices, const char *which, XmlElement *like, XmlElement **ret,
                MusterError **ret_error)
{
        XmlElement *element = NULL, *hit = NULL;
        size_t found = 0;
        int r;

        while (devices && (element = xml_next_any(devices, element))) {
                if (element->ns || !device_kind_find(xml_name(element)) ||
                    !(like ? is_like(element, like) : has_name(element, which)))
                        continue;
                /* A serial port and its console are one. */
                if (found == 1 && streq(xml_name(element), "console"))
                        continue;
                hit = element;
                found++;
        }
        r = judge(found, which, ret_error);
        if (r >= 0)
                *ret = hit;
        return r;
}

int find_device(XmlElement *devices, const char *which, XmlElement **ret, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {0};
        CLEANUP(xml) Xml *xml = NULL;
        int r;

        if (which[strspn(which, " \t\r\n")] != '<')
                return find(devices, which, /* like= */ NULL, ret, ret_error);
        r = xml_parse(which, strlen(which), /* root= */ NULL, &faults, &xml);
        if (r < 0)
                return error_errno(ret_error, r, "xml");
        if (!xml)
                return error_set(ret_error, -EINVAL, "%s",
                                 faults.n_items > 0 ? faults.items[0].message : "?");
        return find(devices, which, xml->root, ret, ret_error);
}

Part *part_of_element(const Domain *domain, const XmlElement *element)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (domain->devices[i]->element == element)
                        return domain->devices[i];
        return NULL;
}
