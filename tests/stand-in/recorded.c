/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a real emulator said, from the scenario behind this executable's end. It is read when somebody asks
 * for it and let go of again: half a megabyte of text, and several of objects, in each of a thousand
 * processes would be what such a test measures.
 */

#include <malloc.h>
#include <unistd.h>

#include "../replay/scenario.h"
#include "standin.h"

#define GREETING_SIZE_MAX 4096

static const char default_greeting[] =
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, "
        "\"capabilities\": [\"oob\"]}}";

json_object *recorded_greeting(void)
{
        json_object *greeting = NULL;

        if (scenario_read_greeting(&greeting) < 0 &&
            json_parse(default_greeting, sizeof(default_greeting) - 1, &greeting) < 0)
                abort();
        return greeting;
}

json_object *recorded_reply(const char *command, json_object *arguments)
{
        static json_object *kept;
        json_object *scenario = kept, *reply;

        if (!scenario && scenario_read_own(&scenario) < 0)
                return NULL;
        reply = json_object_get(
                scenario_find(scenario, "replies", command, json_get_string(arguments, "typename")));
        if (wire_is_stdio()) {
                kept = scenario; /* a probe asks much, and ends soon */
        } else {
                json_object_put(scenario);
                malloc_trim(0);
        }
        return reply;
}
