/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/evidence.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs.h"

static void say_governs(json_object *governs)
{
        json_object *one;

        for (size_t i = 0; (one = array_object(governs, i)); i++) {
                CLEANUP(free) char *drivers = join_strings(json_get(one, "drivers", json_type_array));
                const char *member = json_get_string(one, "member");

                say("  %s%s%s%s%s\n", json_get_string(one, "command") ?: "", member ? " " : "", member ?: "",
                    drivers ? ": " : "", drivers ?: "");
        }
}

static int say_reach(json_object *reach, MusterError **ret_error)
{
        const char *const headers[] = {_("COMMAND"), _("DRIVER"), _("COVERED"), _("REASON")};
        CLEANUP(Table) Table *table = table_new(headers, 4);
        CLEANUP(free) char *text = NULL;
        json_object *row;

        for (size_t i = 0; table && (row = array_object(reach, i)); i++) {
                bool covered = json_get_bool(row, "covered", false);
                const char *const cells[] = {json_get_string(row, "command"), json_get_string(row, "driver"),
                                             covered ? _("yes") : _("no"), json_get_string(row, "reason")};

                if (table_add(table, cells, /* styled= */ 2, covered ? STYLE_GOOD : STYLE_BAD) < 0)
                        return error_oom(ret_error);
        }
        text = table ? table_to_text(table, output_width(), output_coloured()) : NULL;
        if (!text)
                return error_oom(ret_error);
        say_raw(text);
        return 0;
}

static void say_head(json_object *explained)
{
        CLEANUP(free) char *libvirt = join_strings(json_get(explained, "libvirt", json_type_array));
        const char *verdict = json_get_string(explained, "verdict"),
                   *driver = json_get_string(explained, "driver");

        say_styled(STYLE_BOLD, "%s", json_get_string(explained, "feature") ?: "");
        say("%s%s: ", driver ? " / " : "", driver ?: "");
        say_styled(verdict_style(verdict), "%s\n", verdict_word(verdict));
        say_wrapped(json_get_string(explained, "summary") ?: "", 2, text_width());
        say_wrapped(json_get_string(explained, "why") ?: "", 2, text_width());
        say_field(_("since"), json_get_string(explained, "since"));
        say_field(_("libvirt"), libvirt);
        say_field(_("defined in"), json_get_string(explained, "origin"));
        if (json_get_string(explained, "note"))
                say_wrapped(json_get_string(explained, "note"), 2, text_width());
}

static int say_explained(json_object *explained, MusterError **ret_error)
{
        json_object *reach = json_get(explained, "reach", json_type_array);

        say_head(explained);
        say_styled(STYLE_BOLD, "\n%s\n", _("Ties"));
        say_ties(json_get(explained, "ties", json_type_array), 2);
        say_styled(STYLE_BOLD, "\n%s\n", _("Governs"));
        say_governs(json_get(explained, "governs", json_type_array));
        if (!reach || json_object_array_length(reach) == 0)
                return 0;
        say_styled(STYLE_BOLD, "\n%s\n", _("Reached from"));
        return say_reach(reach, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        const char *feature = invocation->arguments[0], *driver = option_value(invocation, &option_driver);
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *explained = NULL;
        SESSION(session);
        int verdict, r;

        r = session_open_catalogue(&session, ret_error);
        if (r >= 0)
                r = session_check_feature(&session, feature, ret_error);
        if (r >= 0)
                r = session_judge(&session, invocation, ret_error);
        if (r >= 0)
                r = muster_explain(session.verdicts, feature, driver, &text, ret_error);
        if (r < 0)
                return r;
        verdict = muster_verdict(session.verdicts, feature, driver);
        if (json_parse(text, strlen(text), &explained) < 0)
                return error_oom(ret_error);
        r = option_given(invocation, &option_json) ? say_json(explained, ret_error)
                                                   : say_explained(explained, ret_error);
        return r < 0 ? r : exit_of_verdict(verdict);
}

static const Option *const options[] = {
        &option_emulator, &option_connect, &option_driver,   &option_trust,
        &option_timeout,  &option_user,    &option_no_cache, NULL,
};

const Verb verb_explain = {
        .name = "explain",
        .arguments = N_("FEATURE"),
        .summary = N_("show what a verdict rests on, tie by tie"),
        .about = N_("Prints every tie of the feature, whether it is met, and what stood at its path; what "
                    "the feature governs; and every command and driver of this emulator from which the tied "
                    "entity is reached, each with whether the verdict covers it, and why.\n"
                    "With --json: feature, verdict, ties, governs and reach. Exits as 'has' does."),
        .example = "muster explain dynamic-auto-read-only",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FEATURE,
        .run = run,
};
