/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/features.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/features-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/section/vcpu.h"
#include "domain/value.h"

#define GIC2_VCPUS_MAX 8
#define MIB            ((uint64_t)1024 * 1024)

static Features *features_of(const Domain *domain)
{
        return domain_section(domain, &section_features)->data;
}

const Features *domain_features(const Domain *domain)
{
        return features_of(domain);
}

bool features_acpi(const Domain *domain)
{
        return features_of(domain)->acpi;
}

bool features_smm(const Domain *domain)
{
        /* The firmware that was chosen may need it. */
        return features_of(domain)->switches[SWITCH_SMM] > 0 || os_needs_smm(domain);
}

bool features_irqchip_split(const Domain *domain)
{
        return features_of(domain)->choices[CHOICE_IOAPIC] == 1;
}

/* --- reading ------------------------------------------------------------------------------------- */

/* <NAME state='on'/>, <NAME/>; -1: not there. */
static int read_state(Domain *domain, XmlElement *parent, const char *name)
{
        XmlElement *element = xml_child(parent, name);
        bool on = true;

        if (!element)
                return -1;
        read_switch(domain->xml, element, "state", &on);
        return on;
}

static void read_tables(Domain *domain, Features *features)
{
        for (Switch i = 0; i < _SWITCHES; i++)
                features->switches[i] = read_state(domain, features->element, switch_name(i));
        for (Choice i = 0; i < _CHOICES; i++) {
                const char *attribute;
                const char *const *words;
                XmlElement *element = xml_child(features->element, choice_name(i, &attribute, &words));

                if (element)
                        read_word(domain->xml, element, attribute, words, &features->choices[i]);
        }
}

static void read_dirty_ring(Domain *domain, XmlElement *element, Kvm *kvm)
{
        bool on = true;

        read_switch(domain->xml, element, "state", &on);
        if (!on)
                return;
        read_uint(domain->xml, element, "size", 65536, &kvm->dirty_ring);
        if (kvm->dirty_ring < 1024 || (kvm->dirty_ring & (kvm->dirty_ring - 1)))
                xml_fault(domain->xml, FAULT_ERROR, element, "size",
                          _("The size of the ring is a power of two from 1024 to 65536."));
}

static void read_kvm(Domain *domain, XmlElement *element, Kvm *kvm)
{
        XmlElement *ring = xml_child(element, "dirty-ring");

        kvm->element = element;
        kvm->hidden = read_state(domain, element, "hidden");
        kvm->hint_dedicated = read_state(domain, element, "hint-dedicated");
        kvm->poll_control = read_state(domain, element, "poll-control");
        kvm->pv_ipi = read_state(domain, element, "pv-ipi");
        if (ring)
                read_dirty_ring(domain, ring, kvm);
}

/* What every guest of QEMU has, or none. */
static void read_fixed(Domain *domain, Features *features)
{
        static const char *const refused[] = {"viridian", "privnet", "xen", "msrs"};
        XmlElement *apic = xml_child(features->element, "apic");
        bool eoi;

        features->acpi = xml_child(features->element, "acpi") != NULL;
        if (apic && read_switch(domain->xml, apic, "eoi", &eoi) > 0)
                features->eoi = eoi;
        xml_child(features->element, "pae");
        if (read_state(domain, features->element, "hap") == 0)
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(features->element, "hap"), "state",
                          _("KVM uses the host's nested paging or not for all of its guests; remove this."));
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                XmlElement *element = xml_child(features->element, refused[i]);

                if (!element)
                        continue;
                xml_mark_all(element);
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("This belongs to another hypervisor than QEMU; remove it."));
        }
}

static void read_sizes(Domain *domain, Features *features)
{
        XmlElement *smm = xml_child(features->element, "smm"), *tcg = xml_child(features->element, "tcg"),
                   *page;

        features->hpt = xml_child(features->element, "hpt");
        page = features->hpt ? xml_child(features->hpt, "maxpagesize") : NULL;
        if (page)
                read_size(domain->xml, page, /* fallback= */ 1024, &features->hpt_page);
        features->tseg = smm ? xml_child(smm, "tseg") : NULL;
        if (features->tseg)
                read_size(domain->xml, features->tseg, /* fallback= */ MIB, &features->tseg_bytes);
        if (features->tseg && (features->tseg_bytes == 0 || features->tseg_bytes % MIB))
                xml_fault(domain->xml, FAULT_ERROR, features->tseg, /* attribute= */ NULL,
                          _("The memory of SMM is a number of MiB."));
        features->tb_cache = tcg ? xml_child(tcg, "tb-cache") : NULL;
        if (features->tb_cache)
                read_size(domain->xml, features->tb_cache, /* fallback= */ 1024, &features->tb_bytes);
        if (features->tb_cache && (features->tb_bytes == 0 || features->tb_bytes % MIB))
                xml_fault(domain->xml, FAULT_ERROR, features->tb_cache, /* attribute= */ NULL,
                          _("The cache of translated code is a number of MiB."));
}

static int read_features(Domain *domain, Part *part)
{
        Features *features = part->data;
        XmlElement *teardown, *kvm;
        int r;

        features->element = xml_child(part->element, "features");
        features->eoi = -1;
        features->kvm = (Kvm){.hidden = -1, .hint_dedicated = -1, .poll_control = -1, .pv_ipi = -1};
        memset(features->switches, 0xff, sizeof(features->switches));
        memset(features->choices, 0xff, sizeof(features->choices));
        r = hyperv_read(domain, features->element ? xml_child(features->element, "hyperv") : NULL,
                        &features->hyperv);
        if (r < 0 || !features->element)
                return r;
        read_fixed(domain, features);
        read_tables(domain, features);
        read_sizes(domain, features);
        kvm = xml_child(features->element, "kvm");
        if (kvm)
                read_kvm(domain, kvm, &features->kvm);
        teardown = xml_child(features->element, "async-teardown");
        if (teardown)
                read_switch(domain->xml, teardown, "enabled", &features->async_teardown);
        return 0;
}

static void clear(Part *part)
{
        Features *features = part->data;

        free(features->hyperv.vendor_id);
}

/* --- completing ---------------------------------------------------------------------------------- */

static void check_machine(Domain *domain, const Features *features)
{
        for (Switch i = 0; features->element && i < _SWITCHES; i++) {
                XmlElement *element = xml_child(features->element, switch_name(i));

                if (element)
                        switch_check_machine(domain, i, element);
        }
        for (Choice i = 0; features->element && i < _CHOICES; i++) {
                const char *attribute;
                const char *const *words;
                XmlElement *element = xml_child(features->element, choice_name(i, &attribute, &words));

                if (element)
                        choice_check_machine(domain, i, element);
        }
}

/* What is only a warning by --lenient must not reach the emulator all the same: it does not start then. */
static void drop_unfit(Domain *domain, Features *features)
{
        bool kvm = domain_general(domain)->kvm;

        if (!kvm || !os_is_x86(domain)) {
                features->kvm = (Kvm){.hidden = -1, .hint_dedicated = -1, .poll_control = -1, .pv_ipi = -1};
                features->hyperv.passthrough = false;
                features->hyperv.stimer_direct = false;
                features->hyperv.tlbflush_direct = false;
                features->hyperv.tlbflush_extended = false;
                memset(features->hyperv.flags, 0xff, sizeof(features->hyperv.flags));
        }
        if (!domain_schema_has(domain, "calc-dirty-rate/arg-type/mode/^dirty-ring"))
                features->kvm.dirty_ring = 0;
        if (kvm)
                features->tb_bytes = 0;
}

static void check_kvm(Domain *domain, const Features *features)
{
        bool kvm = domain_general(domain)->kvm;

        if (features->kvm.element && (!kvm || !os_is_x86(domain)) &&
            xml_next_any(features->kvm.element, NULL))
                xml_fault(domain->xml, FAULT_COSMETIC, features->kvm.element, /* attribute= */ NULL,
                          _("These are settings of KVM on x86; remove them."));
        if (features->choices[CHOICE_IOAPIC] >= 0 && !kvm)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(features->element, "ioapic"), "driver",
                          _("Emulation has one kind of APIC only; remove this, or give the domain "
                            "type='kvm'."));
        if (features->kvm.dirty_ring > 0 &&
            !domain_schema_has(domain, "calc-dirty-rate/arg-type/mode/^dirty-ring"))
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(features->kvm.element, "dirty-ring"),
                          /* attribute= */ NULL,
                          _("%s has no dirty ring (calc-dirty-rate/arg-type/mode/^dirty-ring: QEMU 6.2 or "
                            "newer); remove this."),
                          domain_emulator_text(domain));
        if (features->tb_cache && kvm)
                xml_fault(domain->xml, FAULT_COSMETIC, features->tb_cache, /* attribute= */ NULL,
                          _("KVM translates no code; remove this, or give the domain type='qemu'."));
}

static void check_acpi(Domain *domain, const Features *features)
{
        json_object *machine = os_machine_facts(domain);
        bool there = json_get_bool(machine, "acpi", !startswith(os_arch(domain), "riscv"));

        if (features->acpi && machine && (!there || streq(os_arch(domain), "ppc64")))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(features->element, "acpi"),
                          /* attribute= */ NULL, _("The machine type %s of %s has no ACPI; remove this."),
                          os_machine(domain), domain_emulator_text(domain));
}

static void check_tseg(Domain *domain, const Features *features)
{
        if (features->tseg && os_pci_machine(domain) != PCI_MACHINE_Q35)
                xml_fault(domain->xml, FAULT_ERROR, features->tseg, /* attribute= */ NULL,
                          _("Only the machine type q35 has this memory; remove it."));
        if (features->tseg && features->switches[SWITCH_SMM] == 0)
                xml_fault(domain->xml, FAULT_ERROR, features->tseg, /* attribute= */ NULL,
                          _("Without SMM this memory is for nothing; remove it, or set state='on'."));
}

/* As the emulator chooses itself, but for KVM, which has what the host has. */
static int complete_gic(Domain *domain, Part *part, Features *features)
{
        bool arm = streq(os_arch(domain), "aarch64") || streq(os_arch(domain), "arm");
        const char *attribute;
        const char *const *words;
        XmlElement *gic;

        if (!arm || !startswith(os_machine(domain), "virt"))
                return 0;
        if (features->choices[CHOICE_GIC] < 0)
                features->choices[CHOICE_GIC] =
                        domain_general(domain)->kvm ? 2 : vcpu_max(domain) > GIC2_VCPUS_MAX;
        if (!features->element && xml_ensure(part->element, "features", &features->element) < 0)
                return -ENOMEM;
        if (xml_ensure(features->element, choice_name(CHOICE_GIC, &attribute, &words), &gic) < 0)
                return -ENOMEM;
        if (streq(words[features->choices[CHOICE_GIC]], "2") && vcpu_max(domain) > GIC2_VCPUS_MAX)
                xml_fault(domain->xml, FAULT_ERROR, gic, attribute,
                          _("A GIC of version 2 has at most %d processors; give version='3'."),
                          GIC2_VCPUS_MAX);
        return xml_set(gic, attribute, words[features->choices[CHOICE_GIC]]);
}

static int complete(Domain *domain, Part *part)
{
        Features *features = part->data;

        check_machine(domain, features);
        check_kvm(domain, features);
        check_acpi(domain, features);
        check_tseg(domain, features);
        hyperv_check(domain, &features->hyperv);
        if (features->hyperv.element && !xml_attribute(features->hyperv.element, "mode") &&
            xml_set(features->hyperv.element, "mode", "custom") < 0)
                return -ENOMEM;
        drop_unfit(domain, features);
        return complete_gic(domain, part, features);
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int plan_vmcoreinfo(Plan *plan, const Part *part)
{
        CLEANUP(json) json_object *device = json_object_new_object();

        if (!device || json_add_string(device, "driver", "vmcoreinfo") < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-device", TAKE(device));
}

static int plan_tseg(Plan *plan, const Features *features)
{
        CLEANUP(free)
        char *text = text_format("mch.extended-tseg-mbytes=%llu",
                                 (unsigned long long)(features->tseg_bytes / MIB));

        return text ? plan_option(plan, "-global", text) : -ENOMEM;
}

static int plan_teardown(Plan *plan, const Part *part, const Features *features)
{
        if (plan_has(plan, part, "run-with-async-teardown", /* driver= */ NULL,
                     _("the memory is freed after the end"), /* if_not= */ NULL))
                return plan_option(plan, "-run-with", "async-teardown=on");
        xml_fault(plan->domain->xml, FAULT_COSMETIC, xml_child(features->element, "async-teardown"),
                  /* attribute= */ NULL,
                  _("%s cannot free the guest's memory after its end (run-with/async-teardown: QEMU 8.1 or "
                    "newer); remove this."),
                  domain_emulator_text(plan->domain));
        return 0;
}

static int plan(Plan *plan, Part *part)
{
        const Features *features = part->data;
        int r = 0;

        if (features->switches[SWITCH_VMCOREINFO] > 0)
                r = plan_vmcoreinfo(plan, part);
        if (r >= 0 && features->tseg)
                r = plan_tseg(plan, features);
        if (r >= 0 && features->async_teardown)
                r = plan_teardown(plan, part, features);
        return r;
}

const PartKind section_features = {
        .name = "features",
        .size = sizeof(Features),
        .read = read_features,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
