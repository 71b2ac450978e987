/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One verb, one file, one descriptor. Help, completion, the man page and the parsing of options all come
 * from these tables; a verb's file has its run function and nothing else that a user sees.
 *
 * The command line uses libmuster as anyone would: include/muster and src/base only.
 */

#include "base/error.h"
#include "base/json.h"
#include "muster/muster.h"

/* What a script sees. */
enum {
        EXIT_OK = 0,
        EXIT_NO = 1,      /* absent, not there, differs, faulty, refused */
        EXIT_TROUBLE = 2, /* error */
        EXIT_UNKNOWN = 3,
};

typedef struct Option {
        char letter;          /* 0: none */
        const char *name;     /* "emulator" */
        const char *argument; /* N_("PATH"); NULL: takes none */
        const char *help;     /* N_() */
        const char *complete; /* NULL, or what completes the argument: "file", "feature", "trust", "ro rw on-demand" */
        bool repeat;
} Option;

typedef struct Invocation Invocation; /* parsed options, positional arguments, context; cli/invocation.h */

typedef struct Verb {
        const char *name;      /* "schema query": of two words for a verb with sub-verbs */
        const char *arguments; /* N_("PATH"), as in the synopsis; NULL: none */
        const char *summary;   /* N_(), one line */
        const char *about;     /* N_(), paragraphs for the man page: what it prints, exit codes */
        const char *example;   /* a command line that works as it stands */
        unsigned min_arguments, max_arguments;
        const Option *const *options; /* NULL-terminated */
        const char *complete;         /* for positional arguments, as in Option */
        int (*run)(Invocation *invocation);
} Verb;

extern const Verb *const verbs[]; /* NULL-terminated; cli/verbs.c */
