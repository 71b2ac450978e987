/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The log of a domain: NAME.log, and older ones NAME.log.1 (the newest), NAME.log.2, … */

#include <stdint.h>

#include "base/error.h"

/*
 * Opens it to append to, mode 0600 if it is new. -ELOOP, -EPERM: what has this name is a link, no regular
 * file, or another user's, and is left alone.
 */
int log_file_open(const char *path, int *ret, MusterError **ret_error);

/*
 * If it has become larger than size_max it becomes NAME.log.1 (the ones before move up, `count` of them are
 * kept), and starts anew. Of one that somebody filled faster than anyone looked, only the end is kept: about
 * twice size_max, from the beginning of a line. Who writes to it goes
 * on with the descriptor that he has, which must be one that appends; what he writes at the very moment
 * when it is cut may be lost. 1: done, 0: there was no need or no log. Blocking; one at a time for one log.
 */
int log_file_rotate(const char *path, uint64_t size_max, unsigned count, MusterError **ret_error);
