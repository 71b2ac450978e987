/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/cpu-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "qapi/near.h"

/*
 * Which processor. What query-cpu-definitions says of a model's missing features holds for the accelerator
 * that was asked with: that is seldom KVM.
 */

/* POWER's are named in either case. */
static bool same_name(const Domain *domain, const char *a, const char *b)
{
        return a && b && (streq(os_arch(domain), "ppc64") ? strcasecmp(a, b) == 0 : streq(a, b));
}

static json_object *find_definition(const Domain *domain, const char *key, const char *value)
{
        json_object *all = domain_answer(domain, "query-cpu-definitions");
        size_t n = all ? json_object_array_length(all) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *item = json_object_array_get_idx(all, i);

                if (same_name(domain, json_get_string(item, key), value))
                        return item;
        }
        return NULL;
}

static int set_model(Cpu *cpu, const char *name, size_t size)
{
        free(cpu->model);
        cpu->model = strndup(name, size);
        return cpu->model ? 0 : -ENOMEM;
}

/* The one that a processor of this type is: "qemu64-x86_64-cpu" -> "qemu64", "cortex-a15-arm-cpu" -> … */
static int model_of_type(const Domain *domain, Cpu *cpu, const char *type)
{
        const char *name = json_get_string(find_definition(domain, "typename", type), "name");
        size_t size = strlen(type);

        if (name)
                return set_model(cpu, name, strlen(name));
        if (size > 4 && streq(type + size - 4, "-cpu"))
                for (size -= 4; size > 0 && type[size] != '-'; size--)
                        ;
        return set_model(cpu, type, size);
}

/* As libvirt: the machine's own. With KVM that is one that the host may not have, other than on x86. */
static int choose_default(Domain *domain, Cpu *cpu)
{
        const char *type = json_get_string(os_machine_facts(domain), "default-cpu-type");
        int r;

        if ((domain_general(domain)->kvm && !os_is_x86(domain)) || (type && startswith(type, "host-"))) {
                cpu->mode = CPU_HOST_PASSTHROUGH;
                return 0;
        }
        if (!type)
                return 0;
        r = model_of_type(domain, cpu, type);
        if (r >= 0 && cpu->check == CPU_CHECK_DEFAULT)
                cpu->check = CPU_CHECK_NONE;
        if (r >= 0)
                r = xml_ensure(cpu->element, "model", &cpu->model_element);
        if (r >= 0)
                r = xml_set(cpu->model_element, "fallback", "forbid");
        return r < 0 ? r : xml_set_text(cpu->model_element, cpu->model);
}

static int write_attributes(Domain *domain, Cpu *cpu)
{
        static const char *const modes[] = {"custom", "host-passthrough", "host-model", "maximum"};
        static const char *const checks[] = {"none", "partial", "full"};
        int r;

        if (cpu->check == CPU_CHECK_DEFAULT)
                cpu->check = cpu->mode == CPU_HOST_MODEL || (cpu->mode == CPU_CUSTOM && os_is_x86(domain))
                                     ? CPU_CHECK_PARTIAL
                                     : CPU_CHECK_NONE;
        if (cpu->mode == CPU_HOST_PASSTHROUGH && cpu->migratable < 0 && os_is_x86(domain))
                cpu->migratable = 1;
        r = xml_set(cpu->element, "mode", modes[cpu->mode]);
        if (r >= 0 && cpu->mode == CPU_CUSTOM && !xml_attribute(cpu->element, "match"))
                r = xml_set(cpu->element, "match", "exact");
        if (r >= 0)
                r = xml_set(cpu->element, "check", checks[cpu->check]);
        if (r >= 0 && cpu->migratable >= 0)
                r = xml_set(cpu->element, "migratable", cpu->migratable ? "on" : "off");
        if (r >= 0 && cpu->mode == CPU_CUSTOM && cpu->model_element &&
            !xml_attribute(cpu->model_element, "fallback"))
                r = xml_set(cpu->model_element, "fallback", "allow");
        return r;
}

/* --- checks -------------------------------------------------------------------------------------- */

static bool is_word(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
                        return false;
        return *text != '\0';
}

static void report_unknown(Domain *domain, const Cpu *cpu)
{
        json_object *all = domain_answer(domain, "query-cpu-definitions");
        Near near = {.wanted = cpu->model};
        size_t n = all ? json_object_array_length(all) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *name = json_get_string(json_object_array_get_idx(all, i), "name");

                if (name)
                        near_offer(&near, name);
        }
        if (near.best)
                xml_fault(domain->xml, FAULT_ERROR, cpu->model_element, /* attribute= */ NULL,
                          _("%s has no processor \"%s\"; did you mean %s?"), domain_emulator_text(domain),
                          cpu->model, near.best);
        else
                xml_fault(domain->xml, FAULT_ERROR, cpu->model_element, /* attribute= */ NULL,
                          _("%s has no processor \"%s\" (query-cpu-definitions); choose one of \"%s -cpu "
                            "help\", or mode='maximum'."),
                          domain_emulator_text(domain), cpu->model, domain_emulator_text(domain));
}

static bool is_off(const Cpu *cpu, const char *feature)
{
        for (size_t i = 0; i < cpu->n_features; i++)
                if (streq(cpu->features[i].name, feature))
                        return !cpu->features[i].on;
        return false;
}

/* Only what was asked with the same accelerator is known. */
static void check_missing(Domain *domain, const Cpu *cpu)
{
        json_object *missing = json_get(cpu->facts, "unavailable-features", json_type_array);
        size_t n = missing ? json_object_array_length(missing) : 0;
        bool asked_with_kvm = json_get_bool(domain_answer(domain, "query-kvm"), "enabled", false);

        if (cpu->check == CPU_CHECK_NONE || asked_with_kvm != domain_general(domain)->kvm)
                return;
        for (size_t i = 0; i < n; i++) {
                const char *feature = json_object_get_string(json_object_array_get_idx(missing, i));

                if (!feature || is_off(cpu, feature))
                        continue;
                xml_fault(domain->xml, cpu->check == CPU_CHECK_FULL ? FAULT_ERROR : FAULT_WARNING,
                          cpu->model_element, /* attribute= */ NULL,
                          _("%s cannot give all of %s here: %s is missing. Disable it with <feature "
                            "policy='disable' name=…>, or choose another model."),
                          domain_emulator_text(domain), cpu->model, feature);
                return;
        }
}

static void check_model(Domain *domain, Cpu *cpu)
{
        json_object *all = domain_answer(domain, "query-cpu-definitions");

        if (!cpu->model)
                return;
        if (streq(cpu->model, "host") || streq(cpu->model, "max")) {
                xml_fault(domain->xml, FAULT_ERROR, cpu->model_element, /* attribute= */ NULL,
                          _("\"%s\" is no model but a mode: <cpu mode='%s'/>."), cpu->model,
                          streq(cpu->model, "host") ? "host-passthrough" : "maximum");
                return;
        }
        cpu->facts = find_definition(domain, "name", cpu->model);
        if (!cpu->facts && (all || !is_word(cpu->model))) {
                report_unknown(domain, cpu);
                return;
        }
        if (json_get_bool(cpu->facts, "deprecated", false))
                xml_fault(domain->xml, FAULT_WARNING, cpu->model_element, /* attribute= */ NULL,
                          _("%s calls %s deprecated: it will be gone one day."),
                          domain_emulator_text(domain), cpu->model);
        check_missing(domain, cpu);
}

static void check_host(Domain *domain, const Cpu *cpu)
{
        if (cpu->mode == CPU_HOST_PASSTHROUGH && !domain_general(domain)->kvm)
                xml_fault(domain->xml, FAULT_ERROR, cpu->element, "mode",
                          _("Emulation cannot pass the host's processor through; mode='maximum' is all that "
                            "it can do, or give the domain type='kvm'."));
}

int cpu_complete_model(Domain *domain, Cpu *cpu)
{
        bool chosen = cpu->mode == CPU_CUSTOM && !cpu->model;
        int r = 0;

        if (chosen)
                r = choose_default(domain, cpu);
        if (r < 0)
                return r;
        if (cpu->mode == CPU_CUSTOM)
                check_model(domain, cpu);
        else
                cpu->facts = find_definition(
                        domain, "name",
                        cpu->mode != CPU_MAXIMUM && domain_general(domain)->kvm ? "host" : "max");
        check_host(domain, cpu);
        return cpu->mode == CPU_CUSTOM && !cpu->model ? 0 : write_attributes(domain, cpu);
}
