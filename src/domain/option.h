/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The argument of one of QEMU's options, from an object of properties. Whatever a property says, it stays
 * what that property says: it becomes neither another property nor another option. Pure.
 *
 * Properties have the types of the schema: a number is a number, not a string. Strings are UTF-8 without NUL
 * and line break; keys are letters, digits, '_', '-' and '.', which in OPTION_KEYVAL would nest. What a
 * style cannot say is refused with -EINVAL and a sentence that names the member and the reason.
 */

#include "base/error.h"
#include "base/json.h"

#define OPTION_LEVEL_MAX 32

typedef enum OptionStyle {
        /* One JSON object. The only style that knows null. */
        OPTION_JSON,
        /* "key=value,…" for QEMU's keyval.c: a member or an element of another is "server.path", "hosts.0";
         * none that is empty. */
        OPTION_KEYVAL,
        /* "key=value,…" for QemuOpts: strings, numbers, booleans and nothing below them. */
        OPTION_FLAT,
        /* The same where QEMU reads every value that a key is given: a list is its key again and again; an
         * element may be {"str": …}, as a network backend's schema has it. */
        OPTION_LISTS,
} OptionStyle;

/*
 * The text, to free(). Members keep their order, but for these, which come first in text that is not JSON:
 * the one named `implied` (NULL: none), without its key, if its value is fit for that; then "id", since
 * releases before 5.1 look for it within values, too, and take the first that they find.
 */
int option_text(const json_object *properties, OptionStyle style, const char *implied, char **ret,
                MusterError **ret_error);

/* How an option reads its argument. */
typedef struct OptionSyntax {
        const char *option;  /* "-device" */
        const char *implied; /* NULL: none */
        OptionStyle text;    /* where JSON is not taken */
        const char *json;    /* the feature of the catalogue with which JSON is; "": always; NULL: never */
} OptionSyntax;

/* NULL for an option that takes no properties, or none that muster gives it. */
const OptionSyntax *option_syntax(const char *option);
