/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "feature/catalogue.h"
#include "emulator/facts.h"

typedef enum TieResult {
        TIE_MET,
        TIE_UNMET,
        TIE_NOT_ASKED,   /* measured: no check has run; it decides nothing */
        TIE_UNAVAILABLE, /* could not be asked: the fact is missing; it leaves the verdict open */
} TieResult;

typedef struct Evidence {
        const Tie *tie;
        TieResult result;
        bool refutes;       /* runtime false, measured and failed: beats whatever is met */
        char *detail;       /* what stood there, a sentence */
        char *ref;          /* with the driver put in */
        const char *driver; /* which one, where the tie's answer depends on it; else NULL */
} Evidence;

/* One feature, one driver (NULL: as a whole, over all drivers that it governs, or where it names none). */
typedef struct Judgement {
        const Feature *feature;
        const char *driver;
        MusterVerdict verdict;
        char *why; /* one sentence: which tie decided */
        Evidence *evidence;
        size_t n_evidence;
        bool driver_missing; /* the emulator was built without this driver: no tie can speak for it */
} Judgement;

const char *tie_result_name(TieResult result);

/* Evaluates one tie for one driver. Fills result, refutes, detail, ref. -EBADMSG, -ENOMEM. */
int tie_evaluate(const Tie *tie, const Feature *feature, const char *driver, const MusterFacts *facts,
                 Evidence *ret, MusterError **ret_error);

/* NULL where the catalogue has no such feature or it does not govern the driver. Borrowed. */
const Judgement *verdicts_find(const MusterVerdicts *verdicts, const char *feature, const char *driver);
/* All judgements in the order of features, each feature's whole first; NULL beyond the end. Borrowed. */
const Judgement *verdicts_at(const MusterVerdicts *verdicts, size_t index);

/* Whether the feature's verdict as a whole also holds for any driver that is asked for. */
bool judgement_holds_for_any_driver(const Judgement *judgement);

MusterFacts *verdicts_facts(const MusterVerdicts *verdicts);
MusterCatalogue *verdicts_catalogue(const MusterVerdicts *verdicts);
MusterTrust verdicts_trust(const MusterVerdicts *verdicts);

/* The members of an evidence array, as DESIGN section 7 has them. */
json_object *judgement_evidence_to_json(const Judgement *judgement);

static inline void cleanup_verdicts(MusterVerdicts **verdicts)
{
        muster_verdicts_unref(*verdicts);
}
