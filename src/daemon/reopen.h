/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/daemon.h"

/*
 * What an earlier life of the daemon left: connects to what runs, cleans up after what has ended meanwhile,
 * ends what was only half started. Then starts the domains that want it.
 */
void reopen_all(Daemon *daemon);
