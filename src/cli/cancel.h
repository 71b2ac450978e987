/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ctrl-C and its like. While emulators may run, SIGINT, SIGTERM and SIGHUP are held back and make a
 * descriptor readable, by which the library ends what it does and cleans up; at all other times (reading
 * standard input, writing to a full pipe) they end the process as ever.
 */

#include "base/error.h"

/* The descriptor for muster_context_set_cancel_fd(); the same one until cancel_end(). */
int cancel_begin(MusterError **ret_error);

/*
 * Lets signals through again and returns `r`, the operation's result. With -ECANCELED the signal that did it
 * is taken, for cancel_signal(); one that came too late to cancel anything arrives now and ends the process.
 */
int cancel_end(int r);

/*
 * The same over several operations, and what lies between them: until cancel_release() a signal waits for
 * the next one, which it ends, and cancel_end() lets none through.
 */
int cancel_hold(MusterError **ret_error);
void cancel_release(void);

/* Which signal ended an operation with -ECANCELED; 0 if none did. */
int cancel_signal(void);
