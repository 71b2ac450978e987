/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/verbs.h"

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *probed = NULL, *counts = NULL;
        SESSION(session);
        int r;

        if (option_given(invocation, &option_all)) {
                if (option_given(invocation, &option_emulator) || option_given(invocation, &option_connect))
                        return error_set(ret_error, -EINVAL,
                                         _("--all means every emulator installed; leave out --emulator and "
                                           "--connect."));
                return probe_all(invocation, ret_error);
        }
        r = session_judge(&session, invocation, ret_error);
        if (r < 0)
                return r;
        probed = probe_to_json(&session, ret_error);
        if (!probed)
                return -ENOMEM;
        if (option_given(invocation, &option_json))
                return say_json(probed, ret_error);
        counts = probe_counts(&session, ret_error);
        if (!counts)
                return -ENOMEM;
        say_probed(probed, counts);
        say_styled(STYLE_DIM, "\n%s\n",
                   _("'muster features' lists all verdicts, 'muster explain FEATURE' shows what one rests "
                     "on."));
        return EXIT_OK;
}

static const Option *const options[] = {
        &option_emulator, &option_connect, &option_all,      &option_trust,
        &option_timeout,  &option_user,    &option_no_cache, NULL,
};

const Verb verb_probe = {
        .name = "probe",
        .summary = N_("learn what an emulator is and what it can do"),
        .about = N_(
                "Finds out which executable really runs, asks it what it offers, and judges the catalogue's "
                "features by that. A summary is printed; with --json an object of emulator, features (each "
                "with its evidence), cached and spawned. With --all every installed emulator is probed, and "
                "--json prints an array, in which one that failed has 'error' in place of features.\n"
                "Exits with 0, or 2 on an error, also if one of all failed."),
        .example = "muster probe --all",
        .options = options,
        .run = run,
};
