/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An emulator that is not one: it speaks QMP on its stdin and stdout from a scenario file, with replies that
 * were recorded from real emulators (tests/data/replies) and with the faults that a scenario asks for.
 *
 *   replay SCENARIO [arguments of an emulator, which it ignores]
 *
 * A copy of it with a scenario behind its end (scenario.h) plays that one.
 *
 * A scenario is a JSON object:
 *   greeting   the object to greet with
 *   replies    {command: {"return": …} or {"error": …}}; a key "command:typename" goes before "command".
 *              What is not there answers CommandNotFound, as a real one does.
 *   log        append to this file a line "start", then one for each command (with ":typename" if it has
 * one) chunk      write in slices of so many bytes, each its own write() cut        die after so many bytes
 * of output, wherever that is faults     {"greeting" or command: fault}, each fault one of
 *     {"do": "die", "when": "before"|"within"|"after", "signal"?: n, "stderr"?: text}
 *     {"do": "hang"}  {"do": "delay", "msec": n}  {"do": "garbage", "text": …}  {"do": "twice"}
 *     {"do": "unasked"} (a reply with an id of nobody)  {"do": "no-id"}  {"do": "flood", "bytes": n}
 *     {"do": "events", "count": n} (so many events before the reply)
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/json.h"
#include "base/util.h"
#include "scenario.h"

static size_t chunk, written, cut;

/* One write() a line, so that those of many processes do not mix. */
static void log_line(json_object *scenario, const char *command, const char *typename)
{
        CLEANUP(fd) int fd = -1;
        const char *file = json_get_string(scenario, "log");

        fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
        if (fd >= 0)
                dprintf(fd, "%s%s%s\n", command, typename ? ":" : "", typename ? typename : "");
}

static void die(json_object *fault)
{
        const char *words = json_get_string(fault, "stderr");
        int64_t number = json_get_int(fault, "signal", 0);

        if (words)
                fputs(words, stderr);
        fflush(stderr);
        if (number > 0)
                raise((int)number);
        _exit(1);
}

static void put(const char *data, size_t size)
{
        while (size > 0) {
                size_t slice = chunk && chunk < size ? chunk : size;
                ssize_t n;

                if (cut && written + slice > cut)
                        slice = cut - written;
                if (cut && slice == 0)
                        _exit(1);
                n = write(STDOUT_FILENO, data, slice);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        _exit(1);
                written += (size_t)n;
                data += n;
                size -= (size_t)n;
        }
}

static void put_line(json_object *message)
{
        size_t length;
        const char *text = json_object_to_json_string_length(message, JSON_C_TO_STRING_PLAIN, &length);

        put(text, length);
        put("\r\n", 2);
}

static void flood(size_t bytes)
{
        static char block[65536];

        memset(block, 'x', sizeof(block));
        put("{\"x\": \"", 7);
        for (; bytes > sizeof(block); bytes -= sizeof(block))
                put(block, sizeof(block));
        put(block, bytes);
}

static void put_events(int64_t count)
{
        CLEANUP(json) json_object *event = json_object_new_object();

        json_add_string(event, "event", "RESUME");
        json_add(event, "timestamp", json_object_new_object());
        for (; count > 0; count--)
                put_line(event);
}

/* Does what is wrong about this message; returns whether the message itself still goes out. */
static bool misbehave(json_object *fault, json_object *message)
{
        const char *what = json_get_string(fault, "do"), *when = json_get_string(fault, "when");
        size_t length;

        if (!what)
                return true;
        if (streq(what, "die")) {
                const char *text =
                        json_object_to_json_string_length(message, JSON_C_TO_STRING_PLAIN, &length);

                if (when && streq(when, "within"))
                        put(text, length / 2);
                if (when && streq(when, "after"))
                        put_line(message);
                die(fault);
        }
        if (streq(what, "hang"))
                for (;;)
                        pause();
        if (streq(what, "delay"))
                usleep((useconds_t)(json_get_int(fault, "msec", 0) * 1000));
        if (streq(what, "garbage")) {
                const char *text = json_get_string(fault, "text");

                put(text, strlen(text));
                put("\r\n", 2);
                return false;
        }
        if (streq(what, "twice"))
                put_line(message);
        if (streq(what, "unasked"))
                json_add_string(message, "id", "nobody-asked");
        if (streq(what, "no-id"))
                json_object_object_del(message, "id");
        if (streq(what, "flood")) {
                flood((size_t)json_get_int(fault, "bytes", 0));
                return false;
        }
        if (streq(what, "events"))
                put_events(json_get_int(fault, "count", 0));
        return true;
}

static json_object *not_found(const char *command)
{
        json_object *reply = json_object_new_object(), *error = json_object_new_object();

        json_add_string(error, "class", "CommandNotFound");
        json_add_stringf(error, "desc", "The command %s has not been found", command);
        json_add(reply, "error", error);
        return reply;
}

static void answer(json_object *scenario, json_object *request)
{
        const char *command = json_get_string(request, "execute");
        const char *typename = json_get_string(json_get(request, "arguments", json_type_object), "typename");
        CLEANUP(json) json_object *message = NULL;
        json_object *reply, *id;

        if (!command)
                command = json_get_string(request, "exec-oob");
        if (!command)
                return;
        log_line(scenario, command, typename);
        reply = scenario_find(scenario, "replies", command, typename);
        if (streq(command, "qmp_capabilities") && !reply)
                json_parse("{\"return\": {}}", 14, &message);
        else if (reply)
                json_object_deep_copy(reply, &message, NULL);
        else
                message = not_found(command);
        if (json_object_object_get_ex(request, "id", &id))
                json_add(message, "id", json_object_get(id));
        if (misbehave(scenario_find(scenario, "faults", command, typename), message))
                put_line(message);
        if (streq(command, "quit"))
                _exit(0);
}

static void serve(json_object *scenario)
{
        struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        char buffer[4096];
        ssize_t n;

        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
                for (size_t at = 0; at < (size_t)n;) {
                        CLEANUP(json)
                        json_object *request =
                                json_tokener_parse_ex(tokener, buffer + at, (int)((size_t)n - at));

                        if (json_tokener_get_error(tokener) == json_tokener_continue)
                                break;
                        if (json_tokener_get_error(tokener) != json_tokener_success) {
                                fprintf(stderr, "replay: what it was sent is no JSON\n");
                                _exit(3);
                        }
                        at += json_tokener_get_parse_end(tokener);
                        answer(scenario, request);
                }
        json_tokener_free(tokener);
}

static json_object *read_scenario(const char *file)
{
        CLEANUP(free) char *text = NULL;
        json_object *scenario = NULL;
        size_t size;

        if (scenario_read_own(&scenario) < 0 && file && read_file(file, JSON_SIZE_MAX, &text, &size) == 0)
                json_parse(text, size, &scenario);
        return scenario;
}

int main(int argc, char **argv)
{
        CLEANUP(json) json_object *scenario = read_scenario(argc < 2 ? NULL : argv[1]);
        json_object *greeting;

        if (!scenario) {
                fprintf(stderr, "usage: %s SCENARIO [ARGUMENTS]; the scenario must be a JSON file\n",
                        argv[0]);
                return 2;
        }
        log_line(scenario, "start", NULL);
        chunk = (size_t)json_get_int(scenario, "chunk", 0);
        cut = (size_t)json_get_int(scenario, "cut", 0);
        greeting = json_get(scenario, "greeting", json_type_object);
        if (misbehave(json_get(json_get(scenario, "faults", json_type_object), "greeting", json_type_object),
                      greeting))
                put_line(greeting);
        serve(scenario);
        return 0;
}
