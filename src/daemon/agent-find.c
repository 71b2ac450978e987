/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "daemon/agent.h"

/*
 * Which socket of a plan is the agent's: the port with its name says which character device it has, and that
 * one where it listens. A device is JSON, or for emulators before 6.2 "driver,key=value".
 */

#define AGENT_NAME "org.qemu.guest_agent.0"

/* The value behind `key` ("name="), in which ",," is a comma. NULL: there is none. */
static char *option(const char *text, const char *key)
{
        size_t size = strlen(key), n = 0;
        const char *at = text;
        char *value;

        while ((at = strchr(at, ',')) && strncmp(++at, key, size) != 0)
                at += *at == ',';
        if (!at)
                return NULL;
        value = strdup(at + size);
        for (at += size; value && *at && (*at != ',' || at[1] == ','); at++) {
                value[n++] = *at;
                at += *at == ',';
        }
        if (value)
                value[n] = '\0';
        return value;
}

static char *chardev_of(const char *device)
{
        CLEANUP(json) json_object *object = NULL;
        const char *id;

        if (device[0] != '{')
                return option(device, "chardev=");
        if (json_parse(device, strlen(device), &object) < 0)
                return NULL;
        id = json_get_string(object, "chardev");
        return id ? strdup(id) : NULL;
}

static const char *word(const json_object *argv, size_t i)
{
        return json_object_get_string(json_object_array_get_idx(argv, i)) ?: "";
}

int agent_find(const json_object *argv, char **ret)
{
        CLEANUP(free) char *id = NULL;
        size_t n = argv ? json_object_array_length(argv) : 0;

        for (size_t i = 0; !id && i < n; i++)
                if (strstr(word(argv, i), "virtserialport") && strstr(word(argv, i), AGENT_NAME))
                        id = chardev_of(word(argv, i));
        for (size_t i = 0; id && i < n; i++) {
                CLEANUP(free)
                char *own = startswith(word(argv, i), "socket,") ? option(word(argv, i), "id=") : NULL;

                if (!streq_ptr(own, id))
                        continue;
                *ret = option(word(argv, i), "path=");
                return 0;
        }
        return 0;
}
