/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static void line(const char *name, const char *value)
{
        say("%s%*s%s\n", name, (int)(text_columns(name) < 15 ? 15 - text_columns(name) : 1), "", value);
}

static void line_text(const char *name, const json_object *domain, const char *key)
{
        if (json_get_string(domain, key))
                line(name, json_get_string(domain, key));
}

static void line_number(const char *name, const json_object *domain, const char *key, const char *none)
{
        CLEANUP(free) char *text = text_format("%lld", (long long)json_get_int(domain, key, 0));

        if (json_get(domain, key, json_type_int))
                line(name, text ?: "?");
        else if (none)
                line(name, none);
}

static void line_bool(const char *name, const json_object *domain, const char *key, const char *yes,
                      const char *no)
{
        line(name, json_get_bool(domain, key, false) ? yes : no);
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(json) json_object *domain = NULL;
        int r;

        r = remote_domain(client, invocation, &domain, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(domain, ret_error);
        line_number(_("Id:"), domain, "id", "-");
        line_text(_("Name:"), domain, "name");
        line_text(_("UUID:"), domain, "uuid");
        line_text(_("Title:"), domain, "title");
        line_text(_("State:"), domain, "state");
        line_text(_("Reason:"), domain, "reason");
        line_number(_("Process:"), domain, "pid", NULL);
        line_text(_("Emulator:"), domain, "emulator");
        line_text(_("Digest:"), domain, "digest");
        line_bool(_("Persistent:"), domain, "persistent", _("yes"), _("no"));
        line_bool(_("Autostart:"), domain, "autostart", _("enable"), _("disable"));
        line_bool(_("Managed save:"), domain, "managed-save", _("yes"), _("no"));
        line_bool(_("Adopted:"), domain, "adopted", _("yes"), _("no"));
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_OPTIONS, NULL};

const Verb verb_dominfo = {
        .name = "dominfo",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("print what is known of a domain"),
        .about = N_("One line for each: its number, name and UUID, state, process, emulator, "
                    "and what becomes of it with the daemon.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster dominfo guest",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
