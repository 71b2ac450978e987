/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The facts of one emulator as two kinds of files: the record, which holds wherever the same executable,
 * with the same modules, is started by the same chain of scripts; and for each host, user and state of KVM
 * the host facts. An ID is DIGEST.VARIANT: the executable's SHA-256, and 16 digits for modules and chain.
 */

#include "emulator/facts.h"
#include "store/entry.h"

#define RECORD_ID_SIZE (DIGEST_HEX_SIZE + 17)

/* -ENODATA where a link of the chain cannot be read, so that nothing tells whether it is the same. */
int record_id(const Identity *identity, char ret[static RECORD_ID_SIZE]);

/* Whether a name in the folder of records can be an ID. */
bool record_id_is_valid(const char *id);

/*
 * Unsealed facts without an identity: what is portable, and what was measured. `modules` and `launcher` must
 * be those of the ID; -ENOENT, -EBADMSG (noted), -ENOMEM.
 */
int record_load(const MusterStore *store, const char *id, MusterFacts **ret, FileStamp *ret_stamp);

/*
 * What a stored record says of itself: its members but for the facts. From the first lines alone where it is
 * laid out as muster writes it, and the checksum is not looked at then: for lists, not for look-ups. Without
 * a note; -EBADMSG.
 */
int record_load_head(const MusterStore *store, const char *id, json_object **ret);

/*
 * Pure: whether the members of a record but its facts are what muster itself would write, for records that
 * others may have made: lines of text and numbers that lists can show. `now_sec`: none is of a later day
 * than the next. -EBADMSG with a sentence.
 */
int record_check_head(const json_object *head, int64_t now_sec, MusterError **ret_error);

/*
 * Writes the portable and measured facts of sealed facts. Outcomes that a stored record has and these lack
 * are kept. The caller holds the lock of the record. *ret_stamp as in entry_write().
 */
int record_save(MusterStore *store, const char *id, const MusterFacts *facts, FileStamp *ret_stamp);

/* The body as it stands, checked as record_load() does, and its JSON. */
int record_read(const MusterStore *store, const char *id, char **ret_body, size_t *ret_size,
                json_object **ret_json);

/*
 * Pure: a body of the head's members, the portable facts and the outcomes of `facts`, and the outcomes that
 * only `more` (may be NULL) has. Neither need be sealed.
 */
int record_merge(const json_object *head, const MusterFacts *facts, const MusterFacts *more, char **ret_body,
                 size_t *ret_size);

/* Pure: the body of a record. `created` is seconds since the epoch. */
int record_to_text(const char *id, const MusterFacts *facts, const MusterFacts *older, int64_t created,
                   char **ret_body, size_t *ret_size);

/* Pure: as record_from_text() where it is known that this body was taken under this ID before. */
int record_from_known_text(const char *body, size_t size, MusterFacts **ret, MusterError **ret_error);

/* Pure: the reverse; -EBADMSG with a sentence. `id` (may be NULL) must be its own. */
int record_from_text(const char *body, size_t size, const char *id, MusterFacts **ret,
                     json_object **ret_json, MusterError **ret_error);

/* "ID.HOST" for this fingerprint; to free(). */
char *host_name(const char *id, const char *fingerprint);

/* Adds the host facts to unsealed ones. -ENOENT, -EBADMSG (noted; nothing was added), -ENOMEM. */
int host_load(const MusterStore *store, const char *id, const char *fingerprint, MusterFacts *facts,
              FileStamp *ret_stamp);
int host_save(MusterStore *store, const char *id, const char *fingerprint, const MusterFacts *facts,
              FileStamp *ret_stamp);

/* The sentence of an error without its full stop, for where it is part of another one; to free(). */
char *record_fragment(const MusterError *error);

/* A note that the file is not used, for the reason that `error` has; -EBADMSG, or -ENOMEM. */
int record_note_damaged(const MusterStore *store, EntryKind kind, const char *name,
                        const MusterError *error);

/* The lock under which a record is read, changed and written: "record:ID", to free(). */
char *record_lock_name(const char *id);
