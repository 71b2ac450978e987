/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Emulators that could not be probed, so that a broken one is not run again at every look-up. Kept for the
 * digest (of a script: of its text and its interpreter), the modules, the host's fingerprint and muster's
 * version. A failure for want of a shared library is forgotten when libraries are installed, one for want of
 * time when more is given. What a script does depends on more than its text: its failure is kept for an
 * hour.
 */

#include "emulator/context.h"
#include "emulator/identity.h"
#include "store/entry.h"

#define FAILURE_SCRIPT_LIFETIME_SEC 3600

/* Whether a failure with this code says something about the emulator, rather than about us or the moment. */
bool failure_is_lasting(int r);

/* A key for `path`, which runs as `identity` where that is known (NULL: a script). To free(). */
int failure_key(const char *path, const Identity *identity, char **ret);

/* What a failure is about. */
typedef struct FailureAbout {
        const char *key;
        const char *fingerprint;
        const char *asked; /* names of the questions, where only some were asked; else "" */
        const char *path;
        bool script;
        const Identity *watched; /* when it is saved: files that the script may mean; NULL: none */
        const MusterContext *context;
} FailureAbout;

int failure_save(MusterStore *store, const FailureAbout *about, const MusterError *error);

/* 1 with the error set if there is a failure that still holds; 0 if not; -ENOMEM. */
int failure_load(MusterStore *store, const FailureAbout *about, int *ret_code, MusterError **ret_error);

void failure_forget(MusterStore *store, const char *key, const char *fingerprint);
