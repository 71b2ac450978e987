/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The states of a domain and why it came to be in them, in the words that virsh's users know. */

typedef enum DomainState {
        STATE_SHUT_OFF,
        STATE_RUNNING,
        STATE_PAUSED,
        STATE_SHUTTING_DOWN, /* its guest was asked to, or has powered off and its emulator is about to end
                              */
        STATE_CRASHED,       /* the guest panicked, and its emulator is kept */
        STATE_SUSPENDED,     /* by the guest itself, to memory */
        STATES,
} DomainState;

typedef enum DomainReason {
        REASON_UNKNOWN,
        REASON_BOOTED,
        REASON_RESTORED,
        REASON_UNPAUSED,
        REASON_SAVE_CANCELED,
        REASON_WAKEUP,
        REASON_ADOPTED,
        REASON_USER,
        REASON_STARTING_UP,
        REASON_SAVING,
        REASON_IO_ERROR,
        REASON_WATCHDOG,
        REASON_SHUTTING_DOWN,
        REASON_SNAPSHOT,
        REASON_MIGRATING,
        REASON_SHUTDOWN,
        REASON_DESTROYED,
        REASON_CRASHED,
        REASON_SAVED,
        REASON_FAILED,
        REASON_PANICKED,
        REASONS,
} DomainReason;

/* "shut off", "in shutdown"; "I/O error": never translated, they are part of the API. */
const char *domain_state_name(DomainState state);
const char *domain_reason_name(DomainReason reason);

/* -EINVAL */
int domain_state_from_name(const char *name);
int domain_reason_from_name(const char *name);
