/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A sandboxed child: own session and process group, only descriptors 0-2, clean environment, an empty
 * scratch directory as its home and working directory, rlimits, SIGKILL when its parent thread dies. Its
 * stdin and stdout are one end of a socketpair, its stderr a pipe of which the end is kept. Nothing of it
 * outlives child_close(): group, escaped descendants, zombie, directory.
 */

#include <sys/types.h>
#include <uv.h>

#include "emulator/context.h"

typedef struct Child Child;

/* It ended: `status` as of waitpid(). At most once, on the loop. */
typedef void (*ChildExitFn)(int status, void *userdata);

/* argv[0] is the path that is run. -ENOENT, -EACCES, -ENOEXEC, …: what execve() said, in one sentence. */
int child_spawn(uv_loop_t *loop, MusterContext *context, char *const *argv, ChildExitFn on_exit,
                void *userdata, Child **ret, MusterError **ret_error);

/* Our end of the socketpair: the caller's from now on. Once. */
int child_take_socket(Child *child);
uint64_t child_socket_inode(const Child *child); /* of the child's end */

pid_t child_pid(const Child *child);
const char *child_scratch(const Child *child);

/* The last lines (at most 4 KiB) of its stderr so far, cleaned for a terminal; to free(). */
char *child_stderr(Child *child);

/* "exited with status 1", "was killed by signal 11 (Segmentation fault)"; to free(). */
char *child_describe_status(int status);

/* Kills the group, which takes the kernel some milliseconds, and does not wait. child_close() does. */
void child_kill(Child *child);

/* Kills and reaps all of it, synchronously (bounded: SIGKILL at once), and removes its directory.
 * Its loop handles close as the loop runs on. Returns NULL. */
Child *child_close(Child *child);
