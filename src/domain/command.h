/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An argv under construction, and the same as text that a shell takes. A word may hold any bytes but NUL.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

typedef struct Command {
        char **argv; /* NULL-terminated, NULL while it is empty; the emulator is the first word */
        size_t n;
        bool *begins; /* for each word: whether a line begins with it */
} Command;

/* Adds a word, and the argument that belongs to it (NULL: none); copies both. -ENOMEM: neither was added. */
int command_add(Command *command, const char *option, const char *argument);

/*
 * Adds one of the options that option_syntax() knows, with an argument made of its properties. `json`:
 * whether the emulator has the feature that JSON needs there; where it needs none, or is never taken, it
 * does not matter. -EINVAL with the member that cannot be said.
 */
int command_add_properties(Command *command, const char *option, const json_object *properties, bool json,
                           MusterError **ret_error);

/*
 * For pasting into any POSIX shell: one option a line, quoted only where a shell would read something else
 * than the word. To free(); NULL: out of memory.
 */
char *command_to_text(const Command *command);

/* One word of it. */
char *command_quote(const char *word);

void command_clear(Command *command);

static inline void cleanup_command(Command *command)
{
        command_clear(command);
}
