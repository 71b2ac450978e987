/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One file of a store: two lines of header, then a body of text (of schemas: of bytes).
 *
 *   muster KIND FORMAT
 *   sha256 HEX SIZE            (records, failures: what people and other hosts read)
 *   fnv1a64 HEX SIZE           (the rest: what is read at every look-up, without libcrypto)
 *
 * SIZE is that of the body, in bytes. So a file is whole, as it was written and of a format that is known,
 * or it is passed over.
 */

#include "store/store.h"

typedef enum EntryKind {
        ENTRY_RECORD,
        ENTRY_HOST,
        ENTRY_FAILURE,
        ENTRY_PATH,
        ENTRY_VERDICTS,
        ENTRY_SCHEMA,
} EntryKind;

/* "records/ID" and so on, to free(); NULL when out of memory. */
char *entry_file(EntryKind kind, const char *name);

/*
 * The body, NUL-terminated, to free(). *ret_stamp may be NULL. -ENOENT: not there; -EBADMSG: damaged,
 * foreign or of another format, with a note given; -ENOMEM.
 */
int entry_read(const MusterStore *store, EntryKind kind, const char *name, char **ret_body, size_t *ret_size,
               FileStamp *ret_stamp);

/*
 * The same without looking at the checksum, for a caller who knows another one of the whole file, header
 * included: entry_sum() of its body.
 */
int entry_read_unchecked(const MusterStore *store, EntryKind kind, const char *name, char **ret_body,
                         size_t *ret_size, uint64_t *ret_sum, FileStamp *ret_stamp);
int entry_sum(EntryKind kind, const char *body, size_t size, uint64_t *ret);

/*
 * Replaces it atomically. *ret_stamp, which may be NULL, is that of what was written, also where another
 * writer has replaced it since. A failure gives a note (once) and is returned: the caller goes on.
 */
int entry_write(MusterStore *store, EntryKind kind, const char *name, const char *body, size_t size,
                FileStamp *ret_stamp);

/* -ENOENT, or what stat() failed with; without a note. */
int entry_stamp(const MusterStore *store, EntryKind kind, const char *name, FileStamp *ret);

/* For `prune`, which goes by the time of last use: sets the mtime, once an hour. */
void entry_mark_used(const MusterStore *store, EntryKind kind, const char *name);

int entry_remove(const MusterStore *store, EntryKind kind, const char *name);

/* A note that what stands in the body makes no sense; returns -EBADMSG. */
int entry_note_damaged(const MusterStore *store, EntryKind kind, const char *name, const char *why);

/* Pure: the header for a body, into a text with the body behind it, to free(). */
int entry_seal(EntryKind kind, const char *body, size_t size, char **ret_text, size_t *ret_size);

/* Pure: the body within a text. -EBADMSG with *ret_why, a fragment of a sentence; static. */
int entry_unseal(EntryKind kind, const char *text, size_t size, const char **ret_body, size_t *ret_size,
                 const char **ret_why);

/*
 * Whether the file is whole, of a known format and from nobody but the caller and root: what every use of it
 * asks first, without a note. -EBADMSG with *ret_why, a fragment of a sentence, to free(); -ENOENT; else
 * what says nothing about the file (-ENOMEM, too many open files, no libcrypto).
 */
int entry_check(const MusterStore *store, EntryKind kind, const char *name, char **ret_why);
