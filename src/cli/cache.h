/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs on the cache share. */

#include "cli/invocation.h"

/* The default store; an error where it cannot be used, since here it is what the verb is about. */
int cache_open(MusterStore **ret, MusterError **ret_error);

/*
 * The same without making the folder, for verbs that look or remove: where it does not exist `*ret` is NULL,
 * and the answer is that of an empty store. `*ret_directory` is the folder either way; to free().
 */
int cache_open_existing(MusterStore **ret, char **ret_directory, MusterError **ret_error);

/*
 * What a verb's argument means, as muster_store_show() takes it: digits as they are, a path as it is, and a
 * name without a slash as --emulator has it, from PATH; to free().
 */
int cache_name(const char *argument, char **ret, MusterError **ret_error);

/* What show and export say where the folder does not exist; -ENOENT. */
int cache_has_nothing(const char *name, MusterError **ret_error);

/* "12.3 MiB"; to free(), NULL when out of memory. */
char *text_of_size(int64_t bytes);

/* "3 days ago", of a time in seconds since the epoch; to free(), NULL when out of memory. */
char *text_of_age(int64_t when);

/* "2026-11-24 13:33:14" in local time; to free(), NULL when out of memory. */
char *text_of_time(int64_t when);

/* "30d", "12h", "45m", "10s", "2w", or seconds without a letter. -EINVAL. */
int parse_age(const char *text, uint64_t *ret_sec);

/* "100M", "2G", "512K" (of 1024), or bytes without a letter. -EINVAL. */
int parse_size(const char *text, uint64_t *ret_bytes);

/* What prune and clear say, from the library's object. */
int say_removed(const Invocation *invocation, const char *directory, const char *text,
                MusterError **ret_error);

/* What the library says of an empty store. */
#define NOTHING_LISTED  "[]"
#define NOTHING_REMOVED "{\"removed\": 0, \"freed\": 0, \"kept\": 0, \"size\": 0}"

static inline void cleanup_store(MusterStore **store)
{
        muster_store_unref(*store);
}
