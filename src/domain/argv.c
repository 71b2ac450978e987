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
        argv_map_hpet(map, argv_next(map->argv, "machine", NULL), clock);
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
        if (argv_get(boot, "reboot-timeout"))
                argv_move(map, boot, "reboot-timeout", argv_element(map, os, "bios"), "rebootTimeout");
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

const char *const argv_silent[] = {"S",
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
                                   "L",
                                   NULL};

static void ignore(ArgvMap *map)
{
        for (size_t i = 0; argv_silent[i]; i++)
                for (ArgvOption *option = NULL; (option = argv_next(map->argv, argv_silent[i], option));)
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
        argv_map_accel(map);
        (void)argv_text(map, root, "name", map->about->name);
        (void)argv_text(map, root, "uuid", map->about->uuid);
        argv_map_memory(map);
        argv_map_machine(map);
        map_clock(map);
        argv_map_cpu(map);
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
