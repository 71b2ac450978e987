/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/memory.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/memballoon.h"
#include "domain/plan.h"
#include "domain/section/memory-backing.h"
#include "domain/section/numatune.h"
#include "domain/section/os.h"
#include "domain/value.h"

/*
 * <memory> is all that the guest has when it starts: what the machine has at boot and the memory devices. As
 * with libvirt, cells of <numa> count more than <memory>, which becomes their sum. Boot memory is a multiple
 * of 1 MiB (256 MiB on POWER), or the emulator and the guest see different ends of it.
 */

#define MIB            ((uint64_t)1024 * 1024)
#define SIZE_MAX_BYTES ((uint64_t)1 << 60)

typedef struct Memory {
        XmlElement *element, *current_element, *max_element; /* NULL: not there */
        uint64_t bytes, current, max, slots;
        uint64_t boot; /* from `complete` on */
        bool dump;     /* it is part of a core dump of the emulator */
        MemoryBacking backing;
} Memory;

static Memory *memory_of(const Domain *domain)
{
        return domain_section(domain, &section_memory)->data;
}

uint64_t memory_bytes(const Domain *domain)
{
        return memory_of(domain)->boot;
}

uint64_t memory_max_bytes(const Domain *domain)
{
        return memory_of(domain)->max;
}

bool memory_is_locked(const Domain *domain)
{
        return memory_of(domain)->backing.locked;
}

bool memory_is_shared(const Domain *domain)
{
        const Numa *numa = domain_numa(domain);
        const MemoryBacking *backing = &memory_of(domain)->backing;

        for (size_t i = 0; i < numa->n; i++)
                if (!memory_backing_is_shared(backing, &numa->cells[i]))
                        return false;
        return numa->n > 0 || memory_backing_is_shared(backing, /* cell= */ NULL);
}

const char *memory_backend_id(const Domain *domain)
{
        return domain_numa(domain)->n > 0 ? NULL
                                          : json_get_string(os_machine_facts(domain), "default-ram-id");
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_bytes(Domain *domain, XmlElement *element, uint64_t *ret)
{
        if (element && read_size(domain->xml, element, /* fallback= */ 1024, ret) > 0 &&
            *ret > SIZE_MAX_BYTES) {
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("That is more than any machine has: the most is 1 EiB."));
                *ret = SIZE_MAX_BYTES;
        }
}

static void read_max(Domain *domain, Memory *memory)
{
        if (!memory->max_element)
                return;
        read_bytes(domain, memory->max_element, &memory->max);
        if (read_uint(domain->xml, memory->max_element, "slots", 256, &memory->slots) == 0)
                xml_fault(domain->xml, FAULT_ERROR, memory->max_element, /* attribute= */ NULL,
                          _("How many memory devices can there be? Add slots= (1 to 256)."));
}

static int read_memory(Domain *domain, Part *part)
{
        Memory *memory = part->data;

        memory->element = xml_child(part->element, "memory");
        memory->current_element = xml_child(part->element, "currentMemory");
        memory->max_element = xml_child(part->element, "maxMemory");
        if (memory->element)
                read_switch(domain->xml, memory->element, "dumpCore", &memory->dump);
        read_bytes(domain, memory->element, &memory->bytes);
        read_bytes(domain, memory->current_element, &memory->current);
        read_max(domain, memory);
        return memory_backing_read(domain, xml_child(part->element, "memoryBacking"), &memory->backing);
}

static void clear(Part *part)
{
        Memory *memory = part->data;

        memory_backing_clear(&memory->backing);
}

/* --- completing ---------------------------------------------------------------------------------- */

/* Of <memory> devices, whatever they are; their kind tells what is wrong with them. */
static uint64_t devices_bytes(const Domain *domain)
{
        XmlElement *element = NULL;
        uint64_t total = 0;

        while (domain->devices_element && (element = xml_next(domain->devices_element, "memory", element))) {
                XmlElement *target = xml_child(element, "target");
                XmlElement *size = target ? xml_child(target, "size") : NULL;
                CLEANUP(free) char *text = size ? xml_text(size) : NULL;
                uint64_t bytes = 0;

                if (text && value_size(text, xml_attribute(size, "unit"), 1024, &bytes) == 0 &&
                    bytes <= SIZE_MAX_BYTES && __builtin_add_overflow(total, bytes, &total))
                        total = UINT64_MAX;
        }
        return total;
}

static int write_kib(XmlElement *element, uint64_t bytes)
{
        CLEANUP(free) char *text = text_format("%llu", (unsigned long long)bytes / 1024);

        if (!text || xml_set(element, "unit", "KiB") < 0)
                return -ENOMEM;
        return xml_set_text(element, text);
}

static int complete_size(Domain *domain, Memory *memory, XmlElement *root)
{
        uint64_t unit = streq(os_arch(domain), "ppc64") ? 256 * MIB : MIB, cells, plugged;
        int r;

        plugged = devices_bytes(domain);
        r = numa_align(domain, unit, &cells);
        if (r < 0)
                return r;
        if (cells > 0) {
                memory->boot = cells;
                if (memory->element && memory->bytes != cells && memory->bytes != cells + plugged)
                        xml_fault(
                                domain->xml, FAULT_WARNING, memory->element, /* attribute= */ NULL,
                                _("The cells of <numa> and the memory devices have %llu KiB together; that "
                                  "is what the guest gets."),
                                (unsigned long long)(cells + plugged) / 1024);
        } else if (!memory->element) {
                xml_fault(domain->xml, FAULT_ERROR, root, /* attribute= */ NULL,
                          _("How much memory has the domain? Add <memory unit='MiB'>2048</memory>."));
                memory->boot = unit;
        } else if (memory->bytes <= plugged) {
                xml_fault(domain->xml, FAULT_ERROR, memory->element, /* attribute= */ NULL,
                          plugged > 0
                                  ? _("The memory devices have all of this, and it contains them; nothing "
                                      "is left to boot with.")
                                  : _("A domain without memory does not start."));
                memory->boot = unit;
        } else {
                memory->boot = (memory->bytes - plugged + unit - 1) / unit * unit;
        }
        memory->bytes = memory->boot + plugged;
        if (!memory->element)
                r = xml_ensure(root, "memory", &memory->element);
        return r < 0 ? r : write_kib(memory->element, memory->bytes);
}

static int complete_current(Memory *memory, XmlElement *root)
{
        int r = 0;

        /* As libvirt: there cannot be more than all. */
        if (memory->current == 0 || memory->current > memory->bytes)
                memory->current = memory->bytes;
        if (!memory->current_element)
                r = xml_ensure(root, "currentMemory", &memory->current_element);
        return r < 0 ? r : write_kib(memory->current_element, memory->current);
}

static int complete_max(Domain *domain, Memory *memory)
{
        if (!memory->max_element)
                return 0;
        memory->max = (memory->max + MIB - 1) / MIB * MIB;
        if (memory->max <= memory->boot || memory->max < memory->bytes)
                xml_fault(domain->xml, FAULT_ERROR, memory->max_element, /* attribute= */ NULL,
                          _("The domain has %llu KiB already; <maxMemory> is more than that, or not there."),
                          (unsigned long long)memory->bytes / 1024);
        return write_kib(memory->max_element, memory->max);
}

static int complete_pages(Domain *domain, Memory *memory)
{
        XmlElement *list = memory->backing.huge ? xml_child(memory->backing.element, "hugepages") : NULL;
        XmlElement *page = NULL;

        for (size_t i = 0; list && (page = xml_next(list, "page", page)); i++) {
                const Cpuset *cells = &memory->backing.pages[i].cells;
                size_t n = domain_numa(domain)->n ?: 1;

                if (cells->n > 0 && cells->items[cells->n - 1] >= n)
                        xml_fault(domain->xml, FAULT_ERROR, page, "nodeset",
                                  _("The guest has no cell %u; these are cells of <cpu><numa>."),
                                  cells->items[cells->n - 1]);
                if (xml_setf(page, "size", "%llu",
                             (unsigned long long)memory->backing.pages[i].size / 1024) < 0 ||
                    xml_set(page, "unit", "KiB") < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int complete(Domain *domain, Part *part)
{
        Memory *memory = part->data;
        int r;

        r = complete_size(domain, memory, part->element);
        if (r >= 0)
                r = complete_current(memory, part->element);
        if (r >= 0)
                r = complete_max(domain, memory);
        return r < 0 ? r : complete_pages(domain, memory);
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_size(Plan *plan, const Part *part, const Memory *memory)
{
        CLEANUP(json) json_object *option = json_object_new_object();
        int r;

        if (!option)
                return -ENOMEM;
        r = json_add_stringf(option, "size", "%lluk", (unsigned long long)memory->boot / 1024);
        if (r >= 0 && memory->max > 0)
                r = json_add_int(option, "slots", (int64_t)memory->slots);
        if (r >= 0 && memory->max > 0)
                r = json_add_stringf(option, "maxmem", "%lluk", (unsigned long long)memory->max / 1024);
        return r < 0 ? r : plan_properties(plan, part, "-m", TAKE(option));
}

static int plan_locked(Plan *plan, const Part *part, const Memory *memory)
{
        CLEANUP(json) json_object *option = json_object_new_object();

        if (!option || json_add_bool(option, "mem-lock", memory->backing.locked) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-overcommit", TAKE(option));
}

int memory_plan_backend(Plan *plan, const Part *part, const char *id, uint64_t bytes, int cell)
{
        return memory_backing_plan(plan, part, &memory_of(plan->domain)->backing, id, bytes, cell);
}

static int plan_cells(Plan *plan, const Part *part, const Numa *numa)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < numa->n; i++) {
                CLEANUP(free) char *id = text_format("ram-node%zu", i);

                if (!id)
                        return -ENOMEM;
                if (numa->cells[i].memory > 0)
                        r = memory_plan_backend(plan, part, id, numa->cells[i].memory, (int)i);
        }
        return r;
}

static int plan_backends(Plan *plan, const Part *part, const Memory *memory)
{
        const Numa *numa = domain_numa(plan->domain);
        const char *id = memory_backend_id(plan->domain);

        if (numa->n > 0)
                return plan_cells(plan, part, numa);
        if (id)
                return memory_plan_backend(plan, part, id, memory->boot, /* cell= */ -1);
        if (memory_backing_is_special(&memory->backing) || numatune_is_given(plan->domain))
                plan_fault(
                        plan, memory->backing.element ?: part->element, /* attribute= */ NULL,
                        _("The memory of this machine is its own on %s (default-ram-id of query-machines: "
                          "QEMU 5.0 or newer); put it into one <cell> of <cpu><numa>."),
                        domain_emulator_text(plan->domain));
        return 0;
}

static bool has_balloon(const Domain *domain)
{
        const Part *balloon = domain_next(domain, &device_memballoon, /* last= */ NULL);

        return balloon && !streq_ptr(xml_attribute(balloon->element, "model"), "none");
}

static int plan_balloon(Plan *plan, const Part *part, const Memory *memory)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        if (memory->current >= memory->bytes)
                return 0;
        if (!has_balloon(plan->domain)) {
                xml_fault(
                        plan->domain->xml, FAULT_COSMETIC, memory->current_element, /* attribute= */ NULL,
                        _("Without a balloon the guest has all of its <memory>; make this the same, or let "
                          "it have a <memballoon>."));
                return 0;
        }
        if (!arguments || json_add_int(arguments, "value", (int64_t)memory->current) < 0)
                return -ENOMEM;
        return plan_command(plan, part, "balloon", TAKE(arguments));
}

static int plan(Plan *plan, Part *part)
{
        const Memory *memory = part->data;
        int r;

        r = plan_size(plan, part, memory);
        if (r >= 0)
                r = plan_locked(plan, part, memory);
        if (r >= 0)
                r = plan_backends(plan, part, memory);
        return r < 0 ? r : plan_balloon(plan, part, memory);
}

int memory_add_machine(Plan *plan, const Part *part, json_object *machine)
{
        const Memory *memory = memory_of(plan->domain);
        const char *id = memory_backend_id(plan->domain);
        int r;

        r = json_add_bool(machine, "dump-guest-core", memory->dump);
        if (r >= 0 && memory->backing.unmerged)
                r = json_add_bool(machine, "mem-merge", false);
        if (r >= 0 && id)
                r = json_add_string(machine, "memory-backend", id);
        if (r >= 0 && numa_has_hmat(plan->domain))
                r = json_add_bool(machine, "hmat", true);
        return r;
}

const PartKind section_memory = {
        .name = "memory",
        .size = sizeof(Memory),
        .read = read_memory,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
