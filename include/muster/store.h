/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_STORE_H
#define MUSTER_STORE_H

#include <muster/feature.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Look-up flags. */
enum {
        MUSTER_LOOKUP_NO_CACHE = 1 << 0, /**< probe, whatever is stored */
};

/** What a look-up did. */
typedef struct MusterLookupInfo {
        int cached;       /**< 1 if the facts came from the store */
        unsigned spawned; /**< how many processes were started */
} MusterLookupInfo;

/**
 * The facts of an emulator with all that `catalogue` needs: the way in for every program. `target` is the
 * path of an emulator, or the address of a running one (`unix:PATH`).
 *
 * In this version every look-up probes; the store of records by digest will stand behind this call.
 * Errors: as muster_facts_probe() and muster_facts_connect().
 */
int muster_lookup(MusterContext *context, MusterCatalogue *catalogue, const char *target, unsigned flags,
                  MusterFacts **ret_facts, MusterLookupInfo *ret_info, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
