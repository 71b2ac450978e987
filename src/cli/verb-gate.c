/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/disk.h"
#include "cli/evidence.h"
#include "cli/verbs.h"

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterGateRequest) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *answer = NULL;
        SESSION(session);
        int r;

        r = disk_request(invocation, &request, ret_error);
        if (r >= 0)
                r = session_judge(&session, invocation, ret_error);
        if (r >= 0)
                r = muster_gate(session.verdicts, request, &result, ret_error);
        if (r >= 0)
                r = muster_gate_result_describe(result, &text, ret_error);
        if (r < 0)
                return r;
        if (json_parse(text, strlen(text), &answer) < 0)
                return error_oom(ret_error);
        if (option_given(invocation, &option_json)) {
                r = say_json(answer, ret_error);
                return r < 0 ? r : exit_of_decision(muster_gate_result_decision(result));
        }
        say_decision(answer);
        if (option_given(invocation, &option_verbose)) {
                say_styled(STYLE_BOLD, "\n%s\n", _("Evidence"));
                say_ties(json_get(answer, "evidence", json_type_array), 2);
        }
        return exit_of_decision(muster_gate_result_decision(result));
}

static const Option *const options[] = {
        &option_emulator, &option_connect, DISK_OPTIONS,     &option_launch,  &option_trust,
        &option_timeout,  &option_user,    &option_no_cache, &option_verbose, NULL,
};

const Verb verb_gate = {
        .name = "gate",
        .arguments = N_("[-]"),
        .summary = N_("turn what is wanted of a disk into arguments of blockdev-add, or refuse"),
        .about = N_("Decides, by the verdicts on the emulator and by how it will be launched, how a disk is "
                    "to be added so that the access wanted is what it gets. On-demand access is refused "
                    "where the emulator cannot reopen the file; the ties that are unmet are named, and "
                    "--fallback says what to do instead. Nothing is opened or sent. With '-' a whole "
                    "blockdev-add tree is read from standard input as JSON and checked node by node.\n"
                    "With --json: decision, arguments, evidence and notes; and reason where it refused. "
                    "Exits with 0, 1 if it refused, 2 on an error."),
        .example = "muster gate --driver file --filename disk.qcow2 --format qcow2 --access on-demand",
        .max_arguments = 1,
        .options = options,
        .run = run,
};
