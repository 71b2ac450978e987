/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is made from the table of verbs at build time, and what completion asks for at run time. */

#include "cli/verb.h"

/* "man", "bash", "zsh" or "fish", on standard output. -EINVAL. */
int generate(const char *what, MusterError **ret_error);

void generate_man(void);
void generate_bash(void);
void generate_zsh(void);
void generate_fish(void);

/* "feature", "emulator": the names that fit, a line each, without starting anything. -EINVAL. */
int complete(const char *what, MusterError **ret_error);

/* For the shells' single quotes: `text` without any, for a generated script; to free(). */
char *without_quotes(const char *text);

/* The first words of the verbs, each once; to strv_free(). NULL when out of memory. */
char **first_words(void);
