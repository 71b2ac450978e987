/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cache.h"
#include "cli/evidence.h"
#include "cli/verbs.h"

static void say_when(const char *label, json_object *record, const char *key)
{
        int64_t when = json_get_int(record, key, 0);
        CLEANUP(free) char *time = text_of_time(when), *age = text_of_age(when), *text = NULL;

        text = time && age ? text_format("%s (%s)", time, age) : NULL;
        say_field(label, text);
}

static void say_paths(json_object *record)
{
        json_object *paths = json_get(record, "paths", json_type_array), *path;

        for (size_t i = 0; (path = array_object(paths, i)); i++) {
                bool valid = json_get_bool(path, "valid", false);

                say_field_styled(valid ? STYLE_GOOD : STYLE_OPEN, i == 0 ? _("paths") : "",
                                 json_get_string(path, "path"));
                say_field_styled(STYLE_DIM, "", json_get_string(path, "why"));
        }
}

static void say_hosts(json_object *record)
{
        json_object *hosts = json_get(record, "host-facts", json_type_array);
        json_object *host;

        for (size_t i = 0; (host = array_object(hosts, i)); i++) {
                bool here = json_get_bool(host, "here", false);

                say("\n");
                say_styled(STYLE_BOLD, "%s\n",
                           here ? _("Host facts of this host and user") : _("Host facts"));
                say_when(_("created"), host, "created");
                say_wrapped(json_get_string(host, "fingerprint") ?: "", 4, text_width());
        }
}

static void say_statuses(json_object *record, const char *key, const char *title)
{
        json_object *statuses = json_get(record, key, json_type_object);

        if (!statuses || json_object_object_length(statuses) == 0)
                return;
        say("\n");
        say_styled(STYLE_BOLD, "%s\n", title);
        json_object_object_foreach (statuses, name, status)
                say("  %-52s %s\n", name, json_object_get_string(status));
}

static void say_record(json_object *record)
{
        CLEANUP(free) char *size = text_of_size(json_get_int(record, "size", 0)), *modules = NULL;
        const char *launcher = json_get_string(record, "launcher");
        bool valid = json_get_bool(record, "valid", false);

        modules = text_format("%lld", (long long)json_get_int(record, "module-count", 0));
        say_styled(STYLE_BOLD, "%s %s\n", json_get_string(record, "name") ?: "?",
                   json_get_string(record, "version") ?: "");
        say_field(_("id"), json_get_string(record, "id"));
        say_field(_("digest"), json_get_string(record, "digest"));
        say_field(_("package"), json_get_string(record, "package"));
        say_field(_("target"), json_get_string(record, "target"));
        say_field(_("modules"), modules);
        say_field(_("launcher"), launcher && *launcher ? launcher : NULL);
        say_field(_("size"), size);
        say_when(_("created"), record, "created");
        say_when(_("used"), record, "used");
        say_field_styled(valid ? STYLE_GOOD : STYLE_OPEN, _("state"), valid ? _("valid") : _("not now"));
        say_field(_("why"), json_get_string(record, "why") ?: json_get_string(record, "damaged"));
        say_paths(record);
        say_hosts(record);
        say_statuses(record, "measured", _("Measured"));
        say_statuses(record, "facts", _("Facts"));
}

static void say_failure(json_object *failure)
{
        const char *detail = json_get_string(failure, "detail");

        say_styled(STYLE_BAD, "%s\n", _("failed"));
        say_field(_("path"), json_get_string(failure, "path"));
        say_when(_("when"), failure, "when");
        say_wrapped(json_get_string(failure, "message") ?: "", 2, text_width());
        if (detail && *detail)
                say_wrapped(detail, 4, text_width());
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(json) json_object *array = NULL;
        CLEANUP(free) char *directory = NULL, *name = NULL, *text = NULL;
        json_object *entry;
        int r;

        r = cache_name(invocation->arguments[0], &name, ret_error);
        if (r >= 0)
                r = cache_open_existing(&store, &directory, ret_error);
        if (r >= 0)
                r = store ? muster_store_show(store, name, &text, ret_error)
                          : cache_has_nothing(name, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &array) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; (entry = array_object(array, i)); i++) {
                json_object *failure = json_get(entry, "failure", json_type_object);

                if (i > 0)
                        say("\n");
                if (failure)
                        say_failure(failure);
                else
                        say_record(entry);
        }
        return EXIT_OK;
}

const Verb verb_cache_show = {
        .name = "cache show",
        .group = VERB_GROUP_STORE,
        .arguments = N_("DIGEST|PATH"),
        .summary = N_("show all that a record says"),
        .about = N_("Shows the records that belong to a path (or a name that is found in PATH), or whose "
                    "digest begins with the given digits (four or more): what it is, which paths lead to it "
                    "and whether they still do, for which hosts there are host facts, and what became of "
                    "each question that was asked. With --json it is an array.\n"
                    "Exits with 0, or 2 on an error, also where nothing is stored."),
        .example = "muster cache show /usr/bin/qemu-system-x86_64",
        .min_arguments = 1,
        .max_arguments = 1,
        .complete = COMPLETE_EMULATOR,
        .run = run,
};
