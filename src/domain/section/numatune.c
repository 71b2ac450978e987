/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/numatune.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/numa.h"
#include "domain/value.h"

/* Honoured by the memory backends themselves, so no cpuset cgroup is needed for it. */

#define HOST_NODES_MAX 1023

typedef struct Binding {
        bool given;
        int mode; /* index into modes */
        Cpuset nodes;
} Binding;

typedef struct Numatune {
        XmlElement *element; /* NULL: not there */
        Binding all;
        Binding cells[NUMA_CELLS_MAX];
} Numatune;

static const char *const modes[] = {"strict", "preferred", "interleave", "restrictive", NULL};
static const char *const policies[] = {"bind", "preferred", "interleave"};

static Numatune *numatune_of(const Domain *domain)
{
        return domain_section(domain, &section_numatune)->data;
}

bool numatune_is_given(const Domain *domain)
{
        return numatune_of(domain)->element != NULL;
}

static void read_placement(Domain *domain, XmlElement *element)
{
        static const char *const placements[] = {"static", "auto", NULL};
        int placement = 0;

        read_word(domain->xml, element, "placement", placements, &placement);
        if (placement == 1)
                xml_fault(
                        domain->xml, FAULT_COSMETIC, element, "placement",
                        _("Nobody (as numad did) chooses nodes of the host here; name them with nodeset=."));
}

static void read_binding(Domain *domain, XmlElement *element, Binding *ret)
{
        ret->mode = 0;
        read_word(domain->xml, element, "mode", modes, &ret->mode);
        read_placement(domain, element);
        ret->given = cpuset_read(domain->xml, element, "nodeset", HOST_NODES_MAX, &ret->nodes) > 0;
        if (!ret->given)
                return;
        if ((size_t)ret->mode >= ELEMENTSOF(policies)) {
                xml_fault(domain->xml, FAULT_COSMETIC, element, "mode",
                          _("Restrictive needs a control group, and muster makes none; mode='strict' does "
                            "without."));
                ret->given = false;
        } else if (streq(modes[ret->mode], "preferred") && ret->nodes.n > 1) {
                xml_fault(domain->xml, FAULT_ERROR, element, "nodeset",
                          _("One node is preferred, not several; mode='interleave' spreads over them."));
        }
}

static void read_cell(Domain *domain, Numatune *numatune, XmlElement *element)
{
        uint64_t cell = UINT64_MAX;

        if (read_uint(domain->xml, element, "cellid", NUMA_CELLS_MAX - 1, &cell) == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Of which cell of <cpu><numa>? Add cellid=."));
        if (cell == UINT64_MAX) {
                xml_mark_all(element);
                return;
        }
        if (numatune->cells[cell].given)
                xml_fault(domain->xml, FAULT_ERROR, element, "cellid",
                          _("There is another <memnode> of cell %llu; keep one."), (unsigned long long)cell);
        read_binding(domain, element, &numatune->cells[cell]);
        if (!xml_attribute(element, "nodeset"))
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("From which nodes of the host? Add nodeset=."));
}

static int read_numatune(Domain *domain, Part *part)
{
        Numatune *numatune = part->data;
        XmlElement *memory, *cell = NULL;

        numatune->element = xml_child(part->element, "numatune");
        if (!numatune->element)
                return 0;
        memory = xml_child(numatune->element, "memory");
        if (memory)
                read_binding(domain, memory, &numatune->all);
        if (memory && !xml_attribute(memory, "nodeset") &&
            !streq_ptr(xml_attribute(memory, "placement"), "auto"))
                xml_fault(domain->xml, FAULT_ERROR, memory, /* attribute= */ NULL,
                          _("From which nodes of the host? Add nodeset=."));
        while ((cell = xml_next(numatune->element, "memnode", cell)))
                read_cell(domain, numatune, cell);
        return 0;
}

static int complete(Domain *domain, Part *part)
{
        const Numatune *numatune = part->data;
        XmlElement *element = NULL;

        while (numatune->element && (element = xml_next(numatune->element, "memnode", element))) {
                uint64_t cell = 0;

                read_uint(domain->xml, element, "cellid", NUMA_CELLS_MAX - 1, &cell);
                if (cell >= domain_numa(domain)->n)
                        xml_fault(domain->xml, FAULT_ERROR, element, "cellid",
                                  _("The guest has no cell %llu; add it to <cpu><numa>."),
                                  (unsigned long long)cell);
        }
        return 0;
}

int numatune_add_backend(const Domain *domain, int cell, json_object *backend)
{
        const Numatune *numatune = numatune_of(domain);
        const Binding *binding = &numatune->all;

        if (cell >= 0 && cell < NUMA_CELLS_MAX && numatune->cells[cell].given)
                binding = &numatune->cells[cell];
        if (!binding->given)
                return 0;
        if (json_add(backend, "host-nodes", cpuset_to_json(&binding->nodes)) < 0)
                return -ENOMEM;
        return json_add_string(backend, "policy", policies[binding->mode]);
}

static void clear(Part *part)
{
        Numatune *numatune = part->data;

        cpuset_clear(&numatune->all.nodes);
        for (size_t i = 0; i < NUMA_CELLS_MAX; i++)
                cpuset_clear(&numatune->cells[i].nodes);
}

const PartKind section_numatune = {
        .name = "numatune",
        .size = sizeof(Numatune),
        .read = read_numatune,
        .complete = complete,
        .clear = clear,
};
