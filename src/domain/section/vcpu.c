/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/vcpu.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/cpu.h"
#include "domain/section/os.h"
#include "domain/value.h"

/*
 * The first processors are `-smp`'s. Where <vcpus> leaves a gap, those behind it are devices of their own,
 * with an ID: "vcpu3". libvirt adds all that can be unplugged that way, after the start; `-smp` is the same
 * to the guest, and the emulator unplugs those, too.
 */

#define VCPU_MAX 16384

typedef struct Vcpu {
        XmlElement *element, *list; /* NULL: not there */
        uint64_t max, current;
        unsigned first; /* so many from 0 on are there at boot, from `read` on */
        bool *enabled;  /* by number, of <vcpus>; NULL without */
        Cpuset cpuset;
} Vcpu;

static Vcpu *vcpu_of(const Domain *domain)
{
        return domain_section(domain, &section_vcpu)->data;
}

unsigned vcpu_max(const Domain *domain)
{
        return (unsigned)vcpu_of(domain)->max;
}

const Cpuset *vcpu_cpuset(const Domain *domain)
{
        return &vcpu_of(domain)->cpuset;
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_number_of(Domain *domain, Vcpu *vcpu)
{
        static const char *const placements[] = {"static", "auto", NULL};
        int placement = 0;

        read_number(domain->xml, vcpu->element, VCPU_MAX, &vcpu->max);
        if (vcpu->max == 0) {
                xml_fault(domain->xml, FAULT_ERROR, vcpu->element, /* attribute= */ NULL,
                          _("A domain has at least one processor."));
                vcpu->max = 1;
        }
        vcpu->current = vcpu->max;
        read_uint(domain->xml, vcpu->element, "current", VCPU_MAX, &vcpu->current);
        if (vcpu->current == 0 || vcpu->current > vcpu->max) {
                xml_fault(domain->xml, FAULT_ERROR, vcpu->element, "current",
                          _("Of %llu processors 1 to %llu can be there at boot."),
                          (unsigned long long)vcpu->max, (unsigned long long)vcpu->max);
                vcpu->current = vcpu->max;
        }
        read_word(domain->xml, vcpu->element, "placement", placements, &placement);
        if (placement == 1)
                xml_fault(domain->xml, FAULT_COSMETIC, vcpu->element, "placement",
                          _("Nobody (as numad did) chooses processors of the host here; name them with "
                            "cpuset=."));
        cpuset_read(domain->xml, vcpu->element, "cpuset", CPUSET_MAX, &vcpu->cpuset);
}

static void read_one(Domain *domain, Vcpu *vcpu, XmlElement *element, bool *seen)
{
        uint64_t id = UINT64_MAX, order = 0;
        bool enabled = true, hotpluggable = true;

        if (read_uint(domain->xml, element, "id", VCPU_MAX, &id) == 0 || id >= vcpu->max || seen[id]) {
                xml_fault(domain->xml, FAULT_ERROR, element, "id",
                          _("Processors are numbered from 0 to %llu here, each number once."),
                          (unsigned long long)vcpu->max - 1);
                return;
        }
        seen[id] = true;
        read_switch(domain->xml, element, "enabled", &enabled);
        read_switch(domain->xml, element, "hotpluggable", &hotpluggable);
        vcpu->enabled[id] = enabled;
        if (!enabled && !hotpluggable)
                xml_fault(domain->xml, FAULT_ERROR, element, "hotpluggable",
                          _("What is not there at boot and cannot be plugged in never is there; let one of "
                            "the two be yes."));
        if (id == 0 && !enabled)
                xml_fault(domain->xml, FAULT_ERROR, element, "enabled",
                          _("Processor 0 is what the guest boots on."));
        if (read_uint(domain->xml, element, "order", VCPU_MAX, &order) > 0 && order != id + 1)
                xml_fault(domain->xml, FAULT_COSMETIC, element, "order",
                          _("Processors come in the order of their numbers; this one's is %llu."),
                          (unsigned long long)id + 1);
}

static int read_list(Domain *domain, Vcpu *vcpu)
{
        CLEANUP(free) bool *seen = calloc(vcpu->max, sizeof(bool));
        XmlElement *element = NULL;
        uint64_t n = 0;

        vcpu->enabled = calloc(vcpu->max, sizeof(bool));
        if (!seen || !vcpu->enabled)
                return -ENOMEM;
        while ((element = xml_next(vcpu->list, "vcpu", element)))
                read_one(domain, vcpu, element, seen);
        for (uint64_t i = 0; i < vcpu->max; i++) {
                n += vcpu->enabled[i];
                if (seen[i])
                        continue;
                xml_fault(domain->xml, FAULT_ERROR, vcpu->list, /* attribute= */ NULL,
                          _("Of processor %llu nothing is said; list all or none."), (unsigned long long)i);
                return 0;
        }
        if (n != vcpu->current && n > 0) {
                if (xml_attribute(vcpu->element, "current"))
                        xml_fault(domain->xml, FAULT_ERROR, vcpu->list, /* attribute= */ NULL,
                                  _("%llu processors are enabled here, but <vcpu> has %llu at boot."),
                                  (unsigned long long)n, (unsigned long long)vcpu->current);
                vcpu->current = n;
        }
        return 0;
}

static int read_vcpu(Domain *domain, Part *part)
{
        Vcpu *vcpu = part->data;
        int r = 0;

        vcpu->element = xml_child(part->element, "vcpu");
        vcpu->list = xml_child(part->element, "vcpus");
        vcpu->max = vcpu->current = 1;
        if (vcpu->element)
                read_number_of(domain, vcpu);
        if (vcpu->list)
                r = read_list(domain, vcpu);
        while (vcpu->first < vcpu->current && (!vcpu->enabled || vcpu->enabled[vcpu->first]))
                vcpu->first++;
        return r;
}

static void clear(Part *part)
{
        Vcpu *vcpu = part->data;

        free(vcpu->enabled);
        cpuset_clear(&vcpu->cpuset);
}

/* --- completing ---------------------------------------------------------------------------------- */

static void check_topology(Domain *domain, const Vcpu *vcpu)
{
        const CpuTopology *topology = cpu_topology(domain);
        uint64_t product = topology->sockets * topology->dies * topology->clusters * topology->cores *
                           topology->threads;

        if (topology->element && product != vcpu->max)
                xml_fault(domain->xml, FAULT_ERROR, topology->element, /* attribute= */ NULL,
                          _("This makes %llu processors, but <vcpu> says %llu; make them the same."),
                          (unsigned long long)product, (unsigned long long)vcpu->max);
}

static int complete(Domain *domain, Part *part)
{
        Vcpu *vcpu = part->data;
        int r = 0;

        check_topology(domain, vcpu);
        if (!vcpu->element)
                r = xml_add(part->element, "vcpu", "1", &vcpu->element);
        if (r >= 0 && !xml_attribute(vcpu->element, "placement"))
                r = xml_set(vcpu->element, "placement", "static");
        if (r >= 0 && vcpu->current < vcpu->max)
                r = xml_setf(vcpu->element, "current", "%llu", (unsigned long long)vcpu->current);
        return r;
}

/* The machine is known, and <vcpu> is there. */
static int check(Domain *domain, Part *part)
{
        const Vcpu *vcpu = part->data;
        json_object *machine = os_machine_facts(domain);
        int64_t max = json_get_int(machine, "cpu-max", 0);

        if (max > 0 && vcpu->max > (uint64_t)max)
                xml_fault(domain->xml, FAULT_ERROR, vcpu->element, /* attribute= */ NULL,
                          _("The machine type %s of %s has at most %lld processors."), os_machine(domain),
                          domain_emulator_text(domain), (long long)max);
        if (vcpu->current < vcpu->max && machine && !json_get_bool(machine, "hotpluggable-cpus", true))
                xml_fault(
                        domain->xml, FAULT_ERROR, vcpu->element, "current",
                        _("No processor can be plugged into the machine type %s; let all be there at boot."),
                        os_machine(domain));
        return 0;
}

/* --- the plan ------------------------------------------------------------------------------------ */

/* As libvirt: without a topology each has a socket of its own. */
static CpuTopology topology_of(const Plan *plan, const Vcpu *vcpu)
{
        CpuTopology topology = *cpu_topology(plan->domain);

        if (!topology.element)
                topology.sockets = vcpu->max;
        return topology;
}

static int add_level(Plan *plan, const Part *part, json_object *smp, const CpuTopology *topology,
                     const char *name, uint64_t number)
{
        CLEANUP(free) char *feature = text_format("cpu-%s", name);

        if (!feature)
                return -ENOMEM;
        if (number <= 1)
                return 0;
        if (!plan_has(plan, part, feature, /* driver= */ NULL, _("the guest sees them"), /* if_not= */ NULL))
                plan_fault(plan, topology->element, name,
                           _("%s knows no %s of processors; leave this at 1, and have more cores instead."),
                           domain_emulator_text(plan->domain), name);
        return json_add_int(smp, name, (int64_t)number);
}

static int plan_smp(Plan *plan, const Part *part, const Vcpu *vcpu)
{
        CpuTopology topology = topology_of(plan, vcpu);
        CLEANUP(json) json_object *smp = json_object_new_object();
        int r;

        if (!smp)
                return -ENOMEM;
        r = json_add_int(smp, "cpus", vcpu->first);
        if (r >= 0 && vcpu->first < vcpu->max)
                r = json_add_int(smp, "maxcpus", (int64_t)vcpu->max);
        if (r >= 0)
                r = json_add_int(smp, "sockets", (int64_t)topology.sockets);
        if (r >= 0)
                r = add_level(plan, part, smp, &topology, "dies", topology.dies);
        if (r >= 0)
                r = add_level(plan, part, smp, &topology, "clusters", topology.clusters);
        if (r >= 0)
                r = json_add_int(smp, "cores", (int64_t)topology.cores);
        if (r >= 0)
                r = json_add_int(smp, "threads", (int64_t)topology.threads);
        return r < 0 ? r : plan_properties(plan, part, "-smp", TAKE(smp));
}

/* As x86 numbers them: threads first, then cores, dies, sockets. */
static int plan_cpu_device(Plan *plan, const Part *part, const CpuTopology *topology, uint64_t number)
{
        CLEANUP(json) json_object *device = json_object_new_object();
        uint64_t core = number / topology->threads, die = core / topology->cores;
        int r;

        if (!device)
                return -ENOMEM;
        r = json_add_string(device, "driver", cpu_device(plan->domain));
        if (r >= 0)
                r = json_add_stringf(device, "id", "vcpu%llu", (unsigned long long)number);
        if (r >= 0)
                r = json_add_int(device, "socket-id", (int64_t)(die / topology->dies));
        if (r >= 0 && topology->dies > 1)
                r = json_add_int(device, "die-id", (int64_t)(die % topology->dies));
        if (r >= 0)
                r = json_add_int(device, "core-id", (int64_t)(core % topology->cores));
        if (r >= 0)
                r = json_add_int(device, "thread-id", (int64_t)(number % topology->threads));
        return r < 0 ? r : plan_properties(plan, part, "-device", TAKE(device));
}

static int plan_behind_gap(Plan *plan, const Part *part, const Vcpu *vcpu)
{
        CpuTopology topology = topology_of(plan, vcpu);
        int r = 0;

        if (vcpu->first == vcpu->current)
                return 0;
        if (!os_is_x86(plan->domain) || !cpu_device(plan->domain)) {
                plan_fault(plan, vcpu->list, /* attribute= */ NULL,
                           _("On this machine the processors that are enabled must be the first ones, "
                             "without a gap."));
                return 0;
        }
        for (uint64_t i = vcpu->first; r >= 0 && i < vcpu->max; i++)
                if (vcpu->enabled && vcpu->enabled[i])
                        r = plan_cpu_device(plan, part, &topology, i);
        return r;
}

static int plan(Plan *plan, Part *part)
{
        const Vcpu *vcpu = part->data;
        int r;

        r = plan_smp(plan, part, vcpu);
        return r < 0 ? r : plan_behind_gap(plan, part, vcpu);
}

const PartKind section_vcpu = {
        .name = "vcpu",
        .size = sizeof(Vcpu),
        .read = read_vcpu,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
