/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What passes between the daemon and the service manager; all of it does nothing where there is none. */

#include <uv.h>

#include "base/error.h"

/* The socket that the manager hands over, with FD_CLOEXEC; -ENOENT: none. More than one: -EINVAL. */
int systemd_listen_fd(int *ret, MusterError **ret_error);

/* READY=1 and STATUS=, STOPPING=1, RELOADING=1: text as sd_notify(3) takes it. */
void systemd_notify(const char *text);

/* From now on WATCHDOG=1 at half of $WATCHDOG_USEC, by a timer of this loop: a loop that hangs is noticed.
 */
typedef struct Watchdog Watchdog;
int watchdog_start(uv_loop_t *loop, Watchdog **ret);
Watchdog *watchdog_stop(Watchdog *watchdog);
