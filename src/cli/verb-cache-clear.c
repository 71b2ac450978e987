/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/cache.h"
#include "cli/verbs.h"

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(free) char *directory = NULL, *text = NULL;
        int r;

        r = cache_open_existing(&store, &directory, ret_error);
        if (r >= 0 && store)
                r = muster_store_clear(store, &text, ret_error);
        return r < 0 ? r : say_removed(invocation, directory, text ?: NOTHING_REMOVED, ret_error);
}

const Verb verb_cache_clear = {
        .name = "cache clear",
        .group = VERB_GROUP_STORE,
        .summary = N_("remove all that is stored"),
        .about = N_(
                "Empties the cache; emulators are asked again when they are next looked up. Outcomes of "
                "'muster verify' go too. Files that are not the cache's stay. With --json it is an object.\n"
                "Exits with 0, or 2 on an error."),
        .example = "muster cache clear",
        .run = run,
};
