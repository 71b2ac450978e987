/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"

/*
 * "key=value,…" as QEMU's keyval.c documents that it reads it, written down anew for the tests: strings at
 * the leaves, '.' between the fragments of a key, numbers below the first one for a list's elements, each
 * comma in a value doubled. NULL where it would refuse. What it calls help is an error here.
 */
json_object *keyval_parse(const char *text, const char *implied);

/* A copy in which all scalars are the strings that keyval.c would see. */
json_object *keyval_strings(json_object *value);

/* The id that QemuOpts finds since 5.1, or before; to free(). */
char *opts_id(const char *text);
char *opts_id_before_5_1(const char *text);
