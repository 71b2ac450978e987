/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/executable.h"

#include <errno.h>
#include <fcntl.h>

#include "base/util.h"
#include "emulator/proc.h"

void executable_cache_clear(ExecutableCache *cache)
{
        free(cache->items);
        *cache = (ExecutableCache){};
}

/* Its ctime changes when the last name of it goes, as with an upgrade, and its content does not with that.
 */
static bool same_file(const FileStamp *a, const FileStamp *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_nsec == b->mtime_nsec;
}

static const char *find(const ExecutableCache *cache, const FileStamp *stamp)
{
        for (size_t i = 0; cache && i < cache->n; i++)
                if (same_file(&cache->items[i].stamp, stamp))
                        return cache->items[i].digest;
        return NULL;
}

static void keep(ExecutableCache *cache, const FileStamp *stamp, const char *digest)
{
        struct ExecutableKnown *items =
                cache ? reallocarray(cache->items, cache->n + 1, sizeof(*items)) : NULL;

        if (!items)
                return;
        cache->items = items;
        items[cache->n].stamp = *stamp;
        memcpy(items[cache->n++].digest, digest, DIGEST_HEX_SIZE);
}

int executable_matches(pid_t pid, const char *digest, ExecutableCache *cache)
{
        char path[PROC_PATH_SIZE], hex[DIGEST_HEX_SIZE];
        CLEANUP(fd) int fd = open(proc_path(pid, "exe", path), O_RDONLY | O_CLOEXEC);
        const char *known;
        struct stat st;
        FileStamp stamp;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        stamp = file_stamp(&st);
        known = find(cache, &stamp);
        if (known)
                return streq(known, digest);
        r = digest_fd(fd, hex);
        if (r < 0)
                return r;
        keep(cache, &stamp, hex);
        return streq(hex, digest);
}
