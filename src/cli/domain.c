/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/domain.h"

#include <errno.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "cli/input.h"
#include "cli/output.h"

const Option option_lenient = {
        .name = "lenient",
        .help = N_("warn of what is not honoured, rather than refuse it, where neither the guest's hardware "
                   "nor its data depend on it"),
};

static int read_definition(const char *name, char **ret_text, size_t *ret_size, MusterError **ret_error)
{
        int r;

        if (streq(name, "-")) {
                r = read_stdin(ret_text, ret_error);
                if (r >= 0)
                        *ret_size = strlen(*ret_text);
                return r;
        }
        r = read_file(name, MUSTER_DOMAIN_SIZE_MAX, ret_text, ret_size);
        if (r == -EFBIG)
                return error_set(ret_error, r, _("%s is larger than a definition can be (4 MiB)."), name);
        return r < 0 ? error_errno(ret_error, r, "%s", name) : 0;
}

static int find_emulator(const Invocation *invocation, const MusterDomain *domain, char **ret,
                         MusterError **ret_error)
{
        const char *given = option_value(invocation, &option_emulator);

        return given ? emulator_path(given, ret, ret_error) : muster_domain_emulator(domain, ret, ret_error);
}

static int judge_emulator(Session *session, const Invocation *invocation, const MusterDomain *domain,
                          MusterError **ret_error)
{
        CLEANUP(free) char *emulator = NULL;
        int r;

        r = find_emulator(invocation, domain, &emulator, ret_error);
        return r < 0 ? r : session_judge_target(session, invocation, emulator, ret_error);
}

int domain_open(Session *session, const Invocation *invocation, const char *name, unsigned flags,
                MusterDomain **ret, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        int r;

        if (option_given(invocation, &option_lenient))
                flags |= MUSTER_DOMAIN_LENIENT;
        r = read_definition(name, &text, &size, ret_error);
        if (r >= 0)
                r = muster_domain_read(text, size, streq(name, "-") ? _("<stdin>") : name, flags, ret,
                                       ret_error);
        if (r < 0 || muster_domain_errors(*ret) > 0)
                return r;
        r = judge_emulator(session, invocation, *ret, ret_error);
        return r < 0 ? r : muster_domain_complete(*ret, session->verdicts, ret_error);
}

int domain_faults(const MusterDomain *domain, json_object **ret, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        int r;

        r = muster_domain_describe_faults(domain, &text, ret_error);
        if (r < 0)
                return r;
        return json_parse(text, strlen(text), ret) < 0 ? error_oom(ret_error) : 0;
}

static char *fault_text(const json_object *fault)
{
        const char *path = json_get_string(fault, "path");
        bool warning = streq_ptr(json_get_string(fault, "severity"), "warning");

        return text_format("%s:%lld: %s%s%s%s", json_get_string(fault, "file") ?: "?",
                           (long long)json_get_int(fault, "line", 0), warning ? _("warning: ") : "",
                           path ?: "", path ? ": " : "", json_get_string(fault, "message") ?: "?");
}

int faults_say(const json_object *faults, bool to_stderr, MusterError **ret_error)
{
        for (size_t i = 0; faults && i < json_object_array_length(faults); i++) {
                CLEANUP(free) char *text = fault_text(json_object_array_get_idx(faults, i));
                CLEANUP(free) char *clean = text ? text_clean(text) : NULL;

                if (!clean)
                        return error_oom(ret_error);
                if (to_stderr)
                        fprintf(stderr, "%s\n", clean);
                else
                        say("%s\n", clean);
        }
        return 0;
}

int domain_say_faults(const MusterDomain *domain, bool to_stderr, MusterError **ret_error)
{
        CLEANUP(json) json_object *faults = NULL;
        int r;

        r = domain_faults(domain, &faults, ret_error);
        return r < 0 ? r : faults_say(faults, to_stderr, ret_error);
}
