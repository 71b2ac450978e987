/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_BLOCKDEV_H
#define MUSTER_BLOCKDEV_H

#include <muster/gate.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gates `request` on the emulator that runs at `address` (its identity, its schema and its launch
 * conditions, read from /proc), checks the arguments by its schema, sends blockdev-add for each node, from
 * the bottom up, and reads back what became of them (query-named-block-nodes). If a node is refused by the
 * emulator, those that were added before it are removed again. A refusal by the gate changes nothing.
 *
 * `ret_json`: the gate's answer with `"nodes": […]` as the emulator sees them. Returns the MusterDecision;
 * -EIO where the emulator refused (the sentence has its words); else as muster_facts_connect().
 */
int muster_blockdev_add(MusterContext *context, MusterCatalogue *catalogue, const char *address,
                        MusterTrust trust, const MusterGateRequest *request, char **ret_json,
                        MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
