/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/daemon.h"

/* What Prometheus scrapes (text format 0.0.4), to free(); NULL: out of memory. */
char *metrics_text(const Daemon *daemon);
