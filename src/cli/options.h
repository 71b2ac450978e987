/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options that verbs share: one descriptor each, named by whoever takes it. */

#include "cli/verb.h"

extern const Option option_help, option_json, option_verbose; /* every verb takes these */
extern const Option option_emulator, option_connect, option_timeout, option_user, option_no_cache;
extern const Option option_trust, option_driver, option_all, option_file, option_depth;

/* What is wanted of a disk. */
extern const Option option_disk_driver, option_filename, option_format, option_access, option_fallback;
extern const Option option_node_name, option_option, option_backing, option_launch;

/* Every descriptor that every verb takes; NULL-terminated. */
extern const Option *const options_common[];

/* Of `verb`, the common ones included, or with NULL of all verbs; NULL where there is none. */
const Option *option_find(const Verb *verb, const char *name);
const Option *option_find_letter(const Verb *verb, char letter);
