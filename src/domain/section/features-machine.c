/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/domain.h"
#include "domain/section/features-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/value.h"

/* Which machines have which feature, and as what property of theirs. */

typedef enum Family {
        FAMILY_PC,      /* pc, q35 */
        FAMILY_X86,     /* microvm, too */
        FAMILY_PMU,     /* processors of x86 and Arm */
        FAMILY_PSERIES, /* POWER */
        FAMILY_ARM_VIRT,
        FAMILY_RISCV_VIRT,
        FAMILY_ANY,
} Family;

static const char *const family_names[] = {
        [FAMILY_PC] = N_("pc and q35"),        [FAMILY_X86] = N_("x86"),
        [FAMILY_PMU] = N_("x86 and Arm"),      [FAMILY_PSERIES] = N_("pseries"),
        [FAMILY_ARM_VIRT] = N_("virt on Arm"), [FAMILY_RISCV_VIRT] = N_("virt on RISC-V"),
};

/* `property`: of the machine; NULL: it is none of its. */
static const struct {
        const char *name, *property;
        Family family;
} switches[_SWITCHES] = {
        [SWITCH_PMU] = {"pmu", NULL, FAMILY_PMU},
        [SWITCH_VMPORT] = {"vmport", "vmport", FAMILY_PC},
        [SWITCH_SMM] = {"smm", "smm", FAMILY_X86},
        [SWITCH_PVSPINLOCK] = {"pvspinlock", NULL, FAMILY_X86},
        [SWITCH_HTM] = {"htm", "cap-htm", FAMILY_PSERIES},
        [SWITCH_NESTED_HV] = {"nested-hv", "cap-nested-hv", FAMILY_PSERIES},
        [SWITCH_CCF_ASSIST] = {"ccf-assist", "cap-ccf-assist", FAMILY_PSERIES},
        [SWITCH_RAS] = {"ras", "ras", FAMILY_ARM_VIRT},
        [SWITCH_VMCOREINFO] = {"vmcoreinfo", NULL, FAMILY_ANY},
};

static const char *const mitigations[] = {"broken", "workaround", "fixed", NULL};
static const char *const ibs_words[] = {"broken", "workaround", "fixed-ibs", "fixed-ccd", "fixed-na", NULL};
static const char *const hpt_words[] = {"enabled", "disabled", "required", NULL};
static const char *const gic_words[] = {"2", "3", "host", NULL};
static const char *const ioapic_words[] = {"kvm", "qemu", NULL};
static const char *const aia_words[] = {"none", "aplic", "aplic-imsic", NULL};

static const struct {
        const char *name, *attribute, *property;
        const char *const *words;
        Family family;
} choices[_CHOICES] = {
        [CHOICE_CFPC] = {"cfpc", "value", "cap-cfpc", mitigations, FAMILY_PSERIES},
        [CHOICE_SBBC] = {"sbbc", "value", "cap-sbbc", mitigations, FAMILY_PSERIES},
        [CHOICE_IBS] = {"ibs", "value", "cap-ibs", ibs_words, FAMILY_PSERIES},
        [CHOICE_HPT] = {"hpt", "resizing", "resize-hpt", hpt_words, FAMILY_PSERIES},
        [CHOICE_GIC] = {"gic", "version", "gic-version", gic_words, FAMILY_ARM_VIRT},
        [CHOICE_IOAPIC] = {"ioapic", "driver", NULL, ioapic_words, FAMILY_X86},
        [CHOICE_AIA] = {"aia", "value", "aia", aia_words, FAMILY_RISCV_VIRT},
};

const char *switch_name(Switch item)
{
        return switches[item].name;
}

const char *choice_name(Choice item, const char **ret_attribute, const char *const **ret_words)
{
        *ret_attribute = choices[item].attribute;
        *ret_words = choices[item].words;
        return choices[item].name;
}

/* --- which machine it is ------------------------------------------------------------------------- */

static bool is_arm(const Domain *domain)
{
        return streq(os_arch(domain), "aarch64") || streq(os_arch(domain), "arm");
}

/* "virt", or a version of it. */
static bool is_virt(const Domain *domain)
{
        const char *rest = startswith(os_machine(domain), "virt");

        return rest && (*rest == '\0' || *rest == '-');
}

static bool is_of(const Domain *domain, Family family)
{
        switch (family) {
        case FAMILY_PC:
                return os_is_x86(domain) && !streq(os_machine(domain), "microvm");
        case FAMILY_X86:
                return os_is_x86(domain);
        case FAMILY_PMU:
                return os_is_x86(domain) || is_arm(domain);
        case FAMILY_PSERIES:
                return streq(os_arch(domain), "ppc64") && startswith(os_machine(domain), "pseries");
        case FAMILY_ARM_VIRT:
                return is_arm(domain) && is_virt(domain);
        case FAMILY_RISCV_VIRT:
                return startswith(os_arch(domain), "riscv") && is_virt(domain);
        default:
                return true;
        }
}

static bool check_family(Domain *domain, Family family, XmlElement *element)
{
        if (is_of(domain, family))
                return true;
        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                  _("This is a feature of other machines (%s) than %s; remove it."), _(family_names[family]),
                  os_machine(domain));
        return false;
}

bool switch_check_machine(Domain *domain, Switch item, XmlElement *element)
{
        return check_family(domain, switches[item].family, element);
}

bool choice_check_machine(Domain *domain, Choice item, XmlElement *element)
{
        return check_family(domain, choices[item].family, element);
}

/* --- -machine ------------------------------------------------------------------------------------ */

/* Where it is on unless somebody says no: riscv64 since 8.0, which is when query-machines says it. */
static bool has_acpi_to_turn_off(const Domain *domain)
{
        if (startswith(os_arch(domain), "riscv"))
                return json_get_bool(os_machine_facts(domain), "acpi", false);
        return os_is_x86(domain) || (streq(os_arch(domain), "aarch64") && is_virt(domain));
}

static int add_hpt(const Features *features, json_object *machine)
{
        if (features->hpt_page == 0)
                return 0;
        return json_add_int(machine, "cap-hpt-max-page-size", (int64_t)features->hpt_page);
}

int features_add_machine(const Domain *domain, json_object *machine)
{
        const Features *features = domain_features(domain);
        int r = 0;

        for (Switch i = 0; r >= 0 && i < _SWITCHES; i++)
                if (switches[i].property && features->switches[i] >= 0)
                        r = json_add_bool(machine, switches[i].property, features->switches[i] != 0);
        for (Choice i = 0; r >= 0 && i < _CHOICES; i++)
                if (choices[i].property && features->choices[i] >= 0)
                        r = json_add_string(machine, choices[i].property,
                                            choices[i].words[features->choices[i]]);
        if (r >= 0)
                r = add_hpt(features, machine);
        /* -no-acpi said the same until 8.2; the property is there since 5.0. */
        if (r >= 0 && !features->acpi && has_acpi_to_turn_off(domain))
                r = json_add_bool(machine, "acpi", false);
        return r;
}

/* --- -accel and -cpu ----------------------------------------------------------------------------- */

int features_add_accel(const Domain *domain, json_object *accel)
{
        const Features *features = domain_features(domain);
        int r = 0;

        if (features->choices[CHOICE_IOAPIC] >= 0)
                r = json_add_string(accel, "kernel-irqchip",
                                    features->choices[CHOICE_IOAPIC] == 0 ? "on" : "split");
        if (r >= 0 && features->kvm.dirty_ring > 0)
                r = json_add_int(accel, "dirty-ring-size", (int64_t)features->kvm.dirty_ring);
        if (r >= 0 && features->tb_bytes > 0)
                r = json_add_int(accel, "tb-size", (int64_t)(features->tb_bytes >> 20));
        return r;
}

static int add_switch(char ***words, const char *name, int value)
{
        CLEANUP(free) char *word = NULL;

        if (value < 0)
                return 0;
        word = text_format("%s=%s", name, value ? "on" : "off");
        return word ? strv_append(words, word) : -ENOMEM;
}

static int add_kvm(const Kvm *kvm, char ***words)
{
        int r = 0;

        /* Hidden is what is not shown. */
        if (kvm->hidden > 0)
                r = strv_append(words, "kvm=off");
        if (r >= 0)
                r = add_switch(words, "kvm-hint-dedicated", kvm->hint_dedicated);
        if (r >= 0)
                r = add_switch(words, "kvm-poll-control", kvm->poll_control);
        return r < 0 ? r : add_switch(words, "kvm-pv-ipi", kvm->pv_ipi);
}

int features_add_cpu_words(const Domain *domain, char ***words)
{
        const Features *features = domain_features(domain);
        int r;

        r = add_switch(words, "kvm-pv-eoi", features->eoi);
        if (r >= 0)
                r = add_switch(words, "kvm-pv-unhalt", features->switches[SWITCH_PVSPINLOCK]);
        if (r >= 0)
                r = hyperv_add_words(&features->hyperv, words);
        if (r >= 0)
                r = add_kvm(&features->kvm, words);
        return r < 0 ? r : add_switch(words, "pmu", features->switches[SWITCH_PMU]);
}
