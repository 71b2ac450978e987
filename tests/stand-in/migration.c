/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Saving and restoring: the stream is QEMU's magic and version, and a line of JSON with the state that the
 * machine was in. It goes to fd:NAME (getfd), fd:NUMBER, exec:COMMAND, unix:PATH or file:PATH, from where a
 * descriptor stands, so that somebody else's header may be in front. It takes "migrate-msec";
 * "migrate-fails" ends it halfway.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "standin.h"

#define MIGRATE_MSEC 100
#define POLL_MSEC    10
#define STREAM_MAX   4096

static const char magic[8] = {'Q', 'E', 'V', 'M', 0, 0, 0, 3};
static const char *status; /* NULL: there was none */
static char *error;
static bool events;
static int target = -1;
static bool listens; /* the target does: nobody has connected yet */
static pid_t helper;
static json_object *named_fds; /* by name */

static char stream[STREAM_MAX + 1];
static size_t n_stream;

static void set_status(const char *next)
{
        status = next;
        if (events)
                qmp_event("MIGRATION", data_of("status", next));
}

static void end_target(void)
{
        if (target >= 0)
                close(TAKE_FD(target));
        if (helper > 0)
                waitpid(helper, NULL, 0);
        helper = 0;
}

static void give_up(const char *next, const char *why)
{
        end_target();
        free(error);
        error = why ? strdup(why) : NULL;
        set_status(next);
}

/* QEMU's exec: a shell at the other end of a pipe. */
static int open_exec(const char *command, bool incoming)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        helper = fork();
        if (helper == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                dup2(ends[!incoming ? 0 : 1], incoming ? STDOUT_FILENO : STDIN_FILENO);
                execl("/bin/sh", "sh", "-c", command, (char *)NULL);
                _exit(127);
        }
        close(ends[incoming ? 1 : 0]);
        return ends[incoming ? 0 : 1];
}

static int take_named(const char *name)
{
        json_object *number = json_get(named_fds, name, json_type_int);
        int fd = number ? json_object_get_int(number) : -1;

        if (number)
                json_object_object_del(named_fds, name);
        else if (*name >= '0' && *name <= '9')
                fd = atoi(name);
        if (fd < 0)
                fail("File descriptor named '%s' has not been found", name);
        return fd;
}

/* Who is to receive listens, and takes one. */
static int open_socket(const char *path, bool incoming)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (incoming)
                unlink(path);
        r = incoming ? bind(fd, (struct sockaddr *)&address, sizeof(address))
                     : connect(fd, (struct sockaddr *)&address, sizeof(address));
        if (r < 0 || (incoming && listen(fd, 1) < 0))
                return -errno;
        listens = incoming;
        return TAKE_FD(fd);
}

/* -1, and fail() said why. */
static int open_uri(const char *uri, bool incoming)
{
        const char *rest;
        int fd;

        if ((rest = startswith(uri, "fd:")))
                return take_named(rest);
        if ((rest = startswith(uri, "exec:"))) {
                fd = open_exec(rest, incoming);
        } else if ((rest = startswith(uri, "unix:"))) {
                fd = open_socket(rest, incoming);
        } else if ((rest = startswith(uri, "file:"))) {
                fd = incoming ? open(rest, O_RDONLY | O_CLOEXEC)
                              : open(rest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                fd = fd < 0 ? -errno : fd;
        } else {
                fail("unknown migration protocol: %s", uri);
                return -1;
        }
        if (fd < 0)
                fail("Failed to open '%s': %s", rest, strerror(-fd));
        return fd;
}

static int write_stream(void)
{
        CLEANUP(json) json_object *state = data_of("name", machine.name);
        const char *text;

        json_add_string(state, "uuid", machine.uuid);
        json_add_string(state, "status", run_status());
        text = json_object_to_json_string_ext(state, JSON_C_TO_STRING_PLAIN);
        if (write(target, magic, sizeof(magic)) != sizeof(magic) ||
            write(target, text, strlen(text)) != (ssize_t)strlen(text) || write(target, "\n", 1) != 1)
                return -EIO;
        return 0;
}

static void complete(void *data)
{
        const char *before = run_status();

        if (faults_bool("migrate-fails") || write_stream() < 0) {
                give_up("failed", "Unable to write to file: Input/output error");
                return;
        }
        run_stop("finish-migrate");
        end_target();
        run_set(streq(before, "shutdown") ? before : "postmigrate");
        set_status("completed");
}

static void begin(void *data)
{
        set_status("active");
        timer_add(faults_int("migrate-msec", MIGRATE_MSEC), complete, NULL);
}

static bool is_under_way(void)
{
        return status && (streq(status, "setup") || streq(status, "active"));
}

static json_object *cmd_migrate(json_object *arguments)
{
        int fd;

        if (is_under_way())
                return fail("There's a migration process in progress");
        if (streq(run_status(), "inmigrate"))
                return fail("Guest is waiting for an incoming migration");
        fd = open_uri(json_get_string(arguments, "uri"), /* incoming= */ false);
        if (fd < 0)
                return NULL;
        target = fd;
        set_status("setup");
        timer_add(0, begin, NULL);
        return done();
}

static json_object *cmd_cancel(json_object *arguments)
{
        timer_cancel(begin, NULL);
        timer_cancel(complete, NULL);
        if (is_under_way())
                give_up("cancelled", NULL);
        return done();
}

static json_object *cmd_query(json_object *arguments)
{
        json_object *result = json_object_new_object(), *ram;

        if (!status)
                return result;
        json_add_string(result, "status", status);
        if (error)
                json_add_string(result, "error-desc", error);
        if (!is_under_way() && !streq(status, "completed"))
                return result;
        ram = json_object_new_object();
        json_add_int(ram, "total", machine.memory);
        json_add_int(ram, "transferred", streq(status, "completed") ? machine.memory : 0);
        json_add_int(ram, "remaining", streq(status, "completed") ? 0 : machine.memory);
        json_add(result, "ram", ram);
        json_add_int(result, "total-time", MIGRATE_MSEC);
        return result;
}

static json_object *cmd_set_capabilities(json_object *arguments)
{
        json_object *list = json_get(arguments, "capabilities", json_type_array);
        size_t n = json_object_array_length(list);

        for (size_t i = 0; i < n; i++) {
                json_object *one = json_object_array_get_idx(list, i);

                if (streq_ptr(json_get_string(one, "capability"), "events"))
                        events = json_get_bool(one, "state", false);
        }
        return done();
}

static json_object *cmd_capabilities(json_object *arguments)
{
        json_object *list = json_object_new_array(), *one = data_of("capability", "events");

        json_add_bool(one, "state", events);
        json_append(list, one);
        return list;
}

static json_object *cmd_accepted(json_object *arguments)
{
        return done();
}

static json_object *cmd_getfd(json_object *arguments)
{
        const char *name = json_get_string(arguments, "fdname");
        int fd = wire_take_fd();

        if (fd < 0)
                return fail("No file descriptor supplied via SCM_RIGHTS");
        if (*name >= '0' && *name <= '9') {
                close(fd);
                return fail("Parameter 'fdname' expects a name not starting with a digit");
        }
        if (!named_fds)
                named_fds = json_object_new_object();
        if (json_get(named_fds, name, json_type_int))
                close((int)json_get_int(named_fds, name, -1));
        json_add_int(named_fds, name, fd);
        return done();
}

static json_object *cmd_closefd(json_object *arguments)
{
        const char *name = json_get_string(arguments, "fdname");

        if (!json_get(named_fds, name, json_type_int))
                return fail("File descriptor named '%s' not found", name);
        close((int)json_get_int(named_fds, name, -1));
        json_object_object_del(named_fds, name);
        return done();
}

static json_object *cmd_add_fd(json_object *arguments)
{
        static int64_t last;
        json_object *result;
        int fd = wire_take_fd();

        if (fd < 0)
                return fail("No file descriptor supplied via SCM_RIGHTS");
        result = json_object_new_object();
        json_add_int(result, "fdset-id", json_get_int(arguments, "fdset-id", last++));
        json_add_int(result, "fd", fd);
        return result;
}

static void refuse_stream(void)
{
        fprintf(stderr, "qemu-system-x86_64: Not a migration stream\n"
                        "qemu-system-x86_64: load of migration failed: Invalid argument\n");
        exit(1);
}

static void take_stream(void)
{
        CLEANUP(json) json_object *state = NULL;
        const char *before;

        end_target();
        if (n_stream < sizeof(magic) || memcmp(stream, magic, sizeof(magic)) != 0 ||
            json_parse(stream + sizeof(magic), n_stream - sizeof(magic), &state) < 0 ||
            !(before = json_get_string(state, "status")))
                refuse_stream();
        set_status("completed");
        run_set("paused");
        if (!machine.paused && streq(before, "running"))
                run_resume();
        else if (streq(before, "shutdown") || streq(before, "suspended"))
                run_set(streq(before, "shutdown") ? "shutdown" : "suspended");
}

static bool take_sender(void)
{
        int fd = accept4(target, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return false;
        close(target);
        target = fd;
        listens = false;
        return true;
}

static void read_stream(void *data)
{
        ssize_t n = 0;

        if (listens && !take_sender()) {
                timer_add(POLL_MSEC, read_stream, NULL);
                return;
        }
        while (n_stream < STREAM_MAX && (n = read(target, stream + n_stream, 1)) == 1)
                if (stream[n_stream++] == '\n' && n_stream > sizeof(magic)) {
                        take_stream();
                        return;
                }
        if (n < 0 && errno == EAGAIN)
                timer_add(POLL_MSEC, read_stream, NULL);
        else
                refuse_stream();
}

static bool receive(const char *uri)
{
        target = open_uri(uri, /* incoming= */ true);
        if (target < 0)
                return false;
        fcntl(target, F_SETFL, fcntl(target, F_GETFL) | O_NONBLOCK);
        set_status("setup");
        set_status("active");
        timer_add(faults_int("migrate-msec", MIGRATE_MSEC), read_stream, NULL);
        return true;
}

void migration_incoming(void)
{
        run_set("inmigrate");
        if (!streq(machine.incoming, "defer") && !receive(machine.incoming)) {
                fprintf(stderr, "qemu-system-x86_64: -incoming %s: it cannot be opened\n", machine.incoming);
                exit(1);
        }
}

static json_object *cmd_incoming(json_object *arguments)
{
        if (!streq(run_status(), "inmigrate") || !streq(machine.incoming, "defer"))
                return fail("'-incoming' was not specified on the command line");
        if (target >= 0)
                return fail("The incoming migration has already been started");
        return receive(json_get_string(arguments, "uri")) ? done() : NULL;
}

const Command migration_commands[] = {
        {"migrate", "uri!s blk?b inc?b detach?b resume?b", cmd_migrate},
        {"migrate-incoming", "uri!s", cmd_incoming},
        {"migrate_cancel", "", cmd_cancel},
        {"query-migrate", "", cmd_query},
        {"migrate-set-capabilities", "capabilities!a", cmd_set_capabilities},
        {"query-migrate-capabilities", "", cmd_capabilities},
        {"migrate-set-parameters", "*", cmd_accepted},
        {"query-migrate-parameters", "", cmd_accepted},
        {"getfd", "fdname!s", cmd_getfd},
        {"closefd", "fdname!s", cmd_closefd},
        {"add-fd", "fdset-id?i opaque?s", cmd_add_fd},
        {NULL, NULL, NULL},
};
