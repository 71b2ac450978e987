/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Strings that a user sees. The library never touches the process's locale or default text domain. */

#include <libintl.h>

#define MUSTER_TEXT_DOMAIN "muster"

#define _(text)            dgettext(MUSTER_TEXT_DOMAIN, text)
#define N_(text)           (text)
#define P_(one, many, n)   dngettext(MUSTER_TEXT_DOMAIN, one, many, n)

/* A function that libmuster exports; src/libmuster.sym lists the same names. */
#define _public_ __attribute__((visibility("default")))
