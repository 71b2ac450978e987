/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From evidence to a verdict.
 *
 * A verdict must be safe to act upon. `present` makes a program do what breaks where the feature is not
 * there; a wrong `absent` costs comfort; `unknown` asks a person to look. So each rule below gives way only
 * in the safe direction, and the first one that holds decides:
 *
 *  1. A `bad` tie that is met: absent. Known-bad cases count whatever their kind and whatever the trust, a
 *     version range included, since they can only take away.
 *  2. A tie that refutes: absent. The emulator itself said that it cannot now (runtime false), it was built
 *     without the driver in question, or a check ran and a promised half does not hold (if the trust takes
 *     measured ties). This beats any declaration that is met.
 *  3. A decisive tie that is met: present. Decisive are the ties that are no weaker than the trust. One is
 *     enough: ties are alternatives, the places where different releases and vendors declare the same thing.
 *     A `bad` tie that could not be asked leaves the verdict and is mentioned: known faults are rare, and
 *     refusing every emulator of which one question stayed open would help nobody.
 *  4. A decisive tie that was unavailable: unknown. What was not answered might have said yes.
 *  5. A tie beyond the trust that is met: unknown. It suggests presence (QEMU 4.0 reopens dynamically and
 *     declares nothing), but the caller does not take its word; `muster verify` turns it into a measured
 * one.
 *  6. A decisive tie that is unmet: absent. The emulator was asked in every way that counts, and said no.
 *  7. Else unknown: nothing that counts was asked at all (only a check that has not run, or only ties beyond
 *     the trust). A check that has not run decides nothing in either direction.
 *
 * Where `governs` names drivers each of them has a verdict of its own. As a whole, a feature is what its
 * weakest driver is: absent beats unknown beats present. A driver that this emulator was built without is
 * left out, as long as there is another one: nobody can use it here, so it is no reason against the rest.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/judge.h"

/* What counts in the evidence, each the first of its sort. */
typedef struct Weighed {
        const Evidence *bad;         /* met */
        const Evidence *bad_open;    /* could not be asked */
        const Evidence *refuting;    /* and decisive */
        const Evidence *met;         /* and decisive */
        const Evidence *unavailable; /* and decisive */
        const Evidence *unmet;       /* and decisive */
        const Evidence *suggesting;  /* met, beyond the trust */
        const Evidence *doubting;    /* refuting, beyond the trust */
        const Evidence *not_asked;
} Weighed;

void judgement_clear(Judgement *judgement)
{
        for (size_t i = 0; i < judgement->n_evidence; i++)
                evidence_clear(&judgement->evidence[i]);
        free(judgement->evidence);
        free(judgement->why);
        *judgement = (Judgement){0};
}

bool tie_trusted(const Tie *tie, MusterTrust trust)
{
        switch (tie->kind) {
        case TIE_MEASURED:
                return trust >= MUSTER_TRUST_MEASURED;
        case TIE_VERSION:
                return trust >= MUSTER_TRUST_INFERRED;
        default:
                return true;
        }
}

static void keep_first(const Evidence **slot, const Evidence *evidence)
{
        if (!*slot)
                *slot = evidence;
}

static void weigh_bad(const Evidence *evidence, Weighed *w)
{
        if (evidence->result == TIE_MET)
                keep_first(&w->bad, evidence);
        else if (evidence->result != TIE_UNMET)
                keep_first(&w->bad_open, evidence);
}

static void weigh_tie(const Evidence *evidence, bool decisive, Weighed *w)
{
        if (evidence->refutes)
                keep_first(decisive ? &w->refuting : &w->doubting, evidence);
        switch (evidence->result) {
        case TIE_MET:
                keep_first(decisive ? &w->met : &w->suggesting, evidence);
                break;
        case TIE_UNMET:
                if (decisive)
                        keep_first(&w->unmet, evidence);
                break;
        case TIE_NOT_ASKED:
                keep_first(&w->not_asked, evidence);
                break;
        case TIE_UNAVAILABLE:
                if (decisive)
                        keep_first(&w->unavailable, evidence);
                break;
        }
}

static Weighed weigh(const Judgement *judgement, MusterTrust trust)
{
        Weighed w = {0};

        for (size_t i = 0; i < judgement->n_evidence; i++) {
                const Evidence *evidence = &judgement->evidence[i];

                if (evidence->tie->bad)
                        weigh_bad(evidence, &w);
                else
                        weigh_tie(evidence, tie_trusted(evidence->tie, trust), &w);
        }
        return w;
}

static int conclude(Judgement *judgement, MusterVerdict verdict, const char *format,
                    const Evidence *evidence)
{
        judgement->verdict = verdict;
        if (asprintf(&judgement->why, format, tie_kind_name(evidence->tie->kind), evidence->ref,
                     evidence->detail) < 0) {
                judgement->why = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int add_note(Judgement *judgement, const char *note)
{
        char *joined;

        if (asprintf(&joined, "%s %s", judgement->why, note) < 0)
                return -ENOMEM;
        free(judgement->why);
        judgement->why = joined;
        return 0;
}

static int conclude_present(Judgement *judgement, const Weighed *w)
{
        CLEANUP(free) char *note = NULL;
        int r;

        r = conclude(judgement, MUSTER_VERDICT_PRESENT, _("The tie \"%s %s\" is met. %s"), w->met);
        if (r == 0 && w->bad_open) {
                if (asprintf(&note, _("Whether the known fault \"%s %s\" is in it could not be told."),
                             tie_kind_name(w->bad_open->tie->kind), w->bad_open->ref) < 0) {
                        note = NULL;
                        return -ENOMEM;
                }
                r = add_note(judgement, note);
        }
        if (r == 0 && w->doubting)
                r = add_note(judgement,
                             _("A check that ran found otherwise, but the trust does not count checks."));
        return r;
}

/* The rules of the essay, in its order. */
static int decide(Judgement *j, MusterTrust trust)
{
        Weighed w = weigh(j, trust);
        int r;

        if (w.bad)
                return conclude(j, MUSTER_VERDICT_ABSENT, _("It is a known-bad case: \"%s %s\" is met. %s"),
                                w.bad);
        if (w.refuting)
                return conclude(j, MUSTER_VERDICT_ABSENT, _("It is refuted by \"%s %s\": %s"), w.refuting);
        if (w.met)
                return conclude_present(j, &w);
        if (w.unavailable)
                return conclude(j, MUSTER_VERDICT_UNKNOWN, _("\"%s %s\" could not be determined: %s"),
                                w.unavailable);
        if (w.suggesting)
                return conclude(j, MUSTER_VERDICT_UNKNOWN,
                                _("\"%s %s\" suggests that it is there, but is weaker than what is trusted: "
                                  "\"muster "
                                  "verify\" finds out, or --trust accepts it. %s"),
                                w.suggesting);
        if (w.unmet) {
                r = conclude(j, MUSTER_VERDICT_ABSENT, _("No tie is met; \"%s %s\": %s"), w.unmet);
                if (r == 0 && w.not_asked)
                        r = add_note(j, w.not_asked->detail);
                return r;
        }
        if (w.not_asked)
                return conclude(j, MUSTER_VERDICT_UNKNOWN, _("Only \"%s %s\" could tell. %s"), w.not_asked);
        j->verdict = MUSTER_VERDICT_UNKNOWN;
        j->why = strdup(_("None of its ties is as strong as what is trusted."));
        return j->why ? 0 : -ENOMEM;
}

int judge(const Feature *feature, const char *driver, const MusterFacts *facts, MusterTrust trust,
          Judgement *ret, MusterError **ret_error)
{
        CLEANUP(judgement) Judgement j = {.feature = feature, .driver = driver};
        int r;

        j.evidence = calloc(feature->n_ties + 1, sizeof(*j.evidence));
        if (!j.evidence)
                return error_oom(ret_error);
        if (driver) {
                r = driver_evaluate(feature, driver, facts, &j.evidence[0], ret_error);
                if (r < 0)
                        return r;
                j.driver_missing = r > 0;
                j.n_evidence = (size_t)r;
        }
        for (size_t i = 0; i < feature->n_ties; i++) {
                r = tie_evaluate(&feature->ties[i], feature, driver, facts, &j.evidence[j.n_evidence],
                                 ret_error);
                if (r < 0) {
                        error_prefix(ret_error, "%s:%u", feature->file, feature->ties[i].line);
                        return r;
                }
                j.n_evidence++;
        }
        if (decide(&j, trust) < 0)
                return error_oom(ret_error);
        *ret = j;
        j = (Judgement){0};
        return 0;
}

/* Absent beats unknown beats present; drivers that are not built in are left out while any other is. */
static const Judgement *weakest(const Judgement *drivers, size_t n_drivers)
{
        static const int weakness[] = {
                [MUSTER_VERDICT_PRESENT] = 0,
                [MUSTER_VERDICT_UNKNOWN] = 1,
                [MUSTER_VERDICT_ABSENT] = 2,
        };
        const Judgement *found = NULL;

        for (size_t i = 0; i < n_drivers; i++)
                if (!drivers[i].driver_missing &&
                    (!found || weakness[drivers[i].verdict] > weakness[found->verdict]))
                        found = &drivers[i];
        return found ? found : &drivers[0];
}

/* Names the drivers of which this holds: "file, host_device"; NULL when out of memory. */
static char *list_drivers(const Judgement *drivers, size_t n_drivers, bool missing, MusterVerdict verdict)
{
        char *list = strdup("");

        for (size_t i = 0; list && i < n_drivers; i++) {
                char *longer;

                if (drivers[i].driver_missing != missing || (!missing && drivers[i].verdict != verdict))
                        continue;
                if (asprintf(&longer, "%s%s%s", list, *list ? ", " : "", drivers[i].driver) < 0)
                        longer = NULL;
                free(list);
                list = longer;
        }
        return list;
}

static int whole_why(const Judgement *drivers, size_t n_drivers, const Judgement *found, Judgement *whole)
{
        CLEANUP(free) char *these = list_drivers(drivers, n_drivers, found->driver_missing, found->verdict);
        CLEANUP(free) char *missing = list_drivers(drivers, n_drivers, true, MUSTER_VERDICT_ABSENT);
        CLEANUP(free) char *note = NULL;

        if (!these || !missing)
                return -ENOMEM;
        if (asprintf(&whole->why, "%s: %s", these, found->why) < 0) {
                whole->why = NULL;
                return -ENOMEM;
        }
        if (!*missing || found->driver_missing)
                return 0;
        if (asprintf(&note, _("Not counted, as this emulator was built without: %s."), missing) < 0) {
                note = NULL;
                return -ENOMEM;
        }
        return add_note(whole, note);
}

static int add_evidence(Judgement *whole, const Evidence *evidence)
{
        if (evidence_copy(evidence, &whole->evidence[whole->n_evidence]) < 0)
                return -ENOMEM;
        whole->n_evidence++;
        return 0;
}

/* Of one tie, or with NULL of drivers that are missing: for each driver, or once if it holds for all. */
static int add_of_tie(const Judgement *drivers, size_t n_drivers, const Tie *tie, Judgement *whole)
{
        for (size_t i = 0; i < n_drivers; i++)
                for (size_t j = 0; j < drivers[i].n_evidence; j++) {
                        const Evidence *evidence = &drivers[i].evidence[j];
                        bool missing = drivers[i].driver_missing && j == 0;

                        if (tie ? evidence->tie != tie : !missing)
                                continue;
                        if (add_evidence(whole, evidence) < 0)
                                return -ENOMEM;
                        if (!evidence->driver)
                                return 0;
                }
        return 0;
}

static int whole_evidence(const Judgement *drivers, size_t n_drivers, Judgement *whole)
{
        const Feature *feature = whole->feature;

        whole->evidence = calloc(n_drivers * (feature->n_ties + 1), sizeof(*whole->evidence));
        if (!whole->evidence || add_of_tie(drivers, n_drivers, NULL, whole) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < feature->n_ties; i++)
                if (add_of_tie(drivers, n_drivers, &feature->ties[i], whole) < 0)
                        return -ENOMEM;
        return 0;
}

int judge_whole(const Judgement *drivers, size_t n_drivers, Judgement *ret)
{
        const Judgement *found = weakest(drivers, n_drivers);
        CLEANUP(judgement)
        Judgement whole = {
                .feature = found->feature,
                .verdict = found->verdict,
                .driver_missing = found->driver_missing,
        };

        if (whole_why(drivers, n_drivers, found, &whole) < 0 ||
            whole_evidence(drivers, n_drivers, &whole) < 0)
                return -ENOMEM;
        *ret = whole;
        whole = (Judgement){0};
        return 0;
}
