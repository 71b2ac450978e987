/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests, replies and events, in the words of QEMU 7.2's monitor/qmp.c and qapi/qmp-dispatch.c. */

#include <stdarg.h>
#include <sys/time.h>

#include "standin.h"

static const Command *const tables[] = {
        run_commands, query_commands, block_commands, device_commands, job_commands, migration_commands,
};

static char *failure_text;
static const char *failure_class;

static void set_failure(const char *class_name, const char *format, va_list args)
{
        free(failure_text);
        failure_class = class_name;
        failure_text = text_vformat(format, args);
}

json_object *fail(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        set_failure("GenericError", format, args);
        va_end(args);
        return NULL;
}

json_object *fail_class(const char *class_name, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        set_failure(class_name, format, args);
        va_end(args);
        return NULL;
}

json_object *done(void)
{
        return json_object_new_object();
}

json_object *data_of(const char *key, const char *text)
{
        json_object *data = json_object_new_object();

        json_add_string(data, key, text);
        return data;
}

void qmp_greet(void)
{
        CLEANUP(json) json_object *greeting = recorded_greeting();

        if (faults_before_greeting())
                wire_put(greeting);
}

void qmp_event(const char *name, json_object *data)
{
        CLEANUP(json) json_object *event = json_object_new_object();
        json_object *timestamp = json_object_new_object();
        struct timeval now;

        gettimeofday(&now, NULL);
        json_add_int(timestamp, "seconds", now.tv_sec);
        json_add_int(timestamp, "microseconds", now.tv_usec);
        json_add(event, "timestamp", timestamp);
        json_add_string(event, "event", name);
        if (data)
                json_add(event, "data", data);
        if (wire_greeted())
                wire_put(event);
}

static json_object *error_object(const char *class_name, const char *text)
{
        json_object *error = json_object_new_object();

        json_add_string(error, "class", class_name);
        json_add_string(error, "desc", text);
        return error;
}

void qmp_error(json_object *id, bool has_id, const char *class_name, const char *text)
{
        CLEANUP(json) json_object *message = json_object_new_object();

        if (has_id)
                json_object_object_add(message, "id", json_object_get(id));
        json_add(message, "error", error_object(class_name, text));
        wire_put(message);
}

static bool has_type(json_object *value, char type)
{
        static const struct {
                char letter;
                enum json_type type;
        } types[] = {{'s', json_type_string},
                     {'i', json_type_int},
                     {'b', json_type_boolean},
                     {'o', json_type_object},
                     {'a', json_type_array}};

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].letter == type)
                        return json_object_is_type(value, types[i].type);
        return true;
}

static const char *type_name(char type)
{
        return type == 's'   ? "string"
               : type == 'i' ? "integer"
               : type == 'b' ? "boolean"
               : type == 'o' ? "object"
                             : "array";
}

/* One word of a command's list; returns 0 if the arguments fit it. */
static int check_argument(const char *word, json_object *arguments, int *found)
{
        size_t length = strcspn(word, "!?");
        CLEANUP(free) char *key = strndup(word, length);
        json_object *value;

        if (!json_object_object_get_ex(arguments, key, &value)) {
                if (word[length] == '?')
                        return 0;
                fail("Parameter '%s' is missing", key);
                return -1;
        }
        (*found)++;
        if (has_type(value, word[length + 1]))
                return 0;
        fail("Invalid parameter type for '%s', expected: %s", key, type_name(word[length + 1]));
        return -1;
}

static bool is_listed(char **words, const char *key)
{
        for (char **word = words; word && *word; word++)
                if (strncmp(*word, key, strlen(key)) == 0 && strchr("!?", (*word)[strlen(key)]))
                        return true;
        return false;
}

static int check_arguments(const char *list, json_object *arguments)
{
        CLEANUP(strv) char **words = NULL;
        int found = 0;

        if (streq(list, "*"))
                return 0;
        if (strv_split(list, " ", &words) < 0)
                abort();
        for (char **word = words; word && *word; word++)
                if (check_argument(*word, arguments, &found) < 0)
                        return -1;
        if (found == json_object_object_length(arguments))
                return 0;
        json_object_object_foreach (arguments, key, value) {
                if (!is_listed(words, key)) {
                        fail("Parameter '%s' is unexpected", key);
                        return -1;
                }
                (void)value;
        }
        return 0;
}

static const Command *find_command(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                for (const Command *command = tables[i]; command->name; command++)
                        if (streq(command->name, name))
                                return command;
        return NULL;
}

static json_object *negotiate(json_object *arguments)
{
        json_object *enable = json_get(arguments, "enable", json_type_array);
        size_t n = enable ? json_object_array_length(enable) : 0;

        if (wire_greeted())
                return fail_class("CommandNotFound",
                                  "Capabilities negotiation is already complete, command ignored");
        for (size_t i = 0; i < n; i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(enable, i));

                if (!streq_ptr(name, "oob"))
                        return fail("Parameter 'enable' does not accept value '%s'", name ? name : "");
                wire_oob = true;
        }
        wire_negotiated();
        return done();
}

/* The probe of a running emulator asks what only the recording knows. */
static json_object *run_recorded(const char *name, json_object *arguments)
{
        CLEANUP(json) json_object *reply = recorded_reply(name, arguments);
        json_object *result, *error = json_get(reply, "error", json_type_object);

        if (reply && json_object_object_get_ex(reply, "return", &result))
                return json_object_get(result);
        if (error)
                return fail_class(streq_ptr(json_get_string(error, "class"), "CommandNotFound")
                                          ? "CommandNotFound"
                                          : "GenericError",
                                  "%s", json_get_string(error, "desc"));
        return fail_class("CommandNotFound", "The command %s has not been found", name);
}

static json_object *run_command(const char *name, json_object *arguments, bool oob)
{
        const Command *command = find_command(name);

        if (streq(name, "qmp_capabilities"))
                return negotiate(arguments);
        if (!wire_greeted())
                return fail_class("CommandNotFound",
                                  "Expecting capabilities negotiation with 'qmp_capabilities'");
        if (wire_is_stdio() || !command)
                return run_recorded(name, arguments);
        if (oob)
                return fail("The command %s does not support OOB", name);
        if (check_arguments(command->arguments, arguments) < 0)
                return NULL;
        if (faults_refusal(name))
                return fail("%s", faults_refusal(name));
        return command->fn(arguments);
}

/* NULL: it is no request, and fail() said why. */
static const char *check_request(json_object *request, bool *ret_oob)
{
        json_object *command = NULL, *arguments;
        const char *member = "execute";

        if (!json_object_is_type(request, json_type_object)) {
                fail("QMP input must be a JSON object");
                return NULL;
        }
        *ret_oob = false;
        json_object_object_foreach (request, key, value) {
                *ret_oob |= wire_oob && streq(key, "exec-oob");
                if (streq(key, "execute") || (wire_oob && streq(key, "exec-oob"))) {
                        command = value;
                        member = key;
                } else if (!streq(key, "arguments") && !streq(key, "id")) {
                        fail("QMP input member '%s' is unexpected", key);
                        return NULL;
                }
        }
        if (!command)
                fail("QMP input lacks member 'execute'");
        else if (!json_object_is_type(command, json_type_string))
                fail("QMP input member '%s' must be a string", member);
        else if (json_object_object_get_ex(request, "arguments", &arguments) &&
                 !json_object_is_type(arguments, json_type_object))
                fail("QMP input member 'arguments' must be an object");
        else
                return json_object_get_string(command);
        return NULL;
}

void qmp_dispatch(json_object *request)
{
        CLEANUP(json) json_object *message = json_object_new_object(), *none = json_object_new_object();
        bool oob = false, has_id;
        const char *command = check_request(request, &oob);
        json_object *arguments = json_get(request, "arguments", json_type_object), *id = NULL,
                    *result = NULL;

        has_id = json_object_is_type(request, json_type_object) &&
                 json_object_object_get_ex(request, "id", &id);
        if (command) {
                faults_before_command(command);
                result = run_command(command, arguments ? arguments : none, oob);
        }
        if (result)
                json_add(message, "return", result);
        if (has_id)
                json_object_object_add(message, "id", json_object_get(id));
        if (!result)
                json_add(message, "error", error_object(failure_class, failure_text));
        if (!command || faults_before_reply(command, message))
                wire_put(message);
        if (command)
                faults_after_reply(command);
}
