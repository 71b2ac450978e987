/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/judge.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/managed.h"
#include "emulator/launch.h"
#include "emulator/plan.h"
#include "store/lookup.h"

/*
 * As facts_connect() does it for a command that blocks, with the one monitor that the domain has: what the
 * store knows of the executable is not asked again; what may depend on the host and the launch is.
 */

struct Judge {
        /* Copies, for the pool. */
        MusterStore *store;
        MusterCatalogue *catalogue;
        pid_t pid;
        char *emulator;

        Identity identity;
        unsigned launch;
        MusterFacts *facts; /* unsealed */
        MusterVerdicts *verdicts;
        const PlanCommand *asked; /* of which the answer comes; NULL: none */
        const PlanCommand *next;
};

Judge *judge_free(Judge *judge)
{
        if (!judge)
                return NULL;
        identity_clear(&judge->identity);
        muster_facts_unref(judge->facts);
        muster_verdicts_unref(judge->verdicts);
        free(judge->emulator);
        free(judge);
        return NULL;
}

/* --- who it is -------------------------------------------------------------------------------------- */

static int work_recall(Operation *operation, MusterError **ret_error)
{
        Judge *judge = operation->judge;
        CLEANUP(strv) char **argv = NULL;
        int r;

        r = identity_of_process(judge->pid, judge->emulator, /* known= */ NULL, &judge->identity, ret_error);
        if (r >= 0)
                r = launch_argv(judge->pid, &argv, ret_error);
        if (r >= 0)
                r = launch_of_process(judge->pid, &judge->launch, ret_error);
        if (r >= 0 && judge->store && lookup_recall(judge->store, &judge->identity, argv, &judge->facts) < 0)
                r = error_oom(ret_error);
        if (r >= 0 && !judge->facts && facts_new(&judge->facts) < 0)
                r = error_oom(ret_error);
        return r;
}

int step_judge_recall(Operation *operation)
{
        const Life *life = operation->managed->life;
        Judge *judge;

        if (!life || !life->process || life->verdicts)
                return 0;
        judge = calloc(1, sizeof(*judge));
        if (!judge)
                return error_oom(&operation->error);
        operation->judge = judge;
        judge->store = operation->daemon->store;
        judge->catalogue = operation->daemon->catalogue;
        judge->pid = process_pid(life->process);
        judge->next = plan_commands;
        judge->emulator = strdup(life->emulator ?: life->executable ?: "?");
        if (!judge->emulator)
                return error_oom(&operation->error);
        return operation_work(operation, work_recall);
}

/* --- what it says ----------------------------------------------------------------------------------- */

static int keep_answer(Operation *operation)
{
        Judge *judge = operation->judge;
        const PlanCommand *asked = TAKE(judge->asked);
        FactStatus status = FACT_ANSWERED;

        if (!asked)
                return 0;
        if (operation->fault_class)
                status = streq(operation->fault_class, "CommandNotFound") ? FACT_NOT_FOUND : FACT_REFUSED;
        return facts_add(judge->facts, asked->name, asked->scope, status,
                         status == FACT_ANSWERED ? json_object_get(operation->reply) : NULL,
                         status == FACT_REFUSED ? operation->fault_text : NULL);
}

static int forgo(Judge *judge, const PlanCommand *command)
{
        return facts_add(judge->facts, command->name, command->scope, FACT_NOT_ASKED, NULL,
                         _("this question may disturb an emulator that is running"));
}

int step_judge_ask(Operation *operation)
{
        Judge *judge = operation->judge;

        if (!judge || operation->managed->life->verdicts)
                return 0;
        if (keep_answer(operation) < 0)
                return error_oom(&operation->error);
        for (; judge->next->name; judge->next++) {
                if (facts_find_unsealed(judge->facts, judge->next->name))
                        continue;
                if (!judge->next->spare_running)
                        break;
                if (forgo(judge, judge->next) < 0)
                        return error_oom(&operation->error);
        }
        if (!judge->next->name)
                return 0;
        judge->asked = judge->next++;
        operation_repeat(operation);
        return operation_call(operation, judge->asked->name, NULL, OPERATION_TOLERATE);
}

/* --- what follows ----------------------------------------------------------------------------------- */

static int work_take(Operation *operation, MusterError **ret_error)
{
        Judge *judge = operation->judge;
        MusterFacts *facts = judge->facts;
        int r;

        facts->kind = MUSTER_EMULATOR_SYSTEM;
        facts->connected = true;
        facts->launch_known = true;
        facts->launch = judge->launch;
        facts->identity = judge->identity;
        judge->identity = (Identity){};
        r = facts_seal(facts, ret_error);
        return r < 0 ? r
                     : muster_verdicts_new(judge->catalogue, facts, MUSTER_TRUST_MEASURED, &judge->verdicts,
                                           ret_error);
}

static int finish(Operation *operation)
{
        Judge *judge = operation->judge;
        Life *life = operation->managed->life;

        if (judge && judge->verdicts && life && !life->verdicts)
                life->verdicts = judge_share(operation->daemon, TAKE(judge->verdicts));
        operation->judge = judge_free(judge);
        return 0;
}

int step_judge_take(Operation *operation)
{
        const Judge *judge = operation->judge;

        if (!judge || judge->verdicts)
                return finish(operation);
        operation_repeat(operation);
        return operation_work(operation, work_take);
}

/* --- once for all ----------------------------------------------------------------------------------- */

static bool same_emulator(const MusterFacts *a, const MusterFacts *b)
{
        return streq(a->identity.digest, b->identity.digest) &&
               streq_ptr(a->identity.path, b->identity.path) &&
               streq(a->identity.modules_fingerprint, b->identity.modules_fingerprint) &&
               a->connected == b->connected && a->launch == b->launch && a->n_facts == b->n_facts &&
               a->n_measured == b->n_measured;
}

MusterVerdicts *judge_share(const Daemon *daemon, MusterVerdicts *verdicts)
{
        for (const Managed *managed = daemon->domains; verdicts && managed; managed = managed->next) {
                MusterVerdicts *other = managed->life ? managed->life->verdicts : NULL;

                if (!other || other == verdicts ||
                    !same_emulator(verdicts_facts(other), verdicts_facts(verdicts)))
                        continue;
                muster_verdicts_unref(verdicts);
                return muster_verdicts_ref(other);
        }
        return verdicts;
}
