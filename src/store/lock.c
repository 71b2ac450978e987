/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One file, of which each name locks one byte: there is nothing to clean up, and nothing that a killed
 * process could leave locked, since the kernel drops the lock with the last descriptor of the open file.
 * (Two names may share a byte, 1 in 2^62; then one waits for nothing.) Locks of open file descriptions also
 * keep threads apart, unlike those of processes.
 *
 * There is no waiting for a lock that a canceller or a deadline ends, so it is tried again and again, the
 * intervals growing: a probe takes 30 to 300 ms, and a waiter's try a few microseconds.
 */

#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/checksum.h"
#include "base/i18n.h"
#include "base/util.h"

#define GRACE_USEC        (2 * USEC_PER_SEC) /* for the other one to store how its probe ended */
#define INTERVAL_MIN_USEC (1 * USEC_PER_MSEC)
#define INTERVAL_MAX_USEC (20 * USEC_PER_MSEC)

static int open_lock(MusterStore *store)
{
        static const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        int fd = openat(store->dirfd, STORE_LOCK, flags, 0600);

        return fd < 0 ? -errno : fd;
}

/* 0, -EAGAIN, or what it failed with. */
static int try_lock(int fd, const char *name)
{
        struct flock range = {
                .l_type = F_WRLCK,
                .l_whence = SEEK_SET,
                .l_start = (off_t)(checksum64_text(name) >> 2),
                .l_len = 1,
        };

        if (fcntl(fd, F_OFD_SETLK, &range) == 0)
                return 0;
        return errno == EACCES ? -EAGAIN : -errno;
}

/* Whether the canceller fired within this time. */
static bool wait_cancelled(const MusterContext *context, uint64_t usec)
{
        struct pollfd canceller = {.fd = context->cancel_fd, .events = POLLIN};
        struct timespec time = {.tv_nsec = (long)(usec * NSEC_PER_USEC)};

        return ppoll(&canceller, 1, &time, NULL) > 0;
}

static int wait_for_lock(int fd, const MusterContext *context, const char *name, const char *what,
                         bool *ret_waited, MusterError **ret_error)
{
        uint64_t began = now_usec(), interval = INTERVAL_MIN_USEC;
        int r;

        while ((r = try_lock(fd, name)) == -EAGAIN) {
                if (now_usec() - began >= context->timeout_usec + GRACE_USEC)
                        return error_set(
                                ret_error, -ETIMEDOUT,
                                _("Another process is probing %s and did not end within %.3g s; try "
                                  "again, or with a longer --timeout."),
                                what, (double)context->timeout_usec / (double)USEC_PER_SEC);
                if (wait_cancelled(context, interval))
                        return error_set(ret_error, -ECANCELED, _("%s: cancelled."), what);
                *ret_waited = true;
                interval = interval * 3 / 2 < INTERVAL_MAX_USEC ? interval * 3 / 2 : INTERVAL_MAX_USEC;
        }
        return r;
}

int store_lock(MusterStore *store, const MusterContext *context, const char *name, const char *what,
               StoreLock *ret, MusterError **ret_error)
{
        CLEANUP(fd) int fd = open_lock(store);
        bool waited = false;
        int r;

        r = fd < 0 ? fd : wait_for_lock(fd, context, name, what, &waited, ret_error);
        if (r == -ETIMEDOUT || r == -ECANCELED)
                return r;
        if (r < 0) {
                store_note_unwritable(store, r);
                return 1;
        }
        ret->fd = TAKE_FD(fd);
        ret->waited = waited;
        return 0;
}

void store_unlock(StoreLock *lock)
{
        if (lock->fd >= 0)
                close(lock->fd);
        lock->fd = -1;
}
