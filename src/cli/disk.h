/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The request and the answer that `gate` and `blockdev-add` share. */

#include "cli/session.h"
#include "muster/gate.h"

#define DISK_OPTIONS                                                                                        \
        &option_disk_driver, &option_filename, &option_format, &option_access, &option_fallback,            \
                &option_node_name, &option_option, &option_backing

/* From the options, or with the argument "-" from a tree on standard input. */
int disk_request(const Invocation *invocation, MusterGateRequest **ret, MusterError **ret_error);

/* What the gate answered, for people. */
void say_decision(json_object *answer);

int exit_of_decision(int decision);

/*
 * Splits "key=value,key=value" into keys and values (alternating, NULL-terminated; to strv_free()); a comma
 * in a value is doubled. -EINVAL.
 */
int split_pairs(const char *text, char ***ret);

DEFINE_CLEANUP(MusterGateRequest, muster_gate_request_free);
DEFINE_CLEANUP(MusterGateResult, muster_gate_result_free);
