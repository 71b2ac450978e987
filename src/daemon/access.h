/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lets the user of one domain reach the files of its plan, by an entry of its own in their access control
 * lists: owner, group and mode stay what they are, and nobody else gains anything. Files, block devices and
 * nodes in /dev alike. Blocking: for the pool.
 */

#include "base/error.h"
#include "daemon/process.h"

enum {
        ACCESS_EXECUTE = 1, /* of a directory: to go through it */
        ACCESS_WRITE = 2,
        ACCESS_READ = 4,
};

/*
 * Gives the user at least `access` to the file. Nothing is changed where it has that already (by mode,
 * group, or because everybody has it); an entry that it has becomes exactly `access`. Directories on the way
 * are opened for it only if they are, or lie below, one of `own` (absolute, no '/' at the end,
 * NULL-terminated; NULL: none).
 *
 * `path` is absolute. Where the file is a symbolic link it is followed if root or the daemon's user made
 * it (/dev/disk/by-id, /dev/vg/lv), else refused: -ELOOP. -EACCES: a directory on the way that it may not
 * go through, named in the sentence. -EOPNOTSUPP: the file system has no such lists. -EPERM, -EROFS.
 */
int access_grant(const char *path, const ProcessUser *user, unsigned access, const char *const *own,
                 MusterError **ret_error);

/* Takes the user's entry away again; not those of directories on the way. 0 also where there is none, or no
 * file any more. */
int access_revoke(const char *path, uid_t uid, MusterError **ret_error);
