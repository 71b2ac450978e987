/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_DOMAIN_H
#define MUSTER_DOMAIN_H

#include <stddef.h>

#include <muster/feature.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A domain as libvirt's XML defines it (muster-domain(5) says what is taken). From text to a launch plan it
 * goes in three steps: muster_domain_read(), muster_domain_complete() with the verdicts on its emulator, and
 * muster_plan_new(). Nothing is started and nothing is written on the way; files are read: descriptors of
 * firmware, headers of disk images, muster's own configuration of networks.
 *
 * What is wrong with the definition is no error of a call: it is gathered, all of it, as faults. One thread
 * at a time.
 */
typedef struct MusterDomain MusterDomain;

/** What has to be prepared and run for a domain. Immutable. */
typedef struct MusterPlan MusterPlan;

/** Flags of muster_domain_read(). */
enum {
        /** What neither the guest's hardware nor its data depend on yields a warning, not an error. */
        MUSTER_DOMAIN_LENIENT = 1 << 0,
        /**
         * Also holds it against the RELAX NG schema that muster comes with, in a thread: what it finds is
         * added by muster_domain_complete() or muster_domain_describe_faults(), whichever is called first.
         */
        MUSTER_DOMAIN_SCHEMA = 1 << 1,
};

/** More than this is no definition; muster_domain_read() refuses it as a fault. */
#define MUSTER_DOMAIN_SIZE_MAX ((size_t)4 * 1024 * 1024)

/**
 * Reads a definition of `size` bytes. `file` names it in faults. Always yields a domain, also of what is no
 * XML: look at muster_domain_errors().
 *
 * -ENOPKG: libxml2 is not there; -ENOENT, -EBADMSG: the schema that muster comes with is not, or is damaged
 * (MUSTER_DOMAIN_SCHEMA; $MUSTER_SCHEMAS_DIR names another folder for it); -ENOMEM.
 */
int muster_domain_read(const char *text, size_t size, const char *file, unsigned flags, MusterDomain **ret,
                       MusterError **ret_error);
MusterDomain *muster_domain_free(MusterDomain *domain);

/** As the definition has it, borrowed; NULL where it has none. */
const char *muster_domain_name(const MusterDomain *domain);

/**
 * The path of the emulator that it wants, to free(): the one it names, else the installed one for its
 * architecture. -ENOENT where there is none; the sentence says which package has it.
 */
int muster_domain_emulator(const MusterDomain *domain, char **ret_path, MusterError **ret_error);

/**
 * Fills in all that is decided by the emulator: the versioned machine type, models, addresses, the UUID and
 * MAC addresses that nobody gave; checks what is asked for against what it has. Once a domain, and only if
 * it has no errors (-EINVAL otherwise). Takes a reference to `verdicts`.
 *
 * 0 with faults added, or -ENOMEM; what reading the host's configuration failed with.
 */
int muster_domain_complete(MusterDomain *domain, MusterVerdicts *verdicts, MusterError **ret_error);

/** How many errors were found so far; warnings are not counted. */
size_t muster_domain_errors(const MusterDomain *domain);

/**
 * All faults so far, as JSON text to free(): an array of {"file", "line", "path"?, "severity": "error"|
 * "warning", "message"}, in the order in which they were found; the first 1000.
 */
int muster_domain_describe_faults(const MusterDomain *domain, char **ret_json, MusterError **ret_error);

/**
 * The definition in canonical form, as text to free(): with all that muster_domain_complete() decided, all
 * that was in it, in libvirt's order and indented by two. Formatted again it is the same. -EINVAL before it
 * is complete, or with errors.
 */
int muster_domain_format(MusterDomain *domain, char **ret_xml, MusterError **ret_error);

/** Flags of muster_plan_new(). */
enum {
        MUSTER_PLAN_EVIDENCE = 1 << 0, /**< keep decisions with their evidence */
};

/**
 * What has to be done to start a completed domain. *ret is NULL where the emulator cannot do what it asks,
 * which then has been added to the faults. -EINVAL before it is complete, or with errors; -ENOMEM.
 */
int muster_plan_new(MusterDomain *domain, unsigned flags, MusterPlan **ret, MusterError **ret_error);
MusterPlan *muster_plan_free(MusterPlan *plan);

/**
 * As JSON text to free():
 *
 * - "argv": the emulator's words; "environment": an object of variables that it gets besides its own;
 * - "blockdev": the block nodes of the argv, as the gate let them pass;
 * - "files": an array of {"path", "action", "purpose", "from"?}: "directory", "exists", "copy" and "replace"
 *   (of "from"), "create" and "remove" are actions;
 * - "processes": what has to run before: {"argv", "purpose", "socket"?};
 * - "fds": descriptors that the argv names; "commands": QMP commands to run before the guest does;
 * - "affinity": processors for its threads; "lifecycle": what to do when it ends, reboots or crashes;
 * - "decisions" (with MUSTER_PLAN_EVIDENCE): {"feature", "driver"?, "verdict", "choice"?, "for",
 * "evidence"}.
 */
int muster_plan_describe(const MusterPlan *plan, char **ret_json, MusterError **ret_error);

/** The environment and the argv as text for a POSIX shell, one variable or option a line, to free(). */
int muster_plan_command(const MusterPlan *plan, char **ret_text, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
