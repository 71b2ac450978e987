/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/argv.h"

#include <errno.h>
#include <stdarg.h>

#include "base/util.h"
#include "domain/argv-private.h"
#include "domain/libxml.h"
#include "domain/value.h"

/*
 * Every part of a definition takes from the options what it stands for. What nobody has taken in the end is
 * what could not be mapped: so there is no list of options that are ignored but that of those which say
 * nothing of the guest.
 */

/* --- looking and taking ---------------------------------------------------------------------------- */

ArgvOption *argv_next(const Argv *argv, const char *name, const ArgvOption *last)
{
        for (size_t i = last ? (size_t)(last - argv->options) + 1 : 0; i < argv->n; i++)
                if (streq(argv->options[i].name, name))
                        return &argv->options[i];
        return NULL;
}

ArgvOption *argv_find(const Argv *argv, const char *name, const char *key, const char *value)
{
        for (ArgvOption *option = NULL; (option = argv_next(argv, name, option));) {
                const char *has = argv_get(option, key);

                if (!has)
                        has = json_get_string(option->taken, key);
                if (has && (!value || streq(has, value)))
                        return option;
        }
        return NULL;
}

const char *argv_take(ArgvMap *map, ArgvOption *option, const char *key)
{
        json_object *value = option ? json_get(option->values, key, json_type_string) : NULL;

        if (!value || map->r < 0)
                return NULL;
        map->r = json_add(option->taken, key, json_object_get(value));
        json_object_object_del(option->values, key);
        option->done = true;
        return json_get_string(option->taken, key);
}

bool argv_take_if(ArgvMap *map, ArgvOption *option, const char *key, const char *value)
{
        if (!option || !streq_ptr(argv_get(option, key), value))
                return false;
        (void)argv_take(map, option, key);
        return true;
}

/* --- elements -------------------------------------------------------------------------------------- */

XmlElement *argv_text(ArgvMap *map, XmlElement *parent, const char *name, const char *text)
{
        XmlElement *element = NULL;

        if (map->r >= 0 && parent)
                map->r = xml_add(parent, name, text, &element);
        return map->r < 0 ? NULL : element;
}

XmlElement *argv_element(ArgvMap *map, XmlElement *parent, const char *name)
{
        return argv_text(map, parent, name, NULL);
}

XmlElement *argv_ensure(ArgvMap *map, XmlElement *parent, const char *name)
{
        XmlElement *element = NULL;

        if (map->r >= 0 && parent)
                map->r = xml_ensure(parent, name, &element);
        return map->r < 0 ? NULL : element;
}

void argv_set(ArgvMap *map, XmlElement *element, const char *attribute, const char *value)
{
        if (map->r >= 0 && element && value)
                map->r = xml_set(element, attribute, value);
}

void argv_setf(ArgvMap *map, XmlElement *element, const char *attribute, const char *format, ...)
{
        va_list args;
        CLEANUP(free) char *text = NULL;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (!text && map->r >= 0)
                map->r = -ENOMEM;
        argv_set(map, element, attribute, text);
}

void argv_move(ArgvMap *map, ArgvOption *option, const char *key, XmlElement *element, const char *attribute)
{
        if (element && argv_get(option, key))
                argv_set(map, element, attribute, argv_take(map, option, key));
}

void argv_move_switch(ArgvMap *map, ArgvOption *option, const char *key, XmlElement *element,
                      const char *attribute)
{
        const char *value = argv_get(option, key);

        if (element && value && (streq(value, "on") || streq(value, "off")))
                argv_set(map, element, attribute, streq(argv_take(map, option, key), "on") ? "yes" : "no");
}

/* --- machine, memory, processors ------------------------------------------------------------------- */

static void feature(ArgvMap *map, ArgvOption *machine, const char *key, const char *name)
{
        XmlElement *features, *element;
        const char *value = argv_get(machine, key);

        if (!value || (!streq(value, "on") && !streq(value, "off")))
                return;
        features = argv_ensure(map, map->xml->root, "features");
        element = argv_ensure(map, features, name);
        argv_set(map, element, "state", argv_take(map, machine, key));
}

static void map_acpi(ArgvMap *map, ArgvOption *machine)
{
        ArgvOption *no_acpi = argv_next(map->argv, "no-acpi", NULL);
        bool off = machine && argv_take_if(map, machine, "acpi", "off");

        if (machine)
                (void)argv_take_if(map, machine, "acpi", "on");
        if (no_acpi)
                no_acpi->done = off = true;
        if (off || !strstr("x86_64 i686 aarch64", map->about->arch))
                return;
        (void)argv_ensure(map, argv_ensure(map, map->xml->root, "features"), "acpi");
}

static void map_hpet(ArgvMap *map, ArgvOption *machine, XmlElement *clock)
{
        ArgvOption *no_hpet = argv_next(map->argv, "no-hpet", NULL);
        bool off = machine && argv_take_if(map, machine, "hpet", "off");
        XmlElement *timer;

        if (machine)
                (void)argv_take_if(map, machine, "hpet", "on");
        if (no_hpet)
                no_hpet->done = off = true;
        if (!off)
                return;
        timer = argv_element(map, clock, "timer");
        argv_set(map, timer, "name", "hpet");
        argv_set(map, timer, "present", "no");
}

/* The firmware's flash, by -machine pflash0 or -drive if=pflash. */
static void map_flash(ArgvMap *map, ArgvOption *machine, XmlElement *os)
{
        for (ArgvOption *drive = NULL, *next = argv_next(map->argv, "drive", NULL); (drive = next);) {
                next = argv_next(map->argv, "drive", drive);
                if (!streq_ptr(argv_get(drive, "if"), "pflash") || !argv_get(drive, "file"))
                        continue;
                if (!streq(argv_get(drive, "format") ?: "raw", "raw"))
                        continue;
                (void)argv_take(map, drive, "if");
                (void)argv_take(map, drive, "format");
                if (streq(argv_get(drive, "unit") ?: "", "1") || xml_child(os, "loader")) {
                        XmlElement *nvram = argv_text(map, os, "nvram", argv_take(map, drive, "file"));

                        (void)nvram;
                } else {
                        XmlElement *loader = argv_text(map, os, "loader", argv_take(map, drive, "file"));

                        argv_set(map, loader, "type", "pflash");
                        argv_move_switch(map, drive, "readonly", loader, "readonly");
                }
                (void)argv_take(map, drive, "unit");
                (void)argv_take_if(map, drive, "readonly", "off");
        }
        for (unsigned i = 0; i < 2 && machine; i++) {
                char key[] = {'p', 'f', 'l', 'a', 's', 'h', (char)('0' + i), 0};
                ArgvOption *node = argv_get(machine, key) ? argv_find(map->argv, "blockdev", "node-name",
                                                                      argv_get(machine, key))
                                                          : NULL,
                           *file;
                XmlElement *element;

                file = node && argv_get(node, "file")
                               ? argv_find(map->argv, "blockdev", "node-name", argv_get(node, "file"))
                               : NULL;
                if (!file || !streq_ptr(argv_get(file, "driver"), "file") ||
                    !streq_ptr(argv_get(node, "driver"), "raw"))
                        continue;
                element = argv_text(map, os, i ? "nvram" : "loader", argv_take(map, file, "filename"));
                if (i == 0) {
                        argv_set(map, element, "type", "pflash");
                        argv_move_switch(map, node, "read-only", element, "readonly");
                }
                for (size_t k = 0; k < 5; k++) {
                        static const char *const rest[] = {"node-name", "driver", "auto-read-only",
                                                           "discard", "read-only"};

                        (void)argv_take(map, file, rest[k]);
                        (void)argv_take(map, node, rest[k]);
                }
                (void)argv_take(map, node, "file");
                (void)argv_take(map, machine, key);
        }
}

static void map_secure(ArgvMap *map, XmlElement *os)
{
        XmlElement *loader = xml_child(os, "loader");

        for (ArgvOption *global = NULL; (global = argv_next(map->argv, "global", global));)
                if (streq_ptr(argv_get(global, "driver"), "cfi.pflash01") &&
                    streq_ptr(argv_get(global, "property"), "secure") && loader) {
                        (void)argv_take(map, global, "driver");
                        (void)argv_take(map, global, "property");
                        argv_move_switch(map, global, "value", loader, "secure");
                } else if (loader && argv_get(global, "cfi.pflash01.secure")) {
                        argv_move_switch(map, global, "cfi.pflash01.secure", loader, "secure");
                }
}

static void map_direct_boot(ArgvMap *map, XmlElement *os)
{
        static const char *const words[][2] = {
                {"kernel", "kernel"}, {"initrd", "initrd"}, {"append", "cmdline"}, {"dtb", "dtb"}};
        ArgvOption *bios = argv_next(map->argv, "bios", NULL);

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                ArgvOption *option = argv_next(map->argv, words[i][0], NULL);

                if (option)
                        (void)argv_text(map, os, words[i][1], argv_take(map, option, ""));
        }
        if (bios) {
                XmlElement *loader = argv_text(map, os, "loader", argv_take(map, bios, ""));

                argv_set(map, loader, "type", "rom");
        }
}

static void map_machine(ArgvMap *map)
{
        static const char *const words[][2] = {{"vmport", "vmport"}, {"smm", "smm"}};
        ArgvOption *machine = argv_next(map->argv, "machine", NULL);
        XmlElement *os = argv_element(map, map->xml->root, "os"), *type = argv_text(map, os, "type", "hvm");
        const char *name = machine ? argv_take(map, machine, "type") : NULL;

        argv_set(map, type, "arch", map->about->arch);
        argv_set(map, type, "machine", map->about->machine ?: name);
        map_acpi(map, machine);
        if (map->r < 0)
                return;
        map_flash(map, machine, os);
        map_secure(map, os);
        map_direct_boot(map, os);
        for (size_t i = 0; machine && i < ELEMENTSOF(words); i++)
                feature(map, machine, words[i][0], words[i][1]);
        if (!machine)
                return;
        if (argv_get(machine, "gic-version"))
                argv_move(map, machine, "gic-version",
                          argv_element(map, argv_ensure(map, map->xml->root, "features"), "gic"), "version");
        /* What muster's and libvirt's definitions stand for anyway. */
        (void)argv_take_if(map, machine, "usb", "off");
        (void)argv_take_if(map, machine, "nvdimm", "on");
        (void)argv_take_if(map, machine, "graphics", "off");
        if (argv_take_if(map, machine, "mem-merge", "off"))
                (void)argv_element(map, argv_ensure(map, map->xml->root, "memoryBacking"), "nosharepages");
}

static void map_accel(ArgvMap *map)
{
        ArgvOption *accel = NULL;

        while ((accel = argv_next(map->argv, "accel", accel)))
                (void)argv_take(map, accel, "accel");
        argv_set(map, map->xml->root, "type", map->about->kvm ? "kvm" : "qemu");
}

/* QEMU's sizes are MiB without a suffix. */
static int memory_kib(const char *text, uint64_t *ret)
{
        char *end;
        unsigned long long number;

        errno = 0;
        number = strtoull(text, &end, 10);
        if (errno || end == text || number > UINT64_MAX >> 40)
                return -EINVAL;
        switch (*end ? *end++ | 0x20 : 'm') {
        case 'k':
                break;
        case 'm':
                number <<= 10;
                break;
        case 'g':
                number <<= 20;
                break;
        case 't':
                number <<= 30;
                break;
        case 'b':
                number >>= 10;
                break;
        default:
                return -EINVAL;
        }
        *ret = number;
        return *end && !streq(end, "b") && !streq(end, "B") ? -EINVAL : 0;
}

/* The backend of all memory, as muster and libvirt name it. */
static void map_ram(ArgvMap *map, ArgvOption *machine)
{
        const char *id = machine ? argv_get(machine, "memory-backend") : NULL;
        ArgvOption *object = id ? argv_find(map->argv, "object", "id", id) : NULL;
        XmlElement *backing = NULL, *element;
        const char *type;

        if (!object || !argv_get(object, "qom-type"))
                return;
        type = argv_get(object, "qom-type");
        if (!streq(type, "memory-backend-ram"))
                backing = argv_ensure(map, map->xml->root, "memoryBacking");
        if (streq(type, "memory-backend-memfd") && argv_take_if(map, object, "hugetlb", "on")) {
                element = argv_element(map, argv_element(map, backing, "hugepages"), "page");
                if (argv_get(object, "hugetlbsize")) {
                        argv_move(map, object, "hugetlbsize", element, "size");
                        argv_set(map, element, "unit", "b");
                }
                argv_set(map, argv_element(map, backing, "source"), "type", "memfd");
        } else if (backing && streq(type, "memory-backend-memfd")) {
                argv_set(map, argv_element(map, backing, "source"), "type", "memfd");
        } else if (backing && streq(type, "memory-backend-file")) {
                argv_set(map, argv_element(map, backing, "source"), "type", "file");
        }
        if (argv_get(object, "share") && backing)
                argv_set(map, argv_element(map, backing, "access"), "mode",
                         streq(argv_take(map, object, "share"), "on") ? "shared" : "private");
        if (backing && argv_take_if(map, object, "prealloc", "on"))
                argv_set(map, argv_element(map, backing, "allocation"), "mode", "immediate");
        (void)argv_take(map, object, "qom-type");
        (void)argv_take(map, object, "id");
        (void)argv_take(map, object, "size");
        (void)argv_take(map, machine, "memory-backend");
}

static void map_memory(ArgvMap *map)
{
        ArgvOption *m = argv_next(map->argv, "m", NULL), *machine = argv_next(map->argv, "machine", NULL),
                   *lock = argv_next(map->argv, "overcommit", NULL);
        uint64_t kib = 128 * 1024, most;
        XmlElement *memory, *maximum;
        char text[24];

        if (m && argv_get(m, "size") && memory_kib(argv_get(m, "size"), &kib) >= 0)
                (void)argv_take(map, m, "size");
        if (m && argv_get(m, "maxmem") && memory_kib(argv_get(m, "maxmem"), &most) >= 0) {
                snprintf(text, sizeof(text), "%llu", (unsigned long long)most);
                (void)argv_take(map, m, "maxmem");
                maximum = argv_text(map, map->xml->root, "maxMemory", text);
                argv_move(map, m, "slots", maximum, "slots");
                argv_set(map, maximum, "unit", "KiB");
        }
        snprintf(text, sizeof(text), "%llu", (unsigned long long)kib);
        memory = argv_text(map, map->xml->root, "memory", text);
        argv_set(map, memory, "unit", "KiB");
        if (machine && argv_get(machine, "dump-guest-core")) {
                const char *core = argv_take(map, machine, "dump-guest-core");

                if (streq(core, "on"))
                        argv_set(map, memory, "dumpCore", "on");
        }
        map_ram(map, machine);
        if (!lock)
                return;
        (void)argv_take_if(map, lock, "mem-lock", "off");
        if (argv_take_if(map, lock, "mem-lock", "on"))
                (void)argv_element(map, argv_ensure(map, map->xml->root, "memoryBacking"), "locked");
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

static void map_cpu(ArgvMap *map)
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

/* --- clock, power, start --------------------------------------------------------------------------- */

static void map_clock(ArgvMap *map)
{
        ArgvOption *rtc = argv_next(map->argv, "rtc", NULL);
        XmlElement *clock = argv_ensure(map, map->xml->root, "clock"), *element;
        const char *base = rtc ? argv_get(rtc, "base") : NULL, *track;

        argv_set(map, clock, "offset", streq_ptr(base, "localtime") ? "localtime" : "utc");
        if (base && (streq(base, "localtime") || streq(base, "utc")))
                (void)argv_take(map, rtc, "base");
        track = rtc ? argv_get(rtc, "clock") : NULL;
        if (rtc && (argv_get(rtc, "driftfix") || track)) {
                element = argv_element(map, clock, "timer");
                argv_set(map, element, "name", "rtc");
                if (track)
                        argv_set(map, element, "track",
                                 streq(track, "vm")   ? "guest"
                                 : streq(track, "rt") ? "realtime"
                                                      : "wall");
                if (track)
                        (void)argv_take(map, rtc, "clock");
                if (argv_take_if(map, rtc, "driftfix", "slew"))
                        argv_set(map, element, "tickpolicy", "catchup");
        }
        for (ArgvOption *global = NULL; (global = argv_next(map->argv, "global", global));)
                if (argv_get(global, "kvm-pit.lost_tick_policy")) {
                        element = argv_element(map, clock, "timer");
                        argv_set(map, element, "name", "pit");
                        argv_move(map, global, "kvm-pit.lost_tick_policy", element, "tickpolicy");
                }
        map_hpet(map, argv_next(map->argv, "machine", NULL), clock);
}

static void map_pm(ArgvMap *map)
{
        static const char *const keys[][2] = {{"ICH9-LPC.disable_s3", "suspend-to-mem"},
                                              {"ICH9-LPC.disable_s4", "suspend-to-disk"},
                                              {"PIIX4_PM.disable_s3", "suspend-to-mem"},
                                              {"PIIX4_PM.disable_s4", "suspend-to-disk"}};

        for (ArgvOption *global = NULL; (global = argv_next(map->argv, "global", global));)
                for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                        if (argv_get(global, keys[i][0])) {
                                XmlElement *pm = argv_ensure(map, map->xml->root, "pm");
                                const char *value = argv_take(map, global, keys[i][0]);

                                argv_set(map, argv_ensure(map, pm, keys[i][1]), "enabled",
                                         value && (streq(value, "1") || streq(value, "on")) ? "no" : "yes");
                        }
}

static void map_lifecycle(ArgvMap *map)
{
        ArgvOption *no_reboot = argv_next(map->argv, "no-reboot", NULL);

        if (!no_reboot)
                return;
        no_reboot->done = true;
        (void)argv_text(map, map->xml->root, "on_reboot", "destroy");
}

static void map_boot(ArgvMap *map)
{
        ArgvOption *boot = argv_next(map->argv, "boot", NULL);
        XmlElement *os = xml_child(map->xml->root, "os"), *menu;
        const char *order;

        if (!boot || !os)
                return;
        (void)argv_take_if(map, boot, "strict", "on");
        if (argv_get(boot, "menu")) {
                menu = argv_element(map, os, "bootmenu");
                argv_move_switch(map, boot, "menu", menu, "enable");
                argv_move(map, boot, "splash-time", menu, "timeout");
        }
        order = argv_get(boot, "order");
        if (!order || order[strspn(order, "acdn")])
                return;
        for (; *order; order++)
                argv_set(map, argv_element(map, os, "boot"), "dev",
                         *order == 'a'   ? "fd"
                         : *order == 'c' ? "hd"
                         : *order == 'd' ? "cdrom"
                                         : "network");
        (void)argv_take(map, boot, "order");
}

static void map_iothreads(ArgvMap *map)
{
        unsigned n = 0;
        char text[16];

        for (ArgvOption *object = NULL; (object = argv_next(map->argv, "object", object));) {
                const char *id = argv_get(object, "id");

                snprintf(text, sizeof(text), "iothread%u", n + 1);
                if (!streq_ptr(argv_get(object, "qom-type"), "iothread") || !streq_ptr(id, text))
                        continue;
                (void)argv_take(map, object, "qom-type");
                (void)argv_take(map, object, "id");
                n++;
        }
        snprintf(text, sizeof(text), "%u", n);
        if (n > 0)
                (void)argv_text(map, map->xml->root, "iothreads", text);
}

/* --- what says nothing of the guest ---------------------------------------------------------------- */

static void ignore_all(ArgvOption *option)
{
        option->done = true;
        json_object_put(option->values);
        option->values = json_object_new_object();
}

/* Monitors with the character devices that are theirs. */
static void ignore_monitors(ArgvMap *map)
{
        for (ArgvOption *mon = NULL; (mon = argv_next(map->argv, "mon", mon));) {
                ArgvOption *chardev = argv_get(mon, "chardev") ? argv_find(map->argv, "chardev", "id",
                                                                           argv_get(mon, "chardev"))
                                                               : NULL;

                /* Two share it: a serial line is behind it, too. */
                if (chardev && !argv_get(chardev, "mux"))
                        ignore_all(chardev);
                ignore_all(mon);
        }
}

static void ignore(ArgvMap *map)
{
        static const char *const names[] = {"S",
                                            "nodefaults",
                                            "no-user-config",
                                            "no-shutdown",
                                            "daemonize",
                                            "msg",
                                            "sandbox",
                                            "pidfile",
                                            "D",
                                            "name",
                                            "uuid",
                                            "qmp",
                                            "qmp-pretty",
                                            "monitor",
                                            "add-fd",
                                            "nouserconfig",
                                            "trace",
                                            "d",
                                            "L"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (ArgvOption *option = NULL; (option = argv_next(map->argv, names[i], option));)
                        ignore_all(option);
        ignore_monitors(map);
        for (ArgvOption *object = NULL; (object = argv_next(map->argv, "object", object));)
                if (streq_ptr(argv_get(object, "qom-type"), "secret") &&
                    streq_ptr(argv_get(object, "id"), "masterKey0"))
                        ignore_all(object);
}

/* --- the whole ------------------------------------------------------------------------------------- */

static void report_left(ArgvMap *map)
{
        for (size_t i = 0; i < map->argv->n && map->r >= 0; i++) {
                const ArgvOption *option = &map->argv->options[i];
                CLEANUP(free) char *text = NULL;
                const char *id;

                if (option->done && (!option->values || json_object_object_length(option->values) == 0))
                        continue;
                id = json_get_string(option->taken, "id") ?: json_get_string(option->taken, "driver");
                text = argv_option_text(option);
                if (text && id) {
                        char *longer = text_format("%s (%s)", text, id);

                        free(text);
                        text = longer;
                }
                map->r = text ? json_append_string(map->unmapped, text) : -ENOMEM;
        }
}

static void map_all(ArgvMap *map)
{
        XmlElement *root = map->xml->root;

        ignore(map);
        map_accel(map);
        (void)argv_text(map, root, "name", map->about->name);
        (void)argv_text(map, root, "uuid", map->about->uuid);
        map_memory(map);
        map_machine(map);
        map_clock(map);
        map_cpu(map);
        map_pm(map);
        map_lifecycle(map);
        map_boot(map);
        map_iothreads(map);
        map->devices = argv_element(map, root, "devices");
        (void)argv_text(map, map->devices, "emulator", map->about->emulator);
        argv_map_disks(map);
        argv_map_controllers(map);
        argv_map_chardevs(map);
        argv_map_graphics(map);
        argv_map_devices(map);
        report_left(map);
}

int argv_to_definition(Argv *argv, const ArgvAbout *about, char **ret, json_object **ret_unmapped)
{
        static const char empty[] = "<domain/>";
        CLEANUP(json) json_object *unmapped = json_object_new_array();
        CLEANUP(xml) Xml *xml = NULL;
        Faults faults = {};
        ArgvMap map = {.argv = argv, .about = about, .unmapped = unmapped};
        int r = libxml_load();

        if (r >= 0)
                r = unmapped ? xml_parse(empty, strlen(empty), "domain", &faults, &xml) : -ENOMEM;
        map.xml = xml;
        if (r >= 0) {
                map_all(&map);
                r = map.r;
        }
        faults_clear(&faults);
        if (r < 0)
                return r;
        *ret = xml_to_text(xml);
        if (!*ret)
                return -ENOMEM;
        *ret_unmapped = TAKE(unmapped);
        return 0;
}
