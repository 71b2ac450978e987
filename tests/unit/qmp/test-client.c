/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "qmp/client.h"

/* The client over real sockets and pipes, with an emulator that is a thread here and does as a script says.
 */

#define GREETING    "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define EVENT       "{\"event\": \"RESUME\", \"timestamp\": {}}\r\n"
#define LONG        (20 * USEC_PER_SEC)
#define FLOOD_CHUNK 65536

typedef enum Manners {
        MANNERS_GOOD,
        MANNERS_DIES,       /* at the first command behind the handshake */
        MANNERS_HALF,       /* dies within its reply to it */
        MANNERS_HANGS,      /* never answers it */
        MANNERS_GARBAGE,    /* says something else */
        MANNERS_UNASKED,    /* answers what was not asked */
        MANNERS_TWICE,      /* answers it twice */
        MANNERS_FLOODS,     /* with an endless string */
        MANNERS_SPACES,     /* with endless white space */
        MANNERS_MUTE,       /* never even greets, nor reads */
        MANNERS_DEAD,       /* is gone before anything is read */
        MANNERS_EVENTS,     /* tells ten events before each reply */
        MANNERS_LAST_WORDS, /* answers and goes */
} Manners;

typedef struct Peer {
        pthread_t thread;
        int read_fd, write_fd;
        Manners manners;
        size_t slice;
        unsigned commands;
} Peer;

/* Whether all could be said. */
static bool say(Peer *peer, const char *text, size_t size)
{
        while (size > 0) {
                size_t slice = peer->slice && peer->slice < size ? peer->slice : size;
                ssize_t n = write(peer->write_fd, text, slice);

                if (n <= 0)
                        return false;
                text += n;
                size -= (size_t)n;
        }
        return true;
}

static void flood(Peer *peer, char byte)
{
        char fill[FLOOD_CHUNK];

        memset(fill, byte, sizeof(fill));
        if (byte == 'x' && !say(peer, "{\"x\": \"", 7))
                return;
        while (say(peer, fill, sizeof(fill)))
                ;
}

/* Whether the emulator lives on. */
static bool answer(Peer *peer, const char *line)
{
        const char *id = strstr(line, "\"id\":");
        CLEANUP(free) char *reply = NULL;
        int size;

        assert_non_null(id);
        size = asprintf(&reply, "{\"return\": {}, %.*s\r\n", (int)strcspn(id, "\n"), id);
        if (strstr(line, "qmp_capabilities") || peer->manners == MANNERS_GOOD)
                return say(peer, reply, (size_t)size);
        peer->commands++;
        switch (peer->manners) {
        case MANNERS_HALF:
                say(peer, reply, (size_t)size / 2);
                return false;
        case MANNERS_HANGS:
                return true;
        case MANNERS_GARBAGE:
                say(peer, "Segmentation fault\n", 19);
                return true;
        case MANNERS_UNASKED:
                say(peer, "{\"return\": {}, \"id\": 4711}\r\n",
                    strlen("{\"return\": {}, \"id\": 4711}\r\n"));
                return true;
        case MANNERS_TWICE:
                say(peer, reply, (size_t)size);
                return say(peer, reply, (size_t)size);
        case MANNERS_FLOODS:
                flood(peer, 'x');
                return false;
        case MANNERS_SPACES:
                flood(peer, ' ');
                return false;
        case MANNERS_EVENTS:
                for (unsigned i = 0; i < 10; i++)
                        say(peer, EVENT, strlen(EVENT));
                return say(peer, reply, (size_t)size);
        case MANNERS_LAST_WORDS:
                say(peer, reply, (size_t)size);
                return false;
        default:
                return false;
        }
}

static void serve(Peer *peer)
{
        CLEANUP(file) FILE *in = fdopen(dup(peer->read_fd), "r");
        char line[4096];

        assert_non_null(in);
        if (!say(peer, GREETING, strlen(GREETING)))
                return;
        while (fgets(line, sizeof(line), in))
                if (!answer(peer, line))
                        return;
}

static void *run_peer(void *userdata)
{
        Peer *peer = userdata;
        char byte;

        if (peer->manners == MANNERS_MUTE)
                while (recv(peer->read_fd, &byte, 1, MSG_PEEK) > 0)
                        usleep(1000);
        else if (peer->manners != MANNERS_DEAD)
                serve(peer);
        if (peer->write_fd != peer->read_fd)
                close(peer->write_fd);
        close(peer->read_fd);
        return NULL;
}

typedef enum CloseAt {
        CLOSE_AT_END, /* when all calls are complete and the session has ended or is ready */
        CLOSE_IN_READY,
        CLOSE_IN_REPLY,
        CLOSE_IN_EVENT,
        CLOSE_NOW,
} CloseAt;

typedef struct Fixture {
        uv_loop_t loop;
        QmpClient *client;
        Peer peer;
        CloseAt close_at;
        unsigned ready, closed, events, completed, succeeded, calls;
        int last_error, closed_error;
        char sentence[512];
} Fixture;

static void close_client(Fixture *fixture)
{
        fixture->client = qmp_client_close(fixture->client);
}

static void on_ready(void *userdata)
{
        Fixture *fixture = userdata;

        fixture->ready++;
        if (fixture->close_at == CLOSE_IN_READY)
                close_client(fixture);
}

static void on_closed(int error, const MusterError *why, void *userdata)
{
        Fixture *fixture = userdata;

        assert_int_equal(error, muster_error_code(why));
        fixture->closed++;
        fixture->closed_error = error;
        snprintf(fixture->sentence, sizeof(fixture->sentence), "%s", muster_error_message(why));
        close_client(fixture);
}

static void on_event(const char *name, json_object *event, void *userdata)
{
        Fixture *fixture = userdata;

        fixture->events++;
        if (fixture->close_at == CLOSE_IN_EVENT)
                close_client(fixture);
}

static void on_reply(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Fixture *fixture = userdata;

        fixture->completed++;
        fixture->succeeded += error == 0;
        fixture->last_error = error;
        if (fixture->close_at == CLOSE_IN_REPLY ||
            (fixture->close_at == CLOSE_AT_END && fixture->completed == fixture->calls &&
             (fixture->peer.manners == MANNERS_GOOD || fixture->peer.manners == MANNERS_EVENTS ||
              error == -ETIMEDOUT)))
                close_client(fixture);
}

static void start_peer(Fixture *fixture, int read_fd, int write_fd, Manners manners)
{
        fixture->peer.read_fd = read_fd;
        fixture->peer.write_fd = write_fd;
        fixture->peer.manners = manners;
        assert_int_equal(pthread_create(&fixture->peer.thread, NULL, run_peer, &fixture->peer), 0);
}

static void open_pair(Fixture *fixture, Manners manners)
{
        int pair[2];

        assert_int_equal(uv_loop_init(&fixture->loop), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        start_peer(fixture, pair[1], pair[1], manners);
        assert_int_equal(qmp_client_open_socket(&fixture->loop, pair[0], &fixture->client, NULL), 0);
}

static void call(Fixture *fixture, unsigned n, uint64_t timeout)
{
        fixture->calls += n;
        for (; n > 0; n--)
                assert_int_equal(qmp_client_call(fixture->client, "query-status", NULL, 0, timeout, on_reply,
                                                 fixture, NULL),
                                 0);
}

/* Until the loop is idle, which it is only when the client has let go of everything. */
static void run(Fixture *fixture)
{
        qmp_client_set_handlers(fixture->client, on_ready, on_closed, on_event, fixture);
        if (fixture->close_at == CLOSE_NOW)
                close_client(fixture);
        uv_run(&fixture->loop, UV_RUN_DEFAULT);
        assert_null(fixture->client);
        assert_int_equal(uv_loop_close(&fixture->loop), 0);
        pthread_join(fixture->peer.thread, NULL);
        assert_int_equal(fixture->completed, fixture->calls);
        assert_true(fixture->ready <= 1 && fixture->closed <= 1);
}

static void test_good_peer(void **state)
{
        static const size_t slices[] = {0, 1, 7};

        for (size_t i = 0; i < ELEMENTSOF(slices); i++) {
                Fixture fixture = {.peer.slice = slices[i]};
                pid_t peer;

                open_pair(&fixture, MANNERS_GOOD);
                assert_int_equal(qmp_client_peer_pid(fixture.client, &peer), 0);
                assert_int_equal(peer, getpid());
                call(&fixture, 20, LONG);
                run(&fixture);
                assert_int_equal(fixture.succeeded, 20);
                assert_int_equal(fixture.closed, 0);
        }
}

static void test_faulty_peers(void **state)
{
        static const struct {
                Manners manners;
                int error;
                unsigned succeeded;
                const char *words;
        } rows[] = {
                {MANNERS_DIES, -ECONNRESET, 0, "unanswered"},
                {MANNERS_HALF, -ECONNRESET, 0, "in the middle of a QMP message"},
                {MANNERS_GARBAGE, -EBADMSG, 0, "Segmentation fault"},
                {MANNERS_UNASKED, -EPROTO, 0, "nobody asked for"},
                {MANNERS_TWICE, -EPROTO, 1, "twice"},
                {MANNERS_FLOODS, -EMSGSIZE, 0, "limit"},
                {MANNERS_DEAD, -ECONNRESET, 0, "before a QMP greeting"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Fixture fixture = {0};

                open_pair(&fixture, rows[i].manners);
                call(&fixture, 3, LONG);
                run(&fixture);
                assert_int_equal(fixture.succeeded, rows[i].succeeded);
                assert_int_equal(fixture.last_error, rows[i].error);
                assert_int_equal(fixture.closed, 1);
                assert_int_equal(fixture.closed_error, rows[i].error);
                if (!strstr(fixture.sentence, rows[i].words))
                        fail_msg("%s: %s", rows[i].words, fixture.sentence);
        }
}

/* No reply, whatever else comes or does not: the deadline is kept, no earlier and not much later. */
static void test_deadlines(void **state)
{
        static const Manners rows[] = {MANNERS_HANGS, MANNERS_SPACES, MANNERS_MUTE};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t start = now_usec(), took;
                Fixture fixture = {0};

                open_pair(&fixture, rows[i]);
                call(&fixture, 2, 40 * USEC_PER_MSEC);
                run(&fixture);
                took = now_usec() - start;
                assert_int_equal(fixture.last_error, -ETIMEDOUT);
                assert_true(took >= 40 * USEC_PER_MSEC && took < 5 * USEC_PER_SEC);
        }
}

static void test_close_within_callbacks(void **state)
{
        static const struct {
                CloseAt close_at;
                Manners manners;
        } rows[] = {
                {CLOSE_NOW, MANNERS_GOOD},        {CLOSE_IN_READY, MANNERS_HANGS},
                {CLOSE_IN_REPLY, MANNERS_GOOD},   {CLOSE_IN_REPLY, MANNERS_DIES},
                {CLOSE_IN_EVENT, MANNERS_EVENTS}, {CLOSE_IN_REPLY, MANNERS_FLOODS},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Fixture fixture = {.close_at = rows[i].close_at};

                open_pair(&fixture, rows[i].manners);
                call(&fixture, 5, LONG);
                run(&fixture);
                assert_true(fixture.succeeded < 5);
                assert_int_equal(fixture.closed, 0);
                assert_true(fixture.events <= 1);
                if (rows[i].close_at == CLOSE_IN_READY)
                        assert_int_equal(fixture.ready, 1);
        }
}

static void test_events(void **state)
{
        Fixture fixture = {0};

        open_pair(&fixture, MANNERS_EVENTS);
        call(&fixture, 3, LONG);
        run(&fixture);
        assert_int_equal(fixture.events, 30);
        assert_int_equal(fixture.succeeded, 3);
}

static void open_two_pipes(Fixture *fixture, Manners manners)
{
        int down[2], up[2];

        assert_int_equal(uv_loop_init(&fixture->loop), 0);
        assert_int_equal(pipe2(down, O_CLOEXEC), 0);
        assert_int_equal(pipe2(up, O_CLOEXEC), 0);
        start_peer(fixture, down[0], up[1], manners);
        assert_int_equal(qmp_client_open_pipes(&fixture->loop, up[0], down[1], &fixture->client, NULL), 0);
}

static void test_pipes(void **state)
{
        static const Manners rows[] = {MANNERS_GOOD, MANNERS_DIES, MANNERS_DEAD};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Fixture fixture = {0};
                pid_t peer;

                open_two_pipes(&fixture, rows[i]);
                assert_int_equal(qmp_client_peer_pid(fixture.client, &peer), -ENODATA);
                call(&fixture, 5, LONG);
                run(&fixture);
                assert_int_equal(fixture.succeeded, rows[i] == MANNERS_GOOD ? 5 : 0);
        }
}

/* Far more than a pipe holds: all of it arrives. */
static void test_backpressure(void **state)
{
        Fixture fixture = {0};

        open_two_pipes(&fixture, MANNERS_GOOD);
        call(&fixture, 10000, LONG);
        run(&fixture);
        assert_int_equal(fixture.succeeded, 10000);
}

static void call_again(void *userdata)
{
        Fixture *fixture = userdata;

        /*
         * The peer hangs up meanwhile, but that is still to be read: the write comes first. A SIGPIPE would
         * now end the test.
         */
        pthread_join(fixture->peer.thread, NULL);
        signal(SIGPIPE, SIG_DFL);
        call(fixture, 3, LONG);
}

static void test_write_to_the_dead(void **state)
{
        for (unsigned pipes = 0; pipes < 2; pipes++) {
                Fixture fixture = {0};

                if (pipes)
                        open_two_pipes(&fixture, MANNERS_LAST_WORDS);
                else
                        open_pair(&fixture, MANNERS_DIES);
                call(&fixture, 1, LONG);
                qmp_client_set_handlers(fixture.client, call_again, on_closed, on_event, &fixture);
                uv_run(&fixture.loop, UV_RUN_DEFAULT);
                signal(SIGPIPE, SIG_IGN);
                assert_null(fixture.client);
                assert_int_equal(uv_loop_close(&fixture.loop), 0);
                assert_int_equal(fixture.completed, 4);
                assert_int_equal(fixture.closed, 1);
                assert_int_equal(fixture.closed_error, -ECONNRESET);
                /* What was answered before the end is not lost by the failed writes. */
                assert_int_equal(fixture.succeeded, pipes);
        }
}

static int listen_at(const char *path, int backlog)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, backlog), 0);
        return fd;
}

static void test_unix_socket(void **state)
{
        char folder[] = "/tmp/muster-test-XXXXXX", path[64];
        Fixture fixture = {0};
        int listener, fd;

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/qmp", folder);
        listener = listen_at(path, 1);
        assert_int_equal(uv_loop_init(&fixture.loop), 0);
        assert_int_equal(qmp_client_connect(&fixture.loop, path, &fixture.client, NULL), 0);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        start_peer(&fixture, fd, fd, MANNERS_GOOD);
        call(&fixture, 5, LONG);
        run(&fixture);
        assert_int_equal(fixture.succeeded, 5);
        close(listener);
        unlink(path);
        rmdir(folder);
}

static int try_connect(uv_loop_t *loop, const char *path, const char *words)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        QmpClient *client = NULL;
        int r = qmp_client_connect(loop, path, &client, &error);

        assert_true(r < 0);
        assert_null(client);
        if (!strstr(muster_error_message(error), words))
                fail_msg("%s: %s", words, muster_error_message(error));
        return r;
}

static void test_connect_fails(void **state)
{
        char folder[] = "/tmp/muster-test-XXXXXX", path[64], too_long[200];
        int listener, waiting[8];
        uint64_t start;
        uv_loop_t loop;

        assert_int_equal(uv_loop_init(&loop), 0);
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/qmp", folder);
        memset(too_long, 'x', sizeof(too_long));
        too_long[sizeof(too_long) - 1] = '\0';
        assert_int_equal(try_connect(&loop, too_long, "107 bytes"), -ENAMETOOLONG);
        assert_int_equal(try_connect(&loop, "", "empty"), -EINVAL);
        assert_int_equal(try_connect(&loop, path, "no socket"), -ENOENT);

        /* A monitor whose queue is full, as QEMU's is with a client at work and others waiting. */
        listener = listen_at(path, 0);
        for (size_t i = 0; i < ELEMENTSOF(waiting); i++) {
                struct sockaddr_un address = {.sun_family = AF_UNIX};

                snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
                waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                (void)!connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
        }
        start = now_usec();
        assert_int_equal(try_connect(&loop, path, "does not accept"), -EAGAIN);
        assert_true(now_usec() - start < 3 * USEC_PER_SEC);
        for (size_t i = 0; i < ELEMENTSOF(waiting); i++)
                close(waiting[i]);
        close(listener);

        assert_int_equal(try_connect(&loop, path, "Nobody listens"), -ECONNREFUSED);
        unlink(path);
        rmdir(folder);
        assert_int_equal(uv_loop_close(&loop), 0);
}

/* Descriptors that no loop can watch are closed all the same. */
static void test_no_socket(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int fd = memfd_create("no-socket", MFD_CLOEXEC), pair[2];
        QmpClient *client = NULL;
        uv_loop_t loop;

        assert_int_equal(uv_loop_init(&loop), 0);
        assert_true(qmp_client_open_socket(&loop, fd, &client, &error) < 0);
        assert_null(client);
        assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);

        fd = memfd_create("no-pipe", MFD_CLOEXEC);
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        assert_true(qmp_client_open_pipes(&loop, pair[0], fd, &client, NULL) < 0);
        assert_true(fcntl(pair[0], F_GETFD) < 0 && errno == EBADF);
        assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
        close(pair[1]);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_peer),    cmocka_unit_test(test_faulty_peers),
                cmocka_unit_test(test_deadlines),    cmocka_unit_test(test_close_within_callbacks),
                cmocka_unit_test(test_events),       cmocka_unit_test(test_pipes),
                cmocka_unit_test(test_backpressure), cmocka_unit_test(test_write_to_the_dead),
                cmocka_unit_test(test_unix_socket),  cmocka_unit_test(test_connect_fails),
                cmocka_unit_test(test_no_socket),
        };

        /* For the peers: they are threads of this process and write to a client that is gone. */
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
