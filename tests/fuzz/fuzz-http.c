/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The first byte says in what slices the rest reaches the HTTP server, over a socketpair. Handlers answer at
 * once, later, after the client left, or with a stream, by the method's and the path's first letters. What
 * must hold: text is text, a request is there until it is answered, the connection ends when the client
 * does, and what comes back is HTTP.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "daemon/http-private.h"

#define BODY_MAX  4096U
#define TURNS_MAX 1000U

typedef struct Case {
        HttpRequest *held;
        HttpStream *stream;
        unsigned gone, requests;
} Case;

static uv_loop_t loop;
static HttpServer *server;
static Case current;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void answer(HttpRequest *request)
{
        char *body = strdup(http_request_path(request));

        require(body != NULL);
        http_request_answer(request, 200, "text/plain", body, strlen(body));
}

static void on_gone(HttpRequest *request, void *userdata)
{
        require(request == current.held);
        require(++current.gone == 1);
}

static void on_closed(HttpStream *stream, void *userdata)
{
        require(stream == current.stream);
        current.stream = NULL;
}

static void check(const HttpRequest *request)
{
        const char *query = http_request_query(request, "q"), *type;
        size_t size;
        const char *body = http_request_body(request, &size), *path = http_request_path(request);

        require(size <= BODY_MAX && body[size] == '\0');
        require(path[0] == '/' && text_is_utf8(path, strlen(path)));
        require(!query || text_is_utf8(query, strlen(query)));
        type = http_request_header(request, "Content-Type");
        require(!type || strlen(type) < 65536);
        require(strlen(http_request_method(request)) > 0);
}

static void on_request(HttpRequest *request, void *userdata)
{
        check(request);
        require(!current.held && !current.stream); /* one at a time */
        current.requests++;
        switch (http_request_path(request)[1]) {
        case 'h':
                current.gone = 0;
                current.held = request;
                http_request_set_gone_handler(request, on_gone, NULL);
                break;
        case 's':
                current.stream = http_request_stream(request, "text/event-stream", on_closed, NULL);
                break;
        default:
                answer(request);
        }
}

static HttpRight on_authorize(const HttpPeer *peer, void *userdata)
{
        return HTTP_RIGHT_ALL;
}

static void start(void)
{
        const HttpLimits limits = {
                .connections = 4,
                .connections_per_user = 4,
                .body = BODY_MAX,
                .idle_usec = 3600 * USEC_PER_SEC,
        };
        const sa_family_t family = AF_UNIX; /* an abstract address is chosen */
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        require(bind(fd, (const struct sockaddr *)&family, sizeof(family)) == 0 && listen(fd, 1) == 0);
        require(uv_loop_init(&loop) == 0);
        require(http_server_new(&loop, fd, &limits, on_authorize, on_request, NULL, &server, NULL) == 0);
}

/* Also lets out what a handler kept, in the middle of whatever comes next. */
static void turn(int fd, size_t *received)
{
        char buffer[4096];
        ssize_t n;

        uv_run(&loop, UV_RUN_NOWAIT);
        if (current.stream)
                http_stream_send(current.stream, "data\n\n", 6);
        else if (current.held && current.requests % 2)
                answer(TAKE(current.held));
        uv_run(&loop, UV_RUN_NOWAIT);
        if (fd < 0)
                return;
        n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n < 5)
                return;
        require(*received > 0 || memcmp(buffer, "HTTP/", 5) == 0);
        *received += (size_t)n;
}

static void feed(int fd, const char *data, size_t size, size_t slice)
{
        size_t received = 0;

        while (size > 0) {
                ssize_t n = send(fd, data, size < slice ? size : slice, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        return;
                if (n > 0) {
                        data += n;
                        size -= (size_t)n;
                } else if (current.held)
                        answer(TAKE(current.held));
                else if (current.stream)
                        return; /* what follows is not read while it goes on */
                turn(fd, &received);
        }
        turn(fd, &received);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fds[2];

        if (size < 1 || size > 256U * 1024)
                return 0;
        if (!server)
                start();
        current = (Case){};
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        http_server_adopt(server, fds[0]);
        feed(fds[1], (const char *)data + 1, size - 1, data[0] ? data[0] : 65536);
        if (data[0] % 3 == 1)
                shutdown(fds[1], SHUT_WR);
        turn(-1, NULL);
        close(fds[1]);
        for (unsigned n = 0; http_server_connections(server) > 0; n++) {
                require(n < TURNS_MAX);
                turn(-1, NULL);
                if (current.held && n > 2)
                        answer(TAKE(current.held));
        }
        require(!current.stream);
        return 0;
}
