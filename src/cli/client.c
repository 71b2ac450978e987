/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cancel.h"
#include "cli/http-answer.h"

/*
 * A connection a call: on a Unix socket it costs next to nothing, and there is no connection of before that
 * the daemon may have closed meanwhile, so that nothing ever needs to be sent twice.
 */

Client *client_free(Client *client)
{
        if (!client)
                return NULL;
        free(client->socket);
        json_object_put(client->faults);
        free(client);
        return NULL;
}

bool client_refused(const Client *client)
{
        return client->status == 403 || client->status == 404 || client->status == 409 ||
               client->status == 422 || client->status == 507;
}

/* --- one exchange ----------------------------------------------------------------------------------- */

typedef struct Exchange {
        int fd, cancel_fd;
        uint64_t deadline;
        const ClientRequest *request;
        HttpAnswer answer;
        char *text;
        size_t size;
} Exchange;

static void cleanup_exchange(Exchange *exchange)
{
        if (exchange->fd >= 0)
                close(exchange->fd);
        http_answer_clear(&exchange->answer);
        free(exchange->text);
}

static int on_body(const char *data, size_t size, void *userdata)
{
        Exchange *exchange = userdata;
        char *grown;

        if (exchange->request->on_body && exchange->answer.status < 300)
                return exchange->request->on_body(data, size, exchange->request->userdata);
        if (exchange->size + size > CLIENT_ANSWER_MAX)
                return -E2BIG;
        grown = realloc(exchange->text, exchange->size + size + 1);
        if (!grown)
                return -ENOMEM;
        exchange->text = grown;
        memcpy(grown + exchange->size, data, size);
        exchange->size += size;
        grown[exchange->size] = '\0';
        return 0;
}

/* Until the socket is ready for this. -ETIMEDOUT, -ECANCELED. */
static int wait_ready(const Exchange *exchange, short events)
{
        struct pollfd fds[] = {{.fd = exchange->fd, .events = events},
                               {.fd = exchange->cancel_fd, .events = POLLIN}};
        int timeout = -1, n;

        do {
                uint64_t now = now_usec();

                if (exchange->deadline != CLIENT_NO_TIMEOUT) {
                        if (now >= exchange->deadline)
                                return -ETIMEDOUT;
                        timeout = (int)((exchange->deadline - now) / USEC_PER_MSEC) + 1;
                }
                n = poll(fds, ELEMENTSOF(fds), timeout);
        } while (n == 0 || (n < 0 && errno == EINTR));
        if (n < 0)
                return -errno;
        return fds[1].revents ? -ECANCELED : 0;
}

static char *request_text(const ClientRequest *request, size_t *ret_size)
{
        CLEANUP(free) char *json = request->body ? json_to_text(request->body) : NULL;
        const char *body = request->xml ?: json ?: "";
        char *text;
        int n;

        if (request->body && !json)
                return NULL;
        n = asprintf(&text,
                     "%s %s HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n%s%s%sContent-Length: "
                     "%zu\r\n\r\n%s",
                     request->method, request->path, *body ? "Content-Type: " : "",
                     request->xml ? "application/xml"
                     : *body      ? "application/json"
                                  : "",
                     *body ? "\r\n" : "", strlen(body), body);
        if (n < 0)
                return NULL;
        *ret_size = (size_t)n;
        return text;
}

/* A daemon that refuses connections beyond a limit answers before it has read: that answer counts. */
static int send_request(const Exchange *exchange, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = send(exchange->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                int r;

                if (n >= 0) {
                        text += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno == EPIPE || errno == ECONNRESET)
                        return 0;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                r = wait_ready(exchange, POLLOUT);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int receive(Exchange *exchange)
{
        char buffer[16384];
        int r = 0;

        while (r >= 0 && !http_answer_done(&exchange->answer)) {
                ssize_t n = recv(exchange->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

                if (n > 0)
                        r = http_answer_feed(&exchange->answer, buffer, (size_t)n);
                else if (n == 0)
                        return http_answer_end(&exchange->answer);
                else if (errno == EAGAIN || errno == EINTR)
                        r = wait_ready(exchange, POLLIN);
                else
                        return -errno;
        }
        return r;
}

static int talk(Exchange *exchange)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        int r;

        text = request_text(exchange->request, &size);
        if (!text)
                return -ENOMEM;
        r = http_answer_init(&exchange->answer, on_body, exchange);
        if (r >= 0)
                r = send_request(exchange, text, size);
        return r < 0 ? r : receive(exchange);
}

/* --- what was answered ------------------------------------------------------------------------------ */

static int errno_of(const char *name)
{
        for (int number = 1; name && number < 134; number++)
                if (streq_ptr(strerrorname_np(number), name))
                        return -number;
        return -EIO;
}

/* The daemon's own sentence. */
static int refusal(const Exchange *exchange, const json_object *object, MusterError **ret_error)
{
        const json_object *error = json_get(object, "error", json_type_object);
        const char *message = json_get_string(error, "message");

        if (!message)
                return error_set_detail(ret_error, -EPROTO, exchange->text,
                                        _("The daemon refused the request with status %u."),
                                        exchange->answer.status);
        return error_set_detail(ret_error, errno_of(json_get_string(error, "errno")),
                                json_get_string(error, "detail"), "%s", message);
}

static int failed(const Client *client, int r, MusterError **ret_error)
{
        switch (r) {
        case -ECANCELED:
                return error_set(ret_error, r,
                                 _("Interrupted; the daemon goes on with what it was asked for."));
        case -ETIMEDOUT:
                return error_set(ret_error, r,
                                 _("The daemon did not answer in time; it may still do what it was asked "
                                   "for."));
        case -ECONNRESET:
                return error_set(ret_error, r,
                                 _("The daemon closed the connection before it had answered; see its log "
                                   "for why."));
        case -EBADMSG:
        case -E2BIG:
                return error_set(ret_error, -EPROTO, _("What listens at %s is no daemon of muster's."),
                                 client->socket);
        default:
                return error_errno(ret_error, r, _("Cannot talk to the daemon"));
        }
}

static int evaluate(Client *client, Exchange *exchange, json_object **ret_json, char **ret_text,
                    MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;
        json_object *faults;

        client->status = exchange->answer.status;
        if (exchange->text && streq(exchange->answer.type, "application/json") &&
            json_parse(exchange->text, exchange->size, &object) < 0)
                return failed(client, -EBADMSG, ret_error);
        faults = json_get(object, "faults", json_type_array);
        json_object_put(client->faults);
        client->faults = faults ? json_object_get(faults) : NULL;
        if (client->status >= 300)
                return refusal(exchange, object, ret_error);
        if (ret_json && !object)
                return failed(client, -EBADMSG, ret_error);
        if (ret_json)
                *ret_json = TAKE(object);
        if (ret_text) {
                *ret_text = exchange->text ? TAKE(exchange->text) : strdup("");
                if (!*ret_text)
                        return error_oom(ret_error);
        }
        return 0;
}

int client_call(Client *client, const ClientRequest *request, json_object **ret_json, char **ret_text,
                MusterError **ret_error)
{
        CLEANUP(exchange) Exchange exchange = {.fd = -1, .request = request};
        int r;

        client->status = 0;
        exchange.fd = client_connect(client, ret_error);
        if (exchange.fd < 0)
                return exchange.fd;
        exchange.cancel_fd = cancel_begin(ret_error);
        if (exchange.cancel_fd < 0)
                return exchange.cancel_fd;
        exchange.deadline =
                client->usec == CLIENT_NO_TIMEOUT ? CLIENT_NO_TIMEOUT : now_usec() + client->usec;
        r = cancel_end(talk(&exchange));
        return r < 0 ? failed(client, r, ret_error)
                     : evaluate(client, &exchange, ret_json, ret_text, ret_error);
}

/* --- paths ------------------------------------------------------------------------------------------ */

/* Percent-encoded, behind what `text` is; frees `text`, passes NULL on. */
static char *append_encoded(char *text, const char *before, const char *word)
{
        CLEANUP(free) char *owned = text;
        char *grown, *end;

        if (!owned)
                return NULL;
        grown = malloc(strlen(owned) + strlen(before) + 3 * strlen(word) + 1);
        if (!grown)
                return NULL;
        end = stpcpy(stpcpy(grown, owned), before);
        for (; *word; word++)
                if ((*word >= 'a' && *word <= 'z') || (*word >= 'A' && *word <= 'Z') ||
                    (*word >= '0' && *word <= '9') || strchr("-._~", *word))
                        *end++ = *word;
                else
                        end += sprintf(end, "%%%02X", (unsigned char)*word);
        *end = '\0';
        return grown;
}

char *client_path(const char *first, const char *const *words)
{
        char *path = strdup(first);

        for (; words && *words; words++)
                path = append_encoded(path, "/", *words);
        return path;
}

char *client_query(char *path, const char *name, const char *value)
{
        CLEANUP(free) char *before = path ? text_format("%c%s=", strchr(path, '?') ? '&' : '?', name) : NULL;

        if (!before) {
                free(path);
                return NULL;
        }
        return append_encoded(path, before, value);
}
