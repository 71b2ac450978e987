/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/panic.h"
#include "domain/section/clock.h"
#include "domain/section/cpu-private.h"
#include "domain/section/features.h"
#include "domain/section/os.h"
#include "domain/value.h"

/* What stands behind the model: features, caches, the width of addresses. */

enum {
        CACHE_EMULATE,
        CACHE_PASSTHROUGH,
        CACHE_DISABLE,
};

enum {
        PHYS_EMULATE,
        PHYS_PASSTHROUGH,
};

/* --- features ------------------------------------------------------------------------------------ */

/* libvirt's name as the emulator has it: one is misspelt there, and QEMU writes no '_' on x86. */
static char *feature_name(const Domain *domain, const char *name)
{
        char *copy = strdup(os_is_x86(domain) && streq(name, "pclmuldq") ? "pclmulqdq" : name);

        for (char *c = copy; c && os_is_x86(domain) && *c; c++)
                if (*c == '_')
                        *c = '-';
        return copy;
}

static bool is_feature(const char *name)
{
        for (const char *c = name; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
                        return false;
        return isalnum((unsigned char)*name);
}

static int read_policy(Domain *domain, XmlElement *element, bool *ret_on)
{
        static const char *const policies[] = {"require", "force", "optional", "disable", "forbid", NULL};
        int policy = 0, r;

        r = read_word(domain->xml, element, "policy", policies, &policy);
        *ret_on = policy < 3;
        if (policy == 4)
                xml_fault(domain->xml, FAULT_WARNING, element, "policy",
                          _("Whether the host has it is not looked at; the guest does not get it, as with "
                            "\"disable\"."));
        return r;
}

static int read_feature(Domain *domain, Cpu *cpu, XmlElement *element)
{
        const char *name = xml_attribute(element, "name");
        CpuFeature *grown;
        CpuFeature feature = {.element = element};

        read_policy(domain, element, &feature.on);
        if (!name || !is_feature(name)) {
                xml_fault(
                        domain->xml, FAULT_ERROR, element, name ? "name" : NULL,
                        _("A feature has a name of letters, digits, '-', '_' and '.', as in name='avx2'."));
                return 0;
        }
        feature.name = feature_name(domain, name);
        if (!feature.name)
                return -ENOMEM;
        for (size_t i = 0; i < cpu->n_features; i++)
                if (streq(cpu->features[i].name, feature.name)) {
                        xml_fault(domain->xml, FAULT_ERROR, element, "name",
                                  _("Of the feature \"%s\" something is said above; keep one."), name);
                        free(feature.name);
                        return 0;
                }
        grown = reallocarray(cpu->features, cpu->n_features + 1, sizeof(*grown));
        if (!grown) {
                free(feature.name);
                return -ENOMEM;
        }
        cpu->features = grown;
        grown[cpu->n_features++] = feature;
        return 0;
}

int cpu_read_features(Domain *domain, Cpu *cpu)
{
        XmlElement *element = NULL;
        int r = 0;

        while (r >= 0 && (element = xml_next(cpu->element, "feature", element)))
                r = read_feature(domain, cpu, element);
        return r;
}

/* --- caches and addresses ------------------------------------------------------------------------ */

static bool is_all_of_host(const Cpu *cpu)
{
        return cpu->mode == CPU_HOST_PASSTHROUGH || cpu->mode == CPU_MAXIMUM;
}

static void check_x86(Domain *domain, XmlElement *element)
{
        if (!os_is_x86(domain))
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Only processors of x86 have this setting; remove it."));
}

void cpu_read_cache(Domain *domain, Cpu *cpu)
{
        static const char *const modes[] = {"emulate", "passthrough", "disable", NULL};
        uint64_t level = 0;
        int r;

        cpu->cache = xml_child(cpu->element, "cache");
        if (!cpu->cache)
                return;
        check_x86(domain, cpu->cache);
        cpu->cache_mode = CACHE_DISABLE;
        if (read_word(domain->xml, cpu->cache, "mode", modes, &cpu->cache_mode) == 0)
                xml_fault(domain->xml, FAULT_ERROR, cpu->cache, /* attribute= */ NULL,
                          _("What of the caches? Add mode='emulate', 'passthrough' or 'disable'."));
        r = read_uint(domain->xml, cpu->cache, "level", 3, &level);
        if (cpu->cache_mode == CACHE_EMULATE ? r == 0 || (r > 0 && level != 3) : r > 0)
                xml_fault(domain->xml, FAULT_ERROR, cpu->cache, r > 0 ? "level" : NULL,
                          _("mode='emulate' has level='3', which is all that can be emulated; the other "
                            "modes have none."));
        if (cpu->cache_mode == CACHE_PASSTHROUGH && !is_all_of_host(cpu))
                xml_fault(domain->xml, FAULT_ERROR, cpu->cache, "mode",
                          _("The host's caches belong to the host's processor: they are passed through with "
                            "<cpu mode='host-passthrough'> or 'maximum'."));
}

void cpu_read_phys(Domain *domain, Cpu *cpu)
{
        static const char *const modes[] = {"emulate", "passthrough", NULL};
        int bits, limit;

        cpu->phys = xml_child(cpu->element, "maxphysaddr");
        if (!cpu->phys)
                return;
        check_x86(domain, cpu->phys);
        if (read_word(domain->xml, cpu->phys, "mode", modes, &cpu->phys_mode) == 0)
                xml_fault(domain->xml, FAULT_ERROR, cpu->phys, /* attribute= */ NULL,
                          _("Whose width is it? Add mode='passthrough', or mode='emulate' and bits=."));
        bits = read_uint(domain->xml, cpu->phys, "bits", 64, &cpu->phys_bits);
        limit = read_uint(domain->xml, cpu->phys, "limit", 64, &cpu->phys_limit);
        if (cpu->phys_mode == PHYS_EMULATE ? bits == 0 || limit > 0 : bits > 0)
                xml_fault(domain->xml, FAULT_ERROR, cpu->phys, /* attribute= */ NULL,
                          _("mode='emulate' has bits=, mode='passthrough' may have limit=, and neither has "
                            "the other's."));
        if (cpu->phys_mode == PHYS_PASSTHROUGH && !is_all_of_host(cpu))
                xml_fault(domain->xml, FAULT_ERROR, cpu->phys, "mode",
                          _("The host's width belongs to the host's processor: it is passed through with "
                            "<cpu mode='host-passthrough'> or 'maximum'."));
}

/* --- words --------------------------------------------------------------------------------------- */

static int add_word(char ***words, const char *name, const char *value)
{
        CLEANUP(free) char *word = text_format("%s=%s", name, value);

        return word ? strv_append(words, word) : -ENOMEM;
}

static int add_cache(const Cpu *cpu, char ***words)
{
        int r;

        if (!cpu->cache)
                return 0;
        if (cpu->cache_mode == CACHE_PASSTHROUGH) {
                r = strv_append(words, "host-cache-info=on");
                return r < 0 ? r : strv_append(words, "l3-cache=off");
        }
        r = strv_append(words, cpu->cache_mode == CACHE_EMULATE ? "l3-cache=on" : "l3-cache=off");
        return r < 0 || !is_all_of_host(cpu) ? r : strv_append(words, "host-cache-info=off");
}

static int add_number(char ***words, const char *name, uint64_t number)
{
        CLEANUP(free) char *text = text_format("%llu", (unsigned long long)number);

        return text ? add_word(words, name, text) : -ENOMEM;
}

static int add_phys(const Cpu *cpu, char ***words)
{
        int r;

        if (!cpu->phys)
                return 0;
        if (cpu->phys_mode == PHYS_EMULATE) {
                r = add_number(words, "phys-bits", cpu->phys_bits);
                /* A named model has no host's width to leave out. */
                return r < 0 || !is_all_of_host(cpu) ? r : strv_append(words, "host-phys-bits=off");
        }
        r = strv_append(words, "host-phys-bits=on");
        return r < 0 || cpu->phys_limit == 0 ? r
                                             : add_number(words, "host-phys-bits-limit", cpu->phys_limit);
}

int cpu_add_words(Plan *plan, const Cpu *cpu, char ***words)
{
        bool host = cpu->mode == CPU_HOST_PASSTHROUGH || cpu->mode == CPU_MAXIMUM;
        int r = 0;

        if (host && cpu->migratable >= 0 && os_is_x86(plan->domain))
                r = add_word(words, "migratable", cpu->migratable ? "on" : "off");
        if (r >= 0 && cpu->vendor)
                r = add_word(words, "vendor", cpu->vendor);
        for (size_t i = 0; r >= 0 && i < cpu->n_features; i++)
                r = add_word(words, cpu->features[i].name, cpu->features[i].on ? "on" : "off");
        if (r >= 0)
                r = features_add_cpu_words(plan->domain, words);
        if (r >= 0)
                r = clock_add_cpu_flags(plan->domain, words);
        if (r >= 0 && panic_hyperv(plan->domain))
                r = add_word(words, "hv-crash", "on");
        if (r >= 0)
                r = add_cache(cpu, words);
        if (r >= 0)
                r = add_phys(cpu, words);
        /* What is not there is an error then, where it otherwise is left out with a warning. */
        if (r >= 0 && cpu->check == CPU_CHECK_FULL && os_is_x86(plan->domain))
                r = strv_append(words, "enforce");
        return r;
}
