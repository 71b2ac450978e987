/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sd-daemon, which finds its counterpart in the environment ($LISTEN_FDS, $NOTIFY_SOCKET, $WATCHDOG_USEC)
 * and does nothing without. */

#include "daemon/systemd.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

#include "base/i18n.h"
#include "base/util.h"

static void close_fds(int n)
{
        for (int i = 0; i < n; i++)
                close(SD_LISTEN_FDS_START + i);
}

int systemd_listen_fd(int *ret, MusterError **ret_error)
{
        int n = sd_listen_fds(/* unset_environment= */ 1), r;

        if (n < 0)
                return error_errno(ret_error, n, _("The service manager's sockets cannot be taken over"));
        if (n == 0)
                return error_set(ret_error, -ENOENT, _("The service manager hands over no socket."));
        r = n > 1 ? 0 : sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_STREAM, /* listening= */ 1);
        if (r <= 0) {
                close_fds(n);
                return error_set(ret_error, -EINVAL,
                                 _("The service manager hands over %d sockets, or one that is no listening "
                                   "Unix stream socket; the socket unit needs exactly one such "
                                   "ListenStream=."),
                                 n);
        }
        *ret = SD_LISTEN_FDS_START;
        return 0;
}

void systemd_notify(const char *text)
{
        (void)sd_notify(/* unset_environment= */ 0, text);
}

struct Watchdog {
        uv_timer_t timer;
};

static void on_tick(uv_timer_t *timer)
{
        systemd_notify("WATCHDOG=1");
}

int watchdog_start(uv_loop_t *loop, Watchdog **ret)
{
        Watchdog *watchdog;
        uint64_t usec, msec;
        int r = sd_watchdog_enabled(/* unset_environment= */ 0, &usec);

        if (r <= 0) {
                if (r == 0)
                        *ret = NULL;
                return r;
        }
        watchdog = calloc(1, sizeof(*watchdog));
        if (!watchdog)
                return -ENOMEM;
        msec = usec / 2 / USEC_PER_MSEC ?: 1;
        (void)uv_timer_init(loop, &watchdog->timer);
        (void)uv_timer_start(&watchdog->timer, on_tick, /* timeout= */ 0, msec);
        uv_unref((uv_handle_t *)&watchdog->timer); /* It watches the loop's work, it is none. */
        *ret = watchdog;
        return 0;
}

static void on_closed(uv_handle_t *handle)
{
        free(handle); /* The timer is the first member. */
}

Watchdog *watchdog_stop(Watchdog *watchdog)
{
        if (watchdog)
                uv_close((uv_handle_t *)&watchdog->timer, on_closed);
        return NULL;
}
