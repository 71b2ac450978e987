/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/cache.h"
#include "cli/verbs.h"

static const Option option_older_than = {
        .name = "older-than",
        .argument = N_("AGE"),
        .help = N_("remove what was not used for so long: 30d, 12h, 2w, 90m, or seconds"),
};

static const Option option_max_size = {
        .name = "max-size",
        .argument = N_("SIZE"),
        .help = N_("then remove the least recently used until no more is left: 100M, 2G, or bytes"),
};

static int run(Invocation *invocation, MusterError **ret_error)
{
        const char *age = option_value(invocation, &option_older_than);
        const char *size = option_value(invocation, &option_max_size);
        uint64_t older_than = UINT64_MAX, max_size = UINT64_MAX;
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(free) char *directory = NULL, *text = NULL;
        int r;

        if (age && parse_age(age, &older_than) < 0)
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no age; give a number and s, m, h, d or w, such as 30d."), age);
        if (size && parse_size(size, &max_size) < 0)
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no size; give a number and K, M or G, such as 100M."), size);
        r = cache_open_existing(&store, &directory, ret_error);
        if (r >= 0 && store)
                r = muster_store_prune(store, older_than, max_size, &text, ret_error);
        return r < 0 ? r : say_removed(invocation, directory, text ?: NOTHING_REMOVED, ret_error);
}

static const Option *const options[] = {&option_older_than, &option_max_size, NULL};

const Verb verb_cache_prune = {
        .name = "cache prune",
        .group = VERB_GROUP_STORE,
        .summary = N_("remove from the cache what is not needed"),
        .about = N_("Removes what is damaged, what belongs to no record, and what processes left that were "
                    "killed; and, by the options, records that were not used for long, or are too many. A "
                    "record that is used counts as used once a day. Nothing that is removed is lost: the "
                    "emulator is asked again. With --json it is an object.\n"
                    "Exits with 0, or 2 on an error."),
        .example = "muster cache prune --older-than 30d --max-size 100M",
        .options = options,
        .run = run,
};
