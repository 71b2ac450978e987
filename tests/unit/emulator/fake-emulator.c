/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Speaks just enough QMP on stdio to be probed. Its first argument tells what is wrong with it; what the
 * prober adds behind that is ignored:
 *
 *   die=A,B        dies by SIGABRT of the commands A and B ("device-list-properties:TYPE" for one type)
 *   once=FILE,A    dies of A if FILE does not exist, which it then makes
 *   garbage=A      answers A with what is no JSON
 *   hang=A         never answers A
 *   storage        has no query-target
 *   fine
 *
 * A copy of it, which no wrapper can give an argument, looks for files beside itself:
 *
 *   COPY.fault     what its first argument would say
 *   COPY.log       if it is there: gets a line "start", then one for each command
 *   COPY.gate      a FIFO: it waits until somebody has opened and closed that for writing
 */

#include <json-c/json.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
        const char *command, *answer;
} answers[] = {
        {"qmp_capabilities", "{}"},
        {"query-version", "{\"qemu\":{\"major\":9,\"minor\":8,\"micro\":7},\"package\":\"fake\"}"},
        {"query-target", "{\"arch\":\"fake64\"}"},
        {"query-qmp-schema", "[]"},
        {"qom-list-types", "[{\"name\":\"zebra\"},{\"name\":\"ant\"},{\"name\":\"cow\"}]"},
        {"qom-list-properties", "[{\"name\":\"legs\",\"type\":\"int\"}]"},
        {"device-list-properties", "[{\"name\":\"drive\",\"type\":\"str\"}]"},
};

static int log_fd = -1;

static void log_line(const char *text)
{
        char line[300];
        int n = snprintf(line, sizeof(line), "%s\n", text);

        /* In one piece, whoever else writes. */
        if (log_fd >= 0 && write(log_fd, line, (size_t)n) != n)
                abort();
}

/* Opens what lies beside the executable with this suffix; -1. */
static int open_beside(const char *suffix, int flags)
{
        char path[4200];
        ssize_t n = readlink("/proc/self/exe", path, 4096);

        if (n < 0)
                return -1;
        strcpy(path + n, suffix);
        return open(path, flags | O_CLOEXEC);
}

/* A fault told by a file, or else `argument`. */
static const char *find_fault(const char *argument)
{
        static char fault[512];
        int fd = open_beside(".fault", O_RDONLY);

        return fd >= 0 && read(fd, fault, sizeof(fault) - 1) > 0 ? fault : argument;
}

static void pass_gate(void)
{
        int fd = open_beside(".gate", O_RDONLY);
        char byte;

        while (fd >= 0 && read(fd, &byte, 1) > 0)
                ;
}

static int is_listed(const char *list, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
                if (strncmp(p, name, n) == 0 && (p[n] == '\0' || p[n] == ','))
                        return 1;
        return 0;
}

static const char *mode(const char *argument, const char *key)
{
        size_t n = strlen(key);

        return strncmp(argument, key, n) == 0 ? argument + n : NULL;
}

static void misbehave(const char *argument, const char *name)
{
        const char *list;

        if ((list = mode(argument, "once="))) {
                const char *comma = strchr(list, ',');
                char file[512];

                snprintf(file, sizeof(file), "%.*s", (int)(comma - list), list);
                if (is_listed(comma + 1, name) && open(file, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0)
                        raise(SIGKILL);
        }
        if ((list = mode(argument, "die=")) && is_listed(list, name)) {
                fprintf(stderr, "assertion failed in %s\n", name);
                raise(SIGABRT);
        }
        if ((list = mode(argument, "garbage=")) && is_listed(list, name))
                printf("Hello!\n");
        if ((list = mode(argument, "hang=")) && is_listed(list, name))
                pause();
}

static void answer(const char *argument, json_object *message)
{
        json_object *arguments, *type, *id = NULL, *execute = NULL;
        const char *command, *text = NULL;
        char name[256];

        json_object_object_get_ex(message, "execute", &execute);
        json_object_object_get_ex(message, "id", &id);
        command = json_object_get_string(execute);
        snprintf(name, sizeof(name), "%s", command);
        if (json_object_object_get_ex(message, "arguments", &arguments) &&
            json_object_object_get_ex(arguments, "typename", &type))
                snprintf(name, sizeof(name), "%s:%s", command, json_object_get_string(type));
        log_line(name);
        misbehave(argument, name);
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
                if (strcmp(answers[i].command, command) == 0)
                        text = answers[i].answer;
        if (strcmp(argument, "storage") == 0 && strcmp(command, "query-target") == 0)
                text = NULL;
        if (strcmp(name, "device-list-properties:cow") == 0)
                printf("{\"error\":{\"class\":\"GenericError\",\"desc\":\"a cow is no "
                       "device\"},\"id\":%s}\r\n",
                       json_object_to_json_string(id));
        else if (text)
                printf("{\"return\":%s,\"id\":%s}\r\n", text, json_object_to_json_string(id));
        else
                printf("{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no %s\"},\"id\":%s}\r\n",
                       command, json_object_to_json_string(id));
        fflush(stdout);
}

int main(int argc, char **argv)
{
        struct json_tokener *tokener = json_tokener_new();
        const char *fault;
        char buffer[4096];
        ssize_t n;

        if (argc < 2 || !tokener)
                return 1;
        log_fd = open_beside(".log", O_WRONLY | O_APPEND);
        log_line("start");
        pass_gate();
        fault = find_fault(argv[1]);
        printf("{\"QMP\":{\"version\":{\"qemu\":{\"major\":9,\"minor\":8,\"micro\":7},\"package\":\"\"},"
               "\"capabilities\":[]}}\r\n");
        fflush(stdout);
        while ((n = read(0, buffer, sizeof(buffer))) > 0)
                for (ssize_t done = 0; done < n;) {
                        json_object *message =
                                json_tokener_parse_ex(tokener, buffer + done, (int)(n - done));

                        done += (ssize_t)json_tokener_get_parse_end(tokener);
                        if (!message)
                                break;
                        answer(fault, message);
                        json_object_put(message);
                }
        json_tokener_free(tokener);
        return 0;
}
