/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One verb, one file, one descriptor. Help, completion, the man page and the parsing of options all come
 * from these tables; a verb's file has its run function, its descriptor and what only it prints.
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

/* How an option's or a positional argument's value is completed by shells, besides a list of words. */
#define COMPLETE_FILE        "<file>"
#define COMPLETE_EMULATOR    "<emulator>"
#define COMPLETE_FEATURE     "<feature>"
#define COMPLETE_VERB        "<verb>"
#define COMPLETE_DOMAIN      "<domain>"
#define COMPLETE_DOMAIN_FILE "<domain-or-file>" /* a domain, and files behind it */

typedef struct Option {
        char letter;          /* 0: none */
        const char *name;     /* "emulator" */
        const char *argument; /* N_("PATH"); NULL: takes none */
        const char *help;     /* N_() */
        const char *complete; /* NULL, a COMPLETE_…, or the words that fit: "ro rw on-demand" */
        bool repeat;          /* may be given more than once; of others the last one counts */
} Option;

typedef struct Invocation Invocation; /* parsed options, positional arguments, context; cli/invocation.h */

/* In which part of the help a verb stands. */
typedef enum VerbGroup {
        VERB_GROUP_EMULATORS,
        VERB_GROUP_STORE,
        VERB_GROUP_DEFINITIONS,
        VERB_GROUP_DOMAINS,
        VERB_GROUP_DEVICES,
        VERB_GROUP_MUSTER,
        VERB_GROUPS,
} VerbGroup;

typedef struct Verb {
        const char *name; /* "schema query": of two words for a verb with sub-verbs */
        VerbGroup group;
        const char *arguments; /* N_("PATH"), as in the synopsis; NULL: none */
        const char *summary;   /* N_(), one line */
        const char *about;     /* N_(), paragraphs for the man page: what it prints, exit codes */
        const char *example;   /* a command line that works as it stands */
        unsigned min_arguments, max_arguments;
        const Option *const *options; /* NULL-terminated; help and json go without saying */
        const char *complete;         /* for positional arguments, as in Option */
        /*
         * What the process exits with, or a negative errno with an error set: main says it and exits with
         * EXIT_TROUBLE, or with 128 + signal for -ECANCELED.
         */
        int (*run)(Invocation *invocation, MusterError **ret_error);
} Verb;

extern const Verb *const verbs[]; /* NULL-terminated, in the order of names; cli/verbs.c */

/* NULL where there is none of this name. */
const Verb *verb_find(const char *name);

/* Whether `word` is the first of a verb of two words: "schema". */
bool verb_is_group(const char *word);
