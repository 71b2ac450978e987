/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/evidence.h"
#include "cli/session.h"
#include "cli/verbs.h"

static int say_evidence(const Session *session, const Invocation *invocation, const char *feature,
                        const char *driver, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *described = NULL;
        const char *verdict;
        int r;

        r = muster_verdict_describe(session->verdicts, feature, driver, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &described) < 0)
                return error_oom(ret_error);
        verdict = json_get_string(described, "verdict");
        say("%s: ", feature);
        say_styled(verdict_style(verdict), "%s\n", verdict_word(verdict));
        say_wrapped(json_get_string(described, "why") ?: "", 2, text_width());
        say_ties(json_get(described, "evidence", json_type_array), 2);
        return 0;
}

static bool wants_evidence(const Invocation *invocation)
{
        return option_given(invocation, &option_verbose) || option_given(invocation, &option_json);
}

/* As session_ready_verdict() of the target that is meant. */
static int ready_verdict(Session *session, const Invocation *invocation, const char *feature,
                         const char *driver, MusterError **ret_error)
{
        CLEANUP(free) char *target = NULL;
        int r;

        r = session_target(invocation, &target, ret_error);
        if (r >= 0)
                r = session_open_context(session, invocation, ret_error);
        return r < 0 ? r
                     : session_ready_verdict(session, invocation, target, feature, driver,
                                             /* ret_emulator= */ NULL);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        const char *feature = invocation->arguments[0], *driver = option_value(invocation, &option_driver);
        CLEANUP(MusterError) MusterError *unsaid = NULL;
        SESSION(session);
        int verdict, r;

        /* Without evidence to show, all that is needed may stand ready; what is wrong is said below. */
        verdict = wants_evidence(invocation) ? -ENODATA
                                             : ready_verdict(&session, invocation, feature, driver, &unsaid);
        if (verdict >= 0)
                return exit_of_verdict(verdict);
        r = session_open_catalogue(&session, ret_error);
        if (r < 0)
                return r;
        r = session_check_feature(&session, feature, ret_error);
        if (r < 0)
                return r;
        r = session_judge(&session, invocation, ret_error);
        if (r < 0)
                return r;
        verdict = muster_verdict(session.verdicts, feature, driver);
        if (verdict < 0)
                return error_set(ret_error, verdict, _("There is no verdict on '%s'."), feature);
        if (wants_evidence(invocation)) {
                r = say_evidence(&session, invocation, feature, driver, ret_error);
                if (r < 0)
                        return r;
        }
        return exit_of_verdict(verdict);
}

static const Option *const options[] = {
        &option_emulator, &option_connect,  &option_driver,  &option_trust, &option_timeout,
        &option_user,     &option_no_cache, &option_verbose, NULL,
};

const Verb verb_has = {
        .name = "has",
        .arguments = N_("FEATURE"),
        .summary = N_("tell by the exit code whether the emulator has a feature"),
        .about = N_("Judges one feature of the catalogue by what the emulator says. Nothing is printed, "
                    "unless -v asks for the evidence, or --json for the verdict as an object.\n"
                    "Exits with 0 if the feature is present, 1 if it is absent, 3 if that could not be "
                    "determined, and 2 on an error. A feature that names drivers is present as a whole if "
                    "it is for each of them; --driver asks about one."),
        .example = "muster has dynamic-auto-read-only --driver file -v",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FEATURE,
        .run = run,
};
