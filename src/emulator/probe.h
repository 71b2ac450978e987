/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Questions to an emulator and what became of them: what probing and connecting share. */

#include "emulator/host.h"
#include "emulator/plan.h"
#include "emulator/run-private.h"

typedef struct Probe Probe;

typedef struct Ask {
        Probe *probe;
        const char *command;
        char *name;       /* the fact's: "command" or "command:type" */
        const char *type; /* within `name`; NULL */
        FactScope scope;
        QmpSlot *slot; /* under way */
        bool suspect;  /* an emulator died while this was the first open question */
        bool settled;
        FactStatus status;
        json_object *value;
        char *reason;
} Ask;

struct Probe {
        MusterContext *context;
        const char *path;
        uint64_t deadline;
        bool connected;
        MusterEmulatorKind kind;
        bool kind_is_sure;
        const MusterFacts *known; /* unsealed facts: what they have is not asked; NULL */
        FileStamp executable;     /* of the first process: later ones must run the same file */
        const Identity *identity; /* once it is known: processes started later must have it too */
        Run *run;                 /* NULL before the first, and after a death */
        Ask *asks;
        size_t n_asks;
        size_t n_pending;
        MusterSchema *schema; /* made of its answer at once; NULL: none, or a wrong one */
        bool idle;
};

void probe_clear(Probe *probe);

/*
 * A question, unless it is among those that are asked or known: "command", or "command:type". Allowed only
 * while nothing is under way: callbacks hold pointers into the array. -ENOMEM.
 */
int probe_add_ask(Probe *probe, const char *command, const char *type, FactScope scope);

/* Takes `reason`. */
void ask_settle(Ask *ask, FactStatus status, char *reason);

/* Starts an emulator if none runs. */
int probe_ensure_run(Probe *probe, MusterError **ret_error);

/* -EAGAIN where the processes that were asked ran another file than this. */
int probe_check_executable(const Probe *probe, const Identity *identity, MusterError **ret_error);

int probe_add_plan(Probe *probe);

/* Asks until every question is settled. -ECONNRESET after more than `deaths_max` deaths. */
int probe_settle(Probe *probe, unsigned deaths_max, MusterError **ret_error);

int probe_ask_core(Probe *probe, MusterError **ret_error);
int probe_ask_properties(Probe *probe, const char *const *types, MusterError **ret_error);

/* Says in the facts why a running emulator was not asked for properties. */
int probe_forgo_properties(Probe *probe);

/*
 * How many questions a probe for `types` would ask that `known`, unsealed, does not answer; their names,
 * ","-separated, into *ret_names, to free(). -ENOMEM, -E2BIG.
 */
int probe_missing(const MusterFacts *known, const char *const *types, char **ret_names);

const Ask *probe_find(const Probe *probe, const char *name);

/* All is asked: what was started ends beside what follows, and is closed with the probe. */
void probe_end_asking(Probe *probe);

/* Moves the answers out of the probe into unsealed facts, with what muster finds out by itself. */
int probe_pour(Probe *probe, MusterFacts *facts, MusterError **ret_error);

/*
 * Moves the answers out of the probe into *known, unsealed facts without an identity, of which it takes
 * hold, or where there are none (`known` may be NULL) into new ones. Takes what is in *identity, which is
 * empty afterwards, if facts were made.
 */
int probe_to_facts(Probe *probe, Identity *identity, MusterFacts **known, MusterFacts **ret,
                   MusterError **ret_error);

static inline void cleanup_probe(Probe *probe)
{
        probe_clear(probe);
}
