/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/stamp.h"

/* All of a file, NUL-terminated (the NUL is not counted). -EFBIG beyond `max` bytes. Works on /proc. */
int read_file(const char *path, size_t max, char **ret_data, size_t *ret_size);
int read_file_at(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_size);

/* All of an open file, from where it stands. */
int read_fd(int fd, size_t max, char **ret_data, size_t *ret_size);

/*
 * Makes `name` in the folder a file with this content, whole or not at all: what had that name stays until
 * the new content is there, and if `durable` is on the disk, so that it also survives a crash of the host.
 * Blocking. What it is written to at first is named ".tmp-…"; a process that is killed may leave such a
 * file.
 */
int write_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool durable,
                  FileStamp *ret_stamp);

/* The target of a symbolic link, for the caller to free(). */
int read_link(const char *path, char **ret);

/*
 * Removes a directory and all below it, without following links and without crossing into other mounts.
 * What has vanished meanwhile is no error.
 */
int remove_tree(const char *path);

/* Closes every descriptor from `first` on. Async-signal-safe: for a child before it executes. */
void close_fds_from(int first);
