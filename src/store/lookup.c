/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "muster/store.h"

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/context.h"
#include "emulator/facts.h"
#include "feature/catalogue.h"

/*
 * The way in for every program. The store of records plugs in here: it will look for a record of the
 * target's digest before learn() and keep what learn() returns. MUSTER_LOOKUP_NO_CACHE then skips the first
 * half.
 */

static int learn(MusterContext *context, MusterCatalogue *catalogue, const char *target, MusterFacts **ret,
                 MusterError **ret_error)
{
        CLEANUP(strv) char **types = NULL;
        int r;

        /* A running emulator is never asked for types' properties, so it needs no list of them. */
        if (startswith(target, "unix:"))
                return muster_facts_connect(context, target, ret, ret_error);
        if (catalogue) {
                r = catalogue_types(catalogue, &types);
                if (r < 0)
                        return error_oom(ret_error);
        }
        return muster_facts_probe(context, target, (const char *const *)types, ret, ret_error);
}

_public_ int muster_lookup(MusterContext *context, MusterCatalogue *catalogue, const char *target,
                           unsigned flags, MusterFacts **ret_facts, MusterLookupInfo *ret_info,
                           MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        unsigned spawned = context->n_spawned;
        int r;

        r = learn(context, catalogue, target, &facts, ret_error);
        if (r < 0)
                return r;
        if (ret_info)
                *ret_info = (MusterLookupInfo){.spawned = context->n_spawned - spawned};
        HAND_OVER(ret_facts, facts);
        return 0;
}
