/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

#include "base/util.h"
#include "daemon/agent-stream.h"
#include "daemon/agent.h"

/* --- the stream ------------------------------------------------------------------------------------- */

/* All of it, in pieces of this size: how many messages behind the synchronisation; or a negative errno. */
static int feed(AgentStream *stream, const char *data, size_t size, size_t piece, json_object **ret)
{
        int n = 0;

        for (size_t at = 0; at < size;) {
                size_t now = size - at < piece ? size - at : piece, used;
                bool synced = stream->synced;
                json_object *object = NULL;
                int r = agent_stream_feed(stream, data + at, now, &used, &object);

                if (r < 0)
                        return r;
                assert_true(used > 0 && used <= now);
                at += used;
                n += r > 0 && synced;
                if (object) {
                        json_object_put(*ret);
                        *ret = object;
                }
        }
        return n;
}

static void test_stream(void **state)
{
        static const struct {
                const char *text;
                int messages; /* -1: never synchronised; else a negative errno, or how many */
        } rows[] = {
                {"\xff{\"return\": 7}\n{\"return\": {}}\n", 1},
                {"junk\n{\"return\": 7}\n\xff{\"return\": 7}\n{\"return\": {}}\n", 1},
                {"\xff{\"return\": 6}\n\xff{\"return\": 7}\n{\"return\": {}}\n{\"return\": 2}\n", 2},
                {"\xff\xff\xff{\"return\": 7}\r\n{\"return\": {}}\r\n", 1},
                {"\xff{\"ret\xff\n{\"return\": 7}\n{\"return\": {}}\n", 1},
                {"\xff\n\n{\"return\": 7}\n\n\n{\"return\": {}}\n", 1},
                {"\xff{\"return\": \"7\"}\n{\"return\": {}}\n", -1},
                {"{\"return\": 7}\n{\"return\": {}}\n", -1},
                {"\xff{\"error\": {}}\n{\"return\": {}}\n", -1},
                {"\xff[]\n\xff 7\n\xff"
                 "nonsense\n",
                 -1},
                {"\xff{\"return\": 7}\nnonsense\n", -EBADMSG},
                {"\xff{\"return\": 7}\n[]\n", -EBADMSG},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t piece = 1; piece <= strlen(rows[i].text); piece++) {
                        AgentStream stream = {.id = 7};
                        CLEANUP(json) json_object *last = NULL;
                        int n = feed(&stream, rows[i].text, strlen(rows[i].text), piece, &last);

                        if (rows[i].messages == -1) {
                                assert_int_equal(n, 0);
                                assert_false(stream.synced);
                        } else {
                                assert_int_equal(n, rows[i].messages);
                                assert_true(stream.synced);
                        }
                        agent_stream_clear(&stream);
                }
}

static void test_stream_is_bounded(void **state)
{
        CLEANUP(free) char *junk = malloc(4096);
        CLEANUP(json) json_object *last = NULL;
        AgentStream stream = {.id = 7};
        size_t taken = 0;
        int r = 0;

        memset(junk, 'x', 4096);
        for (; r >= 0 && taken < 2 * AGENT_JUNK_MAX; taken += 4096)
                r = feed(&stream, junk, 4096, 4096, &last);
        assert_int_equal(r, -EFBIG);
        agent_stream_clear(&stream);

        stream = (AgentStream){.id = 7, .synced = true};
        for (taken = 0, r = 0; r >= 0 && taken < 2 * AGENT_MESSAGE_MAX; taken += 4096)
                r = feed(&stream, junk, 4096, 4096, &last);
        assert_int_equal(r, -EFBIG);
        agent_stream_clear(&stream);

        /* What begins like an answer, without end, and the right one behind it. */
        stream = (AgentStream){.id = 7};
        assert_int_equal(feed(&stream, "\xff", 1, 1, &last), 0);
        for (taken = 0; taken < 2 * AGENT_MESSAGE_MAX; taken += 4096)
                assert_int_equal(feed(&stream, junk, 4096, 4096, &last), 0);
        assert_int_equal(feed(&stream, "\xff{\"return\":7}\n", 14, 14, &last), 0);
        assert_true(stream.synced);
        agent_stream_clear(&stream);
}

/* --- the conversation ------------------------------------------------------------------------------- */

/* What the other end does: a thread on a real socket. */
typedef struct Peer {
        const char *before; /* sent at once */
        bool mute, closes;  /* it never answers; it closes behind the synchronisation */
        const char *reply;  /* to the command; NULL: none */
        /* and what came of it */
        int listener;
        char command[256];
        char path[64];
        uv_thread_t thread;
} Peer;

static size_t read_line(int fd, char *line, size_t size)
{
        size_t n = 0;

        while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
                n++;
        line[n] = '\0';
        return n;
}

static void send_all(int fd, const char *text)
{
        (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void serve(void *pointer)
{
        Peer *peer = pointer;
        CLEANUP(fd) int fd = accept(peer->listener, NULL, NULL);
        CLEANUP(free) char *answer = NULL;
        char line[256];
        const char *id;

        if (peer->before)
                send_all(fd, peer->before);
        if (read_line(fd, line, sizeof(line)) == 0 || peer->closes)
                return;
        id = strstr(line, "\"id\":");
        if (!peer->mute && line[0] == '\xff' && strstr(line, "guest-sync-delimited") && id) {
                answer = text_format("\xff{\"return\": %lld}\n", strtoll(id + 5, NULL, 10));
                send_all(fd, answer);
                (void)read_line(fd, peer->command, sizeof(peer->command));
                if (peer->reply)
                        send_all(fd, peer->reply);
        }
        while (read(fd, line, sizeof(line)) > 0)
                ;
}

typedef struct Outcome {
        unsigned calls;
        int result;
        json_object *reply;
        char *message;
} Outcome;

static void on_done(int result, json_object *reply, const MusterError *error, void *userdata)
{
        Outcome *outcome = userdata;

        outcome->calls++;
        outcome->result = result;
        outcome->reply = reply ? json_object_get(reply) : NULL;
        outcome->message = error ? strdup(muster_error_message(error)) : NULL;
}

static void listen_on(Peer *peer)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        (void)snprintf(peer->path, sizeof(peer->path), "/tmp/muster-test-agent-%d", (int)getpid());
        (void)unlink(peer->path);
        memcpy(address.sun_path, peer->path, sizeof(peer->path));
        peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(peer->listener, 1), 0);
}

static void talk(Peer *peer, pid_t pid, unsigned flags, uint64_t msec, Outcome *ret)
{
        CLEANUP(json) json_object *command = json_object_new_object();
        AgentCall *call;
        uv_loop_t loop;

        listen_on(peer);
        uv_loop_init(&loop);
        assert_int_equal(uv_thread_create(&peer->thread, serve, peer), 0);
        assert_int_equal(json_add_string(command, "execute", "guest-ping"), 0);
        assert_int_equal(agent_call(&loop, peer->path, pid, command, flags, msec * USEC_PER_MSEC, on_done,
                                    ret, &call, NULL),
                         0);
        assert_int_equal(ret->calls, 0);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&loop), 0);
        uv_thread_join(&peer->thread);
        close(peer->listener);
        unlink(peer->path);
        assert_int_equal(ret->calls, 1);
}

static void clear(Outcome *outcome)
{
        json_object_put(outcome->reply);
        free(outcome->message);
}

static void test_conversations(void **state)
{
        static const struct {
                Peer peer;
                unsigned flags;
                int result;
                const char *says;
        } rows[] = {
                {{.reply = "{\"return\": {}}\n"}, 0, 0, NULL},
                {{.before = "{\"return\": 3}\njunk\xff{\"return\": 4}\n", .reply = "{\"return\": {}}\n"},
                 0,
                 0,
                 NULL},
                {{.reply = "{\"error\": {\"class\": \"X\", \"desc\": \"not\\u001b[31m now\"}}\n"},
                 0,
                 -EIO,
                 "not?[31m now"},
                {{.reply = "{\"neither\": 1}\n"}, 0, -EPROTO, "no answer"},
                {{.reply = "nonsense\n"}, 0, -EBADMSG, "no answer"},
                {{.mute = true}, 0, -ETIMEDOUT, "does not answer"},
                {{.closes = true}, 0, -ENOTCONN, "does not answer"},
                {{}, 0, -ETIMEDOUT, "does not answer"},
                {{.reply = "{\"error\": {\"desc\": \"disabled\"}}\n"}, AGENT_NO_REPLY, -EIO, "disabled"},
                {{}, AGENT_NO_REPLY, 0, NULL},
                {{.closes = true}, AGENT_NO_REPLY, -ENOTCONN, "does not answer"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Peer peer = rows[i].peer;
                Outcome outcome = {};

                talk(&peer, getpid(), rows[i].flags, 300, &outcome);
                assert_int_equal(outcome.result, rows[i].result);
                if (rows[i].says)
                        assert_non_null(strstr(outcome.message, rows[i].says));
                if (outcome.result == 0)
                        assert_non_null(strstr(peer.command, "\"guest-ping\""));
                clear(&outcome);
        }
}

static void test_wrong_peer(void **state)
{
        Peer peer = {.reply = "{\"return\": {}}\n"};
        Outcome outcome = {};

        talk(&peer, getpid() + 1, 0, 1000, &outcome);
        assert_int_equal(outcome.result, -EPERM);
        assert_string_equal(peer.command, "");
        clear(&outcome);
}

static void test_nobody_listens(void **state)
{
        CLEANUP(json) json_object *command = json_object_new_object();
        Outcome outcome = {};
        AgentCall *call;
        uv_loop_t loop;

        uv_loop_init(&loop);
        assert_int_equal(agent_call(&loop, "/nowhere/agent", 0, command, 0, USEC_PER_SEC, on_done, &outcome,
                                    &call, NULL),
                         0);
        assert_int_equal(outcome.calls, 0);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(outcome.result, -ENOTCONN);
        clear(&outcome);
        outcome = (Outcome){};
        assert_int_equal(agent_call(&loop, "/nowhere/agent", 0, command, 0, USEC_PER_SEC, on_done, &outcome,
                                    &call, NULL),
                         0);
        agent_cancel(call);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(outcome.calls, 0);
        assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_find(void **state)
{
        static const struct {
                const char *words[3], *path;
        } rows[] = {
                {{"socket,id=charchannel0,path=/run/a,,b/channel0.sock,server=on,wait=off",
                  "{\"driver\":\"virtserialport\",\"chardev\":\"charchannel0\",\"name\":\"org.qemu.guest_"
                  "agent.0\"}"},
                 "/run/a,b/channel0.sock"},
                {{"socket,id=charchannel0,path=/a", "socket,id=charchannel1,path=/b",
                  "virtserialport,chardev=charchannel1,name=org.qemu.guest_agent.0,id=channel1"},
                 "/b"},
                {{"socket,path=/x,,id=charchannel0,id=charchannel1",
                  "virtserialport,chardev=charchannel0,name=org.qemu.guest_agent.0"},
                 NULL},
                {{"socket,id=charchannel0,path=/a", "virtserialport,chardev=charchannel0,name=other"}, NULL},
                {{"pty,id=charchannel0", "virtserialport,chardev=charchannel0,name=org.qemu.guest_agent.0"},
                 NULL},
                {{"virtserialport,name=org.qemu.guest_agent.0", "{\"virtserialport org.qemu.guest_agent.0"},
                 NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(json) json_object *argv = json_object_new_array();
                CLEANUP(free) char *path = NULL;

                for (size_t n = 0; n < 3 && rows[i].words[n]; n++)
                        assert_int_equal(json_append_string(argv, rows[i].words[n]), 0);
                assert_int_equal(agent_find(argv, &path), 0);
                assert_true(streq_ptr(path, rows[i].path));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stream),         cmocka_unit_test(test_stream_is_bounded),
                cmocka_unit_test(test_conversations),  cmocka_unit_test(test_wrong_peer),
                cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
