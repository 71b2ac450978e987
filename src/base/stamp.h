/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tells that a file is still the one that was looked at, without reading it: device, inode, size, mtime
 * and ctime. A program can set a file's mtime, but not its ctime.
 *
 * Clocks are coarse: a file that changes twice within one tick of its file system (4 to 10 ms on Linux, 1 or
 * 2 s on some) has one ctime for both. A stamp taken so soon after the last change says nothing; it is racy,
 * and what was concluded from the content must be concluded again (git calls this "racily clean").
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

/* The coarsest clock of a file system in use (FAT; NFS servers on such). */
#define STAMP_RACY_NSEC INT64_C(2000000000)

typedef struct FileStamp {
        uint64_t dev, ino, size;
        int64_t mtime_nsec, ctime_nsec; /* since the epoch */
} FileStamp;

FileStamp file_stamp(const struct stat *st);
bool file_stamp_equal(const FileStamp *a, const FileStamp *b);

/* "dev ino size mtime ctime", in decimal. */
void file_stamp_print(const FileStamp *stamp, FILE *out);

/* Pure: the reverse, up to what follows; *text is moved on. -EBADMSG. */
int file_stamp_parse(const char **text, FileStamp *ret);

/* A line of stamp and path, for comparing with what was seen at another time; *newest_nsec (may be NULL) is
 * raised to the ctime. */
void file_stamp_observe(const FileStamp *stamp, const char *path, FILE *out, int64_t *newest_nsec);

/* CLOCK_REALTIME in nanoseconds: the clock of stamps. */
int64_t stamp_now_nsec(void);

/* Whether what was last changed at `newest_nsec` may have changed since it was looked at, at `looked_nsec`,
 * without its stamp showing it. */
static inline bool stamp_is_racy(int64_t newest_nsec, int64_t looked_nsec)
{
        return newest_nsec > looked_nsec - STAMP_RACY_NSEC;
}
