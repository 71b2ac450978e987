/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is told of the command line, and small things that are only kept. */

#include <unistd.h>

#include "standin.h"

static json_object *cmd_name(json_object *arguments)
{
        return *machine.name ? data_of("name", machine.name) : done();
}

static json_object *cmd_uuid(json_object *arguments)
{
        return data_of("UUID", machine.uuid);
}

/* There is one thread: every CPU is it. */
static json_object *cmd_cpus(json_object *arguments)
{
        json_object *list = json_object_new_array();

        for (int64_t i = 0; i < machine.n_cpus; i++) {
                json_object *cpu = json_object_new_object(), *props = json_object_new_object();

                json_add_int(props, "core-id", 0);
                json_add_int(props, "thread-id", 0);
                json_add_int(props, "socket-id", i);
                json_add_int(cpu, "thread-id", getpid());
                json_add(cpu, "props", props);
                json_add_stringf(cpu, "qom-path", "/machine/unattached/device[%lld]", (long long)i);
                json_add_int(cpu, "cpu-index", i);
                json_add_string(cpu, "target", "x86_64");
                json_append(list, cpu);
        }
        return list;
}

static json_object *cmd_empty_list(json_object *arguments)
{
        return json_object_new_array();
}

static json_object *cmd_chardevs(json_object *arguments)
{
        json_object *list = json_object_new_array();

        if (!machine.chardevs)
                return list;
        json_object_object_foreach (machine.chardevs, id, chardev) {
                const char *path = json_get_string(chardev, "path");
                json_object *entry = data_of("label", id);

                json_add_bool(entry, "frontend-open", true);
                if (path)
                        json_add_stringf(entry, "filename", "unix:%s,server=on", path);
                else
                        json_add_string(entry, "filename", json_get_string(chardev, "backend"));
                json_append(list, entry);
        }
        return list;
}

static json_object *cmd_memory(json_object *arguments)
{
        json_object *result = json_object_new_object();

        json_add_int(result, "base-memory", machine.memory);
        json_add_int(result, "plugged-memory", 0);
        return result;
}

static json_object *cmd_balloon(json_object *arguments)
{
        json_object *result;

        json_object_object_foreach (devices(), id, device) {
                (void)id;
                if (!startswith(json_get_string(device, "driver"), "virtio-balloon"))
                        continue;
                result = json_object_new_object();
                json_add_int(result, "actual", machine.memory);
                return result;
        }
        return fail_class("DeviceNotActive", "No balloon device has been activated");
}

static json_object *cmd_set_balloon(json_object *arguments)
{
        CLEANUP(json) json_object *actual = cmd_balloon(arguments);

        return actual ? done() : NULL;
}

static json_object *add_to(json_object **all, json_object *arguments)
{
        const char *id = json_get_string(arguments, "id");
        json_object *copy = NULL;

        if (!id)
                return fail("Parameter 'id' is missing");
        if (!*all)
                *all = json_object_new_object();
        if (json_get(*all, id, json_type_object))
                return fail("attempt to add duplicate property '%s' to object (type 'container')", id);
        json_object_deep_copy(arguments, &copy, NULL);
        json_add(*all, id, copy);
        return done();
}

static json_object *cmd_object_add(json_object *arguments)
{
        return add_to(&machine.objects, arguments);
}

static json_object *cmd_object_del(json_object *arguments)
{
        const char *id = json_get_string(arguments, "id");

        if (!json_get(machine.objects, id, json_type_object))
                return fail("object '%s' not found", id);
        json_object_object_del(machine.objects, id);
        return done();
}

static json_object *cmd_netdev_add(json_object *arguments)
{
        return add_to(&machine.netdevs, arguments);
}

static json_object *cmd_netdev_del(json_object *arguments)
{
        const char *id = json_get_string(arguments, "id");

        if (!json_get(machine.netdevs, id, json_type_object))
                return fail_class("DeviceNotFound", "Device '%s' not found", id);
        json_object_object_del(machine.netdevs, id);
        return done();
}

static json_object *cmd_chardev_add(json_object *arguments)
{
        CLEANUP(json) json_object *chardev = data_of("id", json_get_string(arguments, "id"));

        json_add_string(chardev, "backend",
                        json_get_string(json_get(arguments, "backend", json_type_object), "type"));
        return add_to(&machine.chardevs, chardev);
}

static json_object *cmd_chardev_remove(json_object *arguments)
{
        const char *id = json_get_string(arguments, "id");

        if (!json_get(machine.chardevs, id, json_type_object))
                return fail("Chardev '%s' not found", id);
        json_object_object_del(machine.chardevs, id);
        return done();
}

/* A file that says whose memory it would be. */
static json_object *cmd_dump(json_object *arguments)
{
        const char *protocol = json_get_string(arguments, "protocol"),
                   *path = protocol ? startswith(protocol, "file:") : NULL;
        FILE *out = path ? fopen(path, "we") : NULL;

        if (!path)
                return fail("Invalid parameter 'protocol'");
        if (!out)
                return fail("Could not open '%s'", path);
        fprintf(out, "memory of %s\n", machine.name);
        fclose(out);
        if (json_get_bool(arguments, "detach", false))
                qmp_event("DUMP_COMPLETED", NULL);
        return done();
}

static json_object *cmd_accepted(json_object *arguments)
{
        return done();
}

const Command query_commands[] = {
        {"query-name", "", cmd_name},
        {"query-uuid", "", cmd_uuid},
        {"query-cpus-fast", "", cmd_cpus},
        {"query-iothreads", "", cmd_empty_list},
        {"query-rx-filter", "name?s", cmd_empty_list},
        {"query-block-exports", "", cmd_empty_list},
        {"query-chardev", "", cmd_chardevs},
        {"query-memory-size-summary", "", cmd_memory},
        {"query-balloon", "", cmd_balloon},
        {"balloon", "value!i", cmd_set_balloon},
        {"object-add", "*", cmd_object_add},
        {"object-del", "id!s", cmd_object_del},
        {"netdev_add", "*", cmd_netdev_add},
        {"netdev_del", "id!s", cmd_netdev_del},
        {"chardev-add", "id!s backend!o", cmd_chardev_add},
        {"chardev-remove", "id!s", cmd_chardev_remove},
        {"set_link", "name!s up!b", cmd_accepted},
        {"set_password", "*", cmd_accepted},
        {"expire_password", "*", cmd_accepted},
        {"set-action", "*", cmd_accepted},
        {"dump-guest-memory", "*", cmd_dump},
        {"inject-nmi", "", cmd_accepted},
        {"send-key", "keys!a hold-time?i", cmd_accepted},
        {NULL, NULL, NULL},
};
