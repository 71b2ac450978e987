/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_ERROR_H
#define MUSTER_ERROR_H

/**
 * Errors.
 *
 * Functions of libmuster that can fail return a negative errno value, and those for whose failure a
 * sentence helps take `MusterError **ret_error` last. It may be NULL. On failure it is set to an error
 * that the caller frees; on success it is not touched. Output parameters named `ret_…` are not touched
 * on failure. The library never prints, logs, exits or installs signal handlers.
 *
 * Text is UTF-8. Sentences are translated with the text domain "muster" where the program called
 * setlocale(). All functions accept NULL where they free something.
 *
 * Threads: an object may be used by one thread at a time, unless its type says otherwise.
 */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MusterError MusterError;

/** Frees `error`; returns NULL. */
MusterError *muster_error_free(MusterError *error);

/** The negative errno value that the failing function returned; 0 for NULL. */
int muster_error_code(const MusterError *error);

/** One sentence: what failed, where, and what helps. Never NULL; lives as long as `error`. */
const char *muster_error_message(const MusterError *error);

/** What the other side said, for example the last lines of the emulator's stderr; NULL if nothing. */
const char *muster_error_detail(const MusterError *error);

#ifdef __cplusplus
}
#endif

#endif
