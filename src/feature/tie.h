/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What ties need besides verdict.h: the driver within a path, and evidence that no tie of the catalogue
 * gave. */

#include "feature/verdict.h"

/* Whether any `governs` line names the driver of `size` bytes at `name`. */
bool feature_governs_driver(const Feature *feature, const char *name, size_t size);

/* Whether any names a driver at all. */
bool feature_has_drivers(const Feature *feature);

/*
 * `path` as it stands for `driver`: each component `+D` of a governed driver becomes `+driver`. `*ret` is a
 * new path, or NULL where `path` itself serves. Returns 1 if the path speaks of a governed driver, 0 if not;
 * -ENOMEM.
 */
int tie_path_for_driver(const SchemaPath *path, const Feature *feature, const char *driver,
                        SchemaPath **ret);

/*
 * Whether the emulator was built without `driver`: a command that governs it has branches, and none is
 * `+driver`. 1: it is missing, and `*ret` says so as evidence that refutes; 0; -ENOMEM, -EBADMSG.
 */
int driver_evaluate(const Feature *feature, const char *driver, const MusterFacts *facts, Evidence *ret,
                    MusterError **ret_error);

/* Sets result and detail; -ENOMEM. A detail of its own is replaced. */
int evidence_say(Evidence *evidence, TieResult result, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int evidence_copy(const Evidence *from, Evidence *ret);
void evidence_clear(Evidence *evidence);

/* The schema ties' part of tie_evaluate(). */
int tie_evaluate_schema(const Tie *tie, const Feature *feature, const char *driver, const MusterFacts *facts,
                        Evidence *out, MusterError **ret_error);
