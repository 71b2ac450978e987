/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/verbs.h"

static const Option option_all_domains = {
        .name = "all",
        .help = N_("those that do not run, too"),
};

static const Option option_id = {.name = "id", .help = N_("only the numbers, one a line")};
static const Option option_name = {.name = "name", .help = N_("only the names, one a line")};
static const Option option_uuid = {.name = "uuid", .help = N_("only the UUIDs, one a line")};
static const Option option_table = {.name = "table", .help = N_("a table, which is the default")};
static const Option option_title = {.name = "title", .help = N_("a column with the titles, too")};
static const Option option_saved = {
        .name = "managed-save",
        .help = N_("mark as saved what 'managedsave' has saved"),
};
static const Option option_state_running = {.name = "state-running", .help = N_("those that run")};
static const Option option_state_paused = {.name = "state-paused", .help = N_("those that are paused")};
static const Option option_state_shutoff = {.name = "state-shutoff", .help = N_("those that are shut off")};
static const Option option_state_other = {.name = "state-other", .help = N_("those in any other state")};
static const Option option_of_persistent = {
        .name = "persistent",
        .help = N_("those that are defined"),
};
static const Option option_of_transient = {
        .name = "transient",
        .help = N_("those that are gone when they end"),
};
static const Option option_of_autostart = {
        .name = "autostart",
        .help = N_("those that start with the daemon"),
};
static const Option option_of_no_autostart = {
        .name = "no-autostart",
        .help = N_("those that do not start with the daemon"),
};

/* --- which ------------------------------------------------------------------------------------------ */

static const Option *option_of_state(const char *state)
{
        if (streq(state, "running"))
                return &option_state_running;
        if (streq(state, "paused"))
                return &option_state_paused;
        return streq(state, "shut off") || streq(state, "crashed") ? &option_state_shutoff
                                                                   : &option_state_other;
}

static bool by_state(const Invocation *invocation)
{
        return option_given(invocation, &option_state_running) ||
               option_given(invocation, &option_state_paused) ||
               option_given(invocation, &option_state_shutoff) ||
               option_given(invocation, &option_state_other);
}

/* Whoever names neither of the two gets both. */
static bool either(const Invocation *invocation, const Option *yes, const Option *no, bool value)
{
        bool wants_yes = option_given(invocation, yes), wants_no = option_given(invocation, no);

        return wants_yes == wants_no || (value ? wants_yes : wants_no);
}

static bool is_wanted(const Invocation *invocation, const json_object *domain)
{
        bool active = json_get(domain, "id", json_type_int) != NULL;
        const char *state = json_get_string(domain, "state") ?: "?";

        if (!either(invocation, &option_of_persistent, &option_of_transient,
                    json_get_bool(domain, "persistent", false)) ||
            !either(invocation, &option_of_autostart, &option_of_no_autostart,
                    json_get_bool(domain, "autostart", false)))
                return false;
        if (by_state(invocation) && !option_given(invocation, option_of_state(state)))
                return false;
        if (option_given(invocation, &option_all_domains))
                return true;
        if (option_given(invocation, &option_inactive))
                return !active;
        /* Asking for a state is asking for all that are in it. */
        return active || by_state(invocation);
}

/* Those that run by their numbers, then the others by their names. */
static int compare(const void *a, const void *b)
{
        const json_object *left = *(json_object *const *)a, *right = *(json_object *const *)b;
        int64_t left_id = json_get_int(left, "id", INT64_MAX),
                right_id = json_get_int(right, "id", INT64_MAX);

        if (left_id != right_id)
                return left_id < right_id ? -1 : 1;
        return strcmp(json_get_string(left, "name") ?: "", json_get_string(right, "name") ?: "");
}

static int choose(const Invocation *invocation, const json_object *domains, json_object **ret)
{
        CLEANUP(json) json_object *chosen = json_object_new_array();

        if (!chosen)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(domains); i++) {
                json_object *domain = json_object_array_get_idx(domains, i);

                if (is_wanted(invocation, domain) && json_append(chosen, json_object_get(domain)) < 0)
                        return -ENOMEM;
        }
        json_object_array_sort(chosen, compare);
        *ret = TAKE(chosen);
        return 0;
}

/* --- how -------------------------------------------------------------------------------------------- */

static const char *id_of(const json_object *domain, char *buffer, size_t size)
{
        if (json_get(domain, "id", json_type_int))
                snprintf(buffer, size, "%lld", (long long)json_get_int(domain, "id", 0));
        else
                snprintf(buffer, size, "-");
        return buffer;
}

static Style style_of(const char *state)
{
        if (streq(state, "running"))
                return STYLE_GOOD;
        if (streq(state, "crashed"))
                return STYLE_BAD;
        return streq(state, "shut off") ? STYLE_DIM : STYLE_OPEN;
}

static int add_row(const Invocation *invocation, Table *table, const json_object *domain)
{
        const char *state = json_get_string(domain, "state") ?: "?";
        char id[24];

        if (option_given(invocation, &option_saved) && streq(state, "shut off") &&
            json_get_bool(domain, "managed-save", false))
                state = _("saved");
        return table_add(table,
                         (const char *const[]){id_of(domain, id, sizeof(id)),
                                               json_get_string(domain, "name") ?: "?", state,
                                               json_get_string(domain, "title") ?: ""},
                         /* styled= */ 2, style_of(state));
}

static int say_table(const Invocation *invocation, const json_object *domains, MusterError **ret_error)
{
        const char *const headers[] = {_("Id"), _("Name"), _("State"), _("Title")};
        size_t columns = option_given(invocation, &option_title) ? 4 : 3;
        CLEANUP(Table) Table *table = table_new(headers, columns);
        CLEANUP(free) char *text = NULL;

        for (size_t i = 0; table && i < json_object_array_length(domains); i++)
                if (add_row(invocation, table, json_object_array_get_idx(domains, i)) < 0)
                        return error_oom(ret_error);
        text = table ? table_to_ruled_text(table, output_coloured()) : NULL;
        if (!text)
                return error_oom(ret_error);
        say_raw(text);
        return EXIT_OK;
}

static void say_words(const json_object *domain, bool id, bool uuid, bool name)
{
        char buffer[24];

        if (id)
                say("%s%s", id_of(domain, buffer, sizeof(buffer)), uuid || name ? " " : "");
        if (uuid)
                say("%s%s", json_get_string(domain, "uuid") ?: "?", name ? " " : "");
        say("%s\n", name ? json_get_string(domain, "name") ?: "?" : "");
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool id = option_given(invocation, &option_id), uuid = option_given(invocation, &option_uuid),
             name = option_given(invocation, &option_name);
        CLEANUP(json) json_object *all = NULL, *domains = NULL;
        int r;

        r = remote_domains(client, &all, ret_error);
        if (r < 0)
                return r;
        if (choose(invocation, all, &domains) < 0)
                return error_oom(ret_error);
        if (option_given(invocation, &option_json))
                return say_json(domains, ret_error);
        if (!id && !uuid && !name)
                return say_table(invocation, domains, ret_error);
        for (size_t i = 0; i < json_object_array_length(domains); i++)
                say_words(json_object_array_get_idx(domains, i), id, uuid, name);
        return EXIT_OK;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {
        &option_all_domains,
        &option_inactive,
        &option_id,
        &option_name,
        &option_uuid,
        &option_table,
        &option_title,
        &option_saved,
        &option_state_running,
        &option_state_paused,
        &option_state_shutoff,
        &option_state_other,
        &option_of_persistent,
        &option_of_transient,
        &option_of_autostart,
        &option_of_no_autostart,
        REMOTE_OPTIONS,
        NULL,
};

const Verb verb_list = {
        .name = "list",
        .group = VERB_GROUP_DOMAINS,
        .summary = N_("list the domains"),
        .about =
                N_("Lists those that run; with --all those that do not, too, and with --state-... all that "
                   "are in one of these states. --id, --uuid and --name print only that, in this order, one "
                   "domain a line.\n"
                   "With --json it is an array of what 'dominfo' tells. Exits with 0, or 2 on an error."),
        .example = "muster list --all",
        .options = options,
        .run = run,
};
