/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verdicts as scripts see them (DESIGN section 7). */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/verdict-json.h"

json_object *evidence_to_json(const Evidence *evidence)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (json_add_string(object, "kind", tie_kind_name(evidence->tie->kind)) < 0 ||
            json_add_string(object, "ref", evidence->ref) < 0 ||
            json_add_string(object, "result", tie_result_name(evidence->result)) < 0 ||
            json_add_string(object, "detail", evidence->detail) < 0)
                return NULL;
        if (evidence->tie->bad && json_add_bool(object, "bad", true) < 0)
                return NULL;
        if (evidence->refutes && json_add_bool(object, "refutes", true) < 0)
                return NULL;
        if (evidence->driver && json_add_string(object, "driver", evidence->driver) < 0)
                return NULL;
        return TAKE(object);
}

json_object *judgement_evidence_to_json(const Judgement *judgement)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; i < judgement->n_evidence; i++)
                if (json_append(array, evidence_to_json(&judgement->evidence[i])) < 0)
                        return NULL;
        return TAKE(array);
}

json_object *strv_to_json(char *const *strings)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (; strings && *strings; strings++)
                if (json_append_string(array, *strings) < 0)
                        return NULL;
        return TAKE(array);
}

/* {"file": "present", …} */
static json_object *drivers_to_json(const MusterVerdicts *verdicts, const Feature *feature)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(strv) char **drivers = NULL;

        if (feature_drivers(feature, &drivers) < 0)
                return NULL;
        for (char **driver = drivers; *driver; driver++) {
                const Judgement *judgement = verdicts_find(verdicts, feature->name, *driver);

                if (judgement &&
                    json_add_string(object, *driver, muster_verdict_name(judgement->verdict)) < 0)
                        return NULL;
        }
        return TAKE(object);
}

static json_object *judgement_to_json(const MusterVerdicts *verdicts, const Judgement *judgement)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        const Feature *feature = judgement->feature;

        if (json_add_string(object, "name", feature->name) < 0 ||
            json_add_string(object, "summary", feature->summary) < 0 ||
            json_add_string(object, "verdict", muster_verdict_name(judgement->verdict)) < 0 ||
            json_add_string(object, "why", judgement->why) < 0)
                return NULL;
        if (feature->libvirt && json_add(object, "libvirt", strv_to_json(feature->libvirt)) < 0)
                return NULL;
        if (feature_has_drivers(feature) && !judgement->driver &&
            json_add(object, "drivers", drivers_to_json(verdicts, feature)) < 0)
                return NULL;
        if (judgement->driver && json_add_string(object, "driver", judgement->driver) < 0)
                return NULL;
        if (json_add(object, "evidence", judgement_evidence_to_json(judgement)) < 0)
                return NULL;
        return TAKE(object);
}

/* Where a driver is asked about that the feature does not govern, there is no judgement to show. */
static json_object *ungoverned_to_json(const Feature *feature, const char *driver)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (json_add_string(object, "name", feature->name) < 0 ||
            json_add_string(object, "summary", feature->summary) < 0 ||
            json_add_string(object, "verdict", muster_verdict_name(MUSTER_VERDICT_ABSENT)) < 0 ||
            json_add_stringf(object, "why", _("The feature does not govern the driver \"%s\"."), driver) <
                    0 ||
            json_add_string(object, "driver", driver) < 0 ||
            json_add(object, "evidence", json_object_new_array()) < 0)
                return NULL;
        return TAKE(object);
}

int json_hand_over(json_object *object, char **ret_json, MusterError **ret_error)
{
        char *text = object ? json_to_text(object) : NULL;

        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}

const Feature *verdicts_feature(const MusterVerdicts *verdicts, const char *name, MusterError **ret_error)
{
        const Feature *feature = catalogue_find(verdicts_catalogue(verdicts), name);

        if (!feature)
                error_set(ret_error, -ENOENT,
                          _("There is no feature \"%s\" in the catalogue; \"muster features\" lists them."),
                          name);
        return feature;
}

_public_ int muster_verdict_describe(const MusterVerdicts *verdicts, const char *feature, const char *driver,
                                     char **ret_json, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;
        const Judgement *judgement;
        const Feature *found;

        found = verdicts_feature(verdicts, feature, ret_error);
        if (!found)
                return -ENOENT;
        judgement = verdicts_find(verdicts, feature, driver);
        object = judgement ? judgement_to_json(verdicts, judgement) : ungoverned_to_json(found, driver);
        return json_hand_over(object, ret_json, ret_error);
}

_public_ int muster_verdicts_describe(const MusterVerdicts *verdicts, char **ret_json,
                                      MusterError **ret_error)
{
        CLEANUP(json) json_object *array = json_object_new_array();
        const MusterCatalogue *catalogue = verdicts_catalogue(verdicts);

        for (size_t i = 0; i < catalogue->n_features; i++) {
                const Judgement *judgement = verdicts_find(verdicts, catalogue->features[i].name, NULL);

                if (!judgement || json_append(array, judgement_to_json(verdicts, judgement)) < 0)
                        return error_oom(ret_error);
        }
        return json_hand_over(array, ret_json, ret_error);
}
