/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an emulator is handed because it may not open it (plan_descriptors()). All but descriptors_close()
 * is for the pool.
 */

#include "base/error.h"
#include "base/json.h"

typedef struct Descriptors {
        int *fds; /* to become 3, 4, …; -1 where the plan has somebody else's (the monitor's) */
        size_t n;
        json_object *names; /* object: devices of the host by the alias of the guest's */
} Descriptors;

/*
 * Settles the names of those devices that will not vanish with their descriptors (macvtap), in the plan's
 * array itself. *ret_links: {"name", "mac"} of each, to be on record before descriptors_open().
 */
int descriptors_settle(json_object *fds, json_object **ret_links, MusterError **ret_error);

/*
 * Makes and opens all of them. On failure everything is closed again; devices of *ret_links may be left.
 * -ENODEV: a node, a bridge, … is not there; -EPERM: no CAP_NET_ADMIN; -EEXIST: a device has the
 * name.
 */
int descriptors_open(const json_object *fds, Descriptors *ret, MusterError **ret_error);
void descriptors_close(Descriptors *descriptors);

/* Deletes the devices of *ret_links that are there and are still ours. */
void descriptors_clean_up(const json_object *links);
