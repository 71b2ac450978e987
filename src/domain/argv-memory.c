/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "domain/argv-private.h"

/* How much memory there is, and what it is made of. */

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

void argv_map_memory(ArgvMap *map)
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
