/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of a store. Layout (muster-store(5) is the reference):
 *
 *   records/ID                 portable and measured facts; ID is DIGEST.VARIANT (record.h)
 *   hosts/ID.HOST              host facts; HOST is a checksum of the host's fingerprint
 *   failures/KEY.HOST          why an emulator could not be probed (failure.h)
 *   paths/NAME                 from a path to an ID, with stamps that tell whether it holds (trail.h)
 *   verdicts/ID.HOST.CAT.T     what a catalogue says (ready.h)
 *   schemas/ID                 the schema of a record, as memory has it (compiled.h)
 *   sizes/N                    empty: an executable of N bytes has been seen (size.h)
 *   lock                       ranges of it are locked (lock.h)
 */

#include "base/error.h"
#include "base/stamp.h"
#include "muster/store.h"

#define STORE_RECORDS  "records"
#define STORE_HOSTS    "hosts"
#define STORE_FAILURES "failures"
#define STORE_PATHS    "paths"
#define STORE_VERDICTS "verdicts"
#define STORE_SCHEMAS  "schemas"
#define STORE_SIZES    "sizes"
#define STORE_LOCK     "lock"
#define STORE_TAG      "CACHEDIR.TAG"

struct MusterStore {
        unsigned n_ref; /* atomic */
        int dirfd;
        char *directory;
        MusterNoteFn note;
        void *note_userdata;
        int unwritable;     /* atomic; a note about it was given */
        uint64_t noted[16]; /* atomic; the last damaged files that a note was given about (store.c) */
};

/* Every folder of the store; NULL-terminated. */
extern const char *const store_folders[];

/* Tells the handler one sentence; NULL store: nobody. */
void store_note(const MusterStore *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether the file with this stamp was noted before; from now on it was (the last few are remembered). */
bool store_was_noted(const MusterStore *store, const FileStamp *stamp);

/* That nothing can be kept, and why: once. */
void store_note_unwritable(MusterStore *store, int r);

/*
 * Root's records may be read by everybody: there is nothing secret in them, and an image's or a host's
 * common cache serves all who trust root. Others keep theirs to themselves.
 */
mode_t store_file_mode(void);
mode_t store_folder_mode(void);

/* Makes the folders and the tag. */
int store_make_folders(MusterStore *store);

/* Whether what has this stat() can have been written by nobody but the caller and root. */
bool store_trusts(const struct stat *st);

/* "0123456789abcdef" */
#define HEX64_SIZE 17
void hex64(uint64_t number, char ret[static HEX64_SIZE]);

/* Whether the tag in the store's own folder is the one that muster writes. */
bool store_wrote_tag(const MusterStore *store);

DEFINE_CLEANUP(MusterStore, muster_store_unref);
