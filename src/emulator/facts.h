/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The facts record: an identity and a list of facts, one for each command that was asked. A fact is named by
 * its command, and for one asked of a QOM type by "command:type". Portable facts are a function of the
 * binary and its modules; host facts also of the host, the user and the launch.
 */

#include "base/json.h"
#include "emulator/identity.h"
#include "muster/emulator.h"
#include "qapi/schema.h"

typedef enum FactScope {
        FACT_PORTABLE,
        FACT_HOST,
} FactScope;

typedef enum FactStatus {
        FACT_ANSWERED,
        FACT_NOT_FOUND, /* CommandNotFound: a fact, not an error */
        FACT_REFUSED,   /* another QMP error; `reason` has class and description */
        FACT_CRASHED,   /* the emulator died of the question; `reason` has how, and its stderr */
        FACT_NOT_ASKED, /* `reason` says why: a running emulator, another kind of emulator */
} FactStatus;

typedef struct Fact {
        char *name;
        FactScope scope;
        FactStatus status;
        json_object *value; /* ANSWERED: the result, as raw as it came */
        char *reason;
} Fact;

struct MusterFacts {
        unsigned n_ref; /* atomic */
        MusterEmulatorKind kind;
        bool connected; /* learned from a running emulator */
        /* How that emulator was started (launch.h): the process's, so no record keeps it. */
        bool launch_known;
        unsigned launch;
        Identity identity;
        char *version;
        char *package;
        char *target;
        Fact *facts; /* sorted by name */
        size_t n_facts;
        MusterSchema *schema; /* from query-qmp-schema; NULL if that was not answered */
        const char **types;   /* from qom-list-types, sorted, borrowed from its JSON; NULL */
        size_t n_types;
        Fact *measured; /* outcomes of behavioural checks, named by check; value: see verify.h */
        size_t n_measured;
        MusterFacts *base; /* lends all above but `measured` (facts_with_measured()); or NULL */
};

int facts_new(MusterFacts **ret);

/* Takes `value` in every case. Before facts_seal() only. */
int facts_add(MusterFacts *facts, const char *name, FactScope scope, FactStatus status, json_object *value,
              const char *reason);
int facts_add_measured(MusterFacts *facts, const char *check, FactStatus status, json_object *value,
                       const char *reason);

/* Sorts, loads the schema, derives version, package, target and types. -EBADMSG with a sentence. */
int facts_seal(MusterFacts *facts, MusterError **ret_error);

const Fact *facts_find(const MusterFacts *facts, const char *name);
const Fact *facts_find_measured(const MusterFacts *facts, const char *check);
bool facts_has_type(const MusterFacts *facts, const char *type);

/* A copy of `facts` that also holds the outcome of a check. */
int facts_with_measured(const MusterFacts *facts, const char *check, FactStatus status, json_object *value,
                        const char *reason, MusterFacts **ret);

const char *fact_status_name(FactStatus status);

static inline void cleanup_facts(MusterFacts **facts)
{
        muster_facts_unref(*facts);
}
