/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A scenario (see replay.c) that lies behind a program's own end, and behind that "replay %08zu\n" with its
 * size: an emulator without a wrapper, whose digest says what it answers.
 */

#include "base/json.h"

/* -ENOENT: there is none behind this executable; -EBADMSG; -errno. */
int scenario_read_own(json_object **ret);

/* Its greeting alone, without reading the rest where that comes first. */
int scenario_read_greeting(json_object **ret);

/* In the object `table` of it, what is for "command:typename", or else for the command; NULL. Borrowed. */
json_object *scenario_find(json_object *scenario, const char *table, const char *command,
                           const char *typename);
