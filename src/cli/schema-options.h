/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/options.h"

/* What the schema verbs take: an emulator, a running one, or a file. */
#define SCHEMA_OPTIONS                                                                                      \
        &option_emulator, &option_connect, &option_file, &option_timeout, &option_user, &option_no_cache

extern const Option *const schema_options[];
