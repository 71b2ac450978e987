/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/domain.h"
#include "cli/output.h"
#include "cli/verbs.h"

static int answer_json(const MusterDomain *domain, const Session *session, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = json_object_new_object(), *faults = NULL;
        const char *emulator = session->facts ? muster_facts_path(session->facts) : NULL;
        int r;

        r = domain_faults(domain, &faults, ret_error);
        if (r < 0)
                return r;
        if (!answer || json_add_bool(answer, "valid", muster_domain_errors(domain) == 0) < 0 ||
            json_add_string(answer, "emulator", emulator) < 0 ||
            json_add(answer, "faults", TAKE(faults)) < 0)
                return error_oom(ret_error);
        return say_json(answer, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterDomain) MusterDomain *domain = NULL;
        CLEANUP(MusterPlan) MusterPlan *plan = NULL;
        SESSION(session);
        int opened, r;

        opened = domain_open(&session, invocation, invocation->arguments[0], MUSTER_DOMAIN_SCHEMA, &domain,
                             ret_error);
        if (!domain)
                return opened;
        /* What the emulator cannot do shows in the making of the plan. */
        if (opened >= 0 && muster_domain_errors(domain) == 0)
                opened = muster_plan_new(domain, /* flags= */ 0, &plan, ret_error);
        if (opened < 0) {
                domain_say_faults(domain, /* to_stderr= */ true, /* ret_error= */ NULL);
                return opened;
        }
        if (option_given(invocation, &option_json))
                r = answer_json(domain, &session, ret_error);
        else
                r = domain_say_faults(domain, /* to_stderr= */ false, ret_error);
        if (r < 0)
                return r;
        return muster_domain_errors(domain) == 0 ? EXIT_OK : EXIT_NO;
}

static const Option *const options[] = {DOMAIN_OPTIONS, NULL};

const Verb verb_validate = {
        .name = "validate",
        .group = VERB_GROUP_DEFINITIONS,
        .arguments = N_("DOMAIN.xml"),
        .summary = N_("check a domain definition, and whether its emulator can do what it asks"),
        .about =
                N_("Reads a definition in libvirt's XML format ('-' reads standard input), holds it against "
                   "the RELAX NG schema, and against what the emulator really has: the one that it names, "
                   "or --emulator. Nothing is started but, if it is not known yet, the emulator for a "
                   "probe. Each fault is one line: FILE:LINE: PATH: what is wrong and what to do. What "
                   "muster does not know, or knows and cannot honour, is a fault; with --lenient one that "
                   "changes neither the guest's hardware nor its data is a warning.\n"
                   "With --json: valid, emulator and faults, each with file, line, path, severity and "
                   "message. Exits with 0 if there is no error, 1 if there is one, 2 if the file cannot be "
                   "read or the emulator cannot be asked."),
        .example = "muster validate guest.xml",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
