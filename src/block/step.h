/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is to be asked of a running emulator, as data: whoever talks to it carries the steps out one after
 * another. A step is
 *
 *   {"execute": "blockdev-add", "arguments": {…},
 *    "undo"?: {"execute", "arguments", "wait"?},
 *    "wait"?: {"event": "DEVICE_DELETED", "device": "net1"} or {"job": "muster-create-vda"},
 *    "retry"?: {"execute": "blockdev-open-tray", "arguments": {…}},
 *    "ignore"?: true}
 *
 * When a step fails, the `undo` of those that succeeded before it are carried out from the last to the
 * first, each as a step whose failure is only logged. `wait`: it has succeeded once this event has come
 * (events that came since it was sent count; a guest may take its time or never agree), or the job of this
 * ID is "concluded" in query-jobs without "error" (an "error" there is the step's, and the job is to be
 * dismissed). `retry`: after a failure this brings it about that another try may succeed; three tries are
 * enough (a guest may close a tray at any moment). `ignore`: a failure is none (what is to be removed may be
 * gone).
 */

#include "base/error.h"
#include "base/json.h"
#include "feature/verdict.h"

/*
 * Adds a step to `steps`; takes `arguments` and `undo_arguments` (NULL: -ENOMEM). `undo` NULL: there is
 * none, and undo_arguments must be NULL. The new step goes to *ret, borrowed (ret may be NULL).
 */
int step_add(json_object *steps, const char *execute, json_object *arguments, const char *undo,
             json_object *undo_arguments, json_object **ret);

/* The same with arguments of one string: {key: value}. */
int step_add_named(json_object *steps, const char *execute, const char *key, const char *value);

/* {key: value}; NULL: out of memory. */
json_object *step_named(const char *key, const char *value);

/* What the step waits for. `step` may be an undo. */
int step_wait_event(json_object *step, const char *event, const char *device);
int step_wait_job(json_object *step, const char *job);

/* The undo of each of `steps`, from the last to the first, as steps of their own. */
int step_append_undone(json_object *steps, const json_object *done);

/*
 * Each step's arguments, and its undo's, by the emulator's schema. -EBADMSG with what does not fit;
 * -EOPNOTSUPP: there is no such command.
 */
int step_check_all(MusterVerdicts *verdicts, const json_object *steps, MusterError **ret_error);
