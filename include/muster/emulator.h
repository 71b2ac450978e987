/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_EMULATOR_H
#define MUSTER_EMULATOR_H

#include <muster/context.h>
#include <muster/error.h>
#include <muster/schema.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * All that one probe learned of one emulator, raw: what it is (identity) and what it answered. Facts are
 * immutable and may be used by any number of threads at once; what they mean is a verdict's business
 * (muster/feature.h).
 */
typedef struct MusterFacts MusterFacts;

typedef enum MusterEmulatorKind {
        MUSTER_EMULATOR_SYSTEM,         /**< qemu-system-* */
        MUSTER_EMULATOR_STORAGE_DAEMON, /**< qemu-storage-daemon */
} MusterEmulatorKind;

/**
 * Starts the emulator at `path` (an executable or a wrapper script that ends up running one), asks it all
 * that a probe asks, ends it, and leaves no process, socket or file behind.
 *
 * `types`: NULL or a NULL-terminated list of QOM types whose properties are asked as well.
 *
 * A command that the emulator lacks, refuses or dies of is a fact, not an error. Errors: -ENOENT, -EACCES,
 * -ENOEXEC: the file; -EPROTO: what runs is no emulator; -ECONNRESET: it died; -ETIMEDOUT; -ECANCELED.
 * The sentence has the cause, the detail the end of its stderr.
 */
int muster_facts_probe(MusterContext *context, const char *path, const char *const *types, MusterFacts **ret,
                       MusterError **ret_error);

/**
 * Learns the same from a running emulator through its QMP socket, `unix:PATH`, without changing its state:
 * one client slot is used and released. The identity is that of the process at the socket's other end,
 * also where its file was replaced or deleted since. QOM types' properties are not asked: on some releases
 * a question about the wrong device ends the guest.
 *
 * Errors as above; -EINVAL for an address that is none; -EBUSY where another client holds the monitor.
 */
int muster_facts_connect(MusterContext *context, const char *address, MusterFacts **ret,
                         MusterError **ret_error);

MusterFacts *muster_facts_ref(MusterFacts *facts);
MusterFacts *muster_facts_unref(MusterFacts *facts);

MusterEmulatorKind muster_facts_kind(const MusterFacts *facts);

/** As it was given: a path, or an address. */
const char *muster_facts_path(const MusterFacts *facts);

/** The executable that really runs, SHA-256 of its content in hex, and the names it goes by. */
const char *muster_facts_executable(const MusterFacts *facts);
const char *muster_facts_digest(const MusterFacts *facts);
const char *muster_facts_version(const MusterFacts *facts); /**< "7.2.22" */
const char *muster_facts_package(const MusterFacts *facts); /**< may be empty */
const char *muster_facts_target(const MusterFacts *facts);  /**< "x86_64"; NULL for a storage daemon */

/** The schema, a borrowed reference; NULL if the emulator has none (QEMU before 2.5). */
MusterSchema *muster_facts_schema(const MusterFacts *facts);

/** The member `emulator` of DESIGN's `probe --json`, as JSON text to free(). */
int muster_facts_describe(const MusterFacts *facts, char **ret_json, MusterError **ret_error);

/**
 * Everything, as JSON text to free(), in a form that muster_facts_from_json() takes back: the schema
 * as raw as it came, each other answer under the command that gave it, portable and host facts apart.
 */
int muster_facts_to_json(const MusterFacts *facts, char **ret_json, MusterError **ret_error);
int muster_facts_from_json(const char *text, size_t size, MusterFacts **ret, MusterError **ret_error);

/**
 * Paths of the emulators installed on this host, in PATH and the usual folders (system emulators of every
 * architecture, then the storage daemon), one for each executable; to be freed string by string and whole.
 */
int muster_emulators_find(char ***ret_paths, MusterError **ret_error);

/** The path of the emulator for the host's own architecture, to free(). -ENOENT where there is none. */
int muster_emulator_default(char **ret_path, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
