/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "emulator/identity-private.h"

/*
 * Looking again at what an identity was made of. Names are taken as they were followed the first time (the
 * path as given, an interpreter as "#!" names it), so that a symbolic link that leads elsewhere now shows.
 * What the last script of a chain starts is not followed, it was seen in the running process: while script,
 * executable and the files that the script's words may mean are what they were, the one is taken to start
 * the other still.
 */

static int check_links(const Identity *known, const Identity *now)
{
        if (known->n_links != now->n_links)
                return -ESTALE;
        for (size_t i = 0; i < known->n_links; i++)
                if (!known->links[i].digest[0] || !streq(known->links[i].digest, now->links[i].digest))
                        return -ESTALE;
        return 0;
}

static bool is_same_file(const FileStamp *a, const FileStamp *b)
{
        return a->dev == b->dev && a->ino == b->ino;
}

/* Whether the file is one whose content is compared anyway. */
static bool is_in_chain(const Identity *known, const FileStamp *stamp)
{
        for (size_t i = 0; i < known->n_links; i++)
                if (is_same_file(&known->links[i].stamp, stamp))
                        return true;
        return is_same_file(&known->stamp, stamp);
}

/* A stamp that is too young to tell is believed if the content is the same. */
static bool is_unchanged(const Identity *known, const IdentityWatched *was, int64_t looked_nsec)
{
        IdentityWatched now = {0};

        identity_look_at_watched(was->path, /* digest= */ false, &now);
        if (!file_stamp_equal(&now.stamp, &was->stamp))
                return false;
        if (now.stamp.ino == 0 || !stamp_is_racy(now.stamp.ctime_nsec, looked_nsec) ||
            is_in_chain(known, &now.stamp))
                return true;
        identity_look_at_watched(was->path, /* digest= */ true, &now);
        return was->digest[0] && streq(was->digest, now.digest);
}

static int check_watched(const Identity *known, int64_t looked_nsec)
{
        for (size_t i = 0; i < known->n_watched; i++)
                if (!is_unchanged(known, &known->watched[i], looked_nsec))
                        return -ESTALE;
        return 0;
}

static int look_again(const Identity *known, Identity *identity)
{
        CLEANUP(fd) int fd = -1;
        Modules modules;
        struct stat st;
        int r;

        fd = open(known->executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        r = identity_hash(fd, /* known= */ NULL, &identity->stamp, identity->digest);
        if (r < 0)
                return r;
        r = modules_scan(known->modules_root, known->modules_inside, known->modules_env, /* known= */ NULL,
                         &modules);
        if (r < 0)
                return r;
        identity_take_modules(identity, &modules);
        identity->watchable = true;
        r = identity_keep_place(identity, known->modules_root, known->modules_inside, known->modules_env);
        if (r < 0)
                return r;
        return identity_follow_chain(&st, /* known= */ NULL, identity);
}

int identity_recheck(const Identity *known, int64_t looked_nsec, Identity *ret)
{
        CLEANUP(identity)
        Identity identity = {.path = strdup(known->path), .executable = strdup(known->executable)};
        int r;

        if (!identity.path || !identity.executable)
                return -ENOMEM;
        if (!known->watchable)
                return -ESTALE;
        r = check_watched(known, looked_nsec);
        if (r < 0)
                return r;
        r = look_again(known, &identity);
        if (r < 0)
                return r == -ENOMEM ? r : -ESTALE;
        r = check_links(known, &identity);
        if (r < 0)
                return r;
        if (!streq(identity.digest, known->digest))
                return -ESTALE;
        /* What the first look forgot, since the script wrote to it, is not watched by the second either. */
        identity_keep_watched(known, &identity);
        *ret = identity;
        identity = (Identity){};
        return 0;
}

static int observe_name(const char *name, const char *shown, FILE *out, int64_t *newest_nsec)
{
        FileStamp stamp;
        struct stat st;

        if (stat(name, &st) < 0)
                return -ESTALE;
        stamp = file_stamp(&st);
        file_stamp_observe(&stamp, shown, out, newest_nsec);
        return 0;
}

static int observe(const Identity *identity, FILE *out, int64_t *newest_nsec)
{
        int r;

        /* However the path is spelled, relative or not: it is the key under which the lines are kept. */
        r = observe_name(identity->path, "-", out, newest_nsec);
        for (size_t i = 1; r == 0 && i < identity->n_links; i++)
                r = observe_name(identity->links[i].name, identity->links[i].name, out, newest_nsec);
        if (r == 0 && identity->n_links > 0)
                r = observe_name(identity->executable, identity->executable, out, newest_nsec);
        if (r < 0)
                return r;
        for (size_t i = 0; i < identity->n_watched; i++) {
                IdentityWatched now = {0};

                identity_look_at_watched(identity->watched[i].path, /* digest= */ false, &now);
                file_stamp_observe(&now.stamp, identity->watched[i].path, out, newest_nsec);
        }
        return modules_observe(identity->modules_root, identity->modules_inside, identity->modules_env, out,
                               newest_nsec);
}

int identity_seen(const Identity *identity, char **ret, int64_t *ret_newest_nsec)
{
        CLEANUP(free) char *text = NULL;
        int64_t newest = 0;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r;

        if (!out)
                return -ENOMEM;
        r = observe(identity, out, &newest);
        if (fclose(out) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE(text);
        *ret_newest_nsec = newest;
        return 0;
}

static bool has_stamp(const char *name, const FileStamp *stamp)
{
        FileStamp now;
        struct stat st;

        if (stat(name, &st) < 0)
                return false;
        now = file_stamp(&st);
        return file_stamp_equal(&now, stamp);
}

int identity_stamps_hold(const Identity *identity)
{
        Modules modules;
        bool same;
        int r;

        if (!has_stamp(identity->executable, &identity->stamp))
                return -ESTALE;
        for (size_t i = 0; i < identity->n_links; i++)
                if (!has_stamp(identity->links[i].path, &identity->links[i].stamp))
                        return -ESTALE;
        for (size_t i = 0; i < identity->n_watched; i++) {
                IdentityWatched now = {0};

                identity_look_at_watched(identity->watched[i].path, /* digest= */ false, &now);
                if (!file_stamp_equal(&now.stamp, &identity->watched[i].stamp))
                        return -ESTALE;
        }
        r = modules_scan(identity->modules_root, identity->modules_inside, identity->modules_env, identity,
                         &modules);
        if (r < 0)
                return r;
        same = streq(modules.stamp, identity->modules_stamp);
        modules_clear(&modules);
        return same ? 0 : -ESTALE;
}
