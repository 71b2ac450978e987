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

typedef struct FileStamp {
        uint64_t dev, ino, size;
        int64_t mtime_nsec, ctime_nsec; /* since the epoch */
} FileStamp;

typedef struct IdentityLink {
        char *path;
        FileStamp stamp;
        char digest[DIGEST_HEX_SIZE];
} IdentityLink;

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
} Identity;

void identity_clear(Identity *identity);

FileStamp file_stamp(const struct stat *st);
bool file_stamp_equal(const FileStamp *a, const FileStamp *b);

/*
 * Fills *ret for the running process `pid`; `path` is what the user gave. Hashes the executable (20-30 ms
 * for 20 MB: run it beside the emulator's start, in a thread: no libuv, thread-safe).
 * `known` may be NULL or an identity whose digest is reused when the stamp is the same file.
 */
int identity_of_process(pid_t pid, const char *path, const Identity *known, Identity *ret,
                        MusterError **ret_error);

/* The same for a file that is not running: resolves nothing, hashes `path` itself. A head start. */
int identity_of_file(const char *path, Identity *ret, MusterError **ret_error);

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
