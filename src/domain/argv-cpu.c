/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "domain/argv-private.h"

/* Processors: how many, of which kind, and what of them is Hyper-V. */

/* Machines since 6.2 make cores of what nobody has placed, older ones sockets. */
static bool prefers_sockets(const char *machine)
{
        const char *version = machine ? strrchr(machine, '-') : NULL;
        unsigned major, minor;

        return version && sscanf(version, "-%u.%u", &major, &minor) == 2 &&
               (major < 6 || (major == 6 && minor < 2));
}

static void default_topology(ArgvMap *map, XmlElement *cpu, const char *cpus)
{
        bool sockets = prefers_sockets(map->about->machine);
        XmlElement *topology;

        if (streq(cpus, "1"))
                return;
        topology = argv_element(map, cpu, "topology");
        argv_set(map, topology, "sockets", sockets ? cpus : "1");
        argv_set(map, topology, "cores", sockets ? "1" : cpus);
        argv_set(map, topology, "threads", "1");
}

static void map_smp(ArgvMap *map, XmlElement *cpu)
{
        static const char *const words[] = {"sockets", "dies", "clusters", "cores", "threads"};
        ArgvOption *smp = argv_next(map->argv, "smp", NULL);
        const char *cpus = smp ? argv_take(map, smp, "cpus") : NULL, *most = NULL;
        XmlElement *vcpu, *topology = NULL;

        if (smp && argv_get(smp, "maxcpus"))
                most = argv_take(map, smp, "maxcpus");
        vcpu = argv_text(map, map->xml->root, "vcpu", most ?: cpus ?: "1");
        if (most && cpus && !streq(most, cpus))
                argv_set(map, vcpu, "current", cpus);
        for (size_t i = 0; smp && i < ELEMENTSOF(words); i++)
                if (argv_get(smp, words[i])) {
                        if (!topology)
                                topology = argv_element(map, cpu, "topology");
                        argv_move(map, smp, words[i], topology, words[i]);
                }
        if (!topology)
                default_topology(map, cpu, most ?: cpus ?: "1");
}

static const struct {
        const char *key, *section, *name, *value;
} cpu_words[] = {
        {"hv-relaxed", "hyperv", "relaxed", NULL},
        {"hv-vapic", "hyperv", "vapic", NULL},
        {"hv-time", NULL, NULL, NULL},
        {"hv-spinlocks", "hyperv", "spinlocks", "retries"},
        {"hv-vpindex", "hyperv", "vpindex", NULL},
        {"hv-runtime", "hyperv", "runtime", NULL},
        {"hv-synic", "hyperv", "synic", NULL},
        {"hv-stimer", "hyperv", "stimer", NULL},
        {"hv-reset", "hyperv", "reset", NULL},
        {"hv-frequencies", "hyperv", "frequencies", NULL},
        {"hv-tlbflush", "hyperv", "tlbflush", NULL},
        {"hv-ipi", "hyperv", "ipi", NULL},
        {"hv-reenlightenment", "hyperv", "reenlightenment", NULL},
        {"hv-evmcs", "hyperv", "evmcs", NULL},
        {"hv-vendor-id", "hyperv", "vendor_id", "value"},
        {"kvm-hint-dedicated", "kvm", "hint-dedicated", NULL},
        {"kvm-poll-control", "kvm", "poll-control", NULL},
        {"pmu", "", "pmu", NULL},
};

static void timer(ArgvMap *map, const char *name, const char *attribute, const char *value)
{
        XmlElement *clock = argv_ensure(map, map->xml->root, "clock"),
                   *element = argv_element(map, clock, "timer");

        argv_set(map, element, "name", name);
        argv_set(map, element, attribute, value);
}

static void map_cpu_words(ArgvMap *map, ArgvOption *cpu)
{
        if (argv_get(cpu, "hv-time"))
                timer(map, "hypervclock", "present",
                      streq(argv_take(map, cpu, "hv-time"), "on") ? "yes" : "no");
        if (argv_get(cpu, "kvmclock"))
                timer(map, "kvmclock", "present",
                      streq(argv_take(map, cpu, "kvmclock"), "on") ? "yes" : "no");
        for (size_t i = 0; i < ELEMENTSOF(cpu_words); i++) {
                XmlElement *parent, *element;

                if (!cpu_words[i].section || !argv_get(cpu, cpu_words[i].key))
                        continue;
                parent = argv_ensure(map, map->xml->root, "features");
                if (*cpu_words[i].section) {
                        parent = argv_ensure(map, parent, cpu_words[i].section);
                        if (streq(cpu_words[i].section, "hyperv"))
                                argv_set(map, parent, "mode", "custom");
                }
                element = argv_ensure(map, parent, cpu_words[i].name);
                argv_set(map, element, "state", cpu_words[i].value ? "on" : argv_get(cpu, cpu_words[i].key));
                if (cpu_words[i].value)
                        argv_set(map, element, cpu_words[i].value, argv_get(cpu, cpu_words[i].key));
                (void)argv_take(map, cpu, cpu_words[i].key);
        }
        if (argv_get(cpu, "kvm") && streq(argv_get(cpu, "kvm"), "off")) {
                XmlElement *kvm = argv_ensure(map, argv_ensure(map, map->xml->root, "features"), "kvm");

                (void)argv_take(map, cpu, "kvm");
                argv_set(map, argv_element(map, kvm, "hidden"), "state", "on");
        }
}

static void map_cpu_features(ArgvMap *map, ArgvOption *option, XmlElement *cpu)
{
        CLEANUP(json) json_object *left = json_object_get(option->values);
        CLEANUP(strv) char **keys = NULL;

        json_object_object_foreach (left, name, value)
                if ((streq(json_object_get_string(value), "on") ||
                     streq(json_object_get_string(value), "off")) &&
                    !strchr(name, '.') && strv_append(&keys, name) < 0)
                        map->r = -ENOMEM;
        for (char **key = keys; key && *key; key++) {
                XmlElement *element = argv_element(map, cpu, "feature");

                argv_set(map, element, "policy",
                         streq(argv_get(option, *key), "on") ? "require" : "disable");
                argv_set(map, element, "name", *key);
                (void)argv_take(map, option, *key);
        }
}

void argv_map_cpu(ArgvMap *map)
{
        ArgvOption *option = argv_next(map->argv, "cpu", NULL);
        XmlElement *cpu = argv_element(map, map->xml->root, "cpu"), *model;
        const char *name = option ? argv_take(map, option, "model") : NULL;

        if (name && (streq(name, "host") || streq(name, "max"))) {
                argv_set(map, cpu, "mode", streq(name, "host") ? "host-passthrough" : "maximum");
                argv_set(map, cpu, "check", "none");
                argv_move(map, option, "migratable", cpu, "migratable");
                if (argv_take_if(map, option, "host-cache-info", "on"))
                        argv_set(map, argv_element(map, cpu, "cache"), "mode", "passthrough");
                if (argv_take_if(map, option, "l3-cache", "on"))
                        argv_set(map, argv_element(map, cpu, "cache"), "mode", "emulate");
                (void)argv_take_if(map, option, "l3-cache", "off");
        } else if (name) {
                argv_set(map, cpu, "mode", "custom");
                argv_set(map, cpu, "match", "exact");
                argv_set(map, cpu, "check", "none");
                model = argv_text(map, cpu, "model", name);
                argv_set(map, model, "fallback", "forbid");
        }
        if (option) {
                map_cpu_words(map, option);
                map_cpu_features(map, option, cpu);
        }
        map_smp(map, cpu);
        if (map->r >= 0 && cpu && !cpu->children && !cpu->properties)
                xml_remove(cpu);
}
