/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/hotplug-private.h"

/*
 * -chardev has all of a backend flat and in its own words; chardev-add has ChardevBackend, a union whose
 * branches are ChardevFile, ChardevSocket, … . What chardev-plan.c and <interface type='vhostuser'> write is
 * turned from the one into the other here.
 */

static json_object *member(const json_object *from, const char *key)
{
        json_object *value = NULL;

        json_object_object_get_ex((json_object *)from, key, &value);
        return value;
}

/* A member of the same type under another name, if it is there. */
static int move(const json_object *from, const char *key, json_object *to, const char *name)
{
        json_object *value = member(from, key);

        return value ? json_add(to, name, json_object_get(value)) : 0;
}

/* {"type": …, "data": data}; takes data. */
static int wrap(const char *type, json_object *data, json_object **ret)
{
        CLEANUP(json) json_object *owned = data, *object = step_named("type", type);

        if (!owned || !object || json_add(object, "data", TAKE(owned)) < 0)
                return -ENOMEM;
        *ret = TAKE(object);
        return 0;
}

static int inet(const json_object *from, const char *host, const char *port, json_object **ret)
{
        CLEANUP(json) json_object *data = json_object_new_object();

        if (!data || json_add_string(data, "host", json_get_string(from, host) ?: "") < 0 ||
            json_add_string(data, "port", json_get_string(from, port) ?: "0") < 0)
                return -ENOMEM;
        return wrap("inet", TAKE(data), ret);
}

static int add_socket(const json_object *from, json_object *data)
{
        json_object *address = NULL;
        int r;

        if (member(from, "path"))
                r = wrap("unix", step_named("path", json_get_string(from, "path")), &address);
        else
                r = inet(from, "host", "port", &address);
        if (r >= 0)
                r = json_add(data, "addr", address);
        /* The other default than -chardev's. */
        if (r >= 0)
                r = json_add_bool(data, "server", json_get_bool(from, "server", false));
        if (r >= 0)
                r = move(from, "wait", data, "wait");
        if (r >= 0)
                r = move(from, "telnet", data, "telnet");
        if (r >= 0)
                r = move(from, "reconnect", data, "reconnect");
        return r < 0 ? r : move(from, "reconnect-ms", data, "reconnect-ms");
}

static int add_udp(const json_object *from, json_object *data)
{
        json_object *address;
        int r;

        r = inet(from, "host", "port", &address);
        if (r >= 0)
                r = json_add(data, "remote", address);
        if (r < 0 || (!member(from, "localaddr") && !member(from, "localport")))
                return r;
        r = inet(from, "localaddr", "localport", &address);
        return r < 0 ? r : json_add(data, "local", address);
}

/* What has the same shape in both, but for names. */
static int add_flat(const json_object *from, const char *backend, json_object *data)
{
        static const struct {
                const char *backend, *key, *name;
        } table[] = {
                {"file", "path", "out"},
                {"file", "append", "append"},
                {"serial", "path", "device"},
                {"parallel", "path", "device"},
                {"pipe", "path", "device"},
                {"pty", "path", "path"},
                {"spicevmc", "name", "type"},
                {"spiceport", "name", "fqdn"},
                {"dbus", "name", "name"},
                {"qemu-vdagent", "clipboard", "clipboard"},
                {"qemu-vdagent", "mouse", "mouse"},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(table); i++)
                if (streq(table[i].backend, backend))
                        r = move(from, table[i].key, data, table[i].name);
        return r;
}

int chardev_arguments(const json_object *properties, json_object **ret, MusterError **ret_error)
{
        const char *backend = json_get_string(properties, "backend");
        CLEANUP(json)
        json_object *data = json_object_new_object(),
                    *arguments = step_named("id", json_get_string(properties, "id")), *wrapped = NULL;
        int r;

        if (!data || !arguments)
                return error_oom(ret_error);
        if (streq_ptr(backend, "stdio") || streq_ptr(backend, "vc"))
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("A character device of type '%s' ends where the emulator was started; give "
                          "another type."),
                        backend);
        if (streq(backend, "socket"))
                r = add_socket(properties, data);
        else if (streq(backend, "udp"))
                r = add_udp(properties, data);
        else
                r = add_flat(properties, backend, data);
        if (r >= 0)
                r = move(properties, "logfile", data, "logfile");
        if (r >= 0)
                r = move(properties, "logappend", data, "logappend");
        if (r >= 0)
                r = wrap(backend, TAKE(data), &wrapped);
        if (r >= 0)
                r = json_add(arguments, "backend", TAKE(wrapped));
        if (r < 0)
                return error_oom(ret_error);
        *ret = TAKE(arguments);
        return 0;
}
