/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/agent.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/agent-stream.h"

/*
 *   connect ──► 0xff guest-sync-delimited ──► its answer ──► the command ──► its answer
 *                                                               └─ none: a moment's wait for an error
 *
 * The byte 0xff makes the agent forget half a command that somebody before us may have sent. All of it has
 * one deadline. The socket's folder belongs to the emulator, so who listens is looked at first. The emulator
 * serves one client at a time: behind another one, the deadline answers.
 */

/* By then an agent has said why it cannot, if it cannot. */
#define GRACE_MSEC 1000

struct AgentCall {
        uv_pipe_t pipe;
        uv_timer_t timer;
        uv_connect_t connect;
        uv_write_t writes[2]; /* of the synchronisation, of the command */
        unsigned n_closing;
        bool sent;
        unsigned flags;
        pid_t peer;
        char *texts[2];
        json_object *command;
        AgentStream stream;
        char buffer[4096];
        AgentDoneFn done;
        void *userdata;
};

/* --- the end --------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
        AgentCall *call = handle->data;

        if (--call->n_closing > 0)
                return;
        agent_stream_clear(&call->stream);
        json_object_put(call->command);
        free(call->texts[0]);
        free(call->texts[1]);
        free(call);
}

/* A connect or a write under way comes back before the handle is closed. */
static void close_all(AgentCall *call)
{
        if (uv_is_closing((uv_handle_t *)&call->timer))
                return;
        call->n_closing = 2;
        uv_close((uv_handle_t *)&call->timer, on_closed);
        uv_close((uv_handle_t *)&call->pipe, on_closed);
}

AgentCall *agent_cancel(AgentCall *call)
{
        if (call) {
                call->done = NULL;
                close_all(call);
        }
        return NULL;
}

static void finish(AgentCall *call, int r, json_object *reply, const MusterError *error)
{
        AgentDoneFn done = TAKE(call->done);

        close_all(call);
        if (done)
                done(r, reply, error, call->userdata);
}

static void fail(AgentCall *call, int r)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (r == -EPERM)
                error_set(&error, r, _("It is not the emulator that listens on the agent's socket."));
        else if (r == -EPROTO || r == -EBADMSG || r == -EFBIG)
                error_set(&error, r, _("What the guest agent answers is no answer, or too long."));
        else
                error_set(&error, r,
                          _("The guest agent does not answer; the guest must run, and qemu-guest-agent in "
                            "it."));
        finish(call, r, NULL, error);
}

static void on_timer(uv_timer_t *timer)
{
        AgentCall *call = timer->data;

        if (call->sent && (call->flags & AGENT_NO_REPLY) != 0)
                finish(call, 0, NULL, NULL);
        else
                fail(call, -ETIMEDOUT);
}

/* --- to the agent ---------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
        AgentCall *call = request->data;

        if (uv_is_closing((uv_handle_t *)&call->pipe))
                return;
        if (status < 0)
                fail(call, -ENOTCONN);
        else if (call->sent && (call->flags & AGENT_NO_REPLY) != 0)
                uv_timer_start(&call->timer, on_timer, GRACE_MSEC, 0);
}

static void send_text(AgentCall *call, char *text)
{
        uv_buf_t buffer = uv_buf_init(text, text ? (unsigned)strlen(text) : 0);
        int r = text ? 0 : -ENOMEM;

        call->texts[call->sent] = text;
        call->writes[call->sent].data = call;
        if (r >= 0)
                r = uv_write(&call->writes[call->sent], (uv_stream_t *)&call->pipe, &buffer, 1, on_written);
        if (r < 0)
                fail(call, r);
}

static void send_command(AgentCall *call)
{
        CLEANUP(free) char *text = json_to_text(call->command);

        call->sent = true;
        send_text(call, text ? text_format("%s\n", text) : NULL);
}

/* --- from the agent -------------------------------------------------------------------------------- */

static void on_reply(AgentCall *call, json_object *reply)
{
        json_object *fault = json_get(reply, "error", json_type_object), *value;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;
        const char *why;

        if (!fault && !json_object_object_get_ex(reply, "return", &value)) {
                fail(call, -EPROTO);
                return;
        }
        if (!fault) {
                finish(call, 0, reply, NULL);
                return;
        }
        why = json_get_string(fault, "desc") ?: "?";
        text = text_for_terminal(why, strlen(why), 1000);
        error_set(&error, -EIO, _("The guest agent refused: %s"), text ?: "?");
        finish(call, -EIO, reply, error);
}

static void take_bytes(AgentCall *call, const char *data, size_t size)
{
        while (size > 0) {
                CLEANUP(json) json_object *reply = NULL;
                size_t used;
                bool synced = call->stream.synced;
                int r = agent_stream_feed(&call->stream, data, size, &used, &reply);

                if (r < 0)
                        fail(call, r);
                else if (r > 0 && synced)
                        on_reply(call, reply);
                else if (r > 0 && used < size)
                        fail(call, -EPROTO); /* it answers before it was asked */
                else if (r > 0)
                        send_command(call);
                if (r != 0)
                        return;
                data += used;
                size -= used;
        }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        AgentCall *call = handle->data;

        *ret = uv_buf_init(call->buffer, sizeof(call->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
        AgentCall *call = stream->data;

        if (n > 0)
                take_bytes(call, buffer->base, (size_t)n);
        else if (n < 0 && call->sent && (call->flags & AGENT_NO_REPLY) != 0)
                finish(call, 0, NULL, NULL); /* the emulator went with its guest */
        else if (n < 0)
                fail(call, -ENOTCONN);
}

/* --- the beginning --------------------------------------------------------------------------------- */

static bool is_peer(AgentCall *call)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);
        uv_os_fd_t fd;

        return call->peer == 0 ||
               (uv_fileno((uv_handle_t *)&call->pipe, &fd) >= 0 &&
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == call->peer);
}

static void on_connected(uv_connect_t *connect, int status)
{
        AgentCall *call = connect->data;

        if (uv_is_closing((uv_handle_t *)&call->pipe))
                return;
        if (status < 0 || !is_peer(call)) {
                fail(call, status < 0 ? -ENOTCONN : -EPERM);
                return;
        }
        if (uv_read_start((uv_stream_t *)&call->pipe, on_allocate, on_read) < 0)
                fail(call, -ENOTCONN);
        else
                send_text(call,
                          text_format(
                                  "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%lld}}\n",
                                  (long long)call->stream.id));
}

/* An agent's numbers are signed, and some print them by way of a double. */
static int64_t random_id(void)
{
        uint32_t number;

        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                number = (uint32_t)now_usec();
        return number & 0x7fffffff;
}

int agent_call(uv_loop_t *loop, const char *path, pid_t peer, json_object *command, unsigned flags,
               uint64_t timeout_usec, AgentDoneFn done, void *userdata, AgentCall **ret,
               MusterError **ret_error)
{
        AgentCall *call;

        /* libuv cuts what is longer, silently. */
        if (strlen(path) >= 108)
                return error_set(ret_error, -ENAMETOOLONG, _("%s is too long for a socket's path."), path);
        call = calloc(1, sizeof(*call));
        if (!call)
                return error_oom(ret_error);
        call->flags = flags;
        call->peer = peer;
        call->command = json_object_get(command);
        call->stream.id = random_id();
        call->done = done;
        call->userdata = userdata;
        uv_pipe_init(loop, &call->pipe, /* ipc= */ 0);
        uv_timer_init(loop, &call->timer);
        call->pipe.data = call->timer.data = call->connect.data = call;
        uv_timer_start(&call->timer, on_timer, timeout_usec / USEC_PER_MSEC, 0);
        /* A failure comes by the callback, too. */
        uv_pipe_connect(&call->connect, &call->pipe, path, on_connected);
        *ret = call;
        return 0;
}
