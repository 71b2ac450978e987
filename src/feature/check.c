/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "feature/check.h"

#include "base/util.h"

/* A new check is one file and one line here. */
static const Check *const checks[] = {
        &check_auto_read_only_reopens,
};

const Check *check_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (streq(checks[i]->name, name))
                        return checks[i];
        return NULL;
}

void check_outcome_clear(CheckOutcome *outcome)
{
        for (size_t i = 0; i < outcome->n_halves; i++)
                free(outcome->halves[i].detail);
        free(outcome->unavailable);
        *outcome = (CheckOutcome){};
}

static json_object *half_to_json(const CheckHalf *half)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "name", half->name) < 0 ||
            json_add_bool(object, "met", half->met) < 0 ||
            json_add_string(object, "detail", half->detail ? half->detail : "") < 0)
                return NULL;
        return TAKE(object);
}

json_object *check_outcome_to_json(const CheckOutcome *outcome)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(json) json_object *halves = json_object_new_array();

        for (size_t i = 0; i < outcome->n_halves; i++)
                if (json_append(halves, half_to_json(outcome->halves + i)) < 0)
                        return NULL;
        if (!object || !halves || json_add(object, "halves", TAKE(halves)) < 0)
                return NULL;
        return TAKE(object);
}
