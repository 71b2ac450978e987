/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A life's connection to its emulator, and what the emulator tells by itself. */

#include "daemon/managed.h"

/* A socket that is connected to the monitor, without waiting. -EAGAIN: its queue is full. */
int monitor_connect(const char *path, int *ret);

/* Takes over a connection of which the handshake is done. */
void life_take_monitor(Life *life, QmpClient *client);

/*
 * Connects without waiting: the handshake follows on the loop. When the connection is lost while the process
 * lives, it is made again, a few times, ever later; then the life is `lost`.
 */
int life_connect(Life *life, MusterError **ret_error);

/* The same, and if it fails again and again until it succeeds or is given up. */
void life_reconnect(Life *life);

/* Begins to watch life->process: when it ends, the domain is cleaned up and told about. */
void life_watch(Life *life);

/* One event of the emulator; for tests, too. */
void life_on_event(Life *life, const char *name, json_object *event);
