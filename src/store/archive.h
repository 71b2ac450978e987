/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tar files of small files, written and read in one go. Libarchive is loaded by the first call of a process;
 * -ENOPKG, with a sentence that names the package, where it is missing. All calls block.
 *
 * Nothing here touches a file system: names are only text, and what becomes of a member is up to the caller.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Bytes in a member's name. A name is well-formed UTF-8 without control characters, not empty, not absolute,
 * and no component of it is "." or "..".
 */
#define ARCHIVE_NAME_MAX 255

typedef struct ArchiveWriter ArchiveWriter;

/*
 * Writes to `fd`, which stays the caller's, stays open, and may be a pipe (SIGPIPE is the caller's
 * business). What is written depends on the members alone: the same ones give the same bytes, on any host,
 * for any user.
 */
int archive_writer_new(int fd, ArchiveWriter **ret, MusterError **ret_error);

/*
 * Adds a regular file of mode 0644, owned by 0:0; `mtime` in seconds. -EINVAL for a name that no reader here
 * would take; nothing has happened then. The bytes may be written later, so a full disk may be told by a
 * later call. After any other failure the writer is of no use: all further calls fail in the same way.
 */
int archive_writer_add(ArchiveWriter *writer, const char *name, const void *data, size_t size, int64_t mtime,
                       MusterError **ret_error);

/* Writes the end of the archive. Whatever could not be written is told here at the latest (but for what only
 * fsync() finds out). Nothing can be added any more. */
int archive_writer_finish(ArchiveWriter *writer, MusterError **ret_error);

/* Without archive_writer_finish() before it nothing more is written, so that what there is is no whole
 * archive and cannot be taken for one. */
ArchiveWriter *archive_writer_free(ArchiveWriter *writer);

/*
 * One member: `data` is NUL-terminated, which `size` does not count. Both are the callee's to look at and
 * gone when it returns. A negative result ends the reading, with the error that was set.
 */
typedef int (*ArchiveTakeFn)(const char *name, const char *data, size_t size, void *userdata,
                             MusterError **ret_error);

/*
 * Reads a tar (ustar, pax, GNU), packed with gzip, xz, zstd or not at all, from where `fd` stands, which may
 * be a pipe, to the end of the file, and hands each regular file to `take`, in the archive's order. A "./"
 * before a name is taken off, directories are passed over, holes are filled with zeros, archives behind one
 * another are read as one. The names of a pax archive are brought into Unicode's normal form C, by
 * libarchive.
 *
 * No byte of it is trusted, and memory stays within `member_max` plus what unpacking needs (1 GiB at worst:
 * xz's dictionary). Members are taken as they come, so `take` may have been called before one of these:
 *
 * - -EFBIG: a member has more than `member_max` bytes, or the archive, unpacked and with its holes filled,
 *   more than `total_max`, headers and padding included;
 * - -E2BIG: there are more than `members_max` members, directories included;
 * - -EBADMSG: no tar, nothing at all, damaged, cut short (be it only by its end mark), more bytes behind its
 *   end, a bad name, a member that is neither file nor directory, or one with more than 32 KiB of headers;
 *   the detail, if there is one, has libarchive's words;
 * - -EOPNOTSUPP: this libarchive cannot unpack it without running a program;
 * - else what reading failed with, or what `take` returned.
 */
int archive_read_all(int fd, size_t member_max, size_t members_max, size_t total_max, ArchiveTakeFn take,
                     void *userdata, MusterError **ret_error);

DEFINE_CLEANUP(ArchiveWriter, archive_writer_free);
