/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/cache.h"
#include "cli/evidence.h"
#include "cli/verbs.h"

static void say_file(json_object *file)
{
        const char *result = json_get_string(file, "result"), *why = json_get_string(file, "why");
        bool stale = streq_ptr(result, "stale");

        if (streq_ptr(result, "ok"))
                return;
        say_styled(stale ? STYLE_OPEN : STYLE_BAD, "%-8s",
                   stale                          ? _("stale")
                   : streq_ptr(result, "foreign") ? _("foreign")
                                                  : _("damaged"));
        say(" %s\n", json_get_string(file, "file") ?: "?");
        if (why)
                say_wrapped(why, 9, text_width());
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(json) json_object *array = NULL;
        CLEANUP(free) char *directory = NULL, *text = NULL;
        const char *answer;
        json_object *file;
        int faults, r;

        r = cache_open_existing(&store, &directory, ret_error);
        if (r < 0)
                return r;
        faults = store ? muster_store_verify(store, &text, ret_error) : 0;
        if (faults < 0)
                return faults;
        answer = text ?: NOTHING_LISTED;
        if (option_given(invocation, &option_json)) {
                r = say_json_text(answer, ret_error);
                return r < 0 ? r : faults > 0 ? EXIT_NO : EXIT_OK;
        }
        if (json_parse(answer, strlen(answer), &array) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; (file = array_object(array, i)); i++)
                say_file(file);
        say(P_("%zu file read, %d damaged or foreign", "%zu files read, %d damaged or foreign",
               (unsigned long)json_object_array_length(array)),
            json_object_array_length(array), faults);
        say("%s\n",
            faults > 0
                    ? _("; none of them is used. 'muster cache prune' removes what is damaged, and leaves "
                        "what is foreign")
                    : "");
        return faults > 0 ? EXIT_NO : EXIT_OK;
}

const Verb verb_cache_verify = {
        .name = "cache verify",
        .group = VERB_GROUP_STORE,
        .summary = N_("read all that is stored, and believe no time stamp"),
        .about = N_("Reads every file of the cache and checks it, and hashes every executable that a path "
                    "leads to. Files that are damaged, or not muster's, are listed: none of them is ever "
                    "used. Stale is what was true and is not any more, such as the path of an emulator that "
                    "was upgraded; the next look-up finds out. With --json it is an array.\n"
                    "Exits with 0 if nothing is damaged or foreign, 1 if something is, 2 on an error."),
        .example = "muster cache verify",
        .run = run,
};
