/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/domain.h"
#include "cli/output.h"
#include "cli/verbs.h"

static int answer_json(const MusterPlan *plan, const MusterDomain *domain, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL, *faults = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        r = muster_plan_describe(plan, &text, ret_error);
        if (r >= 0)
                r = domain_faults(domain, &faults, ret_error);
        if (r < 0)
                return r;
        if (json_parse(text, strlen(text), &answer) < 0 || json_add(answer, "faults", TAKE(faults)) < 0)
                return error_oom(ret_error);
        return say_json(answer, ret_error);
}

/* A command line is not all of the plan. */
static int note_rest(const MusterPlan *plan, MusterError **ret_error)
{
        static const struct {
                const char *member, *what;
        } parts[] = {
                {"processes", N_("processes that run before the emulator")},
                {"commands", N_("QMP commands before the guest runs")},
                {"affinity", N_("processors that threads are bound to")},
        };
        CLEANUP(json) json_object *description = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        r = muster_plan_describe(plan, &text, ret_error);
        if (r < 0)
                return r;
        if (json_parse(text, strlen(text), &description) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                json_object *list = json_get(description, parts[i].member, json_type_array);

                if (list && json_object_array_length(list) > 0)
                        note(_("no command line says all of this plan; --json has its \"%s\", too: %s."),
                             parts[i].member, _(parts[i].what));
        }
        return 0;
}

static int answer_text(const MusterPlan *plan, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        int r;

        r = muster_plan_command(plan, &text, ret_error);
        if (r < 0)
                return r;
        say_raw(text);
        return note_rest(plan, ret_error);
}

/* virsh wants the format named first. */
static int find_file(const Invocation *invocation, const char **ret, MusterError **ret_error)
{
        *ret = invocation->arguments[invocation->n_arguments - 1];
        if (invocation->n_arguments < 2 || streq(invocation->arguments[0], "qemu-argv"))
                return 0;
        return error_set(ret_error, -EINVAL,
                         _("'%s' is no format that definitions are turned into; qemu-argv is the only one."),
                         invocation->arguments[0]);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(MusterDomain) MusterDomain *domain = NULL;
        CLEANUP(MusterPlan) MusterPlan *plan = NULL;
        bool json = option_given(invocation, &option_json);
        const char *file;
        SESSION(session);
        int opened, r;

        r = find_file(invocation, &file, ret_error);
        if (r < 0)
                return r;
        opened = domain_open(&session, invocation, file, /* flags= */ 0, &domain, ret_error);
        if (!domain)
                return opened;
        if (opened >= 0 && muster_domain_errors(domain) == 0)
                opened = muster_plan_new(domain, json ? MUSTER_PLAN_EVIDENCE : 0, &plan, ret_error);
        r = domain_say_faults(domain, /* to_stderr= */ true, opened < 0 ? NULL : ret_error);
        if (opened < 0 || r < 0)
                return opened < 0 ? opened : r;
        if (!plan)
                return EXIT_NO;
        r = json ? answer_json(plan, domain, ret_error) : answer_text(plan, ret_error);
        return r < 0 ? r : EXIT_OK;
}

static const Option *const options[] = {DOMAIN_OPTIONS, NULL};

const Verb verb_domxml_to_native = {
        .name = "domxml-to-native",
        .group = VERB_GROUP_DEFINITIONS,
        .arguments = N_("[qemu-argv] DOMAIN.xml"),
        .summary = N_("print the launch plan of a domain: the emulator's command line"),
        .about = N_("Reads a definition in libvirt's XML format ('-' reads standard input) and prints the "
                    "command line that starts it on its emulator, for a shell: what the emulator lacks is a "
                    "fault, and what it has a better way for is done that way. Every disk goes through the "
                    "gate. The guest waits for 'cont' on the QMP monitor, whose socket is in the domain's "
                    "own folder.\n"
                    "With --json the whole launch plan: argv, environment, blockdev (the block nodes), "
                    "files to prepare, processes to start before, commands to send before the guest runs, "
                    "and decisions: for each choice that depended on a feature the verdict and its "
                    "evidence. Exits with 0, 1 if the definition has errors or asks for what the emulator "
                    "cannot do, 2 if it cannot be read or the emulator cannot be asked."),
        .example = "muster domxml-to-native guest.xml",
        .min_arguments = 1,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_FILE,
        .run = run,
};
