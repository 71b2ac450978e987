/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "emulator/identity.h"

typedef struct Modules {
        char *dir; /* the first folder that holds some; NULL */
        size_t count;
        char fingerprint[DIGEST_HEX_SIZE];
        char stamp[DIGEST_HEX_SIZE];
} Modules;

void modules_clear(Modules *modules);

/*
 * As modules_fingerprint(). `first_dir` is what the process has in $QEMU_MODULE_DIR, or NULL. Where the
 * stamp is `known`'s, its fingerprint is taken over and no module is read.
 */
int modules_scan(const char *root, const char *executable, const char *first_dir, const Identity *known,
                 Modules *ret);

/*
 * Writes a line for every module, as file_stamp_observe() does: where these lines are the same as before
 * (and none is racy), so is the fingerprint. Loads no libcrypto.
 */
int modules_observe(const char *root, const char *executable, const char *first_dir, FILE *out,
                    int64_t *newest_nsec);
