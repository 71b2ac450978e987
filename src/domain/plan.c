/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/plan.h"

#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/option.h"
#include "domain/section/general.h"
#include "domain/section/qemu.h"

/*
 * Options are added in the order of the kinds' table, devices that carry others first: only of devices does
 * the order matter to the emulator, where a bus must be there before what is plugged into it.
 */

#define FIRST_FD 3 /* behind the standard ones */

static const char *const actions[] = {
        [PLAN_FILE_DIRECTORY] = "directory", [PLAN_FILE_EXISTS] = "exists", [PLAN_FILE_COPY] = "copy",
        [PLAN_FILE_REPLACE] = "replace",     [PLAN_FILE_CREATE] = "create", [PLAN_FILE_REMOVE] = "remove",
        [PLAN_FILE_SECRET] = "secret",
};

static int plan_kind(Plan *plan, const PartKind *kind, bool carries)
{
        int r = 0;

        if (!kind->plan || carries != ((kind->flags & PART_CARRIES) != 0))
                return 0;
        for (Part *part = NULL; r >= 0 && (part = domain_next(plan->domain, kind, part));)
                r = kind->plan(plan, part);
        return r;
}

static int plan_parts(Plan *plan)
{
        Domain *domain = plan->domain;
        int r;

        r = command_add(&plan->command, muster_facts_path(domain->facts), /* argument= */ NULL);
        for (size_t i = 0; r >= 0 && i < domain->n_sections; i++)
                if (domain->sections[i]->kind->plan)
                        r = domain->sections[i]->kind->plan(plan, domain->sections[i]);
        for (int carries = 1; carries >= 0; carries--)
                for (size_t i = 0; r >= 0 && device_kinds[i]; i++)
                        r = plan_kind(plan, device_kinds[i], carries != 0);
        return r < 0 ? r : qemu_plan_last(plan);
}

static int plan_make(Domain *domain, bool evidence, Plan **ret)
{
        CLEANUP(Plan) Plan *plan = calloc(1, sizeof(*plan));

        if (!plan)
                return -ENOMEM;
        plan->domain = domain;
        plan->evidence = evidence;
        plan->blockdev = json_object_new_array();
        plan->files = json_object_new_array();
        plan->fds = json_object_new_array();
        plan->processes = json_object_new_array();
        plan->commands = json_object_new_array();
        plan->affinity = json_object_new_array();
        plan->decisions = json_object_new_array();
        plan->environment = json_object_new_object();
        plan->lifecycle = json_object_new_object();
        if (!plan->blockdev || !plan->files || !plan->fds || !plan->processes || !plan->commands ||
            !plan->affinity || !plan->decisions || !plan->environment || !plan->lifecycle)
                return -ENOMEM;
        *ret = TAKE(plan);
        return 0;
}

int plan_descriptors(Plan *plan, const Part *part, const char *purpose, unsigned count, json_object *how,
                     int *ret_fd)
{
        CLEANUP(json) json_object *entry = how;
        int monitor = plan->domain->host->monitor_fd;

        if (plan->next_fd == 0)
                plan->next_fd = monitor > 0 ? monitor + 1 : FIRST_FD;
        if (!entry || json_add_int(entry, "fd", plan->next_fd) < 0 ||
            (count > 1 && json_add_int(entry, "count", (int64_t)count) < 0) ||
            json_add_string(entry, "purpose", purpose) < 0 ||
            json_add_string(entry, "alias", part->alias) < 0 ||
            (plan->additions && json_add_bool(entry, "getfd", true) < 0))
                return -ENOMEM;
        *ret_fd = plan->next_fd;
        plan->next_fd += (int)count;
        return json_append(plan->fds, TAKE(entry));
}

char *plan_descriptor_name(const Plan *plan, const Part *part, int fd)
{
        return plan->additions ? text_format("%s-%d", part->alias, fd) : text_format("%d", fd);
}

int plan_new(Domain *domain, bool evidence, Plan **ret)
{
        CLEANUP(Plan) Plan *plan = NULL;
        size_t before = domain->faults->n_errors;
        int r;

        *ret = NULL;
        r = plan_make(domain, evidence, &plan);
        if (r >= 0)
                r = plan_parts(plan);
        if (r >= 0 && domain->faults->out_of_memory)
                r = -ENOMEM;
        if (r >= 0 && domain->faults->n_errors == before)
                *ret = TAKE(plan);
        return r;
}

static int plan_some(Plan *plan, Part *const *parts, size_t n, const PartKind *kind, bool carries)
{
        int r = 0;

        if (!kind->plan || carries != ((kind->flags & PART_CARRIES) != 0))
                return 0;
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (parts[i]->kind == kind)
                        r = kind->plan(plan, parts[i]);
        return r;
}

int plan_new_parts(Domain *domain, Part *const *parts, size_t n, bool evidence, Plan **ret)
{
        CLEANUP(Plan) Plan *plan = NULL;
        size_t before = domain->faults->n_errors;
        int r;

        *ret = NULL;
        r = plan_make(domain, evidence, &plan);
        if (r >= 0) {
                plan->additions = json_object_new_array();
                r = plan->additions ? 0 : -ENOMEM;
        }
        for (int carries = 1; carries >= 0; carries--)
                for (size_t i = 0; r >= 0 && device_kinds[i]; i++)
                        r = plan_some(plan, parts, n, device_kinds[i], carries != 0);
        if (r >= 0 && domain->faults->out_of_memory)
                r = -ENOMEM;
        if (r >= 0 && domain->faults->n_errors == before)
                *ret = TAKE(plan);
        return r;
}

Plan *plan_free(Plan *plan)
{
        if (!plan)
                return NULL;
        command_clear(&plan->command);
        json_object_put(plan->blockdev);
        json_object_put(plan->files);
        json_object_put(plan->fds);
        json_object_put(plan->processes);
        json_object_put(plan->commands);
        json_object_put(plan->affinity);
        json_object_put(plan->decisions);
        json_object_put(plan->environment);
        json_object_put(plan->lifecycle);
        json_object_put(plan->additions);
        free(plan);
        return NULL;
}

json_object *plan_to_json(const Plan *plan)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *argv = json_object_new_array();

        if (!object || !argv)
                return NULL;
        for (size_t i = 0; i < plan->command.n; i++)
                if (json_append_string(argv, plan->command.argv[i]) < 0)
                        return NULL;
        if (json_add(object, "argv", TAKE(argv)) < 0 ||
            json_add(object, "environment", json_object_get(plan->environment)) < 0 ||
            json_add(object, "blockdev", json_object_get(plan->blockdev)) < 0 ||
            json_add(object, "files", json_object_get(plan->files)) < 0 ||
            json_add(object, "fds", json_object_get(plan->fds)) < 0 ||
            json_add(object, "processes", json_object_get(plan->processes)) < 0 ||
            json_add(object, "commands", json_object_get(plan->commands)) < 0 ||
            json_add(object, "lifecycle", json_object_get(plan->lifecycle)) < 0 ||
            json_add(object, "affinity", json_object_get(plan->affinity)) < 0 ||
            json_add(object, "decisions", json_object_get(plan->decisions)) < 0)
                return NULL;
        return TAKE(object);
}

char *plan_to_shell(const Plan *plan)
{
        CLEANUP(free) char *text = command_to_text(&plan->command), *before = strdup("");

        json_object_object_foreach (plan->environment, name, value) {
                CLEANUP(free) char *quoted = command_quote(json_object_get_string(value));
                char *longer = quoted && before ? text_format("%s%s=%s \\\n", before, name, quoted) : NULL;

                free(before);
                before = longer;
        }
        return text && before ? text_format("%s%s", before, text) : NULL;
}

/* --- what parts add ------------------------------------------------------------------------------ */

/* Takes `value` (NULL: -ENOMEM). */
static int add_addition(Plan *plan, const char *option, const char *key, json_object *value)
{
        CLEANUP(json) json_object *owned = value, *addition = json_object_new_object();

        if (!owned || !addition || json_add_string(addition, "option", option) < 0 ||
            json_add(addition, key, TAKE(owned)) < 0)
                return -ENOMEM;
        return json_append(plan->additions, TAKE(addition));
}

int plan_option(Plan *plan, const char *option, const char *argument)
{
        if (plan->additions &&
            add_addition(plan, option, "argument", json_object_new_string(argument ?: "")) < 0)
                return -ENOMEM;
        return command_add(&plan->command, option, argument);
}

/* Whether the emulator takes JSON there, as far as that is a question. */
static bool takes_json(Plan *plan, const Part *part, const char *option)
{
        const OptionSyntax *syntax = option_syntax(option);

        if (!syntax || !syntax->json)
                return false;
        if (!*syntax->json)
                return true;
        if (streq(option, "-device") && qemu_adds_devices(plan->domain))
                return false;
        return plan_has(plan, part, syntax->json, /* driver= */ NULL, _("arguments are written as JSON"),
                        _("arguments are written as key=value"));
}

static int add_properties(Plan *plan, const Part *part, const char *option, const json_object *properties)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        if (plan->additions) /* which QMP takes as they are, whatever the option's text could say */
                return add_addition(plan, option, "properties", json_object_get((json_object *)properties));
        r = command_add_properties(&plan->command, option, properties, takes_json(plan, part, option),
                                   &error);
        if (r != -EINVAL)
                return r;
        plan_fault(plan, part->element, /* attribute= */ NULL, "%s", muster_error_message(error));
        return 0;
}

int plan_properties(Plan *plan, const Part *part, const char *option, json_object *properties)
{
        CLEANUP(json) json_object *owned = properties;

        return owned ? add_properties(plan, part, option, owned) : -ENOMEM;
}

int plan_object(Plan *plan, const Part *part, const char *qom_type, const char *id, json_object *properties)
{
        CLEANUP(json) json_object *owned = properties, *object = json_object_new_object();

        if (!owned || !object || json_add_string(object, "qom-type", qom_type) < 0 ||
            json_add_string(object, "id", id) < 0)
                return -ENOMEM;
        json_object_object_foreach (owned, key, value) {
                if (json_add(object, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return add_properties(plan, part, "-object", object);
}

static int add_rom(const Part *part, json_object *device)
{
        int r = 0;

        if (part->rom_disabled)
                r = json_add_string(device, "romfile", "");
        else if (part->rom_file)
                r = json_add_string(device, "romfile", part->rom_file);
        if (r >= 0 && part->rom_bar >= 0)
                r = json_add_int(device, "rombar", part->rom_bar);
        return r;
}

int plan_device(Plan *plan, const Part *part, json_object *properties)
{
        CLEANUP(json) json_object *owned = properties;
        int r;

        if (!owned)
                return -ENOMEM;
        r = part->alias ? json_add_string(owned, "id", part->alias) : 0;
        if (r >= 0)
                r = place_to_json(plan->domain, part, owned);
        if (r >= 0 && part->boot_order > 0)
                r = json_add_int(owned, "bootindex", (int64_t)part->boot_order);
        if (r >= 0 && part->acpi_index > 0)
                r = json_add_int(owned, "acpi-index", (int64_t)part->acpi_index);
        if (r >= 0)
                r = add_rom(part, owned);
        if (r >= 0)
                r = qemu_override(plan, part, owned);
        return r < 0 ? r : add_properties(plan, part, "-device", owned);
}

int plan_blockdev(Plan *plan, const Part *part, json_object *node)
{
        CLEANUP(json) json_object *owned = node;
        int r;

        if (!owned)
                return -ENOMEM;
        r = json_append(plan->blockdev, json_object_get(owned));
        return r < 0 ? r : add_properties(plan, part, "-blockdev", owned);
}

int plan_file(Plan *plan, PlanFileAction action, const char *path, const char *from, const char *purpose)
{
        CLEANUP(json) json_object *file = json_object_new_object();

        if (!file || json_add_string(file, "path", path) < 0 ||
            json_add_string(file, "action", actions[action]) < 0 ||
            (from && json_add_string(file, "from", from) < 0) ||
            json_add_string(file, "purpose", purpose) < 0)
                return -ENOMEM;
        return json_append(plan->files, TAKE(file));
}

int plan_environment(Plan *plan, const char *name, const char *value)
{
        return json_add_string(plan->environment, name, value);
}

int plan_process(Plan *plan, const char *purpose, const char *socket, json_object *argv)
{
        CLEANUP(json) json_object *owned = argv, *process = json_object_new_object();

        if (!owned || !process || json_add(process, "argv", TAKE(owned)) < 0 ||
            (socket && json_add_string(process, "socket", socket) < 0) ||
            json_add_string(process, "purpose", purpose) < 0)
                return -ENOMEM;
        return json_append(plan->processes, TAKE(process));
}

int plan_command(Plan *plan, const Part *part, const char *command, json_object *arguments)
{
        CLEANUP(json) json_object *owned = arguments, *item = json_object_new_object();

        if (!owned || !item || json_add_string(item, "execute", command) < 0 ||
            json_add(item, "arguments", TAKE(owned)) < 0)
                return -ENOMEM;
        return json_append(plan->commands, TAKE(item));
}

int plan_affinity(Plan *plan, json_object *thread)
{
        return thread ? json_append(plan->affinity, thread) : -ENOMEM;
}

/* --- decisions ----------------------------------------------------------------------------------- */

static json_object *find_decision(const Plan *plan, const char *feature, const char *driver)
{
        for (size_t i = 0; i < json_object_array_length(plan->decisions); i++) {
                json_object *item = json_object_array_get_idx(plan->decisions, i);

                if (streq_ptr(json_get_string(item, "feature"), feature) &&
                    streq_ptr(json_get_string(item, "driver"), driver))
                        return item;
        }
        return NULL;
}

static int add_for(const Part *part, json_object *decision)
{
        json_object *list = json_get(decision, "for", json_type_array);
        CLEANUP(free) char *path = xml_path(part->element, /* attribute= */ NULL);

        if (!path)
                return -ENOMEM;
        /* Parts come one after another, so it is the last one if it is there. */
        if (json_object_array_length(list) > 0 && streq(json_object_get_string(json_object_array_get_idx(
                                                                list, json_object_array_length(list) - 1)),
                                                        path))
                return 0;
        return json_append_string(list, path);
}

static int new_decision(Plan *plan, const char *feature, const char *driver, int verdict, const char *choice,
                        json_object **ret)
{
        CLEANUP(json) json_object *decision = json_object_new_object();
        const Judgement *judgement = verdicts_find(plan->domain->verdicts, feature, driver);

        if (!decision || json_add_string(decision, "feature", feature) < 0 ||
            (driver && json_add_string(decision, "driver", driver) < 0) ||
            json_add_string(decision, "verdict",
                            verdict < 0 ? "unknown" : muster_verdict_name((MusterVerdict)verdict)) < 0 ||
            (choice && json_add_string(decision, "choice", choice) < 0) ||
            json_add(decision, "for", json_object_new_array()) < 0)
                return -ENOMEM;
        if (judgement && json_add(decision, "evidence", judgement_evidence_to_json(judgement)) < 0)
                return -ENOMEM;
        *ret = decision;
        return json_append(plan->decisions, TAKE(decision));
}

bool plan_has(Plan *plan, const Part *part, const char *feature, const char *driver, const char *if_present,
              const char *if_not)
{
        int verdict = muster_verdict(plan->domain->verdicts, feature, driver), r = 0;
        int forced = qemu_forced(plan->domain, feature);
        bool present = forced >= 0 ? forced > 0 : verdict == MUSTER_VERDICT_PRESENT;
        json_object *decision;

        if (!plan->evidence)
                return present;
        decision = find_decision(plan, feature, driver);
        if (!decision) {
                r = new_decision(plan, feature, driver, verdict, present ? if_present : if_not, &decision);
                if (r >= 0 && forced >= 0)
                        r = json_add_bool(decision, "forced", present);
        }
        if (r >= 0)
                r = add_for(part, decision);
        if (r < 0)
                plan->domain->faults->out_of_memory = true;
        return present;
}

int plan_decide(Plan *plan, const Part *part, const char *feature, const char *driver, const char *choice)
{
        int verdict = muster_verdict(plan->domain->verdicts, feature, driver), r;
        json_object *decision;

        if (!plan->evidence)
                return 0;
        r = new_decision(plan, feature, driver, verdict, choice, &decision);
        return r < 0 ? r : add_for(part, decision);
}

char *plan_run_path(Plan *plan, const char *file)
{
        return text_format("%s/%s/%s", plan->domain->host->run_directory, domain_name(plan->domain), file);
}

char *plan_state_path(Plan *plan, const char *file)
{
        return text_format("%s/%s/%s", plan->domain->host->state_directory, domain_name(plan->domain), file);
}
