/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the gate share. gate.c has the essay. */

#include "block/driver.h"
#include "feature/verdict.h"

#define GATE_FEATURE "dynamic-auto-read-only"

/* An fd set of a running emulator, and whether it holds a descriptor that reads only and one that writes. */
typedef struct GateFdset {
        int64_t id;
        bool readable, writable;
} GateFdset;

/* How the emulator runs: bits of MusterLaunchCondition; its fd sets, where it could be asked. */
typedef struct GateLaunch {
        unsigned conditions;
        bool weighed; /* the conditions are those of the process that runs */
        bool fdsets_known;
        const GateFdset *fdsets;
        size_t n_fdsets;
} GateLaunch;

struct MusterGateResult {
        MusterDecision decision;
        MusterAccess access;
        json_object *arguments, *evidence, *notes;
        char *reason;
};

typedef struct Gate {
        const MusterVerdicts *verdicts;
        const MusterGateRequest *request;
        const GateLaunch *launch;
        BlockSchema block;
        MusterGateResult *result;
        MusterError **ret_error;
} Gate;

typedef enum GateCoverage {
        GATE_COVERED,    /* the feature is present for the driver, and its member is there to be set */
        GATE_ABSENT,     /* governed, and absent */
        GATE_UNKNOWN,    /* governed, or not in the catalogue at all, and could not be determined */
        GATE_UNGOVERNED, /* the feature says nothing of this driver */
} GateCoverage;

/* muster_gate() with what is known of a running emulator. */
int gate_decide(const MusterVerdicts *verdicts, const MusterGateRequest *request, const GateLaunch *launch,
                MusterGateResult **ret, MusterError **ret_error);

/* The two kinds of request: they fill gate->result. A refusal returns 0. */
int gate_disk(Gate *gate);
int gate_tree(Gate *gate);

GateCoverage gate_coverage(const Gate *gate, const char *driver);

/* The evidence for a driver, into the result. Once a driver. */
int gate_add_evidence(Gate *gate, const char *driver);

/* Why on-demand cannot be promised for a driver that is not covered; a sentence, to free(). NULL: no memory.
 */
char *gate_explain_uncovered(const Gate *gate, const char *driver);

/*
 * The conditions under which this image cannot be reopened at will, ", "-separated, to free(); NULL in
 * *ret if there are none. -ENOMEM.
 */
int gate_conditions(const Gate *gate, const char *filename, char **ret);

/* 1 if the running emulator's fd set for `filename` cannot be opened with `access`; *ret says why. 0,
 * -ENOMEM. */
int gate_fdset_lacks(const Gate *gate, const char *filename, MusterAccess access, char **ret);

int gate_note(Gate *gate, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes `reason` (NULL: -ENOMEM). Decision, reason, no arguments; returns 0. */
int gate_refuse(Gate *gate, char *reason);

/*
 * One argument object against the schema. Returns the number of errors, warnings become notes. With
 * `ret_fault` the first error as text; with `notes` every one of them becomes a note as well.
 */
int gate_check(Gate *gate, const json_object *arguments, bool notes, char **ret_fault);

DEFINE_CLEANUP(MusterGateResult, muster_gate_result_free);
