/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/cpu.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/cpu-private.h"
#include "domain/section/features.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/section/vcpu.h"
#include "domain/value.h"

/*
 * `-cpu` splits at every comma and has no way to escape one: so each word of it is made of checked letters,
 * and a model is one that the emulator has named.
 */

#define VENDOR_SIZE  12
#define TOPOLOGY_MAX 4096

static Cpu *cpu_of(const Domain *domain)
{
        return domain_section(domain, &section_cpu)->data;
}

const CpuTopology *cpu_topology(const Domain *domain)
{
        return &cpu_of(domain)->topology;
}

bool cpu_is_host(const Domain *domain)
{
        CpuMode mode = cpu_of(domain)->mode;

        return mode == CPU_HOST_PASSTHROUGH || mode == CPU_HOST_MODEL;
}

const char *cpu_device(const Domain *domain)
{
        return json_get_string(cpu_of(domain)->facts, "typename");
}

const Numa *domain_numa(const Domain *domain)
{
        return &cpu_of(domain)->numa;
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_match(Domain *domain, const Cpu *cpu)
{
        static const char *const matches[] = {"exact", "minimum", "strict", NULL};
        int match = 0;

        read_word(domain->xml, cpu->element, "match", matches, &match);
        if (match == 1)
                xml_fault(domain->xml, FAULT_ERROR, cpu->element, "match",
                          _("A processor that is at least this one is mode='host-model' here, or "
                            "'host-passthrough'; give one of these, or match='exact'."));
        if (match == 2)
                xml_fault(domain->xml, FAULT_ERROR, cpu->element, "match",
                          _("Whether the host's processor is exactly this one muster does not know; give "
                            "match='exact', which makes the guest's exactly this."));
}

static void read_attributes(Domain *domain, Cpu *cpu)
{
        static const char *const modes[] = {"custom", "host-passthrough", "host-model", "maximum", NULL};
        static const char *const checks[] = {"none", "partial", "full", NULL};
        int mode = CPU_CUSTOM, check = CPU_CHECK_DEFAULT;
        bool migratable = true;

        read_word(domain->xml, cpu->element, "mode", modes, &mode);
        read_word(domain->xml, cpu->element, "check", checks, &check);
        cpu->mode = (CpuMode)mode;
        cpu->check = (CpuCheck)check;
        if (read_switch(domain->xml, cpu->element, "migratable", &migratable) > 0)
                cpu->migratable = migratable;
        if (cpu->migratable >= 0 && cpu->mode != CPU_HOST_PASSTHROUGH && cpu->mode != CPU_MAXIMUM)
                xml_fault(domain->xml, FAULT_ERROR, cpu->element, "migratable",
                          _("Only host-passthrough and maximum have features that cannot migrate; remove "
                            "this."));
        read_match(domain, cpu);
}

/* What the guest reads as vendor: 12 bytes, and no comma, which -cpu could not take. */
static int read_vendor_id(Domain *domain, Cpu *cpu)
{
        int r;

        r = read_text(domain->xml, cpu->model_element, "vendor_id", &cpu->vendor);
        if (r <= 0)
                return r;
        for (const char *c = cpu->vendor; *c; c++)
                if (!isprint((unsigned char)*c) || *c == ',')
                        r = -EINVAL;
        if (strlen(cpu->vendor) == VENDOR_SIZE && r > 0)
                return 0;
        xml_fault(domain->xml, FAULT_ERROR, cpu->model_element, "vendor_id",
                  _("A vendor has %d printable letters, none a comma, as in AuthenticAMD."), VENDOR_SIZE);
        free(TAKE(cpu->vendor));
        return 0;
}

static int read_model(Domain *domain, Cpu *cpu)
{
        static const char *const fallbacks[] = {"allow", "forbid", NULL};
        XmlElement *vendor = xml_child(cpu->element, "vendor");
        int fallback = 0;

        if (vendor) {
                CLEANUP(free) char *text = xml_text(vendor);

                xml_fault(domain->xml, FAULT_WARNING, vendor, /* attribute= */ NULL,
                          _("Whether the host's processor is one of %s is not looked at."), text ?: "?");
        }
        cpu->model_element = xml_child(cpu->element, "model");
        if (!cpu->model_element)
                return 0;
        /* With either, a model that is not there is a fault, which is the safe one of the two. */
        read_word(domain->xml, cpu->model_element, "fallback", fallbacks, &fallback);
        cpu->model = xml_text(cpu->model_element);
        if (!cpu->model)
                return -ENOMEM;
        if (!*cpu->model)
                free(TAKE(cpu->model));
        if (cpu->model && cpu->mode != CPU_CUSTOM)
                xml_fault(domain->xml, FAULT_ERROR, cpu->model_element, /* attribute= */ NULL,
                          _("The mode says which processor it is; a model belongs to mode='custom'."));
        return read_vendor_id(domain, cpu);
}

static void read_topology(Domain *domain, Cpu *cpu)
{
        CpuTopology *topology = &cpu->topology;
        const struct {
                const char *name;
                uint64_t *value;
        } levels[] = {
                {"sockets", &topology->sockets},   {"dies", &topology->dies},
                {"clusters", &topology->clusters}, {"cores", &topology->cores},
                {"threads", &topology->threads},
        };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                *levels[i].value = 1;
        topology->element = cpu->element ? xml_child(cpu->element, "topology") : NULL;
        for (size_t i = 0; topology->element && i < ELEMENTSOF(levels); i++) {
                read_uint(domain->xml, topology->element, levels[i].name, TOPOLOGY_MAX, levels[i].value);
                if (*levels[i].value > 0)
                        continue;
                xml_fault(domain->xml, FAULT_ERROR, topology->element, levels[i].name,
                          _("There is at least one of each."));
                *levels[i].value = 1;
        }
}

static int read_cpu(Domain *domain, Part *part)
{
        Cpu *cpu = part->data;
        int r;

        cpu->element = xml_child(part->element, "cpu");
        cpu->migratable = -1;
        cpu->check = CPU_CHECK_DEFAULT;
        read_topology(domain, cpu);
        if (!cpu->element)
                return 0;
        read_attributes(domain, cpu);
        cpu_read_cache(domain, cpu);
        cpu_read_phys(domain, cpu);
        r = read_model(domain, cpu);
        if (r >= 0)
                r = cpu_read_features(domain, cpu);
        return r < 0 ? r : numa_read(domain, cpu->element, &cpu->numa);
}

static int complete(Domain *domain, Part *part)
{
        Cpu *cpu = part->data;
        int r;

        if (!cpu->element && xml_ensure(part->element, "cpu", &cpu->element) < 0)
                return -ENOMEM;
        r = cpu_complete_model(domain, cpu);
        return r < 0 ? r : numa_complete(domain, &cpu->numa, vcpu_max(domain));
}

static void clear(Part *part)
{
        Cpu *cpu = part->data;

        for (size_t i = 0; i < cpu->n_features; i++)
                free(cpu->features[i].name);
        free(cpu->features);
        free(cpu->model);
        free(cpu->vendor);
        numa_clear(&cpu->numa);
}

/* --- the plan ------------------------------------------------------------------------------------ */

static const char *model_word(const Domain *domain, const Cpu *cpu)
{
        switch (cpu->mode) {
        case CPU_HOST_PASSTHROUGH:
                return "host";
        case CPU_HOST_MODEL:
                return domain_general(domain)->kvm ? "host" : "max";
        case CPU_MAXIMUM:
                return "max";
        default:
                return cpu->model;
        }
}

static int plan_model(Plan *plan, const Cpu *cpu)
{
        const char *model = model_word(plan->domain, cpu);
        CLEANUP(strv) char **words = NULL;
        CLEANUP(free) char *argument = NULL;
        int r;

        /* A machine that has one processor and no other. */
        if (!model)
                return 0;
        r = cpu_add_words(plan, cpu, &words);
        if (r < 0)
                return r;
        argument = strdup(model);
        for (size_t i = 0; argument && words && words[i]; i++) {
                char *longer = text_format("%s,%s", argument, words[i]);

                free(argument);
                argument = longer;
        }
        return argument ? plan_option(plan, "-cpu", argument) : -ENOMEM;
}

static int plan(Plan *plan, Part *part)
{
        const Cpu *cpu = part->data;
        int r;

        if (cpu->mode == CPU_HOST_MODEL && domain_general(plan->domain)->kvm)
                xml_fault(plan->domain->xml, FAULT_WARNING, cpu->element, "mode",
                          _("The host's processor is not made into a named model here: the guest gets what "
                            "host-passthrough gives, so it moves only between like hosts."));
        r = plan_model(plan, cpu);
        return r < 0 ? r : numa_plan(plan, part, &cpu->numa);
}

const PartKind section_cpu = {
        .name = "cpu",
        .size = sizeof(Cpu),
        .read = read_cpu,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
