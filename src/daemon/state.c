/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state.h"

#include <errno.h>

#include "base/util.h"

static const char *const states[STATES] = {
        [STATE_SHUT_OFF] = "shut off", [STATE_RUNNING] = "running",
        [STATE_PAUSED] = "paused",     [STATE_SHUTTING_DOWN] = "in shutdown",
        [STATE_CRASHED] = "crashed",   [STATE_SUSPENDED] = "pmsuspended",
};

static const char *const reasons[REASONS] = {
        [REASON_UNKNOWN] = "unknown",
        [REASON_BOOTED] = "booted",
        [REASON_RESTORED] = "restored",
        [REASON_UNPAUSED] = "unpaused",
        [REASON_SAVE_CANCELED] = "save canceled",
        [REASON_WAKEUP] = "event wakeup",
        [REASON_ADOPTED] = "adopted",
        [REASON_USER] = "user",
        [REASON_STARTING_UP] = "starting up",
        [REASON_SAVING] = "saving",
        [REASON_IO_ERROR] = "I/O error",
        [REASON_WATCHDOG] = "watchdog",
        [REASON_SHUTTING_DOWN] = "shutting down",
        [REASON_SNAPSHOT] = "creating snapshot",
        [REASON_MIGRATING] = "migrating",
        [REASON_SHUTDOWN] = "shutdown",
        [REASON_DESTROYED] = "destroyed",
        [REASON_CRASHED] = "crashed",
        [REASON_SAVED] = "saved",
        [REASON_FAILED] = "failed",
        [REASON_PANICKED] = "panicked",
};

const char *domain_state_name(DomainState state)
{
        return states[state];
}

const char *domain_reason_name(DomainReason reason)
{
        return reasons[reason];
}

static int find(const char *const *names, int n, const char *name)
{
        for (int i = 0; i < n; i++)
                if (streq(names[i], name))
                        return i;
        return -EINVAL;
}

int domain_state_from_name(const char *name)
{
        return find(states, STATES, name);
}

int domain_reason_from_name(const char *name)
{
        return find(reasons, REASONS, name);
}
