/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happened, numbered: kept in a file beside the records of running domains, so that a client that was
 * told a call is done finds its event even when the daemon died right behind it, and so that the numbers go
 * on. The last ones are to be had again, for those who ask from a number on.
 */

#include "base/error.h"
#include "base/json.h"

typedef struct Events Events;

/* Opens DIRECTORY/events.log, or makes it. The last line may be torn: it is left out. */
int events_open(const char *directory, Events **ret, MusterError **ret_error);
Events *events_close(Events *events);

/*
 * Adds an event: takes `event` (NULL: out of memory), an object that gets "id" and "time" (microseconds
 * since the epoch), writes it down and tells the listeners. `kind`: "lifecycle", "job", "device", …
 * -E2BIG: more than 1 MiB of text, which is neither written down nor told.
 */
int events_add(Events *events, const char *kind, json_object *event);

uint64_t events_last_id(const Events *events);

/* Called for each new event; `text` is its JSON. */
typedef void (*EventFn)(uint64_t id, const char *kind, const char *text, void *userdata);
typedef struct EventListener EventListener;
EventListener *events_listen(Events *events, EventFn fn, void *userdata); /* NULL: out of memory */
EventListener *events_unlisten(EventListener *listener);

/* Those later than `id` that are still there, in order. The first may be much later than `id`. */
int events_replay(const Events *events, uint64_t id, EventFn fn, void *userdata);
