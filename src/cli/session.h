/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From options to the library's objects: a context with the time limit, the user and a canceller; the
 * catalogue; the facts and verdicts of the emulator that was named.
 */

#include "cli/invocation.h"

typedef struct Session {
        MusterContext *context;
        MusterStore *store; /* NULL: not opened yet, or cannot be used */
        bool store_opened;
        MusterCatalogue *catalogue;
        MusterFacts *facts;
        MusterVerdicts *verdicts;
        MusterLookupInfo info;
} Session;

/* `target` as muster_lookup() takes it: of --emulator, --connect or the default; to free(). */
int session_target(const Invocation *invocation, char **ret, MusterError **ret_error);

/* A path as given, or a name without a slash found in PATH; to free(). */
int emulator_path(const char *name, char **ret, MusterError **ret_error);

int session_trust(const Invocation *invocation, MusterTrust *ret, MusterError **ret_error);

/* The context alone; the catalogue alone; the context and the facts; all. A member that is set stays. */
int session_open_context(Session *session, const Invocation *invocation, MusterError **ret_error);
int session_open_catalogue(Session *session, MusterError **ret_error);
int session_look_up(Session *session, const Invocation *invocation, MusterError **ret_error);
int session_judge(Session *session, const Invocation *invocation, MusterError **ret_error);

/* The cache, if it can be used; else a note says why, once. */
void session_open_store(Session *session);

/* Tells a note of the library's on standard error; a MusterNoteFn. */
void tell_note(const char *sentence, void *userdata);

/* One target's facts by an open context; `catalogue` may be NULL. Restartable: frees what was there. */
int session_look_up_target(Session *session, const Invocation *invocation, const char *target,
                           MusterError **ret_error);

/* The same where signals are held back already. */
int session_look_up_on(Session *session, const Invocation *invocation, const char *target,
                       MusterError **ret_error);

/* -ENOENT with the name that was probably meant, where the catalogue has no such feature. */
int session_check_feature(const Session *session, const char *feature, MusterError **ret_error);

/* The schema that --file, or else the emulator's facts, hold: a new reference. */
int session_schema(Session *session, const Invocation *invocation, MusterSchema **ret,
                   MusterError **ret_error);

/* session_judge() of a target that was found elsewhere. */
int session_judge_target(Session *session, const Invocation *invocation, const char *target,
                         MusterError **ret_error);

/* Facts and verdicts of one target, with context and catalogue open, where signals are held back already. */
int session_judge_on(Session *session, const Invocation *invocation, const char *target,
                     MusterError **ret_error);

/* A verdict that is stored ready, as muster_store_verdict(); needs a context. -ENODATA for a running one. */
int session_ready_verdict(Session *session, const Invocation *invocation, const char *target,
                          const char *feature, const char *driver, char **ret_emulator);

/* Around each of the library's operations: signals cancel it. `session_end` returns `r`, its result. */
int session_begin(Session *session, MusterError **ret_error);
int session_end(Session *session, int r);

void session_done(Session *session);

/* A verdict or a negative errno as what `has` exits with. */
int exit_of_verdict(int verdict);

static inline void cleanup_session(Session *session)
{
        session_done(session);
}

#define SESSION(name) __attribute__((cleanup(cleanup_session))) Session name = {0}
