/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Help, made from the table of verbs: all that is said of a verb or an option stands in its descriptor. */

#include <stdio.h>

#include "cli/verb.h"

/* All verbs, on `file`. */
void help_overview(FILE *file);

/* The verbs of a group ("schema"), on `file`. */
void help_group(FILE *file, const char *group);

/* "muster has FEATURE [-e PATH] ..." without options: the verb's synopsis, to free(). */
char *help_synopsis(const Verb *verb);

/* "-e, --emulator PATH", to free(). */
char *help_option_usage(const Option *option);

void help_verb(const Verb *verb);
