/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What identity.c, identity-chain.c and identity-watch.c share. */

#include "emulator/identity.h"
#include "emulator/modules.h"

/*
 * The digest of an open file, or of `known` (may be NULL) where that has its stamp. A file that is written
 * to while it is read has no digest: -ETXTBSY.
 */
int identity_hash(int fd, const Identity *known, FileStamp *ret_stamp, char ret_hex[static DIGEST_HEX_SIZE]);

/* Fills the links from identity->path up to the executable, of which this is the stat(). */
int identity_follow_chain(const struct stat *executable, const Identity *known, Identity *identity);

/* Adds a file to what is watched; `runs`: it is part of what is run, whatever its mode. */
int identity_watch(Identity *identity, const char *path, bool runs);

/* Drops what `known` does not watch. */
void identity_keep_watched(const Identity *known, Identity *identity);

/* Fills what is watched of the chain's scripts. */
int identity_watch_words(const struct stat *executable, Identity *identity);

/* What modules_scan() found, moved; and where it looked. */
void identity_take_modules(Identity *identity, Modules *modules);
int identity_keep_place(Identity *identity, const char *root, const char *inside, const char *first_dir);
