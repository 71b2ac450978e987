/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/save-file.h"

/*
 * The thread owns all until it has sent the async handle its word; then the loop joins it. Whoever stops it
 * writes to an eventfd, which every poll of the thread looks at. No signal is delivered to it: not SIGXFSZ
 * either, so that a limit of a file's size is an error as others are.
 */

#define BUFFER      ((size_t)1024 * 1024)
#define ACCEPT_MSEC 60000
#define FLUSH_EVERY (UINT64_C(32) * 1024 * 1024)

struct Transfer {
        uv_async_t async;
        uv_thread_t thread;
        int socket, file, stop;
        pid_t peer;
        bool load;
        char *path, *buffer;
        uint64_t offset, length, expected;
        _Atomic uint64_t bytes;
        uint64_t checksum;
        int result;
        MusterError *error;
        TransferDoneFn done;
        void *userdata;
};

static void transfer_free(Transfer *transfer)
{
        const int fds[] = {transfer->socket, transfer->file, transfer->stop};

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        free(transfer->path);
        free(transfer->buffer);
        muster_error_free(transfer->error);
        free(transfer);
}

uint64_t transfer_bytes(const Transfer *transfer)
{
        return atomic_load(&transfer->bytes);
}

/* --- in the thread --------------------------------------------------------------------------------- */

static int wait_for(Transfer *transfer, int fd, short events, int msec)
{
        struct pollfd polled[] = {{.fd = fd, .events = events}, {.fd = transfer->stop, .events = POLLIN}};
        int r;

        do
                r = poll(polled, ELEMENTSOF(polled), msec);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        if (r == 0)
                return -ETIMEDOUT;
        return polled[1].revents ? -ECANCELED : 0;
}

static bool is_peer(const Transfer *transfer, int fd)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == transfer->peer;
}

/* Others may find the socket, too; they are sent away. */
static int accept_peer(Transfer *transfer)
{
        uint64_t end = now_usec() + ACCEPT_MSEC * USEC_PER_MSEC;

        for (;;) {
                uint64_t now = now_usec();
                int fd, r = now < end ? wait_for(transfer, transfer->socket, POLLIN,
                                                 (int)((end - now) / USEC_PER_MSEC))
                                      : -ETIMEDOUT;

                if (r < 0)
                        return error_set(&transfer->error, r,
                                         _("The emulator did not begin to write its state."));
                fd = accept4(transfer->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0 && is_peer(transfer, fd)) {
                        close(transfer->socket);
                        transfer->socket = fd;
                        return 0;
                }
                if (fd >= 0)
                        close(fd);
        }
}

/* Until the buffer is full or the other end has closed. */
static int receive(Transfer *transfer, size_t *ret)
{
        size_t size = 0;

        while (size < BUFFER) {
                ssize_t n = recv(transfer->socket, transfer->buffer + size, BUFFER - size, 0);
                int r = 0;

                if (n == 0)
                        break;
                if (n > 0)
                        size += (size_t)n;
                else if (errno == EAGAIN)
                        r = wait_for(transfer, transfer->socket, POLLIN, -1);
                else if (errno != EINTR)
                        r = -errno;
                if (r < 0)
                        return error_errno(&transfer->error, r, "recv");
        }
        *ret = size;
        return 0;
}

static int write_file(Transfer *transfer, size_t size, uint64_t offset)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = pwrite(transfer->file, transfer->buffer + at, size - at, (off_t)(offset + at));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return error_errno(&transfer->error, n < 0 ? -errno : -ENOSPC, "%s", transfer->path);
                at += (size_t)n;
        }
        return 0;
}

/* Written out as it comes, lest all of it waits for the end. */
static void flush(Transfer *transfer, uint64_t *flushed)
{
        uint64_t end = transfer->offset + transfer->bytes;

        if (end - *flushed < FLUSH_EVERY)
                return;
        (void)sync_file_range(transfer->file, (off_t)*flushed, (off_t)(end - *flushed),
                              SYNC_FILE_RANGE_WRITE);
        *flushed = end;
}

static int run_save(Transfer *transfer)
{
        uint64_t flushed = transfer->offset;
        size_t size = BUFFER;
        int r = accept_peer(transfer);

        while (r >= 0 && size == BUFFER) {
                r = receive(transfer, &size);
                if (r >= 0)
                        r = write_file(transfer, size, transfer->offset + transfer->bytes);
                if (r < 0)
                        break;
                transfer->checksum = save_checksum(transfer->checksum, transfer->buffer, size);
                transfer->bytes += size;
                flush(transfer, &flushed);
        }
        if (r >= 0 && fdatasync(transfer->file) < 0)
                r = error_errno(&transfer->error, -errno, "%s", transfer->path);
        return r;
}

static int read_file_part(Transfer *transfer, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = pread(transfer->file, transfer->buffer + at, size - at,
                                  (off_t)(transfer->offset + transfer->bytes + at));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(&transfer->error, -errno, "%s", transfer->path);
                if (n == 0)
                        return error_set(&transfer->error, -EBADMSG,
                                         _("%s became shorter while it was read."), transfer->path);
                at += (size_t)n;
        }
        return 0;
}

static int send_out(Transfer *transfer, size_t size)
{
        for (size_t at = 0; at < size;) {
                ssize_t n = send(transfer->socket, transfer->buffer + at, size - at, MSG_NOSIGNAL);
                int r = 0;

                if (n > 0)
                        at += (size_t)n;
                else if (n < 0 && errno == EAGAIN)
                        r = wait_for(transfer, transfer->socket, POLLOUT, -1);
                else if (n < 0 && errno != EINTR)
                        r = -errno;
                if (r < 0)
                        return error_set(&transfer->error, r,
                                         _("The emulator did not take the state in %s: %s"), transfer->path,
                                         strerror(-r));
        }
        return 0;
}

static int check_sum(Transfer *transfer)
{
        if (transfer->checksum == transfer->expected)
                return 0;
        muster_error_free(TAKE(transfer->error));
        return error_set(&transfer->error, -EBADMSG,
                         _("The saved state %s is damaged: its checksum is wrong."), transfer->path);
}

/* One piece of the file, into the sum; `ret_last`: there is no more behind it. */
static int next_piece(Transfer *transfer, size_t *ret_size, bool *ret_last)
{
        uint64_t left = transfer->length - transfer->bytes;
        size_t size = left < BUFFER ? (size_t)left : BUFFER;
        int r = read_file_part(transfer, size);

        if (r < 0)
                return r;
        transfer->checksum = save_checksum(transfer->checksum, transfer->buffer, size);
        *ret_size = size;
        *ret_last = size == left;
        return 0;
}

/* An emulator that gives up on a state may have good reason: that it is damaged says more. */
static int explain(Transfer *transfer, int why, size_t size)
{
        CLEANUP(MusterError) MusterError *error = TAKE(transfer->error);
        bool last = false;

        for (;;) {
                transfer->bytes += size;
                if (transfer->bytes >= transfer->length)
                        break;
                if (wait_for(transfer, transfer->stop, POLLIN, 0) == -ECANCELED ||
                    next_piece(transfer, &size, &last) < 0)
                        return why;
        }
        if (check_sum(transfer) < 0)
                return -EBADMSG;
        transfer->error = TAKE(error);
        return why;
}

static int run_load(Transfer *transfer)
{
        bool last = transfer->length == 0;
        size_t size;
        int r = 0;

        if (!is_peer(transfer, transfer->socket))
                return error_set(&transfer->error, -EPERM,
                                 _("It is not the emulator that listens for the state."));
        while (r >= 0 && !last) {
                r = next_piece(transfer, &size, &last);
                /* What is damaged is found before the last of it is on its way: the guest never runs. */
                if (r >= 0 && last)
                        r = check_sum(transfer);
                if (r < 0)
                        return r;
                r = send_out(transfer, size);
                if (r < 0)
                        return r == -ECANCELED ? r : explain(transfer, r, size);
                transfer->bytes += size;
        }
        return r;
}

static void run(void *pointer)
{
        Transfer *transfer = pointer;
        sigset_t all;

        sigfillset(&all);
        (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
        transfer->result = transfer->load ? run_load(transfer) : run_save(transfer);
        /* The emulator hears of the end now, and not when the loop comes to it. */
        close(transfer->socket);
        transfer->socket = -1;
        uv_async_send(&transfer->async);
}

/* --- on the loop ----------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
        transfer_free(handle->data);
}

static void on_ended(uv_async_t *async)
{
        Transfer *transfer = async->data;

        uv_thread_join(&transfer->thread);
        if (transfer->done)
                transfer->done(transfer->result, transfer->error, transfer->bytes, transfer->checksum,
                               transfer->userdata);
        uv_close((uv_handle_t *)async, on_closed);
}

static Transfer *make(const TransferSpec *spec, TransferDoneFn done, void *userdata)
{
        Transfer *transfer = calloc(1, sizeof(*transfer));

        if (!transfer) {
                close(spec->socket);
                return NULL;
        }
        transfer->socket = spec->socket;
        transfer->file = fcntl(spec->file, F_DUPFD_CLOEXEC, 3);
        transfer->stop = eventfd(0, EFD_CLOEXEC);
        transfer->peer = spec->peer;
        transfer->load = spec->load;
        transfer->path = strdup(spec->path);
        transfer->buffer = malloc(BUFFER);
        transfer->offset = spec->offset;
        transfer->length = spec->length;
        transfer->expected = spec->checksum;
        transfer->checksum = SAVE_CHECKSUM_START;
        transfer->done = done;
        transfer->userdata = userdata;
        if (transfer->file < 0 || transfer->stop < 0 || !transfer->path || !transfer->buffer ||
            fcntl(spec->socket, F_SETFL, O_NONBLOCK) < 0) {
                transfer_free(transfer);
                return NULL;
        }
        return transfer;
}

int transfer_start(uv_loop_t *loop, const TransferSpec *spec, TransferDoneFn done, void *userdata,
                   Transfer **ret, MusterError **ret_error)
{
        Transfer *transfer = make(spec, done, userdata);
        int r;

        if (!transfer)
                return error_oom(ret_error);
        transfer->async.data = transfer;
        r = uv_async_init(loop, &transfer->async, on_ended);
        if (r < 0) {
                transfer_free(transfer);
                return error_errno(ret_error, r, "uv_async_init");
        }
        r = uv_thread_create(&transfer->thread, run, transfer);
        if (r < 0) {
                uv_close((uv_handle_t *)&transfer->async, on_closed);
                return error_errno(ret_error, r, "uv_thread_create");
        }
        *ret = transfer;
        return 0;
}

void transfer_interrupt(Transfer *transfer)
{
        const uint64_t one = 1;

        (void)!write(transfer->stop, &one, sizeof(one));
}

Transfer *transfer_stop(Transfer *transfer)
{
        if (!transfer)
                return NULL;
        transfer->done = NULL;
        transfer_interrupt(transfer);
        return NULL;
}
