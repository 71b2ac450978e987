/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon as a process. */

#include "daemon/daemon.h"
#include "daemon/systemd.h"

typedef struct LogWork {
        uv_work_t request;
        char **paths;
        uint64_t size;
        unsigned count;
} LogWork;

typedef struct Instance {
        Daemon daemon;
        uv_loop_t loop;
        uv_signal_t signals[2];
        uv_timer_t log_timer;
        Watchdog *watchdog;
        bool watching, own_socket;
        int lock_fd;
} Instance;

/* With daemon.settings filled: all up to the socket that answers. instance_clear() in any case. */
int instance_start(Instance *instance, MusterError **ret_error);

/* Ends the loop; domains go on. */
void instance_stop(Instance *instance);

/* True: the pool is not through, and may be long: then end the process without any ceremony. */
bool instance_clear(Instance *instance);
