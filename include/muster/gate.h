/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_GATE_H
#define MUSTER_GATE_H

#include <muster/feature.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is wanted of a disk: a driver and a file with an access, or a whole blockdev-add tree. */
typedef struct MusterGateRequest MusterGateRequest;

/** What the gate answered. Immutable. */
typedef struct MusterGateResult MusterGateResult;

typedef enum MusterAccess {
        MUSTER_ACCESS_RO,
        MUSTER_ACCESS_RW,
        MUSTER_ACCESS_ON_DEMAND, /**< write permission only while a writer is attached */
} MusterAccess;

typedef enum MusterDecision {
        MUSTER_DECISION_ALLOWED,
        MUSTER_DECISION_FALLBACK, /**< allowed with the access that the caller named as a fallback */
        MUSTER_DECISION_REFUSED,
} MusterDecision;

/** How the emulator runs, as far as it decides whether a file can be reopened. */
typedef enum MusterLaunchCondition {
        MUSTER_LAUNCH_RUNAS = 1 << 0,     /**< -runas, -run-with user= */
        MUSTER_LAUNCH_CHROOT = 1 << 1,    /**< -chroot, -run-with chroot= */
        MUSTER_LAUNCH_UID = 1 << 2,       /**< it changed or will change its user id */
        MUSTER_LAUNCH_SINGLE_FD = 1 << 3, /**< its fd set lacks a read-only or a writable fd */
} MusterLaunchCondition;

int muster_gate_request_new(MusterGateRequest **ret);
MusterGateRequest *muster_gate_request_free(MusterGateRequest *request);

/** The protocol driver (`file`, `host_device`, `nbd`, …). All text of a request: UTF-8, else -EINVAL. */
int muster_gate_request_set_driver(MusterGateRequest *request, const char *driver);
int muster_gate_request_set_filename(MusterGateRequest *request, const char *filename);

/** The format driver on top (`qcow2`, `raw`, …); without one the guest writes the protocol node itself. */
int muster_gate_request_set_format(MusterGateRequest *request, const char *format);
void muster_gate_request_set_access(MusterGateRequest *request, MusterAccess access);

/** Where `on-demand` would be refused, use MUSTER_ACCESS_RO or MUSTER_ACCESS_RW instead. -EINVAL. */
int muster_gate_request_set_fallback(MusterGateRequest *request, MusterAccess access);

/** The node-name of the topmost node; default "muster-disk". Names below are derived from it. -EINVAL. */
int muster_gate_request_set_node_name(MusterGateRequest *request, const char *name);

/**
 * One further argument of the protocol node, `key` dotted (`server.path`), `value` as text that the schema
 * gives its type.
 */
int muster_gate_request_add_option(MusterGateRequest *request, const char *key, const char *value);

/** The next image of the backing chain, from the top down. `format` may be NULL for raw. */
int muster_gate_request_add_backing(MusterGateRequest *request, const char *driver, const char *filename,
                                    const char *format);

/** A whole blockdev-add argument object as JSON text, to be checked node by node. -EINVAL: not one. */
int muster_gate_request_set_tree(MusterGateRequest *request, const char *json, MusterError **ret_error);

/** A set of MusterLaunchCondition bits for an emulator that is not running yet. */
void muster_gate_request_set_launch(MusterGateRequest *request, unsigned conditions);

/**
 * Decides. Pure: nothing is opened, started or sent. Where the facts were just learned from a running
 * emulator (muster_facts_connect()), how that was started counts beside the request's launch conditions. A
 * refusal is a result, not an error; errors are requests that make no sense (-EINVAL: the sentence says what
 * is missing) and -ENOMEM.
 */
int muster_gate(const MusterVerdicts *verdicts, const MusterGateRequest *request, MusterGateResult **ret,
                MusterError **ret_error);

MusterGateResult *muster_gate_result_free(MusterGateResult *result);
MusterDecision muster_gate_result_decision(const MusterGateResult *result);

/** `{"decision", "access", "arguments": […], "evidence": […], "notes": […], "reason"?}`, to free(). */
int muster_gate_result_describe(const MusterGateResult *result, char **ret_json, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
