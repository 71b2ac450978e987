/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/evidence.h"
#include "cli/session.h"
#include "cli/verbs.h"

static void say_outcome(json_object *outcome)
{
        const char *verdict = json_get_string(outcome, "verdict");
        json_object *halves = json_get(outcome, "halves", json_type_array), *half;

        say_styled(STYLE_BOLD, "%s", json_get_string(outcome, "feature") ?: "");
        say(": ");
        say_styled(verdict_style(verdict), "%s\n", verdict_word(verdict));
        say_field(_("check"), json_get_string(outcome, "check"));
        say_field(_("result"), json_get_string(outcome, "result"));
        if (json_get_string(outcome, "reason"))
                say_wrapped(json_get_string(outcome, "reason"), 2, text_width());
        for (size_t i = 0; (half = array_object(halves, i)); i++) {
                bool met = json_get_bool(half, "met", false);

                say("  ");
                say_styled(met ? STYLE_GOOD : STYLE_BAD, "%-3s", met ? _("yes") : _("no"));
                say("  %s\n", json_get_string(half, "name") ?: "");
                say_wrapped(json_get_string(half, "detail") ?: "", 7, text_width());
        }
        say_styled(STYLE_BOLD, "\n%s\n", _("Ties"));
        say_ties(json_get(outcome, "ties", json_type_array), 2);
}

/* The outcome counts from now on for every look-up of this binary. Where it cannot be kept, it was shown. */
static void keep(Session *session, const MusterFacts *learned)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (session->store && muster_store_keep(session->store, learned, &error) < 0)
                note("%s", muster_error_message(error));
}

static int check(Session *session, const char *feature, char **ret_text, MusterError **ret_error)
{
        MusterFacts *learned = NULL;
        int verdict, r = session_begin(session, ret_error);

        if (r < 0)
                return r;
        verdict = session_end(session, muster_verify(session->context, session->catalogue, session->facts,
                                                     feature, ret_text, &learned, ret_error));
        if (verdict < 0)
                return verdict;
        keep(session, learned);
        muster_facts_unref(learned);
        return verdict;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *outcome = NULL;
        SESSION(session);
        int verdict, r;

        r = session_open_catalogue(&session, ret_error);
        if (r >= 0)
                r = session_check_feature(&session, invocation->arguments[0], ret_error);
        if (r >= 0)
                r = session_look_up(&session, invocation, ret_error);
        if (r < 0)
                return r;
        verdict = check(&session, invocation->arguments[0], &text, ret_error);
        if (verdict < 0)
                return verdict;
        if (json_parse(text, strlen(text), &outcome) < 0)
                return error_oom(ret_error);
        r = 0;
        if (option_given(invocation, &option_json))
                r = say_json(outcome, ret_error);
        else
                say_outcome(outcome);
        return r < 0 ? r : exit_of_verdict(verdict);
}

static const Option *const options[] = {
        &option_emulator, &option_timeout, &option_user, &option_no_cache, NULL,
};

const Verb verb_verify = {
        .name = "verify",
        .arguments = N_("FEATURE"),
        .summary = N_("measure by its behaviour whether the emulator has a feature"),
        .about = N_("Starts the emulator without a guest and runs the feature's behavioural check on it. "
                    "For dynamic-auto-read-only: the image is opened read-only, read-write once a writer is "
                    "attached, and read-only again after the last one is gone. Each of these is reported by "
                    "itself. The outcome is kept in the cache, and counts as a measured tie of this binary "
                    "from then on.\n"
                    "Exits as 'has' does; 2 also for a feature that has no check."),
        .example = "muster verify dynamic-auto-read-only",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FEATURE,
        .run = run,
};
