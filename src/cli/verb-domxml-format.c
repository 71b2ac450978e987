/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/domain.h"
#include "cli/output.h"
#include "cli/verbs.h"

static int answer_json(const char *text, const MusterDomain *domain, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = json_object_new_object(), *faults = NULL;
        int r;

        r = domain_faults(domain, &faults, ret_error);
        if (r < 0)
                return r;
        if (!answer || json_add_string(answer, "xml", text) < 0 ||
            json_add(answer, "faults", TAKE(faults)) < 0)
                return error_oom(ret_error);
        return say_json(answer, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterDomain) MusterDomain *domain = NULL;
        CLEANUP(free) char *text = NULL;
        SESSION(session);
        int opened, r;

        opened = domain_open(&session, invocation, invocation->arguments[0], /* flags= */ 0, &domain,
                             ret_error);
        if (!domain)
                return opened;
        r = domain_say_faults(domain, /* to_stderr= */ true, opened < 0 ? NULL : ret_error);
        if (opened < 0 || r < 0)
                return opened < 0 ? opened : r;
        if (muster_domain_errors(domain) > 0)
                return EXIT_NO;
        r = muster_domain_format(domain, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json)) {
                r = answer_json(text, domain, ret_error);
                return r < 0 ? r : EXIT_OK;
        }
        say_raw(text);
        return EXIT_OK;
}

static const Option *const options[] = {DOMAIN_OPTIONS, NULL};

const Verb verb_domxml_format = {
        .name = "domxml-format",
        .group = VERB_GROUP_DEFINITIONS,
        .arguments = N_("DOMAIN.xml"),
        .summary = N_("print a domain definition in canonical form, with all that is decided filled in"),
        .about = N_("Reads a definition in libvirt's XML format ('-' reads standard input) and prints it as "
                    "the domain will run on its emulator: the machine type by its versioned name, models "
                    "and addresses chosen, UUID and MAC addresses made where there were none. All that was "
                    "in it is kept, metadata and comments included, in libvirt's order. What was formatted "
                    "is not changed by formatting it again, and has the same launch plan; so a device that "
                    "is added later moves none that is there.\n"
                    "With --json: xml and faults. Exits with 0, 1 if the definition has errors, which are "
                    "said on standard error, 2 if it cannot be read or the emulator cannot be asked."),
        .example = "muster domxml-format guest.xml",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
