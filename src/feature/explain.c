/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All about one feature on one emulator: every tie, what it governs, and what is reached. */

#include "feature/explain.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/verdict-json.h"

/* As in the evidence, with where the tie is written, and whether it may decide. */
static json_object *tie_to_json(const Evidence *evidence, MusterTrust trust)
{
        CLEANUP(json) json_object *object = evidence_to_json(evidence);

        if (!object)
                return NULL;
        if (evidence->tie->line > 0 && json_add_int(object, "line", evidence->tie->line) < 0)
                return NULL;
        if (!evidence->tie->bad && !tie_trusted(evidence->tie, trust) &&
            json_add_bool(object, "trusted", false) < 0)
                return NULL;
        return TAKE(object);
}

static json_object *ties_to_json(const Judgement *judgement, MusterTrust trust)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; judgement && i < judgement->n_evidence; i++)
                if (json_append(array, tie_to_json(&judgement->evidence[i], trust)) < 0)
                        return NULL;
        return TAKE(array);
}

static json_object *governs_to_json(const Feature *feature)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; i < feature->n_governs; i++) {
                CLEANUP(json) json_object *object = json_object_new_object();
                const Governs *governs = &feature->governs[i];

                if (json_add_string(object, "command", governs->command) < 0 ||
                    (governs->drivers[0] &&
                     json_add(object, "drivers", strv_to_json(governs->drivers)) < 0) ||
                    (governs->member && json_add_string(object, "member", governs->member) < 0) ||
                    json_append(array, TAKE(object)) < 0)
                        return NULL;
        }
        return TAKE(array);
}

static int add_verdict(json_object *object, const Judgement *judgement, const Feature *feature,
                       const char *driver)
{
        MusterVerdict verdict = judgement ? judgement->verdict : MUSTER_VERDICT_ABSENT;

        if (json_add_string(object, "feature", feature->name) < 0 ||
            json_add_string(object, "summary", feature->summary) < 0 ||
            (driver && json_add_string(object, "driver", driver) < 0) ||
            json_add_string(object, "verdict", muster_verdict_name(verdict)) < 0)
                return -ENOMEM;
        if (!judgement)
                return json_add_stringf(object, "why", _("The feature does not govern the driver \"%s\"."),
                                        driver);
        return json_add_string(object, "why", judgement->why);
}

static int add_origin(json_object *object, const Feature *feature)
{
        if ((feature->since && json_add_string(object, "since", feature->since) < 0) ||
            (feature->note && json_add_string(object, "note", feature->note) < 0) ||
            (feature->libvirt && json_add(object, "libvirt", strv_to_json(feature->libvirt)) < 0))
                return -ENOMEM;
        return json_add_stringf(object, "origin", "%s:%u", feature->file, feature->line);
}

_public_ int muster_explain(const MusterVerdicts *verdicts, const char *feature, const char *driver,
                            char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *reach = NULL;
        const Feature *found = verdicts_feature(verdicts, feature, ret_error);
        const Judgement *judgement;
        int r;

        if (!found)
                return -ENOENT;
        judgement = verdicts_find(verdicts, feature, driver);
        if (judgement)
                r = explain_reach(verdicts, found, driver, &reach);
        else
                r = (reach = json_object_new_array()) ? 0 : -ENOMEM;
        if (r < 0 && r != -ENOMEM)
                return error_set(ret_error, r,
                                 _("The emulator's schema makes no sense, or too much of it, on the ways to "
                                   "the ties of \"%s\"."),
                                 feature);
        if (r < 0 || add_verdict(object, judgement, found, driver) < 0 ||
            json_add(object, "ties", ties_to_json(judgement, verdicts_trust(verdicts))) < 0 ||
            json_add(object, "governs", governs_to_json(found)) < 0 ||
            json_add(object, "reach", TAKE(reach)) < 0 || add_origin(object, found) < 0)
                return error_oom(ret_error);
        return json_hand_over(object, ret_json, ret_error);
}
