/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the text of a definition to what can be stored or started: it is read, its emulator probed through
 * the store, completed and planned. Blocking, for the pool: a probe may take as long as its time limit.
 */

#include "base/json.h"
#include "domain/value.h"
#include "feature/verdict.h"
#include "muster/context.h"
#include "muster/store.h"

enum {
        PREPARE_PLAN = 1 << 0,
        PREPARE_SCHEMA = 1 << 1, /* hold it against the RELAX NG schema, too */
};

typedef struct PrepareInput {
        MusterStore *store;
        MusterContext *context;
        MusterCatalogue *catalogue;
        char *run_directory, *state_directory;
        bool root, sandbox, descriptors; /* as DomainHost */
        char *text;
        char *file; /* as faults name it */
        unsigned flags;
} PrepareInput;

typedef struct Prepared {
        char name[256];
        char uuid[UUID_TEXT_SIZE];
        char *title;
        char *definition; /* canonical, with all that the emulator decides */
        char *live;       /* with PREPARE_PLAN: the same with all aliases: as it will run */
        json_object *plan;
        json_object *chains; /* of its disks (domain/chain.h) */
        json_object *faults; /* warnings, or errors where it failed by them */
        char *emulator, *executable, *digest;
        MusterVerdicts *verdicts;
        bool probed; /* the emulator was started to learn of it */
} Prepared;

void prepare_input_clear(PrepareInput *input);

/*
 * -EINVAL: the definition has errors: the sentence has the first, ret->faults all of them. Else what
 * probing the emulator failed with. *ret is to be cleared in every case.
 */
int prepare(const PrepareInput *input, Prepared *ret, MusterError **ret_error);
void prepared_clear(Prepared *prepared);
