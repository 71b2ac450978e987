/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs.h"

#include "base/util.h"

const Verb *const verbs[] = {
        &verb_blockdev_add,
        &verb_cache_clear,
        &verb_cache_export,
        &verb_cache_import,
        &verb_cache_list,
        &verb_cache_prune,
        &verb_cache_show,
        &verb_cache_verify,
        &verb_catalogue_check,
        &verb_domxml_format,
        &verb_domxml_to_native,
        &verb_explain,
        &verb_features,
        &verb_gate,
        &verb_has,
        &verb_help,
        &verb_probe,
        &verb_schema_check,
        &verb_schema_diff,
        &verb_schema_query,
        &verb_schema_show,
        &verb_validate,
        &verb_verify,
        &verb_version,
        NULL,
};

const Verb *verb_find(const char *name)
{
        for (const Verb *const *verb = verbs; *verb; verb++)
                if (streq((*verb)->name, name))
                        return *verb;
        return NULL;
}

bool verb_is_group(const char *word)
{
        size_t length = strlen(word);

        for (const Verb *const *verb = verbs; *verb; verb++)
                if (length > 0 && startswith((*verb)->name, word) && (*verb)->name[length] == ' ')
                        return true;
        return false;
}
