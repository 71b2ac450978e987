/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two kinds of failure, after dbus-broker: a negative errno is forwarded by whoever meets it, and named
 * outcomes (a positive enum of the module) are handled on the spot. The sentence that a person reads is
 * built once, where fact and remedy are both known, and travels in a MusterError.
 *
 * A function that takes `MusterError **ret_error` returns negative errno and, if ret_error is not NULL,
 * has set it; on success *ret_error is untouched.
 */

#include <stdbool.h>

#include "base/cleanup.h"
#include "muster/error.h"

/* Sets *ret_error to a new error of code `r` (negative errno); returns `r`, so: return error_set(...). */
int error_set(MusterError **ret_error, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set(), with a second text: the emulator's last words, a reply, a line of a file. May be NULL. */
int error_set_detail(MusterError **ret_error, int r, const char *detail, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* Puts "<what>: " before the sentence of *error and keeps code and detail; no-op without an error. */
void error_prefix(MusterError **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -ENOMEM with its sentence. */
int error_oom(MusterError **ret_error);

/* "<what>: <strerror>" */
int error_errno(MusterError **ret_error, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * Marks *error (may be NULL, or hold none) as what befell somebody rather than being so: a process that was
 * killed from outside. Nobody should expect it the next time.
 */
void error_mark_passing(MusterError **error);
bool error_is_passing(const MusterError *error);

DEFINE_CLEANUP(MusterError, muster_error_free);
