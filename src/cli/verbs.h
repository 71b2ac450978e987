/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/verb.h"

extern const Verb verb_blockdev_add, verb_catalogue_check, verb_explain, verb_features, verb_gate, verb_has,
        verb_help, verb_probe, verb_schema_check, verb_schema_diff, verb_schema_query, verb_schema_show,
        verb_verify, verb_version;
