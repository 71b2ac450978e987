/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An array of steps on the first line, carried out against an emulator that says the other lines: an event
 * at once, anything else when a command was read, with that command's id if it has a "return" or an "error".
 * When it has nothing more to say, it hangs up. What must hold: the emulator is asked in order, for nothing
 * but what the steps have, their undoing and what looks after jobs; the operation ends once; nothing is
 * left.
 */

#include <sys/socket.h>

#include "daemon-fixture.h"
#include "daemon/monitor.h"
#include "daemon/steps.h"

#define INPUT_MAX 16384U
#define TURNS_MAX 2000U

static const char greeting[] =
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "
        "\"package\": \"\"}, \"capabilities\": []}}\n";

typedef struct Emulator {
        int fd;
        const char *at, *end; /* what it will say */
        char *heard;          /* of a command, up to its end */
        size_t n_heard, n_commands;
} Emulator;

typedef struct StepsData {
        json_object *steps;
        unsigned flags;
} StepsData;

static unsigned n_done;

static int step_begin(Operation *operation)
{
        const StepsData *data = operation->data;

        return steps_begin(operation, data->steps, data->flags);
}

static void clear(void *pointer)
{
        json_object_put(((StepsData *)pointer)->steps);
}

static const OperationStep row[] = {step_begin, step_carry_out, NULL};
static const OperationKind kind = {.name = "fuzz",
                                   .size = sizeof(StepsData),
                                   .steps = row,
                                   .clear = clear,
                                   .timeout_usec = 5 * USEC_PER_SEC};

static void on_done(Operation *operation, void *userdata)
{
        require(++n_done == 1);
        require((operation->result < 0) == (operation->error != NULL));
}

/* --- the emulator ----------------------------------------------------------------------------------- */

static void say(Emulator *emulator, const char *text, size_t size)
{
        if (emulator->fd >= 0)
                (void)send(emulator->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hang_up(Emulator *emulator)
{
        if (emulator->fd >= 0)
                close(TAKE_FD(emulator->fd));
}

/* The next line without its end; NULL: there is none. */
static const char *peek(const Emulator *emulator, size_t *ret_size)
{
        const char *end;

        if (emulator->at >= emulator->end)
                return NULL;
        end = memchr(emulator->at, '\n', (size_t)(emulator->end - emulator->at)) ?: emulator->end;
        *ret_size = (size_t)(end - emulator->at);
        return emulator->at;
}

static bool say_event(Emulator *emulator)
{
        CLEANUP(json) json_object *object = NULL;
        size_t size;
        const char *line = peek(emulator, &size);

        if (!line || json_parse(line, size, &object) < 0 || !json_get_string(object, "event"))
                return false;
        say(emulator, line, size);
        say(emulator, "\n", 1);
        emulator->at += size + 1;
        return true;
}

static void reply(Emulator *emulator, json_object *id)
{
        CLEANUP(json) json_object *object = NULL;
        CLEANUP(free) char *text = NULL;
        size_t size;
        const char *line = peek(emulator, &size);

        if (!line) {
                hang_up(emulator);
                return;
        }
        emulator->at += size + 1;
        if (json_parse(line, size, &object) >= 0 && id && json_object_is_type(object, json_type_object) &&
            (json_object_object_get_ex(object, "return", NULL) ||
             json_object_object_get_ex(object, "error", NULL))) {
                json_object_object_add(object, "id", json_object_get(id));
                text = json_to_text(object);
                require(text != NULL);
                say(emulator, text, strlen(text));
        } else {
                say(emulator, line, size);
        }
        say(emulator, "\n", 1);
}

static void on_command(Emulator *emulator, const char *text, size_t size)
{
        CLEANUP(json) json_object *object = NULL;
        const char *command;
        static const char accepted[] = "{\"return\": {}, \"id\": ";

        require(json_parse(text, size, &object) >= 0);
        command = json_get_string(object, "execute") ?: json_get_string(object, "exec-oob");
        require(command && *command);
        emulator->n_commands++;
        if (!streq(command, "qmp_capabilities")) {
                reply(emulator, json_object_object_get(object, "id"));
                return;
        }
        text = json_object_to_json_string(json_object_object_get(object, "id"));
        say(emulator, accepted, strlen(accepted));
        say(emulator, text, strlen(text));
        say(emulator, "}\n", 2);
}

/* Whether there was a command. */
static bool hear(Emulator *emulator)
{
        char buffer[4096];
        ssize_t n = emulator->fd < 0 ? -1 : recv(emulator->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        bool any = false;

        for (ssize_t i = 0; i < n; i++) {
                char *grown;

                if (buffer[i] != '\n') {
                        grown = realloc(emulator->heard, emulator->n_heard + 1);
                        require(grown != NULL);
                        emulator->heard = grown;
                        emulator->heard[emulator->n_heard++] = buffer[i];
                        continue;
                }
                if (emulator->n_heard > 0)
                        on_command(emulator, emulator->heard, emulator->n_heard);
                any = any || emulator->n_heard > 0;
                emulator->n_heard = 0;
        }
        return any;
}

/* --- the domain ------------------------------------------------------------------------------------- */

static Managed *make_domain(Daemon *daemon, Emulator *emulator)
{
        Managed *managed;
        QmpClient *client;
        Life *life;
        int fds[2];

        require(managed_new(daemon, "demo", "c0ffee00-0000-4000-8000-000000000001", &managed, NULL) == 0);
        managed->definition = strdup("<domain/>");
        require(life_new(managed, &life) == 0);
        managed->state = STATE_RUNNING;
        life->definition = strdup("<domain/>");
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        emulator->fd = fds[1];
        require(qmp_client_open_socket(daemon->loop, fds[0], &client, NULL) == 0);
        life_take_monitor(life, client);
        say(emulator, greeting, strlen(greeting));
        return managed;
}

/* Whether it only looks at a job again in a moment. */
static bool polls(const Operation *operation)
{
        return operation && operation->wait_timer && uv_timer_get_due_in(operation->wait_timer) < 1000;
}

static void carry_out(Managed *managed, Emulator *emulator)
{
        uv_loop_t *loop = managed->daemon->loop;

        for (unsigned turn = 0, idle = 0; managed->operations; turn++) {
                require(turn < TURNS_MAX);
                uv_run(loop, UV_RUN_NOWAIT);
                if (hear(emulator) || say_event(emulator)) {
                        idle = 0;
                        continue;
                }
                if (++idle < 3 || !managed->operations)
                        continue;
                if (polls(managed->operations)) {
                        uv_run(loop, UV_RUN_ONCE);
                        continue;
                }
                hang_up(emulator); /* nobody speaks: the guest does not let go of something */
                if (idle > 5)
                        operation_cancel(managed->operations);
        }
}

/* --- the input -------------------------------------------------------------------------------------- */

/* As block/step.h has them: that much the daemon may rely on. */
static bool is_step(const json_object *step, bool undo)
{
        const json_object *inner = json_get(step, "undo", json_type_object),
                          *retry = json_get(step, "retry", json_type_object);

        return (json_get_string(step, "execute") ?: "")[0] && (!inner || (!undo && is_step(inner, true))) &&
               (!retry || is_step(retry, true));
}

static json_object *parse_steps(const char *text, size_t size)
{
        CLEANUP(json) json_object *array = NULL;

        if (json_parse(text, size, &array) < 0 || !json_object_is_type(array, json_type_array))
                return NULL;
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if (!is_step(json_object_array_get_idx(array, i), false))
                        return NULL;
        return TAKE(array);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data, *line = memchr(data, '\n', size);
        json_object *steps = line && size < INPUT_MAX ? parse_steps(text, (size_t)(line - text)) : NULL;
        StepsData steps_data = {.steps = steps, .flags = size % 5 == 0 ? STEPS_TOLERATE : 0};
        Emulator emulator = {.at = line ? line + 1 : NULL, .end = text + size};
        uv_loop_t loop;
        Daemon daemon;
        Managed *managed;

        if (!steps)
                return 0;
        n_done = 0;
        fixture_daemon_init(&daemon, &loop);
        managed = make_domain(&daemon, &emulator);
        require(operation_submit(managed, &kind, &steps_data, on_done, NULL) == 0);
        carry_out(managed, &emulator);
        require(n_done == 1);
        hang_up(&emulator);
        free(emulator.heard);
        fixture_daemon_clear(&daemon);
        return 0;
}
