/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "cli/disk.h"
#include "cli/verbs.h"
#include "cli/output.h"

static int add(Session *session, const Invocation *invocation, const MusterGateRequest *request,
               char **ret_text, MusterError **ret_error)
{
        CLEANUP(free) char *address = NULL;
        MusterTrust trust;
        int r;

        if (!option_given(invocation, &option_connect))
                return error_set(ret_error, -EINVAL,
                                 _("--connect is missing: the running emulator's unix:PATH."));
        r = session_target(invocation, &address, ret_error);
        if (r >= 0)
                r = session_trust(invocation, &trust, ret_error);
        if (r >= 0)
                r = session_open_catalogue(session, ret_error);
        if (r >= 0)
                r = session_open_context(session, invocation, ret_error);
        if (r >= 0)
                r = session_begin(session, ret_error);
        if (r < 0)
                return r;
        return session_end(session, muster_blockdev_add(session->context, session->catalogue, address, trust,
                                                        request, ret_text, ret_error));
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterGateRequest) MusterGateRequest *request = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *answer = NULL;
        SESSION(session);
        int decision, r;

        r = disk_request(invocation, &request, ret_error);
        if (r < 0)
                return r;
        decision = add(&session, invocation, request, &text, ret_error);
        if (decision < 0)
                return decision;
        if (json_parse(text, strlen(text), &answer) < 0)
                return error_oom(ret_error);
        r = 0;
        if (option_given(invocation, &option_json))
                r = say_json(answer, ret_error);
        else
                say_decision(answer);
        return r < 0 ? r : exit_of_decision(decision);
}

static const Option *const options[] = {
        &option_connect, DISK_OPTIONS, &option_trust, &option_timeout, NULL,
};

const Verb verb_blockdev_add = {
        .name = "blockdev-add",
        .arguments = N_("[-]"),
        .summary = N_("gate a disk and add it to a running emulator"),
        .about = N_("Does what 'gate' does by the verdicts on the emulator that runs behind --connect and "
                    "by its launch conditions, which are read from /proc; then checks the arguments by its "
                    "schema, sends them, and prints the nodes as the emulator then has them. A refusal "
                    "changes nothing about the emulator.\n"
                    "With --json: what 'gate' answers, and nodes. Exits with 0, 1 if it refused, 2 on an "
                    "error."),
        .example = "muster blockdev-add --connect unix:/run/qmp.sock --driver file --filename disk.img "
                   "--access ro",
        .max_arguments = 1,
        .options = options,
        .run = run,
};
