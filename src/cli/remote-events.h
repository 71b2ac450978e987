/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's events, as they come. */

#include "cli/client.h"

/* 0: go on; 1: that was all; a negative errno. `kind`: "lifecycle", … */
typedef int (*EventSeenFn)(const char *kind, const json_object *event, void *userdata);

/*
 * Those of `domain` (a name or UUID; NULL: of all) from the number `after` on (negative: from now on), until
 * `fn` has enough: 0. -ETIMEDOUT after client->usec, -ECANCELED, -ECONNRESET where the daemon ended.
 */
int remote_events(Client *client, const char *domain, int64_t after, EventSeenFn fn, void *userdata,
                  MusterError **ret_error);

/* The number of the last event so far. */
int remote_last_event(Client *client, int64_t *ret, MusterError **ret_error);
