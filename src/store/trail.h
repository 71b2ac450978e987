/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a path to an identity without hashing or running anything: what was found behind the path the last
 * time, and the stamps of all files that this rests on. While these are the same (and old enough to tell,
 * see base/stamp.h) so is the identity. Read at every look-up, so its text is parsed by hand:
 *
 *   path PATH                     absolute; the file's name is made from it
 *   record ID
 *   looked NSEC                   when the stamps were taken, at the latest
 *   digest HEX
 *   stamp DEV INO SIZE MTIME CTIME
 *   executable PATH
 *   modules COUNT FINGERPRINT STAMP
 *   modules-dir PATH              these four may be missing
 *   modules-root PATH
 *   modules-inside PATH
 *   modules-env PATH
 *   link DIGEST-OR-- STAMP PATH   one for each link of the chain, the outermost first, each followed by
 *   name NAME                     the name by which it was reached
 *   watched DIGEST-OR-- STAMP PATH  one for each file that a script of the chain may mean
 *   emulator JSON                 as muster_facts_describe() has it
 *   seen                          and behind it, to the end, the lines of identity_seen()
 */

#include "emulator/identity.h"
#include "store/record.h"

typedef struct Trail {
        char record[RECORD_ID_SIZE];
        int64_t looked_nsec;
        Identity identity;
        char *emulator; /* JSON text; NULL */
        char *seen;
} Trail;

void trail_clear(Trail *trail);

/* `path` made absolute, without resolving links; to free(). */
int trail_absolute(const char *path, char **ret);

/* The name of the file for an absolute path; to free(). */
char *trail_name(const char *path);

/* `path` is absolute. -ENOENT, -EBADMSG (noted), -ENOMEM. Marks it as used. */
int trail_load(const MusterStore *store, const char *path, Trail *ret);

/* The same by the file's name, whatever path it is for. */
int trail_load_name(const MusterStore *store, const char *name, Trail *ret);

typedef enum TrailState {
        TRAIL_HOLDS,
        TRAIL_RACY,  /* the stamps are the same, but too young to tell */
        TRAIL_MOVED, /* a stamp differs, or a file has gone */
} TrailState;

/* Looks at the files as they are now. -ENOMEM. */
int trail_check(const Trail *trail, TrailState *ret);

/* Which file differs, as a fragment of a sentence to free(); NULL where none does, or when out of memory. */
char *trail_explain(const Trail *trail);

/* Whether it can be seen later that nothing has moved, and be written down. */
bool trail_can_be_kept(const char *path, const Identity *identity);

/*
 * Keeps it, if the identity can be watched and is still what its stamps say. `looked_nsec`: a time before
 * its files were read. `facts` (may be NULL) are described in it. 0 also where it is not kept.
 */
int trail_save(MusterStore *store, const char *path, const char *record, const Identity *identity,
               int64_t looked_nsec, const char *emulator);

/* Pure: trail to text, to free(). What is no line of text in it is the caller's business. */
int trail_print(const Trail *trail, char **ret_text, size_t *ret_size);

/* Pure: text to trail; -EBADMSG. *ret_path may be NULL. */
int trail_parse(const char *text, char **ret_path, Trail *ret);

static inline void cleanup_trail(Trail *trail)
{
        trail_clear(trail);
}
