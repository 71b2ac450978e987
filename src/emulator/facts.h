/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The facts record: an identity and a list of facts, one for each command that was asked. A fact is named by
 * its command, and for one asked of a QOM type by "command:type". Portable facts are a function of the
 * binary and its modules; host facts also of the host, the user and the launch.
 */

#include <stdio.h>

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

struct Run; /* run.h */

/* The answer that the schema is made of: in facts_seal(), or before, while others are waited for. */
#define FACT_SCHEMA "query-qmp-schema"

typedef struct Fact {
        char *name;
        FactScope scope;
        FactStatus status;
        json_object *value; /* ANSWERED: the result, as raw as it came */
        char *raw; /* or its JSON text, where nobody needs more: of FACT_SCHEMA, if facts->schema is set */
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

/* The schema and its JSON text, which then need not be parsed: FACT_SCHEMA was added with the value null.
 * Takes both. Before facts_seal() only. */
void facts_set_schema(MusterFacts *facts, MusterSchema *schema, char *raw);

/* Takes the last ones off again, until there are `n`. Before facts_seal() only. */
void facts_truncate(MusterFacts *facts, size_t n);

/* Sorts, loads the schema, derives version, package, target and types. -EBADMSG with a sentence. */
int facts_seal(MusterFacts *facts, MusterError **ret_error);

const Fact *facts_find(const MusterFacts *facts, const char *name);

/* The same before facts_seal(), where they are in no order yet. */
const Fact *facts_find_unsealed(const MusterFacts *facts, const char *name);
const Fact *facts_find_measured_unsealed(const MusterFacts *facts, const char *check);
const Fact *facts_find_measured(const MusterFacts *facts, const char *check);
bool facts_has_type(const MusterFacts *facts, const char *type);

/* A copy of `facts` that also holds the outcome of a check. */
int facts_with_measured(const MusterFacts *facts, const char *check, FactStatus status, json_object *value,
                        const char *reason, MusterFacts **ret);

const char *fact_status_name(FactStatus status);

/*
 * As muster_facts_probe(). *ret_ended (may be NULL) is the emulator, killed, for whoever has something to do
 * while the kernel takes it apart; run_close() reaps it.
 */
int facts_probe(MusterContext *context, const char *path, const char *const *types, MusterFacts **ret,
                struct Run **ret_ended, MusterError **ret_error);

/*
 * Makes unsealed facts, of which the identity is set, complete: asks the emulator at the identity's path
 * what every probe asks and `facts` do not have, host facts included, and the properties of `types`; seals
 * them. Starts nothing if nothing is missing. Errors as muster_facts_probe(); -EAGAIN where the emulator is
 * another one now.
 */
int facts_complete(MusterContext *context, MusterFacts *facts, const char *const *types,
                   MusterError **ret_error);

/*
 * Finds portable facts of a running emulator in a store: unsealed facts without an identity into *ret, which
 * stays NULL where there are none. `argv` is how it was started.
 */
typedef int (*FactsRecallFn)(const Identity *identity, char *const *argv, MusterFacts **ret, void *userdata,
                             MusterError **ret_error);

/*
 * As muster_facts_connect(), where `recall` (may be NULL) spares asking what is known of the binary;
 * *ret_recalled tells whether it did.
 */
int facts_connect(MusterContext *context, const char *address, FactsRecallFn recall, void *userdata,
                  bool *ret_recalled, MusterFacts **ret, MusterError **ret_error);

/* For records (store): one line a fact, as in muster_facts_to_json(); and back, strictly. */
int facts_write_section(FILE *out, const char *section, const Fact *facts, size_t n, FactScope scope);
int facts_parse_section(const json_object *root, const char *section, FactScope scope, bool measured,
                        MusterFacts *facts, MusterError **ret_error);
int facts_kind_from_name(const char *name);
const char *facts_kind_name(MusterEmulatorKind kind);

/* A key that does not belong, or NULL. */
const char *facts_foreign_key(const json_object *object, const char *const *keys);

static inline void cleanup_facts(MusterFacts **facts)
{
        muster_facts_unref(*facts);
}
