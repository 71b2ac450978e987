/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs about definitions share: the file, its faults, its emulator. */

#include "cli/session.h"
#include "muster/domain.h"

extern const Option option_lenient;

/* --emulator in place of the definition's own, and how it is asked. */
#define DOMAIN_OPTIONS                                                                                      \
        &option_emulator, &option_lenient, &option_trust, &option_timeout, &option_user, &option_no_cache

/*
 * Reads the definition in the file `name` ("-": standard input), looks its emulator up and completes it, as
 * far as it has no errors. `flags` as of muster_domain_read(). 0 with faults or without; a negative errno
 * where the file, or the emulator, could not be had: *ret is set if there is a domain nevertheless.
 */
int domain_open(Session *session, const Invocation *invocation, const char *name, unsigned flags,
                MusterDomain **ret, MusterError **ret_error);

/* The faults, as an array. */
int domain_faults(const MusterDomain *domain, json_object **ret, MusterError **ret_error);

/* "FILE:LINE: PATH: sentence", a line each; to standard output, or to standard error where that is for
 * something else. `faults` may be NULL. */
int faults_say(const json_object *faults, bool to_stderr, MusterError **ret_error);
int domain_say_faults(const MusterDomain *domain, bool to_stderr, MusterError **ret_error);

DEFINE_CLEANUP(MusterDomain, muster_domain_free);
DEFINE_CLEANUP(MusterPlan, muster_plan_free);
