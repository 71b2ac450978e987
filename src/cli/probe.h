/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a probe tells: one emulator's summary or object, and the same for every one that is installed. */

#include "cli/session.h"

/* The case for which muster was begun: shown with its evidence. */
#define FOUNDING_FEATURE "dynamic-auto-read-only"

/* {"emulator", "features", "cached", "spawned"} of a judged session; NULL with an error set. */
json_object *probe_to_json(const Session *session, MusterError **ret_error);

/* Facts that only the summary shows: how many machines, CPU models, types; whether KVM is usable. */
json_object *probe_counts(const Session *session, MusterError **ret_error);

/* `probed` is what probe_to_json() made, `counts` what probe_counts() did. */
void say_probed(json_object *probed, json_object *counts);

/* Every installed emulator, several at a time. EXIT_OK, EXIT_TROUBLE if any failed, or negative errno. */
int probe_all(const Invocation *invocation, MusterError **ret_error);
