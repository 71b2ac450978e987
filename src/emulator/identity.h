/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which executable really runs. A path is a hint; what counts is /proc/PID/exe of the process that speaks
 * QMP, opened through that link, so that a chroot, a wrapper script, an upgrade or a removal of the file
 * change nothing. The chain from the path to it (script, interpreter, executable) is kept, each link with
 * what tells whether it moved: the store's key to "nothing changed" (DESIGN section 4).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/stamp.h"

typedef struct IdentityLink {
        char *path;
        char *name; /* by which it was reached; NULL in what was read from a record */
        FileStamp stamp;
        char digest[DIGEST_HEX_SIZE];
} IdentityLink;

#define IDENTITY_WATCHED_MAX 256

/* A file that a script may mean; its stamp is all zero where there is none, and no digest is kept if it is
 * large. */
typedef struct IdentityWatched {
        char *path;
        FileStamp stamp;
        char digest[DIGEST_HEX_SIZE];
        bool runs; /* it can be executed, or is sourced; not kept in records */
} IdentityWatched;

typedef struct Identity {
        char *path;       /* as given */
        char *executable; /* as the kernel names it, without " (deleted)"; in a chroot: seen from outside */
        bool deleted;     /* the file has gone or was replaced since the process began */
        char digest[DIGEST_HEX_SIZE];
        FileStamp stamp;
        IdentityLink *links; /* the scripts between path and executable, outermost first */
        size_t n_links;
        char *modules_dir;                         /* NULL if none was found */
        char modules_fingerprint[DIGEST_HEX_SIZE]; /* "" if there is none */
        char modules_stamp[DIGEST_HEX_SIZE]; /* of their names, inodes, times; as it is, so is the above */
        size_t n_modules;
        /*
         * Where modules were looked for, so that it can be done again without a process: below this root
         * (""), for this executable as named within it, and first in what $QEMU_MODULE_DIR was (NULL).
         * Watchable: all of this, and the executable, can be reached from our root, so that a change would
         * be seen. Not kept in records.
         */
        bool watchable;
        char *modules_root, *modules_inside, *modules_env;
        IdentityWatched *watched; /* of the chain's scripts */
        size_t n_watched;
        bool watch_incomplete; /* they name more files than are watched */
} Identity;

void identity_clear(Identity *identity);

/*
 * Fills *ret for the running process `pid`; `path` is what the user gave. Hashes the executable (20-30 ms
 * for 20 MB: run it beside the emulator's start, in a thread: no libuv, thread-safe).
 * `known` may be NULL or an identity whose digest is reused when the stamp is the same file.
 */
int identity_of_process(pid_t pid, const char *path, const Identity *known, Identity *ret,
                        MusterError **ret_error);

/* The same for a file that is not running: resolves nothing, hashes `path` itself. A head start, and all of
 * it where `path` is an executable that is no script. */
int identity_of_file(const char *path, const Identity *known, Identity *ret, MusterError **ret_error);

/*
 * Whether, as far as can be seen without running anything, the path of `known`, which was looked at then,
 * still leads to what it led to: the same chain, of the same content, to the same executable, and no file
 * that a script may mean has changed. The chain's files are read. -ESTALE where anything differs; else *ret
 * is the identity, with today's stamps and modules.
 */
int identity_recheck(const Identity *known, int64_t looked_nsec, Identity *ret);

/*
 * A line for every file that the identity rests on, executable, chain, what is watched, and modules, as text
 * to free(): as long as these lines are the same and none is racy (base/stamp.h), so is the identity. Loads
 * no libcrypto. *ret_newest_nsec is the latest ctime among them. -ESTALE if a file has gone; -ENOMEM.
 */
int identity_seen(const Identity *identity, char **ret, int64_t *ret_newest_nsec);

/* What lies behind this name now, by its stamp; by its digest too where that is kept. `ret->path` stays. */
void identity_look_at_watched(const char *path, bool digest, IdentityWatched *ret);

/*
 * Compares with the chain as it was when the emulator was about to be started. -EAGAIN if a script, or a
 * file that it may have started or read, is another one since: nobody knows which of them was run. What the
 * script itself has written to (a log, a lock) is watched no longer.
 */
int identity_settle_watched(Identity *identity, const Identity *before);

/* 0 if executable, chain and modules have the stamps that the identity was made with; else -ESTALE. */
int identity_stamps_hold(const Identity *identity);

/* A digest over the contents of the chain, "" without one. -ENODATA if a link could not be read. */
int identity_launcher(const Identity *identity, char ret_hex[static DIGEST_HEX_SIZE]);

/* The path and the chain alone, as far as it can be followed without running anything. */
int identity_of_script(const char *path, Identity *ret);

/* Whether the file begins with "#!". Negative errno if it cannot be read. */
int identity_is_script(const char *path);

/*
 * The process that serves QMP to us: `child` itself, or where a wrapper forked, the descendant that
 * holds the socket whose inode is `socket_inode`, whatever its session. -ESRCH.
 */
int identity_find_speaker(pid_t child, uint64_t socket_inode, pid_t *ret);

/* The folder of loadable modules as QEMU searches it, by executable and /proc/PID/root; its fingerprint. */
int modules_fingerprint(const char *root, const char *executable, char **ret_dir, size_t *ret_count,
                        char ret_hex[static DIGEST_HEX_SIZE]);

json_object *identity_to_json(const Identity *identity);
int identity_from_json(const json_object *object, Identity *ret);

static inline void cleanup_identity(Identity *identity)
{
        identity_clear(identity);
}
