/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/host.h"
#include "store/lock.h"
#include "store/lookup.h"

/* What every program asks: facts, verdicts, one verdict. */

static int look_up(Lookup *lookup, const MusterCatalogue *catalogue, MusterLookupInfo *ret_info,
                   MusterError **ret_error)
{
        unsigned spawned = lookup->context->n_spawned;
        int r;

        /* A running emulator is never asked for types' properties, so it needs no list of them. */
        if (startswith(lookup->target, "unix:")) {
                r = lookup_connect(lookup, ret_error);
        } else {
                if (catalogue && catalogue_types(catalogue, &lookup->types) < 0)
                        return error_oom(ret_error);
                r = lookup_run(lookup, ret_error);
        }
        if (r == 0 && ret_info)
                *ret_info = (MusterLookupInfo){
                        .cached = lookup->cached,
                        .spawned = lookup->context->n_spawned - spawned,
                };
        return r;
}

_public_ int muster_lookup(MusterStore *store, MusterContext *context, MusterCatalogue *catalogue,
                           const char *target, unsigned flags, MusterFacts **ret_facts,
                           MusterLookupInfo *ret_info, MusterError **ret_error)
{
        CLEANUP(lookup)
        Lookup lookup = {.store = store, .context = context, .target = target, .flags = flags};
        int r;

        r = look_up(&lookup, catalogue, ret_info, ret_error);
        if (r < 0)
                return r;
        HAND_OVER(ret_facts, lookup.facts);
        return 0;
}

_public_ int muster_judge(MusterStore *store, MusterContext *context, MusterCatalogue *catalogue,
                          const char *target, MusterTrust trust, unsigned flags, MusterFacts **ret_facts,
                          MusterVerdicts **ret_verdicts, MusterLookupInfo *ret_info, MusterError **ret_error)
{
        CLEANUP(lookup)
        Lookup lookup = {.store = store, .context = context, .target = target, .flags = flags};
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        MusterLookupInfo info;
        int r;

        r = look_up(&lookup, catalogue, &info, ret_error);
        if (r < 0)
                return r;
        r = muster_verdicts_new(catalogue, lookup.facts, trust, &verdicts, ret_error);
        if (r < 0)
                return r;
        if (store && lookup.id[0]) {
                const ReadySource source = {
                        .id = lookup.id,
                        .fingerprint = lookup.fingerprint,
                        .record = lookup.record_stamp,
                        .host = lookup.host_stamp,
                };

                ready_keep(store, &source, verdicts);
        }
        if (ret_info)
                *ret_info = info;
        HAND_OVER(ret_facts, lookup.facts);
        *ret_verdicts = TAKE(verdicts);
        return 0;
}

_public_ int muster_store_verdict(MusterStore *store, MusterContext *context, const char *target,
                                  const char *feature, const char *driver, MusterTrust trust,
                                  char **ret_emulator)
{
        CLEANUP(free) char *path = NULL, *fingerprint = NULL;
        CLEANUP(trail) Trail trail = {};
        TrailState state;
        int verdict;

        if (trail_absolute(target, &path) < 0 || trail_load(store, path, &trail) < 0 ||
            (ret_emulator && !trail.emulator))
                return -ENODATA;
        free(trail.identity.path);
        trail.identity.path = TAKE(path);
        if (trail_check(&trail, &state) < 0 || state != TRAIL_HOLDS ||
            host_fingerprint(context, &fingerprint) < 0)
                return -ENODATA;
        verdict = ready_verdict(store, trail.record, fingerprint, trust, feature, driver);
        if (verdict >= 0)
                HAND_OVER(ret_emulator, trail.emulator);
        return verdict;
}

_public_ int muster_store_keep(MusterStore *store, const MusterFacts *facts, MusterError **ret_error)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        CLEANUP(free) char *name = NULL;
        const MusterContext context = {.timeout_usec = 10 * USEC_PER_SEC, .cancel_fd = -1};
        char id[RECORD_ID_SIZE];
        int r;

        r = record_id(&facts->identity, id);
        if (r == 0) {
                name = record_lock_name(id);
                r = name ? store_lock(store, &context, name, facts->identity.path, &lock, ret_error)
                         : -ENOMEM;
        }
        if (r == -ETIMEDOUT)
                return r;
        if (r >= 0)
                r = record_save(store, id, facts, /* ret_stamp= */ NULL);
        if (r < 0)
                return error_errno(ret_error, r, _("The outcome for %s cannot be kept"),
                                   facts->identity.path);
        return 0;
}
