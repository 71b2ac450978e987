/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/evidence.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs.h"

static int say_table(json_object *features, MusterError **ret_error)
{
        const char *const headers[] = {_("FEATURE"), _("VERDICT"), _("SUMMARY")};
        CLEANUP(Table) Table *table = table_new(headers, 3);
        CLEANUP(free) char *text = NULL;
        json_object *feature;

        for (size_t i = 0; table && (feature = array_object(features, i)); i++) {
                const char *verdict = json_get_string(feature, "verdict");
                const char *const cells[] = {json_get_string(feature, "name"), verdict_word(verdict),
                                             json_get_string(feature, "summary")};

                if (table_add(table, cells, /* styled= */ 1, verdict_style(verdict)) < 0)
                        return error_oom(ret_error);
        }
        text = table ? table_to_text(table, output_width(), output_coloured()) : NULL;
        if (!text)
                return error_oom(ret_error);
        say_raw(text);
        return 0;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *features = NULL;
        SESSION(session);
        int r;

        r = session_judge(&session, invocation, ret_error);
        if (r < 0)
                return r;
        r = muster_verdicts_describe(session.verdicts, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &features) < 0)
                return error_oom(ret_error);
        return say_table(features, ret_error);
}

static const Option *const options[] = {
        &option_emulator, &option_connect,  &option_trust, &option_timeout,
        &option_user,     &option_no_cache, NULL,
};

const Verb verb_features = {
        .name = "features",
        .summary = N_("list the verdicts on all features of the catalogue"),
        .about = N_("Judges every feature of the catalogue by what the emulator says, and prints a table of "
                    "names, verdicts and summaries. With --json it is an array of objects, each with its "
                    "evidence.\n"
                    "Exits with 0, or 2 on an error."),
        .example = "muster features --trust declared",
        .options = options,
        .run = run,
};
