/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests of a client: each is a line "METHOD PATH?QUERY" and a body, up to a line "%%". A '?' in front
 * comes from somebody who may only look, an '&' is not waited for. The daemon has domains that are shut off,
 * one whose process went while no daemon ran, and one whose emulator is deaf and dumb; nothing can be
 * executed. What must hold: every request is answered, with a sentence where it fails; whatever was asked
 * for comes to an end; and nothing is left.
 */

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon-fixture.h"
#include "daemon/api.h"
#include "daemon/http-private.h"
#include "daemon/reopen.h"
#include "emulator/proc.h"

#define INPUT_MAX    65536U
#define REQUESTS_MAX 8U
#define WAIT_USEC    (8 * USEC_PER_SEC)

#define DOMAIN(name, last, more)                                                                            \
        "<domain type='qemu'><name>" name "</name><uuid>c0ffee00-0000-4000-8000-00000000000" last "</uuid>" \
        "<memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os><devices>"                    \
        "<emulator>/nonexistent/qemu-system-x86_64</emulator>" more "</devices></domain>"
#define RECORD(name, last, state, more)                                                                     \
        "{\"format\": 1, \"name\": \"" name "\", \"uuid\": \"c0ffee00-0000-4000-8000-00000000000" last      \
        "\", \"state\": \"" state "\", \"reason\": \"booted\", \"id\": " last                               \
        ", \"emulator\": \"/bin/x\", "                                                                      \
        "\"definition\": \"<domain type='qemu'><name>" name "</name></domain>\", "                          \
        "\"blocks\": {\"vda\": {\"images\": [{\"file\": \"/nonexistent/a\"}]}}, "                           \
        "\"jobs\": {\"vda\": {\"id\": \"j\", \"disk\": \"vda\", \"type\": \"pull\", \"status\": "           \
        "\"ready\"}}" more "}"

typedef struct Client {
        int fd;
        char *answer;
        size_t size;
        bool head, proper;
} Client;

static MusterContext *context;
static MusterCatalogue *catalogue;
static bool reads_only;
static pid_t lost_pid;

/* Nothing is executed here, since that could be anything. */
int execve(const char *path, char *const *argv, char *const *environment)
{
        errno = ENOENT;
        return -1;
}

/* --- the daemon ------------------------------------------------------------------------------------- */

static HttpRight on_authorize(const HttpPeer *peer, void *userdata)
{
        return reads_only ? HTTP_RIGHT_READ : api_authorize(peer, userdata);
}

static void write_text(const char *name, const char *text)
{
        fixture_write(name, text, strlen(text));
}

/* What stands for an emulator: a process that does nothing, until somebody ends it. */
static void write_lost_domain(void)
{
        CLEANUP(free) char *text = NULL;
        ProcStat stat;

        if (lost_pid == 0) {
                lost_pid = fork();
                if (lost_pid == 0) {
                        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                        (void)signal(SIGTERM, SIG_DFL);
                        for (;;)
                                pause();
                }
                require(lost_pid > 0 && setpgid(lost_pid, lost_pid) == 0);
        }
        require(proc_stat(lost_pid, &stat) == 0);
        text = text_format(RECORD("lost", "4", "running", ", \"process\": {\"pid\": %d, \"start\": %llu}"),
                           (int)lost_pid, (unsigned long long)stat.start);
        require(text != NULL);
        write_text("records/lost.json", text);
}

static void reap_lost_domain(void)
{
        if (waitpid(lost_pid, NULL, WNOHANG) != 0)
                lost_pid = 0;
}

static void write_domains(void)
{
        static const char plain[] = DOMAIN("alpha", "1", "");
        static const char other[] = DOMAIN("beta", "2",
                                           "<disk type='file' device='disk'><source "
                                           "file='/nonexistent/a'/><target dev='vda'/></disk>");

        write_text("definitions/alpha.xml", plain);
        write_text("definitions/beta.xml", other);
        write_text("definitions/torn.xml", "<domain>");
        write_text("state/save/beta.save", "no saved state");
        write_text("records/gone.json", RECORD("gone", "3", "running", ""));
        write_lost_domain();
}

static void start(Daemon *daemon, uv_loop_t *loop)
{
        const HttpLimits limits = {
                .connections = 16, .connections_per_user = 16, .body = INPUT_MAX, .idle_usec = WAIT_USEC};
        const sa_family_t family = AF_UNIX; /* an abstract address is chosen */
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (!context) {
                require(muster_context_new(&context) == 0 && muster_catalogue_new(&catalogue, NULL) == 0);
                require(muster_context_set_timeout(context, USEC_PER_SEC) == 0);
        }
        require(bind(fd, (const struct sockaddr *)&family, sizeof(family)) == 0 && listen(fd, 1) == 0);
        fixture_daemon_init(daemon, loop);
        daemon->context = context;
        daemon->catalogue = catalogue;
        write_domains();
        require(definitions_load(daemon, NULL) == 0 && daemon->n_domains == 4);
        reopen_all(daemon);
        require(http_server_new(loop, fd, &limits, on_authorize, api_handle, daemon, &daemon->server,
                                NULL) == 0);
}

/* --- a client --------------------------------------------------------------------------------------- */

static void send_all(int fd, const char *text, size_t size)
{
        require(send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* A line that ends early, or another one in it, would be another request than the one that is meant. */
static void send_line(int fd, const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                send_all(fd, text[i] == '\r' || !text[i] ? " " : text + i, 1);
}

/* "METHOD /PATH": what is not may be refused in HTTP of another age, or by silence. */
static bool is_proper(const char *line, size_t size)
{
        size_t i = 0;

        while (i < size && line[i] >= 'A' && line[i] <= 'Z')
                i++;
        if (i == 0 || size - i < 2 || line[i] != ' ' || line[i + 1] != '/')
                return false;
        for (i++; i < size; i++)
                if (line[i] <= ' ' || line[i] > '~')
                        return false;
        return true;
}

static void ask(Client *client, HttpServer *server, const char *text, size_t size)
{
        const char *end = memchr(text, '\n', size) ?: text + size, *body = end < text + size ? end + 1 : end;
        size_t body_size = (size_t)(text + size - body);
        CLEANUP(free)
        char *rest = text_format(" HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n"
                                 "Content-Type: application/%s\r\nContent-Length: %zu\r\n\r\n",
                                 body_size > 0 && *body == '<' ? "xml" : "json", body_size);
        int fds[2], room = 1024 * 1024;

        require(rest && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        require(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0);
        client->fd = fds[1];
        client->proper = is_proper(text, (size_t)(end - text));
        client->head = size >= 5 && memcmp(text, "HEAD ", 5) == 0;
        send_line(fds[1], text, (size_t)(end - text));
        send_all(fds[1], rest, strlen(rest));
        send_all(fds[1], body, body_size);
        http_server_adopt(server, fds[0]);
}

static bool is_stream(const Client *client)
{
        return client->answer && strstr(client->answer, "text/event-stream");
}

static void check_answer(const Client *client)
{
        CLEANUP(json) json_object *object = NULL;
        const char *answer = client->answer, *body;
        const json_object *error;
        long status;

        require(!client->proper || answer);
        if (!answer || !client->proper)
                return;
        require(startswith(answer, "HTTP/1.1 "));
        status = strtol(answer + 9, NULL, 10);
        require(status >= 200 && status < 600);
        body = strstr(answer, "\r\n\r\n");
        require(body != NULL);
        /* What libmicrohttpd refuses by itself has a body of HTML. */
        if (status < 400 || client->head || startswith(body + 4, "<html>"))
                return;
        require(json_parse(body + 4, strlen(body + 4), &object) == 0);
        error = json_get(object, "error", json_type_object);
        require(json_get_string(error, "errno") && *(json_get_string(error, "message") ?: ""));
}

/* Takes what came; true: it is over. */
static bool receive(Client *client)
{
        char buffer[16384];
        ssize_t n;

        if (client->fd < 0)
                return true;
        while ((n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                char *grown = realloc(client->answer, client->size + (size_t)n + 1);

                require(grown != NULL);
                client->answer = grown;
                memcpy(grown + client->size, buffer, (size_t)n);
                client->size += (size_t)n;
                grown[client->size] = '\0';
        }
        if (n < 0 && errno == EAGAIN && !is_stream(client))
                return false;
        close(TAKE_FD(client->fd));
        return true;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static bool is_idle(const Daemon *daemon)
{
        for (const Managed *managed = daemon->domains; managed; managed = managed->next)
                if (managed->operations || managed->n_ref != 1)
                        return false;
        return true;
}

/* Lets the pool work, too. */
static void turn(Daemon *daemon)
{
        struct pollfd poll_fd = {.fd = uv_backend_fd(daemon->loop), .events = POLLIN};

        if (uv_run(daemon->loop, UV_RUN_NOWAIT))
                (void)poll(&poll_fd, 1, 1);
}

static void wait_for(Daemon *daemon, Client *clients, size_t n)
{
        uint64_t end = now_usec() + WAIT_USEC;
        bool over;

        do {
                require(now_usec() < end);
                turn(daemon);
                over = true;
                for (size_t i = 0; i < n; i++)
                        over = receive(clients + i) && over;
        } while (!over);
}

static void stop(Daemon *daemon)
{
        uint64_t end = now_usec() + WAIT_USEC;

        while (!is_idle(daemon) || http_server_connections(daemon->server) > 0) {
                require(now_usec() < end);
                turn(daemon);
        }
        daemon->server = http_server_close(daemon->server);
        fixture_daemon_clear(daemon);
        reap_lost_domain();
        require(remove_tree(fixture_folder()) == 0);
}

static size_t ask_all(Daemon *daemon, const char *text, size_t size, Client *clients)
{
        size_t n = 0;

        while (size > 0 && n < REQUESTS_MAX) {
                const char *cut = memmem(text, size, "\n%%\n", 4);
                size_t one = cut ? (size_t)(cut - text) : size, step = cut ? one + 4 : size;
                bool waits = *text != '&';

                reads_only = *text == '?';
                if (one > 0 && (*text == '?' || *text == '&'))
                        ask(clients + n++, daemon->server, text + 1, one - 1);
                else
                        ask(clients + n++, daemon->server, text, one);
                turn(daemon);
                if (waits)
                        wait_for(daemon, clients + n - 1, 1);
                text += step;
                size -= step;
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Client clients[REQUESTS_MAX] = {};
        uv_loop_t loop;
        Daemon daemon;
        size_t n;

        if (size > INPUT_MAX)
                return 0;
        start(&daemon, &loop);
        n = ask_all(&daemon, (const char *)data, size, clients);
        wait_for(&daemon, clients, n);
        for (size_t i = 0; i < n; i++) {
                check_answer(clients + i);
                free(clients[i].answer);
        }
        stop(&daemon);
        return 0;
}
