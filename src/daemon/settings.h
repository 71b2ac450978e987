/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How an instance of the daemon is set up: defaults of the system's instance or a user's, then musterd.conf
 * (musterd.conf(5) describes every key). An unknown section or key, a value out of range, is an error with
 * file and line: a daemon that half understood its configuration would be worse than one that does not
 * start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct Settings {
        bool session; /* a user's instance */

        /* [paths] absolute, without a '/' at the end */
        char *socket;      /* /run/muster/muster.sock; $XDG_RUNTIME_DIR/muster/muster.sock */
        char *run;         /* /run/muster: domains/NAME/ is below it */
        char *definitions; /* /etc/muster/domains; $XDG_CONFIG_HOME/muster/domains */
        char *state;       /* /var/lib/muster: domains/NAME/, save/ */
        char *logs;        /* /var/log/muster; $XDG_STATE_HOME/muster/log */
        char *cache;       /* the store's folder */

        /* [access] of the system's instance: groups whose members may do everything, or look only */
        char **groups, **read_only_groups;

        /* [limits] */
        unsigned connections, connections_per_user; /* 512, 128 */
        uint64_t body_size;                         /* 8 MiB */
        uint64_t idle_usec;                         /* 60 s */
        unsigned domains;                           /* 10000 */
        uint64_t call_usec;                         /* for a QMP command of an emulator that behaves: 10 s */
        uint64_t start_usec; /* from the start of an emulator until it speaks QMP: 60 s */
        uint64_t probe_usec; /* of a binary: 30 s */

        /* [emulator] */
        char *user; /* who probes, and runs helpers: "muster-emulator"; NULL: the daemon's own user */
        uid_t uid_first, uid_last; /* one for each running domain: 1900000000-1900065535; both 0: `user`'s */
        char **supplementary_groups; /* kvm, render: those that exist */
        bool sandbox;                /* -sandbox on, as strict as the binary can */
        bool scopes;                 /* transient scopes where systemd runs */
        char *slice;                 /* "muster.slice"; NULL */
        uint64_t log_size;           /* a log that has become larger is rotated: 2 MiB */
        unsigned log_count;          /* that are kept besides: 3 */
} Settings;

/*
 * `file` NULL: the instance's own, /etc/muster/musterd.conf or $XDG_CONFIG_HOME/muster/musterd.conf, which
 * need not be there. -EINVAL with file and line; -ENOENT with what is not set (HOME, XDG_RUNTIME_DIR).
 */
int settings_load(bool session, const char *file, Settings *ret, MusterError **ret_error);

/* The path that the command line gives, checked like that in a file. -EINVAL */
int settings_set_socket(Settings *settings, const char *path, MusterError **ret_error);

void settings_clear(Settings *settings);

/* Makes the directories (0700, what goes through them 0755) and checks that they are ours: no link, owned
 * by us, not writable for others. */
int settings_make_directories(const Settings *settings, MusterError **ret_error);
