/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/check.h"
#include "feature/verdict.h"

/*
 * Runs the check that a feature's `measured` tie names, on a fresh emulator, and judges anew. What ran must
 * be what was probed: the digest of the process is compared, since a package may have been upgraded
 * meanwhile.
 */

static int find_check(const Feature *feature, const Check **ret, MusterError **ret_error)
{
        for (size_t i = 0; i < feature->n_ties; i++) {
                const Tie *tie = feature->ties + i;

                if (tie->kind != TIE_MEASURED)
                        continue;
                *ret = check_find(tie->ref);
                if (*ret)
                        return 0;
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("%s:%u: feature '%s' names the check '%s', which this muster does not have."),
                        feature->file, tie->line, feature->name, tie->ref);
        }
        return error_set(
                ret_error, -EOPNOTSUPP,
                _("Feature '%s' has no behavioural check; `muster explain %s` shows what it is told by."),
                feature->name, feature->name);
}

static int same_binary(Run *run, const MusterFacts *facts, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_identity))) Identity identity = {};
        int r;

        r = identity_of_process(run_pid(run), facts->identity.path, &facts->identity, &identity, ret_error);
        if (r < 0)
                return r;
        if (!streq(identity.digest, facts->identity.digest))
                return error_set(
                        ret_error, -ESTALE,
                        _("The emulator '%s' is no longer the one that was probed; probe it again."),
                        facts->identity.path);
        return 0;
}

static int run_check(MusterContext *context, const MusterFacts *facts, const Check *check,
                     CheckOutcome *outcome, MusterError **ret_error)
{
        CLEANUP(Run) Run *run = NULL;
        int r;

        r = run_spawn(context, facts->identity.path, facts->kind, /* either= */ false, &run, ret_error);
        if (r < 0)
                return r;
        r = same_binary(run, facts, ret_error);
        if (r < 0)
                return r;
        r = check->run(run, facts, outcome, ret_error);
        if (r < 0 && ret_error)
                error_prefix(ret_error, _("While checking %s"), check->name);
        return r;
}

static const char *outcome_name(const CheckOutcome *outcome)
{
        if (outcome->unavailable)
                return "unavailable";
        for (size_t i = 0; i < outcome->n_halves; i++)
                if (!outcome->halves[i].met)
                        return "unmet";
        return outcome->n_halves > 0 ? "met" : "unavailable";
}

/* The evidence of the feature as a whole, under the name that explain uses for it too. */
static int add_ties(json_object *object, const MusterVerdicts *verdicts, const char *feature,
                    MusterError **ret_error)
{
        CLEANUP(json) json_object *described = NULL;
        CLEANUP(free) char *text = NULL;
        json_object *evidence;
        int r;

        r = muster_verdict_describe(verdicts, feature, NULL, &text, ret_error);
        if (r < 0)
                return r;
        r = json_parse(text, strlen(text), &described);
        if (r < 0)
                return error_errno(ret_error, r, "%s", feature);
        evidence = json_get(described, "evidence", json_type_array);
        if (json_add(object, "ties", evidence ? json_object_get(evidence) : json_object_new_array()) < 0)
                return error_oom(ret_error);
        return 0;
}

static int describe(const MusterVerdicts *verdicts, const char *feature, const Check *check,
                    const CheckOutcome *outcome, char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(json) json_object *value = check_outcome_to_json(outcome);
        int verdict = muster_verdict(verdicts, feature, NULL), r;
        char *text;

        if (verdict < 0)
                return error_set(ret_error, verdict, _("There is no verdict on '%s'."), feature);
        if (!object || !value || json_add_string(object, "feature", feature) < 0 ||
            json_add_string(object, "verdict", muster_verdict_name((MusterVerdict)verdict)) < 0 ||
            json_add_string(object, "check", check->name) < 0 ||
            json_add_string(object, "result", outcome_name(outcome)) < 0 ||
            (outcome->unavailable && json_add_string(object, "reason", outcome->unavailable) < 0) ||
            json_add(object, "halves", json_object_get(json_get(value, "halves", json_type_array))) < 0)
                return error_oom(ret_error);
        r = add_ties(object, verdicts, feature, ret_error);
        if (r < 0)
                return r;
        text = json_to_text(object);
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return verdict;
}

static int measured(MusterFacts *facts, const Check *check, const CheckOutcome *outcome, MusterFacts **ret)
{
        json_object *value = NULL;

        if (outcome->unavailable)
                return facts_with_measured(facts, check->name, FACT_REFUSED, NULL, outcome->unavailable,
                                           ret);
        value = check_outcome_to_json(outcome);
        if (!value)
                return -ENOMEM;
        return facts_with_measured(facts, check->name, FACT_ANSWERED, value, NULL, ret);
}

_public_ int muster_verify(MusterContext *context, MusterCatalogue *catalogue, MusterFacts *facts,
                           const char *feature_name, char **ret_json, MusterFacts **ret_facts,
                           MusterError **ret_error)
{
        __attribute__((cleanup(check_outcome_clear))) CheckOutcome outcome = {};
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(facts) MusterFacts *learned = NULL;
        CLEANUP(free) char *json = NULL;
        const Feature *feature = catalogue_find(catalogue, feature_name);
        const Check *check;
        int r;

        if (!feature)
                return error_set(ret_error, -ENOENT, _("The catalogue has no feature '%s'."), feature_name);
        r = find_check(feature, &check, ret_error);
        if (r < 0)
                return r;
        if (facts->connected)
                return error_set(ret_error, -EINVAL,
                                 _("A behavioural check is not run on an emulator that is in use; give its "
                                   "executable instead: %s"),
                                 facts->identity.executable);
        r = run_check(context, facts, check, &outcome, ret_error);
        if (r < 0)
                return r;
        r = measured(facts, check, &outcome, &learned);
        if (r < 0)
                return error_oom(ret_error);
        /* The caller's trust is a matter of its own verdicts; here the measurement is what was asked for. */
        r = muster_verdicts_new(catalogue, learned, MUSTER_TRUST_MEASURED, &verdicts, ret_error);
        if (r < 0)
                return r;
        r = describe(verdicts, feature_name, check, &outcome, &json, ret_error);
        if (r < 0)
                return r;
        HAND_OVER(ret_json, json);
        HAND_OVER(ret_facts, learned);
        return r;
}
