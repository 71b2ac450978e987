/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files that a wrapper may mean (identity-words.c finds them): looked at, and compared. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "emulator/identity-private.h"

#define DIGEST_SIZE_MAX ((off_t)1024 * 1024)

void identity_look_at_watched(const char *path, bool digest, IdentityWatched *ret)
{
        CLEANUP(fd) int fd = -1;
        struct stat st;

        ret->stamp = (FileStamp){0};
        ret->digest[0] = '\0';
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        ret->stamp = file_stamp(&st);
        ret->runs = ret->runs || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
        if (digest && st.st_size <= DIGEST_SIZE_MAX)
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && digest_fd(fd, ret->digest) < 0)
                ret->digest[0] = '\0';
}

static IdentityWatched *find_watched(const Identity *identity, const char *path)
{
        for (size_t i = 0; i < identity->n_watched; i++)
                if (streq(identity->watched[i].path, path))
                        return &identity->watched[i];
        return NULL;
}

int identity_watch(Identity *identity, const char *path, bool runs)
{
        IdentityWatched *grown;

        if (find_watched(identity, path))
                return 0;
        if (identity->n_watched == IDENTITY_WATCHED_MAX) {
                identity->watch_incomplete = true;
                return 0;
        }
        grown = reallocarray(identity->watched, identity->n_watched + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        identity->watched = grown;
        grown[identity->n_watched] = (IdentityWatched){.path = strdup(path), .runs = runs};
        identity_look_at_watched(path, /* digest= */ true, &grown[identity->n_watched]);
        return grown[identity->n_watched++].path ? 0 : -ENOMEM;
}

static void forget(Identity *identity, bool (*keep)(const IdentityWatched *watched, const Identity *other),
                   const Identity *other)
{
        size_t n = 0;

        for (size_t i = 0; i < identity->n_watched; i++)
                if (keep(&identity->watched[i], other))
                        identity->watched[n++] = identity->watched[i];
                else
                        free(identity->watched[i].path);
        identity->n_watched = n;
}

static bool is_unchanged_since(const IdentityWatched *watched, const Identity *before)
{
        const IdentityWatched *was = find_watched(before, watched->path);

        return !was || file_stamp_equal(&was->stamp, &watched->stamp);
}

/* Part of what was started, or read before that: another file in its place may have led elsewhere. */
static bool may_have_led_elsewhere(const IdentityWatched *was, const IdentityWatched *is)
{
        if (was->runs || is->runs)
                return true;
        return was->stamp.ino != 0 && is->stamp.ino != 0 &&
               (was->stamp.dev != is->stamp.dev || was->stamp.ino != is->stamp.ino);
}

int identity_settle_watched(Identity *identity, const Identity *before)
{
        for (size_t i = 0; i < before->n_links && i < identity->n_links; i++)
                if (!streq(before->links[i].digest, identity->links[i].digest))
                        return -EAGAIN;
        for (size_t i = 0; i < identity->n_watched; i++) {
                const IdentityWatched *is = &identity->watched[i], *was = find_watched(before, is->path);

                if (was && !file_stamp_equal(&was->stamp, &is->stamp) && may_have_led_elsewhere(was, is))
                        return -EAGAIN;
        }
        forget(identity, is_unchanged_since, before);
        return 0;
}

static bool is_watched_too(const IdentityWatched *watched, const Identity *known)
{
        return find_watched(known, watched->path);
}

void identity_keep_watched(const Identity *known, Identity *identity)
{
        forget(identity, is_watched_too, known);
}
