/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/cpuset.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/value.h"

int cpuset_read(Xml *xml, XmlElement *element, const char *attribute, unsigned max, Cpuset *ret)
{
        const char *text = xml_attribute(element, attribute);
        Cpuset set = {};
        int r;

        if (!text)
                return 0;
        r = value_cpuset(text, max, &set.items, &set.n);
        if (r == -ENOMEM)
                xml->faults->out_of_memory = true;
        else if (r < 0 || set.n == 0)
                xml_fault(xml, FAULT_ERROR, element, attribute,
                          _("\"%s\" is no set of numbers up to %u; write it as 0-3,^2,8."), text, max);
        if (r < 0 || set.n == 0) {
                cpuset_clear(&set);
                return -EINVAL;
        }
        cpuset_clear(ret);
        *ret = set;
        return 1;
}

bool cpuset_has(const Cpuset *set, unsigned item)
{
        for (size_t i = 0; i < set->n; i++)
                if (set->items[i] == item)
                        return true;
        return false;
}

int cpuset_add(Cpuset *set, unsigned item)
{
        unsigned *grown;
        size_t at;

        if (cpuset_has(set, item))
                return 0;
        grown = reallocarray(set->items, set->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        set->items = grown;
        for (at = set->n; at > 0 && grown[at - 1] > item; at--)
                grown[at] = grown[at - 1];
        grown[at] = item;
        set->n++;
        return 0;
}

/* The index behind the run that begins at `first`. */
static size_t run_end(const Cpuset *set, size_t first)
{
        size_t end = first + 1;

        while (end < set->n && set->items[end] == set->items[end - 1] + 1)
                end++;
        return end;
}

static char *range_text(const Cpuset *set, size_t first, size_t end)
{
        if (end - first == 1)
                return text_format("%u", set->items[first]);
        return text_format("%u-%u", set->items[first], set->items[end - 1]);
}

char *cpuset_to_text(const Cpuset *set)
{
        CLEANUP(free) char *text = strdup("");

        for (size_t i = 0, end; text && i < set->n; i = end) {
                CLEANUP(free) char *range = NULL;
                char *longer;

                end = run_end(set, i);
                range = range_text(set, i, end);
                longer = range ? text_format("%s%s%s", text, i > 0 ? "," : "", range) : NULL;
                free(text);
                text = longer;
        }
        return TAKE(text);
}

json_object *cpuset_to_ranges(const Cpuset *set)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0, end; array && i < set->n; i = end) {
                CLEANUP(free) char *range = NULL;

                end = run_end(set, i);
                range = range_text(set, i, end);
                if (!range || json_append_string(array, range) < 0)
                        return NULL;
        }
        return TAKE(array);
}

json_object *cpuset_to_json(const Cpuset *set)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < set->n; i++)
                if (json_append(array, json_object_new_int64(set->items[i])) < 0)
                        return NULL;
        return TAKE(array);
}

void cpuset_clear(Cpuset *set)
{
        free(set->items);
        *set = (Cpuset){};
}
