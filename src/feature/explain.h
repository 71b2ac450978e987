/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a feature's ties reach, as the array `reach` of muster_explain(). */

#include "feature/judge.h"

/* An entity that a schema tie leads to. */
typedef struct Tied {
        const Tie *tie;
        uint32_t entity;
        bool met;           /* else it is the last entry on the way of an unmet tie */
        const char *driver; /* for which one of `drivers`; NULL: the tie speaks of none */
        char *place;        /* its path */
} Tied;

/*
 * Without doubles. If any tie is met, only where those lead to. `drivers`: for which to ask, empty where the
 * feature names none; borrowed. -ENOMEM, -EBADMSG.
 */
int explain_tied(const MusterSchema *schema, const Feature *feature, char *const *drivers, Tied **ret,
                 size_t *ret_n);
Tied *tied_free(Tied *tied, size_t n);

/*
 * `driver` NULL: for all drivers that the feature governs. Empty where no tie leads to a command. -ENOMEM;
 * -EBADMSG, -E2BIG: the schema makes no sense, or has more ways than any real one.
 */
int explain_reach(const MusterVerdicts *verdicts, const Feature *feature, const char *driver,
                  json_object **ret);
