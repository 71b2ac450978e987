/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_SCHEMA_H
#define MUSTER_SCHEMA_H

#include <stddef.h>

#include <muster/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The QMP schema of an emulator, as query-qmp-schema returns it (QEMU 2.5 or newer;
 * docs/devel/qapi-code-gen of QEMU, "Client JSON Protocol introspection").
 *
 * A schema is immutable and may be used by any number of threads at once.
 */
typedef struct MusterSchema MusterSchema;

/**
 * Loads a schema from JSON: the array that query-qmp-schema returns, or a reply that holds it
 * (`{"return": […]}`). Unknown meta-types and keys are tolerated.
 *
 * Returns 0; -EBADMSG: no JSON, no schema, or a reference to a type that is not there (the sentence names
 * the entity and the member); -E2BIG: beyond 64 MiB or 64 levels; -ENOMEM.
 */
int muster_schema_new(const char *text, size_t size, MusterSchema **ret, MusterError **ret_error);

MusterSchema *muster_schema_ref(MusterSchema *schema);

/** Drops a reference; returns NULL. */
MusterSchema *muster_schema_unref(MusterSchema *schema);

/**
 * Asks a path, in the syntax of libvirt's virQEMUQAPISchemaPathGet(), extended. Components are separated
 * by slashes; the first one names a command or an event:
 *
 *   arg-type, ret-type   the arguments of a command or the data of an event; the result of a command
 *   name                 a member of an object
 *   *name                a member that is optional
 *   +case                a branch of a union; `+*` any branch
 *   ^value               a value of an enumeration
 *   !json-type           the JSON type of a built-in (null, string, number, int, boolean, value)
 *   $feature             a feature of the entity: command, event, type, or enumeration value
 *   @feature             a feature of the member just named (QEMU 5.0 or newer)
 *
 * Arrays are entered silently. The branches of an alternate are tried in turn. `^`, `!`, `$` and `@` end
 * a path, but for `^value/$feature` (QEMU 6.2 or newer). A name whose first character is no letter takes
 * one space before it.
 *
 * Returns 1 if met, 0 if not, -EINVAL for a malformed path, -EBADMSG where the schema itself makes no
 * sense on the way. With `ret_json`, an answer of 1 yields a JSON array with one object for each place
 * that met the path: `{"path": …, "kind": …, …}`; to be freed with free().
 */
int muster_schema_query(const MusterSchema *schema, const char *path, char **ret_json,
                        MusterError **ret_error);

/**
 * Describes a command or event as JSON: arguments, result, features, with types resolved by `depth`
 * levels. Returns 1, or 0 if the schema has no entity of this name; -ENOMEM.
 */
int muster_schema_show(const MusterSchema *schema, const char *name, unsigned depth, char **ret_json,
                       MusterError **ret_error);

/**
 * What two schemas do not share, as a JSON array in stable order, by path from the command or event:
 * `{"path", "change": "added"|"removed"|"type"|"optional"|"mandatory", "kind": "command"|"event"|"member"|
 * "value"|"branch"|"choice"|"feature"|"allow-oob"|"type", "from"?, "to"?, "also"?: [name]}`. A type that
 * many commands share is reported once, under a shortest path, and `also` names the others. Type names mean
 * nothing across binaries and are never compared; features of enumeration values only where both sides tell
 * (QEMU 6.2). Returns the number of differences; -E2BIG for schemas that no QEMU would have.
 */
int muster_schema_diff(const MusterSchema *from, const MusterSchema *to, char **ret_json,
                       MusterError **ret_error);

/**
 * Checks the arguments of a command (JSON object text). The faults are a JSON array of
 * `{"path": "file.server.host", "severity": "error"|"warning", "fault": …, "message": …}`, the first 256.
 * Errors are unknown-member, missing-member, type, unknown-value, depth and too-many; warnings are
 * deprecated and unstable. Returns the number of errors (not of warnings), so 0 is "may be sent"; -EINVAL
 * where `arguments` is no JSON object; -ENOENT where there is no such command.
 */
int muster_schema_check(const MusterSchema *schema, const char *command, const char *arguments,
                        char **ret_json, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
