/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "emulator/context.h"
#include "emulator/run.h"
#include "store/ready.h"
#include "store/trail.h"

/* One look-up and what it found. */
typedef struct Lookup {
        MusterStore *store; /* NULL: none */
        MusterContext *context;
        const char *target;
        char **types; /* QOM types that the catalogue needs */
        unsigned flags;

        char *fingerprint; /* of this host, for this user */
        char *absolute;    /* the path */
        Trail trail;       /* as it is stored; record is "" if there is none */
        TrailState trail_state;
        int64_t looked_nsec; /* before anything was read */

        MusterFacts *facts;
        Run *ended; /* an emulator that was probed and killed, or NULL: reaped after all is kept */
        bool cached;
        char id[RECORD_ID_SIZE]; /* "" where nothing is kept */
        FileStamp record_stamp, host_stamp;
} Lookup;

int lookup_run(Lookup *lookup, MusterError **ret_error);
void lookup_clear(Lookup *lookup);

/* Of a running emulator. */
int lookup_connect(Lookup *lookup, MusterError **ret_error);

static inline void cleanup_lookup(Lookup *lookup)
{
        lookup_clear(lookup);
}
