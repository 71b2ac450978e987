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

        char *missing;           /* names of the questions that a record leaves open; NULL: there is none */
        Identity before;         /* the chain of a script as it was before it was run */
        FileStamp target_before; /* what the path led to before anything was started, */
        int64_t attempt_nsec;    /* and when that was */

        MusterFacts *facts;
        Run *ended; /* an emulator that was probed and killed, or NULL: reaped after all is kept */
        bool cached;
        char id[RECORD_ID_SIZE]; /* "" where nothing is kept */
        FileStamp record_stamp, host_stamp;
        uint64_t schema_sum; /* of a record whose compiled schema is yet to be kept; 0 */
} Lookup;

int lookup_run(Lookup *lookup, MusterError **ret_error);
void lookup_clear(Lookup *lookup);

/* A failure that is remembered: its code with the error set. 0: none. `identity`: NULL for a script. */
int lookup_recall_failure(Lookup *lookup, const Identity *identity, MusterError **ret_error);

/* Keeps why the attempt failed, if that says something of what lay there when it began, and lies there
 * still. */
void lookup_remember_failure(Lookup *lookup, int r, const MusterError *error);

/* Of what is stored under this lookup's ID, and of its script. */
void lookup_forget_failures(Lookup *lookup);

/* What the path leads to now; zeros where it leads nowhere. */
FileStamp lookup_target_stamp(const Lookup *lookup);

/*
 * The portable facts of a running emulator that was started with `argv`, unsealed and without an identity;
 * *ret stays as it is where none are stored that hold for it. -ENOMEM.
 */
int lookup_recall(MusterStore *store, const Identity *identity, char *const *argv, MusterFacts **ret);

/* Of a running emulator. */
int lookup_connect(Lookup *lookup, MusterError **ret_error);

static inline void cleanup_lookup(Lookup *lookup)
{
        lookup_clear(lookup);
}
