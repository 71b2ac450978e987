/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pieces of JSON that describe, explain and verify share. NULL: out of memory. */

#include "feature/tie.h"

json_object *evidence_to_json(const Evidence *evidence);
json_object *strv_to_json(char *const *strings);

/* The text of `object`, which stays the caller's; NULL counts as out of memory. */
int json_hand_over(json_object *object, char **ret_json, MusterError **ret_error);

/* The feature, or NULL with a sentence (-ENOENT). */
const Feature *verdicts_feature(const MusterVerdicts *verdicts, const char *name, MusterError **ret_error);
