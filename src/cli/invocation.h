/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was asked on the command line, and what every verb needs to answer it. */

#include "cli/options.h"

typedef struct Given {
        const Option *option;
        const char *value; /* NULL for an option that takes none */
} Given;

struct Invocation {
        const Verb *verb;   /* NULL: none was named */
        const char *group;  /* "schema", where the second word is missing */
        bool help, version; /* --help, --version */
        Given *given;       /* in the order given */
        size_t n_given;
        const char **arguments; /* positional, without the verb; borrowed from argv */
        size_t n_arguments;
};

/*
 * Parses a command line (argv[0] is skipped). Pure. Options may stand before or behind the verb, as
 * `--name=value`, `--name value`, `-l value`, `-lvalue`; `--` ends them. -EINVAL: the sentence names what is
 * not known and what was probably meant.
 */
int invocation_parse(int argc, char *const *argv, Invocation *ret, MusterError **ret_error);
void invocation_done(Invocation *invocation);

bool option_given(const Invocation *invocation, const Option *option);

/* The last value given, or NULL. */
const char *option_value(const Invocation *invocation, const Option *option);

/* The next value of an option that may be repeated, NULL at the end; start with *cursor == 0. */
const char *option_next(const Invocation *invocation, const Option *option, size_t *cursor);

/* "1.5" as microseconds, a millisecond to a day; locales do not matter. -EINVAL. */
int parse_seconds(const char *text, uint64_t *ret_usec);

/* A whole number from 0 to `max`. -EINVAL. */
int parse_number(const char *text, unsigned max, unsigned *ret);

static inline void cleanup_invocation(Invocation *invocation)
{
        invocation_done(invocation);
}
