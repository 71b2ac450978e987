/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/numa.h"

#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/hmat.h"
#include "domain/value.h"

#define DISTANCE_LOCAL  10
#define DISTANCE_REMOTE 20

static void read_distances(Domain *domain, Numa *numa, NumaCell *cell)
{
        XmlElement *list = xml_child(cell->element, "distances"), *sibling = NULL;

        while (list && (sibling = xml_next(list, "sibling", sibling))) {
                uint64_t id = UINT64_MAX, value = 0;

                read_uint(domain->xml, sibling, "id", NUMA_CELLS_MAX - 1, &id);
                read_uint(domain->xml, sibling, "value", UINT8_MAX, &value);
                if (id == UINT64_MAX || id >= numa->n || value < DISTANCE_LOCAL) {
                        xml_fault(domain->xml, FAULT_ERROR, sibling, /* attribute= */ NULL,
                                  _("A distance is to a cell that there is (id=), and %d to 255 (value=), "
                                    "255 meaning that it cannot be reached."),
                                  DISTANCE_LOCAL);
                        continue;
                }
                cell->distance[id] = (uint8_t)value;
                numa->distances = true;
        }
}

static void read_cell_memory(Domain *domain, NumaCell *cell)
{
        const char *number = xml_attribute(cell->element, "memory"),
                   *unit = xml_attribute(cell->element, "unit");

        if (!number || value_size(number, unit, 1024, &cell->memory) < 0)
                xml_fault(domain->xml, FAULT_ERROR, cell->element, "memory",
                          _("How much memory has this cell? Write a number, and its unit= if that is not "
                            "KiB."));
}

static void read_cell(Domain *domain, Numa *numa, NumaCell *cell)
{
        static const char *const accesses[] = {"shared", "private", NULL};
        int access = 0;
        bool discard = false;

        read_cell_memory(domain, cell);
        cpuset_read(domain->xml, cell->element, "cpus", CPUSET_MAX, &cell->cpus);
        if (read_word(domain->xml, cell->element, "memAccess", accesses, &access) > 0)
                cell->access = access == 0 ? MEMORY_ACCESS_SHARED : MEMORY_ACCESS_PRIVATE;
        cell->discard = read_switch(domain->xml, cell->element, "discard", &discard) > 0 ? discard : -1;
        read_distances(domain, numa, cell);
        numa->caches = hmat_read_caches(domain, cell->element) || numa->caches;
}

/* Their IDs are 0 to n - 1, in any order; without, they count up. */
static int place_cells(Domain *domain, Numa *numa)
{
        XmlElement *element = NULL;
        unsigned at = 0;

        while ((element = xml_next(numa->element, "cell", element))) {
                uint64_t id = at++;
                const char *attribute = xml_attribute(element, "id");
                int r = read_uint(domain->xml, element, "id", UINT_MAX, &id);

                if (r < 0 || id >= numa->n || numa->cells[id].element)
                        xml_mark_all(element);
                if (r < 0)
                        continue;
                if (id >= numa->n || numa->cells[id].element) {
                        xml_fault(domain->xml, FAULT_ERROR, element, attribute ? "id" : NULL,
                                  _("Cells are numbered from 0 on, each number once; this cannot be %llu."),
                                  (unsigned long long)id);
                        continue;
                }
                numa->cells[id].element = element;
                if (xml_setf(element, "id", "%llu", (unsigned long long)id) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int numa_read(Domain *domain, XmlElement *cpu, Numa *ret)
{
        XmlElement *cell = NULL;
        int r;

        ret->element = xml_child(cpu, "numa");
        if (!ret->element)
                return 0;
        while ((cell = xml_next(ret->element, "cell", cell)))
                ret->n++;
        if (ret->n == 0 || ret->n > NUMA_CELLS_MAX) {
                xml_fault(domain->xml, FAULT_ERROR, ret->element, /* attribute= */ NULL,
                          _("A guest with NUMA has 1 to %d <cell>s."), NUMA_CELLS_MAX);
                ret->n = 0;
                return 0;
        }
        ret->cells = calloc(ret->n, sizeof(*ret->cells));
        if (!ret->cells)
                return -ENOMEM;
        r = place_cells(domain, ret);
        for (size_t i = 0; r >= 0 && i < ret->n; i++)
                if (ret->cells[i].element)
                        read_cell(domain, ret, &ret->cells[i]);
        return r < 0 ? r : hmat_read(domain, ret);
}

void numa_clear(Numa *numa)
{
        for (size_t i = 0; numa->cells && i < numa->n; i++)
                cpuset_clear(&numa->cells[i].cpus);
        free(numa->cells);
        *numa = (Numa){};
}

int numa_align(Domain *domain, uint64_t unit, uint64_t *ret_total)
{
        const Numa *numa = domain_numa(domain);

        *ret_total = 0;
        for (size_t i = 0; i < numa->n; i++) {
                NumaCell *cell = &numa->cells[i];

                if (!cell->element)
                        continue;
                cell->memory = (cell->memory + unit - 1) / unit * unit;
                *ret_total += cell->memory;
                if (xml_setf(cell->element, "memory", "%llu", (unsigned long long)cell->memory / 1024) < 0 ||
                    xml_set(cell->element, "unit", "KiB") < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int write_cpus(NumaCell *cell)
{
        CLEANUP(free) char *text = cpuset_to_text(&cell->cpus);

        return text ? xml_set(cell->element, "cpus", text) : -ENOMEM;
}

static int complete_cpus(Domain *domain, Numa *numa, unsigned n_cpus)
{
        CLEANUP(free) bool *taken = calloc((size_t)n_cpus + 1, sizeof(bool));
        bool added = false;

        if (!taken)
                return -ENOMEM;
        for (size_t i = 0; i < numa->n; i++)
                for (size_t j = 0; j < numa->cells[i].cpus.n; j++) {
                        unsigned cpu = numa->cells[i].cpus.items[j];

                        if (cpu >= n_cpus || taken[cpu])
                                xml_fault(domain->xml, FAULT_ERROR, numa->cells[i].element, "cpus",
                                          cpu >= n_cpus ? _("The domain has no processor %u.")
                                                        : _("Processor %u is in another cell, too."),
                                          cpu);
                        else
                                taken[cpu] = true;
                }
        for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
                added = added || !taken[cpu];
                if (!taken[cpu] && cpuset_add(&numa->cells[0].cpus, cpu) < 0)
                        return -ENOMEM;
        }
        return added ? write_cpus(&numa->cells[0]) : 0;
}

static int write_distance(NumaCell *cell, size_t to, unsigned value)
{
        XmlElement *list, *sibling;
        int r;

        cell->distance[to] = (uint8_t)value;
        r = xml_ensure(cell->element, "distances", &list);
        if (r >= 0)
                r = xml_add(list, "sibling", /* text= */ NULL, &sibling);
        if (r >= 0)
                r = xml_setf(sibling, "id", "%zu", to);
        return r < 0 ? r : xml_setf(sibling, "value", "%u", value);
}

/* There is as far as back, where only one of them is given; the emulator wants all of them. */
static int complete_distances(Numa *numa)
{
        for (size_t i = 0; i < numa->n; i++)
                for (size_t j = 0; j < numa->n; j++) {
                        unsigned value = numa->cells[j].distance[i];

                        if (numa->cells[i].distance[j])
                                continue;
                        if (!value)
                                value = i == j ? DISTANCE_LOCAL : DISTANCE_REMOTE;
                        if (write_distance(&numa->cells[i], j, value) < 0)
                                return -ENOMEM;
                }
        return 0;
}

int numa_complete(Domain *domain, Numa *numa, unsigned n_cpus)
{
        int r;

        if (numa->n == 0)
                return 0;
        r = complete_cpus(domain, numa, n_cpus);
        if (r >= 0 && numa->distances)
                r = complete_distances(numa);
        return r;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_cell(Plan *plan, const Part *part, const Numa *numa, size_t i)
{
        const NumaCell *cell = &numa->cells[i];
        CLEANUP(json) json_object *node = json_object_new_object();

        if (!node || json_add_string(node, "type", "node") < 0 ||
            json_add_int(node, "nodeid", (int64_t)i) < 0)
                return -ENOMEM;
        if (cell->cpus.n > 0 && json_add(node, "cpus", cpuset_to_ranges(&cell->cpus)) < 0)
                return -ENOMEM;
        /* The emulator wants to know who starts the way to each node; the first node with processors. */
        if (numa_has_hmat(plan->domain)) {
                size_t initiator = i;

                for (size_t j = 0; cell->cpus.n == 0 && j < numa->n && initiator == i; j++)
                        if (numa->cells[j].cpus.n > 0)
                                initiator = j;
                if (json_add_int(node, "initiator", (int64_t)initiator) < 0)
                        return -ENOMEM;
        }
        if (cell->memory > 0 && json_add_stringf(node, "memdev", "ram-node%zu", i) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-numa", TAKE(node));
}

static int plan_distance(Plan *plan, const Part *part, const Numa *numa, size_t i, size_t j)
{
        CLEANUP(json) json_object *dist = json_object_new_object();

        if (!dist || json_add_string(dist, "type", "dist") < 0 ||
            json_add_int(dist, "src", (int64_t)i) < 0 || json_add_int(dist, "dst", (int64_t)j) < 0 ||
            json_add_int(dist, "val", numa->cells[i].distance[j]) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-numa", TAKE(dist));
}

int numa_plan(Plan *plan, const Part *part, const Numa *numa)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < numa->n; i++)
                r = plan_cell(plan, part, numa, i);
        for (size_t i = 0; r >= 0 && numa->distances && i < numa->n; i++)
                for (size_t j = 0; r >= 0 && j < numa->n; j++)
                        r = plan_distance(plan, part, numa, i, j);
        return r < 0 ? r : hmat_plan(plan, part, numa);
}

bool numa_has_hmat(const Domain *domain)
{
        const Numa *numa = domain_numa(domain);

        return numa->caches || hmat_is_given(numa);
}
