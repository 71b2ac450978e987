/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static int64_t nsec_of(const struct timespec *ts)
{
        return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

FileStamp file_stamp(const struct stat *st)
{
        return (FileStamp){
                .dev = st->st_dev,
                .ino = st->st_ino,
                .size = (uint64_t)st->st_size,
                .mtime_nsec = nsec_of(&st->st_mtim),
                .ctime_nsec = nsec_of(&st->st_ctim),
        };
}

bool file_stamp_equal(const FileStamp *a, const FileStamp *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
               a->mtime_nsec == b->mtime_nsec && a->ctime_nsec == b->ctime_nsec;
}

void file_stamp_print(const FileStamp *stamp, FILE *out)
{
        fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64, stamp->dev, stamp->ino,
                stamp->size, stamp->mtime_nsec, stamp->ctime_nsec);
}

static int parse_number(const char **text, bool may_be_negative, uint64_t *ret)
{
        const char *digits = *text + (may_be_negative && **text == '-');
        char *end;

        if (*digits < '0' || *digits > '9')
                return -EBADMSG;
        errno = 0;
        *ret = may_be_negative ? (uint64_t)strtoll(*text, &end, 10) : strtoull(*text, &end, 10);
        if (errno != 0)
                return -EBADMSG;
        *text = end + (*end == ' ');
        return 0;
}

int file_stamp_parse(const char **text, FileStamp *ret)
{
        const char *at = *text;
        FileStamp stamp;
        uint64_t mtime, ctime;

        if (parse_number(&at, false, &stamp.dev) < 0 || parse_number(&at, false, &stamp.ino) < 0 ||
            parse_number(&at, false, &stamp.size) < 0 || parse_number(&at, true, &mtime) < 0 ||
            parse_number(&at, true, &ctime) < 0)
                return -EBADMSG;
        stamp.mtime_nsec = (int64_t)mtime;
        stamp.ctime_nsec = (int64_t)ctime;
        *ret = stamp;
        *text = at;
        return 0;
}

void file_stamp_observe(const FileStamp *stamp, const char *path, FILE *out, int64_t *newest_nsec)
{
        file_stamp_print(stamp, out);
        fprintf(out, " %s\n", path);
        if (newest_nsec && stamp->ctime_nsec > *newest_nsec)
                *newest_nsec = stamp->ctime_nsec;
}

int64_t stamp_now_nsec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return nsec_of(&ts);
}
