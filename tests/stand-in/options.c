/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Of the options, those are read that show in QMP; an option that takes an argument, and is not known here,
 * is told by what follows: a word without '-' in front. Muster writes no argument that begins with one.
 */

#include <errno.h>
#include <stdlib.h>

#include "standin.h"

Machine machine = {.name = "", .n_cpus = 1, .memory = 128 * 1024 * 1024};

static void die(const char *option, const char *text, const char *why)
{
        fprintf(stderr, "qemu-system-x86_64: %s %s: %s\n", option, text, why);
        exit(1);
}

/* One value, up to a single comma; returns what is behind it. */
static const char *take_value(const char *text, char *value)
{
        for (; *text && !(text[0] == ',' && text[1] != ','); text++) {
                text += *text == ',';
                *value++ = *text;
        }
        *value = '\0';
        return *text ? text + 1 : text;
}

json_object *options_parse(const char *text, const char *implied)
{
        json_object *object = json_object_new_object();
        CLEANUP(free) char *value = malloc(strlen(text) + 1);

        if (!object || !value)
                abort();
        for (bool first = true; *text; first = false) {
                char *equals;

                text = take_value(text, value);
                equals = strchr(value, '=');
                if (!equals && first && implied) {
                        json_add_string(object, implied, value);
                        continue;
                }
                if (equals)
                        *equals = '\0';
                json_add_string(object, value, equals ? equals + 1 : "on");
        }
        return object;
}

/* JSON, or the older syntax. */
static json_object *parse(const char *option, const char *text, const char *implied)
{
        json_object *object = NULL;

        if (*text != '{')
                return options_parse(text, implied);
        if (json_parse(text, strlen(text), &object) < 0 || !json_object_is_type(object, json_type_object))
                die(option, text, "Invalid JSON");
        return object;
}

static json_object *collect(json_object **all, const char *option, const char *text, const char *implied)
{
        json_object *object = parse(option, text, implied);
        const char *id = json_get_string(object, "id");

        if (!*all)
                *all = json_object_new_object();
        json_add(*all, id ? id : "", object);
        return object;
}

static void read_name(const char *text)
{
        CLEANUP(json) json_object *object = options_parse(text, "guest");
        const char *name = json_get_string(object, "guest");

        machine.name = strdup(name ? name : "");
}

static void read_memory(const char *text)
{
        char *end;

        machine.memory = strtoll(startswith(text, "size=") ? text + 5 : text, &end, 10);
        machine.memory *= *end == 'k' ? 1024 : *end == 'G' ? 1024 * 1024 * 1024 : 1024 * 1024;
}

static void read_smp(const char *text)
{
        CLEANUP(json) json_object *object = options_parse(text, "cpus");

        machine.n_cpus = json_get_string(object, "cpus") ? atoll(json_get_string(object, "cpus")) : 1;
}

static void read_monitor(const char *text)
{
        CLEANUP(json) json_object *object = options_parse(text, "chardev");

        if (streq_ptr(json_get_string(object, "mode"), "control") && json_get_string(object, "chardev"))
                machine.monitor = strdup(json_get_string(object, "chardev"));
}

static void read_object(const char *option, const char *text)
{
        json_object *object = collect(&machine.objects, option, text, "qom-type");

        if (streq_ptr(json_get_string(object, "qom-type"), "monitor-qmp") &&
            json_get_string(object, "chardev"))
                machine.monitor = strdup(json_get_string(object, "chardev"));
}

static void read_qmp(const char *text)
{
        CLEANUP(free) char *chardev = NULL;
        const char *path = startswith(text, "unix:");

        machine.monitor = strdup("compat_monitor0");
        if (streq(text, "stdio"))
                chardev = strdup("stdio,id=compat_monitor0");
        else if (path && asprintf(&chardev, "socket,id=compat_monitor0,path=%s", path) < 0)
                abort();
        if (!chardev)
                die("-qmp", text, "'qmp' is not a valid char driver");
        collect(&machine.chardevs, "-qmp", chardev, "backend");
}

static void read_node(const char *option, const char *text)
{
        CLEANUP(json) json_object *object = parse(option, text, "driver");
        CLEANUP(free) char *error = NULL;

        if (block_add(object, /* nested= */ false, &error) < 0)
                die(option, text, error);
}

static void read_device(const char *option, const char *text)
{
        CLEANUP(json) json_object *object = parse(option, text, "driver");
        CLEANUP(free) char *error = NULL;

        if (device_add(object, &error) < 0)
                die(option, text, error);
}

/* Whether `text` was its argument. */
static bool read_option(const char *option, const char *name, const char *text)
{
        if (streq(name, "S") || streq(name, "no-shutdown")) {
                *(*name == 'S' ? &machine.paused : &machine.no_shutdown) = true;
                return false;
        }
        if (!text || (*text == '-' && !streq(name, "append")))
                return false;
        if (streq(name, "name"))
                read_name(text);
        else if (streq(name, "uuid"))
                snprintf(machine.uuid, sizeof(machine.uuid), "%s", text);
        else if (streq(name, "m"))
                read_memory(text);
        else if (streq(name, "smp"))
                read_smp(text);
        else if (streq(name, "chardev"))
                collect(&machine.chardevs, option, text, "backend");
        else if (streq(name, "mon") || streq(name, "monitor"))
                read_monitor(text);
        else if (streq(name, "object"))
                read_object(option, text);
        else if (streq(name, "netdev"))
                collect(&machine.netdevs, option, text, "type");
        else if (streq(name, "qmp"))
                read_qmp(text);
        else if (streq(name, "blockdev"))
                read_node(option, text);
        else if (streq(name, "device"))
                read_device(option, text);
        else if (streq(name, "incoming"))
                machine.incoming = text;
        else if (streq(name, "action"))
                machine.no_shutdown |= strstr(text, "shutdown=pause") != NULL;
        return true;
}

void options_read(char **argv)
{
        snprintf(machine.uuid, sizeof(machine.uuid), "00000000-0000-0000-0000-000000000000");
        for (argv++; *argv; argv++) {
                const char *name = *argv;

                if (*name != '-')
                        die(name, "", "Could not open: no such disk image");
                name += name[1] == '-' ? 2 : 1;
                if (read_option(*argv, name, argv[1]))
                        argv++;
        }
}
