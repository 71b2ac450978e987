/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/verb.h"

extern const Verb verb_blockdev_add, verb_cache_clear, verb_cache_export, verb_cache_import, verb_cache_list,
        verb_cache_prune, verb_cache_show, verb_cache_verify, verb_catalogue_check, verb_domxml_format,
        verb_domxml_to_native, verb_explain, verb_features, verb_gate, verb_has, verb_help, verb_probe,
        verb_schema_check, verb_schema_diff, verb_schema_query, verb_schema_show, verb_validate, verb_verify,
        verb_version;
