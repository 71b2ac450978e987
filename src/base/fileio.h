/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* All of a file, NUL-terminated (the NUL is not counted). -EFBIG beyond `max` bytes. Works on /proc. */
int read_file(const char *path, size_t max, char **ret_data, size_t *ret_size);
int read_file_at(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_size);

/* The target of a symbolic link, for the caller to free(). */
int read_link(const char *path, char **ret);

/*
 * Removes a directory and all below it, without following links and without crossing into other mounts.
 * What has vanished meanwhile is no error.
 */
int remove_tree(const char *path);
