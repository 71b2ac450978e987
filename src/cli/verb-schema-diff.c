/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/session.h"
#include "cli/verbs.h"

/* What names a schema: a .json file, or any file that cannot be executed; else an emulator or an address. */
static bool is_schema_file(const char *name)
{
        size_t length = strlen(name);
        struct stat st;

        if (startswith(name, "unix:") || stat(name, &st) < 0 || S_ISDIR(st.st_mode) || S_ISSOCK(st.st_mode))
                return false;
        if (length > 5 && streq(name + length - 5, ".json"))
                return true;
        return !(S_ISREG(st.st_mode) && access(name, X_OK) == 0) && strchr(name, '/');
}

static int load(Session *session, const Invocation *invocation, const char *name, MusterSchema **ret,
                MusterError **ret_error)
{
        CLEANUP(free) char *target = NULL;
        MusterSchema *schema;
        int r;

        if (is_schema_file(name))
                return read_schema(name, ret, ret_error);
        r = emulator_path(name, &target, ret_error);
        if (r >= 0)
                r = session_open_context(session, invocation, ret_error);
        if (r >= 0)
                r = session_look_up_target(session, invocation, target, ret_error);
        if (r < 0)
                return r;
        schema = muster_facts_schema(session->facts);
        if (!schema)
                return error_set(ret_error, -ENODATA,
                                 _("%s has no schema: its QEMU (%s) is older than 2.5, or failed to say."),
                                 name, muster_facts_version(session->facts) ?: "?");
        *ret = muster_schema_ref(schema);
        return 0;
}

static void say_difference(json_object *difference)
{
        const char *change = json_get_string(difference, "change"),
                   *kind = json_get_string(difference, "kind");
        const char *from = json_get_string(difference, "from"), *to = json_get_string(difference, "to");
        const char *path = json_get_string(difference, "path") ?: "";

        if (streq_ptr(change, "added"))
                say_styled(STYLE_GOOD, "+ %s", path);
        else if (streq_ptr(change, "removed"))
                say_styled(STYLE_BAD, "- %s", path);
        else
                say_styled(STYLE_OPEN, "~ %s  %s", path, change ?: "");
        if (from || to)
                say("  %s -> %s", from ?: _("none"), to ?: _("none"));
        else if (kind)
                say_styled(STYLE_DIM, "  %s", kind);
        say("\n");
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_schema))) MusterSchema *from = NULL;
        __attribute__((cleanup(cleanup_schema))) MusterSchema *to = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *differences = NULL;
        json_object *difference;
        SESSION(session);
        int n, r;

        r = load(&session, invocation, invocation->arguments[0], &from, ret_error);
        if (r >= 0)
                r = load(&session, invocation, invocation->arguments[1], &to, ret_error);
        if (r < 0)
                return r;
        n = muster_schema_diff(from, to, &text, ret_error);
        if (n < 0)
                return n;
        if (option_given(invocation, &option_json))
                r = say_json_text(text, ret_error);
        else if (json_parse(text, strlen(text), &differences) < 0)
                r = error_oom(ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; (difference = array_object(differences, i)); i++)
                say_difference(difference);
        return n == 0 ? EXIT_OK : EXIT_NO;
}

static const Option *const options[] = {&option_timeout, &option_user, &option_no_cache, NULL};

const Verb verb_schema_diff = {
        .name = "schema diff",
        .arguments = N_("FROM TO"),
        .summary = N_("list what two emulators' schemas do not share"),
        .about = N_("FROM and TO are each an emulator's path, the address of a running one (unix:PATH), or "
                    "a file with a stored schema. Commands, events, members, values, features and types are "
                    "compared by their path from a command or event: '+' was added, '-' removed, '~' "
                    "changed. With --json it is an array.\n"
                    "Exits with 0 if there is no difference, 1 if there is, 2 on an error."),
        .example = "muster schema diff qemu-system-x86_64 qemu-storage-daemon",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_EMULATOR,
        .run = run,
};
