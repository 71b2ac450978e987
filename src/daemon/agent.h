/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest agent, on the socket of its channel: untrusted, often not there, and silent when it is not. A
 * conversation is a connection of its own: synchronised first (guest-sync-delimited), then one command.
 */

#include "daemon/operation.h"

/*
 * For a step: guest-shutdown with this mode ("powerdown", "reboot"), which has no answer but the guest's
 * going; *ret_done says whether it was taken. With `tolerate` an agent that is not there is no failure.
 * `ret_done` must live as long as the operation.
 */
int agent_power(Operation *operation, const char *path, const char *mode, bool tolerate, bool *ret_done);
