/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files of a launch plan. Blocking, for the pool. Nothing is followed through symbolic links in the
 * domain's own directories, which its emulator can write.
 */

#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/process.h"

typedef struct FilesInput {
        const char *run_directory, *state_directory; /* of this domain */
        json_object *files, *blockdev;               /* of the plan */
        const ProcessUser *user;                     /* who the emulator runs as; NULL: as the daemon */
} FilesInput;

/*
 * Makes, copies, writes and checks what the plan says, and lets the user at it. *ret_remove: paths to remove
 * when all is over; *ret_granted: paths that the user was let at. Both are also set on failure, for what was
 * done until then. -ENOENT: what must be there is not; -EEXIST: something is in the way.
 */
int files_prepare(const FilesInput *input, json_object **ret_remove, json_object **ret_granted,
                  MusterError **ret_error);

/* The reverse; what cannot be undone is passed over. `uid`: -1: nothing was granted. */
void files_clean_up(const json_object *remove, const json_object *granted, uid_t uid);

/* A socket that listens at `path`, which only its owner can connect to; replaces one that is there. */
int files_listen(const char *path, int *ret_fd, MusterError **ret_error);
