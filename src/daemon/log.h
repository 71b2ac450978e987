/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * To the journal with fields where stderr is connected to it ($JOURNAL_STREAM), to stderr with a level
 * prefix elsewhere. Any thread.
 */

#include <syslog.h>

#include "base/error.h"

/* Messages less urgent than `level` (LOG_INFO) are left out. */
void log_open(int level);

/* One line. `domain` (MUSTER_DOMAIN=), `operation` (MUSTER_OPERATION=): NULL: none. */
void log_message(int level, const char *domain, const char *operation, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The same with an error's sentence behind "<what>: ", and its detail as lines of their own. */
void log_error(int level, const char *domain, const char *operation, const MusterError *error,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
