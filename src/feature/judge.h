/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rule of verdicts; the essay is at the head of verdict.c. */

#include "feature/tie.h"

/* Judges a feature for one driver, or, where it names none (driver NULL), at all. -ENOMEM, -EBADMSG. */
int judge(const Feature *feature, const char *driver, const MusterFacts *facts, MusterTrust trust,
          Judgement *ret, MusterError **ret_error);

/* The whole over the judgements of all drivers that the feature governs. -ENOMEM. */
int judge_whole(const Judgement *drivers, size_t n_drivers, Judgement *ret);

void judgement_clear(Judgement *judgement);

/* Whether a tie of this kind counts under `trust`. */
bool tie_trusted(const Tie *tie, MusterTrust trust);

static inline void cleanup_judgement(Judgement *judgement)
{
        judgement_clear(judgement);
}
