/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The way back: from the command line of an emulator that somebody else started to a definition of it. What
 * is not understood is never dropped in silence: each option, and each member of one, that no part of the
 * definition stands for is named. Pure.
 */

#include "base/error.h"
#include "base/json.h"
#include "domain/domain.h"

typedef struct ArgvOption {
        char *name;          /* "device": without its dashes, and by one spelling of several */
        json_object *values; /* flat: "file.driver" → a string; "" → an argument that has no members */
        json_object *taken;  /* those that the definition stands for */
        bool done;           /* and so for the option itself */
} ArgvOption;

/* The words as options; what is short for something longer (-hda, -nic, -drive if=virtio) is that. */
typedef struct Argv {
        char *emulator;
        ArgvOption *options;
        size_t n;
} Argv;

/* What is known of it from elsewhere. */
typedef struct ArgvAbout {
        const char *name, *uuid;
        const char *emulator; /* the path that the definition names */
        const char *arch;     /* libvirt's name: "x86_64" */
        const char *machine; /* what it is called ("pc-q35-7.2") where the command line has an alias; NULL */
        bool kvm;
} ArgvAbout;

/* Bounded: 10,000 words. -EINVAL: no command line of an emulator; -E2BIG; -ENOMEM. */
int argv_read(char *const *words, Argv *ret, MusterError **ret_error);
void argv_clear(Argv *argv);

/*
 * The definition as text, to free(), and an array with a line for each thing that it does not stand for.
 * Marks in `argv` what it has taken. -ENOMEM; -ENOPKG: libxml2 cannot be loaded.
 */
int argv_to_definition(Argv *argv, const ArgvAbout *about, char **ret, json_object **ret_unmapped);

/*
 * What differs between the command line that runs and the one that its definition would be started with: a
 * line for each is added to `unmapped`. Both just read. Names of nodes, places that nobody chose, and what
 * says a default aloud do not count.
 */
int argv_compare(const Argv *runs, const Argv *planned, json_object *unmapped);

/*
 * A tap device that was handed over as a descriptor: `name` says what interface is behind it (NULL: not
 * known), as text to free(). -ENOMEM.
 */
int argv_name_taps(Argv *argv, char *(*name)(const char *fd, void *userdata), void *userdata);

/* The same for images of which nobody said the format: by the name of their file. */
int argv_name_formats(Argv *argv, char *(*name)(const char *file, void *userdata), void *userdata);

static inline void cleanup_argv(Argv *argv)
{
        argv_clear(argv);
}
