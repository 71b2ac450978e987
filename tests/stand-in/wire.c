/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The monitor's socket: one client at a time; who connects meanwhile waits in the listener's queue, and is
 * greeted when the one before has gone, as with QEMU. What a client does not read is kept for it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "standin.h"

#define DEPTH_MAX    1024 /* QEMU's */
#define FDS_MAX      16
#define PENDING_MAX  ((size_t)256 * 1024 * 1024)
#define PENDING_KEEP 4096

static int listener = -1, input = -1, output = -1;
static bool greeted, is_stdio, skipping;
static struct json_tokener *tokener;
static char *pending;
static size_t n_pending, pending_size;
static int fds[FDS_MAX];
static size_t n_fds;

bool wire_oob;

bool wire_greeted(void)
{
        return input >= 0 && greeted;
}

void wire_negotiated(void)
{
        greeted = true;
}

bool wire_is_stdio(void)
{
        return is_stdio;
}

void wire_open(int fd)
{
        listener = fd;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void welcome(int in, int out)
{
        input = in;
        output = out;
        greeted = wire_oob = skipping = false;
        tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener)
                abort();
        qmp_greet();
}

void wire_open_stdio(void)
{
        is_stdio = true;
        fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
        welcome(STDIN_FILENO, STDOUT_FILENO);
}

static void farewell(void)
{
        close(input);
        input = output = -1;
        json_tokener_free(TAKE(tokener));
        free(TAKE(pending));
        n_pending = pending_size = 0;
        while (n_fds > 0)
                close(fds[--n_fds]);
}

static void write_pending(void)
{
        ssize_t n = 0;
        size_t at = 0;

        for (; at < n_pending; at += (size_t)n) {
                n = is_stdio ? write(output, pending + at, n_pending - at)
                             : send(output, pending + at, n_pending - at, MSG_NOSIGNAL);
                if (n < 0)
                        break;
        }
        if (at < n_pending && errno != EAGAIN && errno != EINTR) {
                farewell();
                return;
        }
        memmove(pending, pending + at, n_pending - at);
        n_pending -= at;
        if (n_pending == 0 && pending_size > PENDING_KEEP) {
                free(TAKE(pending));
                pending_size = 0;
        }
}

static void keep(const char *text, size_t size)
{
        if (n_pending + size > pending_size) {
                if (n_pending + size > PENDING_MAX)
                        abort();
                pending_size = (n_pending + size) * 2;
                pending = realloc(pending, pending_size);
                if (!pending)
                        abort();
        }
        memcpy(pending + n_pending, text, size);
        n_pending += size;
}

void wire_put_text(const char *text, size_t size)
{
        if (output < 0)
                return;
        keep(text, size);
        write_pending();
}

/* A message goes out by one write, if it fits. */
void wire_put(json_object *message)
{
        size_t length;
        const char *text = json_object_to_json_string_length(
                message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

        if (output < 0)
                return;
        keep(text, length);
        keep("\r\n", 2);
        write_pending();
}

void wire_flush(void)
{
        while (output >= 0 && n_pending > 0) {
                struct pollfd one = {.fd = output, .events = POLLOUT};

                if (poll(&one, 1, 1000) <= 0)
                        return;
                write_pending();
        }
}

int wire_take_fd(void)
{
        int fd = n_fds > 0 ? fds[0] : -1;

        if (fd >= 0)
                memmove(fds, fds + 1, --n_fds * sizeof(fds[0]));
        return fd;
}

static void keep_fds(struct msghdr *message)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (n_fds < FDS_MAX)
                                fds[n_fds++] = fd;
                        else
                                close(fd);
                }
        }
}

static ssize_t receive(char *buffer, size_t size)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
                struct cmsghdr align;
        } control;
        struct iovec part = {.iov_base = buffer, .iov_len = size};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        ssize_t n;

        if (is_stdio)
                return read(input, buffer, size);
        n = recvmsg(input, &message, MSG_CMSG_CLOEXEC);
        if (n >= 0)
                keep_fds(&message);
        return n;
}

/* Which of its complaints QEMU makes of this place. */
static void complain(const char *text, size_t size)
{
        CLEANUP(free) char *words = NULL;
        size_t length = 0;

        while (length < size && (text[length] == '_' || (unsigned)((text[length] | 32) - 'a') < 26))
                length++;
        if (length > 0)
                words = text_format("JSON parse error, invalid keyword '%.*s'", (int)length, text);
        qmp_error(NULL, /* has_id= */ false, "GenericError",
                  words ? words : "JSON parse error, expecting value");
        skipping = true;
}

/* A line that is no JSON is left behind, as a whole. */
static size_t skip(const char *text, size_t size)
{
        const char *end = memchr(text, '\n', size);

        skipping = !end;
        return end ? (size_t)(end + 1 - text) : size;
}

static void take(const char *text, size_t size)
{
        for (size_t at = 0; at < size && input >= 0;) {
                CLEANUP(json) json_object *request = NULL;
                enum json_tokener_error error;

                if (skipping) {
                        at += skip(text + at, size - at);
                        continue;
                }
                /* White space between values is no beginning of one. */
                request = json_tokener_parse_ex(tokener, text + at, (int)(size - at));
                error = json_tokener_get_error(tokener);
                if (error == json_tokener_continue)
                        return;
                if (error != json_tokener_success) {
                        json_tokener_reset(tokener);
                        complain(text + at, size - at);
                        continue;
                }
                at += json_tokener_get_parse_end(tokener);
                qmp_dispatch(request);
        }
}

static int read_input(void)
{
        char buffer[4096];
        ssize_t n = receive(buffer, sizeof(buffer));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0) {
                take(buffer, (size_t)n);
                return 0;
        }
        if (is_stdio)
                return -1;
        farewell();
        return 0;
}

static void accept_client(void)
{
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0)
                welcome(fd, fd);
}

int wire_poll(int other, int timeout_msec)
{
        struct pollfd one[] = {{.fd = input >= 0 ? input : listener, .events = POLLIN},
                               {.fd = n_pending > 0 ? output : -1, .events = POLLOUT},
                               {.fd = other, .events = POLLIN}};

        if (poll(one, ELEMENTSOF(one), timeout_msec) <= 0)
                return 0;
        if (one[1].revents)
                write_pending();
        if (!one[0].revents)
                return 0;
        if (input >= 0)
                return read_input();
        accept_client();
        return 0;
}
