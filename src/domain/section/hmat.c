/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/hmat.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/value.h"

#define CACHE_LEVELS 3

typedef struct Lane {
        bool bandwidth; /* else latency */
        uint64_t initiator, target, cache, value;
        int type;
} Lane;

typedef struct Cache {
        uint64_t level, size, line;
        int associativity, policy;
} Cache;

static void read_lane(Domain *domain, XmlElement *element, size_t n_cells, Lane *ret)
{
        static const char *const types[] = {"access", "read", "write", NULL};
        const char *value = xml_attribute(element, "value");
        uint64_t max = n_cells - 1;

        *ret = (Lane){.bandwidth = streq(xml_name(element), "bandwidth")};
        read_word(domain->xml, element, "type", types, &ret->type);
        if (read_uint(domain->xml, element, "initiator", max, &ret->initiator) == 0 ||
            read_uint(domain->xml, element, "target", max, &ret->target) == 0 || !value)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("From which cell to which, and how fast? Give initiator=, target= and value=."));
        read_uint(domain->xml, element, "cache", CACHE_LEVELS, &ret->cache);
        if (!ret->bandwidth)
                read_uint(domain->xml, element, "value", UINT32_MAX, &ret->value);
        else if (value && value_size(value, xml_attribute(element, "unit"), 1024, &ret->value) < 0)
                xml_fault(
                        domain->xml, FAULT_ERROR, element, "value",
                        _("A bandwidth is a number of bytes a second, with its unit= if that is not KiB."));
}

int hmat_read(Domain *domain, Numa *numa)
{
        XmlElement *list = xml_child(numa->element, "interconnects"), *element = NULL;
        Lane lane;

        while (list && (element = xml_next(list, "latency", element)))
                read_lane(domain, element, numa->n, &lane);
        while (list && (element = xml_next(list, "bandwidth", element)))
                read_lane(domain, element, numa->n, &lane);
        return 0;
}

bool hmat_is_given(const Numa *numa)
{
        return numa->element && xml_child(numa->element, "interconnects");
}

/* <size value= unit=/>, <line value= unit=/> */
static void read_cache_size(Domain *domain, XmlElement *cache, const char *name, uint64_t *ret)
{
        XmlElement *element = xml_child(cache, name);
        const char *value = element ? xml_attribute(element, "value") : NULL;

        if (!value || value_size(value, xml_attribute(element, "unit"), 1, ret) < 0)
                xml_fault(domain->xml, FAULT_ERROR, element ?: cache, /* attribute= */ NULL,
                          _("A cache needs <size value=… unit=…/> and <line value=… unit=…/>."));
}

static void read_cache(Domain *domain, XmlElement *element, Cache *ret)
{
        static const char *const associativities[] = {"none", "direct", "full", NULL};
        static const char *const policies[] = {"none", "writeback", "writethrough", NULL};

        *ret = (Cache){};
        read_uint(domain->xml, element, "level", CACHE_LEVELS, &ret->level);
        if (ret->level == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, "level",
                          _("A memory side cache has a level from 1 to %d."), CACHE_LEVELS);
        read_word(domain->xml, element, "associativity", associativities, &ret->associativity);
        read_word(domain->xml, element, "policy", policies, &ret->policy);
        read_cache_size(domain, element, "size", &ret->size);
        read_cache_size(domain, element, "line", &ret->line);
}

bool hmat_read_caches(Domain *domain, XmlElement *cell)
{
        XmlElement *element = NULL;
        bool any = false;
        Cache cache;

        while ((element = xml_next(cell, "cache", element))) {
                read_cache(domain, element, &cache);
                any = true;
        }
        return any;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_lane(Plan *plan, const Part *part, const Lane *lane)
{
        static const char *const hierarchies[] = {"memory", "first-level", "second-level", "third-level"};
        static const char *const types[] = {"access", "read", "write"};
        CLEANUP(json) json_object *option = json_object_new_object();

        if (!option || json_add_string(option, "type", "hmat-lb") < 0 ||
            json_add_int(option, "initiator", (int64_t)lane->initiator) < 0 ||
            json_add_int(option, "target", (int64_t)lane->target) < 0 ||
            json_add_string(option, "hierarchy", hierarchies[lane->cache]) < 0 ||
            json_add_stringf(option, "data-type", "%s-%s", types[lane->type],
                             lane->bandwidth ? "bandwidth" : "latency") < 0 ||
            json_add_int(option, lane->bandwidth ? "bandwidth" : "latency", (int64_t)lane->value) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-numa", TAKE(option));
}

static int plan_lanes(Plan *plan, const Part *part, const Numa *numa, const char *name)
{
        XmlElement *list = xml_child(numa->element, "interconnects"), *element = NULL;
        int r = 0;

        while (r >= 0 && list && (element = xml_next(list, name, element))) {
                Lane lane;

                read_lane(plan->domain, element, numa->n, &lane);
                r = plan_lane(plan, part, &lane);
        }
        return r;
}

static int plan_cache(Plan *plan, const Part *part, size_t cell, const Cache *cache)
{
        static const char *const associativities[] = {"none", "direct", "complex"};
        static const char *const policies[] = {"none", "write-back", "write-through"};
        CLEANUP(json) json_object *option = json_object_new_object();

        if (!option || json_add_string(option, "type", "hmat-cache") < 0 ||
            json_add_int(option, "node-id", (int64_t)cell) < 0 ||
            json_add_int(option, "size", (int64_t)cache->size) < 0 ||
            json_add_int(option, "level", (int64_t)cache->level) < 0 ||
            json_add_string(option, "associativity", associativities[cache->associativity]) < 0 ||
            json_add_string(option, "policy", policies[cache->policy]) < 0 ||
            json_add_int(option, "line", (int64_t)cache->line) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-numa", TAKE(option));
}

static int plan_caches(Plan *plan, const Part *part, const Numa *numa, size_t i)
{
        XmlElement *element = NULL;
        int r = 0;

        while (r >= 0 && (element = xml_next(numa->cells[i].element, "cache", element))) {
                Cache cache;

                read_cache(plan->domain, element, &cache);
                r = plan_cache(plan, part, i, &cache);
        }
        return r;
}

int hmat_plan(Plan *plan, const Part *part, const Numa *numa)
{
        int r;

        if (!numa->caches && !hmat_is_given(numa))
                return 0;
        if (!plan_has(plan, part, "numa-hmat", /* driver= */ NULL, _("the guest is told how fast memory is"),
                      /* if_not= */ NULL))
                plan_fault(plan, numa->element, /* attribute= */ NULL,
                           _("%s cannot tell the guest how fast memory is; QEMU 5.0 or newer can. Remove "
                             "<interconnects> and the cells' <cache>."),
                           domain_emulator_text(plan->domain));
        r = plan_lanes(plan, part, numa, "latency");
        if (r >= 0)
                r = plan_lanes(plan, part, numa, "bandwidth");
        for (size_t i = 0; r >= 0 && i < numa->n; i++)
                r = plan_caches(plan, part, numa, i);
        return r;
}
