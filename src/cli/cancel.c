/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cancel.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/i18n.h"

static int cancel_fd = -1;
static int taken;
static bool held;
static sigset_t mask_before;

int cancel_begin(MusterError **ret_error)
{
        sigset_t mask;
        int fd;

        if (cancel_fd >= 0)
                return cancel_fd;
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGHUP);
        fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return error_errno(ret_error, -errno, _("Cannot watch for signals"));
        sigprocmask(SIG_BLOCK, &mask, &mask_before);
        cancel_fd = fd;
        return fd;
}

int cancel_signal(void)
{
        return taken;
}

static void let_through(void)
{
        close(cancel_fd);
        cancel_fd = -1;
        sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

int cancel_hold(MusterError **ret_error)
{
        int fd = cancel_begin(ret_error);

        held = fd >= 0;
        return fd;
}

void cancel_release(void)
{
        if (!held)
                return;
        held = false;
        let_through();
}

int cancel_end(int r)
{
        struct signalfd_siginfo info;

        if (cancel_fd < 0)
                return r;
        /* Whoever presses Ctrl-C twice means the same signal twice. */
        while (r == -ECANCELED && read(cancel_fd, &info, sizeof(info)) == sizeof(info))
                taken = (int)info.ssi_signo;
        if (!held)
                let_through();
        return r;
}
