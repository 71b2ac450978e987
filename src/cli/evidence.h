/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How people see verdicts and ties. */

#include "cli/output.h"
#include "muster/feature.h"

Style verdict_style(const char *verdict);

/* The verdict's word in the user's language. */
const char *verdict_word(const char *verdict);

/* Each tie of an array of evidence: mark, kind, path, and below it what stood there. */
void say_ties(json_object *ties, unsigned indent);

/* "  label  value", aligned with its like; nothing for NULL or "". */
void say_field(const char *label, const char *value);
void say_field_styled(Style style, const char *label, const char *value);

/* Strings of an array, joined by ", "; to free(). NULL where there are none. */
char *join_strings(json_object *array);

/* The width for running text: that of the terminal, 100 at most. */
unsigned text_width(void);

/* The i-th object of an array, NULL beyond the end. */
json_object *array_object(json_object *array, size_t i);
