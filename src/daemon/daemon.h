/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon: what every part of it reaches the rest by. One loop, one thread but for the pool's work. */

#include <uv.h>

#include "daemon/events.h"
#include "daemon/http.h"
#include "daemon/settings.h"
#include "feature/catalogue.h"
#include "muster/context.h"
#include "muster/store.h"

typedef struct Managed Managed;

typedef struct Daemon {
        uv_loop_t *loop;
        Settings settings;
        MusterContext *context; /* for probes: their time limit and their user */
        MusterCatalogue *catalogue;
        MusterStore *store; /* NULL: none can be had, and every start asks */
        Events *events;
        HttpServer *server;
        Managed *domains; /* sorted by name */
        size_t n_domains, n_running;
        unsigned last_id;
        bool stopping;
        bool first_start;         /* since the host booted, or the session began */
        int64_t started;          /* seconds since the epoch */
        uid_t last_uid, user_uid; /* of emulators; user_uid: where they have none of their own */
        gid_t user_gid;
        gid_t *groups; /* supplementary ones of emulators */
        size_t n_groups;
        struct DaemonCounters {
                uint64_t requests, operations, failures, probes;
        } counters;
} Daemon;

/* By name or UUID; NULL. */
Managed *daemon_find(const Daemon *daemon, const char *name);
Managed *daemon_find_name(const Daemon *daemon, const char *name);
Managed *daemon_find_uuid(const Daemon *daemon, const char *uuid);

/* RUN/domains, STATE/domains: what a DomainHost takes; to free(). */
char *daemon_run_directory(const Daemon *daemon);
char *daemon_state_directory(const Daemon *daemon);
