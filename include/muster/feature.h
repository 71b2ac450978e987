/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_FEATURE_H
#define MUSTER_FEATURE_H

#include <muster/emulator.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The features that muster knows, with their ties: data from INI files. Immutable once loaded. */
typedef struct MusterCatalogue MusterCatalogue;

/** What a catalogue says of one emulator's facts. Immutable; may be used by any number of threads. */
typedef struct MusterVerdicts MusterVerdicts;

typedef enum MusterVerdict {
        MUSTER_VERDICT_PRESENT,
        MUSTER_VERDICT_ABSENT,
        MUSTER_VERDICT_UNKNOWN, /**< could not be determined; never a polite "absent" */
} MusterVerdict;

/** The weakest kind of tie that the caller accepts. */
typedef enum MusterTrust {
        MUSTER_TRUST_DECLARED, /**< schema, runtime, option, type, property */
        MUSTER_TRUST_MEASURED, /**< these, or a behavioural check that ran on this binary */
        MUSTER_TRUST_INFERRED, /**< these, or a version range */
} MusterTrust;

/**
 * The shipped files, then the administrator's (/etc/muster/features.d), then the user's
 * ($XDG_CONFIG_HOME/muster/features.d); a feature in a later file replaces one of the same name.
 * $MUSTER_FEATURES_DIR names another folder for the shipped ones (tests; a build that is not installed).
 *
 * A malformed file is an error (-EBADMSG) whose sentence has file:line.
 */
int muster_catalogue_new(MusterCatalogue **ret, MusterError **ret_error);

/** One file only. */
int muster_catalogue_new_from_file(const char *path, MusterCatalogue **ret, MusterError **ret_error);

MusterCatalogue *muster_catalogue_ref(MusterCatalogue *catalogue);
MusterCatalogue *muster_catalogue_unref(MusterCatalogue *catalogue);

/**
 * Checks one file and reports all its faults, as a JSON array of
 * `{"file", "line", "severity", "message"}`. Returns the number of errors; negative if it cannot be read.
 */
int muster_catalogue_check(const char *path, char **ret_json, MusterError **ret_error);

/** How many features it has. */
size_t muster_catalogue_size(const MusterCatalogue *catalogue);

/** The name of the feature at `index` (in the order of names), NULL beyond the end. */
const char *muster_catalogue_feature(const MusterCatalogue *catalogue, size_t index);

/** One sentence, or NULL where there is no such feature. */
const char *muster_catalogue_summary(const MusterCatalogue *catalogue, const char *feature);

/**
 * Judges every feature of `catalogue` by `facts`, for every driver that its `governs` names. Takes
 * references to both. -ENOMEM; -EBADMSG where the schema makes no sense on the way of a tie.
 */
int muster_verdicts_new(MusterCatalogue *catalogue, MusterFacts *facts, MusterTrust trust,
                        MusterVerdicts **ret, MusterError **ret_error);
MusterVerdicts *muster_verdicts_ref(MusterVerdicts *verdicts);
MusterVerdicts *muster_verdicts_unref(MusterVerdicts *verdicts);

/**
 * The verdict on a feature: for `driver`, or with NULL as a whole (the weakest over the drivers that it
 * governs). A driver that the feature does not govern is `absent`. About 50 ns; no allocation.
 *
 * Returns a MusterVerdict, or -ENOENT where the catalogue has no such feature.
 */
int muster_verdict(const MusterVerdicts *verdicts, const char *feature, const char *driver);

/** "present", "absent", "unknown" */
const char *muster_verdict_name(MusterVerdict verdict);

/** "declared", "measured", "inferred" and back; -EINVAL. */
int muster_trust_from_name(const char *name, MusterTrust *ret);

/**
 * `{"name", "summary", "verdict", "libvirt"?, "drivers"?, "evidence": […]}` with one evidence object a tie:
 * `{"kind", "ref", "result": "met"|"unmet"|"not-asked"|"unavailable", "detail", "bad"?, "driver"?}`.
 */
int muster_verdict_describe(const MusterVerdicts *verdicts, const char *feature, const char *driver,
                            char **ret_json, MusterError **ret_error);

/** An array of the same for the whole catalogue. */
int muster_verdicts_describe(const MusterVerdicts *verdicts, char **ret_json, MusterError **ret_error);

/**
 * `{"feature", "verdict", "why", "ties": [{"kind", "ref", "result", "detail", …}], "governs": […],
 *   "reach": [{"command", "driver"?, "path", "covered", "reason"}], "origin", …}`:
 * every tie with what stood at its path, and every command and driver from which the tied entity is
 * reached in this emulator's schema, each with whether the verdict covers it.
 */
int muster_explain(const MusterVerdicts *verdicts, const char *feature, const char *driver, char **ret_json,
                   MusterError **ret_error);

/**
 * Runs the feature's behavioural check (its `measured` tie) on the emulator at `path` and judges anew with
 * the outcome. `ret_json`: `{"feature", "verdict", "check", "result", "halves": [{"name", "met",
 * "detail"}], "ties": […]}`; `ret_facts` (may be NULL): new facts, which hold the outcome as a measured
 * fact.
 *
 * Returns the verdict; -ENOENT: no such feature; -EOPNOTSUPP: it has no check; else as
 * muster_facts_probe(). A check that could not be set up is no refutation: its tie is `unavailable`.
 */
int muster_verify(MusterContext *context, MusterCatalogue *catalogue, MusterFacts *facts,
                  const char *feature, char **ret_json, MusterFacts **ret_facts, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
