/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/adopt.h"
#include "domain/argv.h"
#include "domain/canonical.h"
#include "domain/libxml.h"
#include "domain/plan.h"
#include "emulator/facts.h"
#include "emulator/launch.h"

/*
 * A definition is believed only if it explains what runs: the plan that it has on this emulator is held
 * against the command line, and its places against what the emulator says of its PCI bus.
 */

AdoptMap *adopt_map_free(AdoptMap *map)
{
        if (!map)
                return NULL;
        free(map->name);
        free(map->machine);
        free(map->run_directory);
        free(map->state_directory);
        free(map->definition);
        muster_verdicts_unref(map->verdicts);
        json_object_put(map->nodes);
        json_object_put(map->pci);
        json_object_put(map->lifecycle);
        json_object_put(map->unmapped);
        free(map);
        return NULL;
}

static int add_unmapped(AdoptMap *map, const char *text)
{
        return text ? json_append_string(map->unmapped, text) : -ENOMEM;
}

/* --- the definition -------------------------------------------------------------------------------- */

/* libvirt's name of what QEMU calls its target. */
static const char *arch_name(const char *target)
{
        static const char *const names[][2] = {{"i386", "i686"}, {"arm", "armv7l"}};

        for (size_t i = 0; target && i < ELEMENTSOF(names); i++)
                if (streq(target, names[i][0]))
                        return names[i][1];
        return target ?: "x86_64";
}

static int add_faults(AdoptMap *map, const Faults *faults)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < faults->n_items; i++)
                if (faults->items[i].error) {
                        CLEANUP(free) char *text = fault_to_text(faults, &faults->items[i]);

                        r = add_unmapped(map, text);
                }
        return r;
}

/* The sockets of the emulator: nodes that its command line did not make. */
static int check_nodes(AdoptMap *map, const Argv *argv)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && map->nodes && i < json_object_array_length(map->nodes); i++) {
                json_object *node = json_object_array_get_idx(map->nodes, i);
                const char *name = json_get_string(node, "node-name");
                bool known = !name || *name == '#';

                for (size_t k = 0; !known && k < argv->n; k++)
                        known = streq_ptr(json_get_string(argv->options[k].values, "node-name"), name);
                if (!known) {
                        CLEANUP(free)
                        char *text = text_format(_("It has a block node that was added later: %s"), name);

                        r = add_unmapped(map, text);
                }
        }
        return r;
}

static int compare_plan(AdoptMap *map, Domain *domain, const Argv *runs)
{
        CLEANUP(Plan) Plan *plan = NULL;
        CLEANUP(argv) Argv planned = {};
        int r;

        r = plan_new(domain, /* evidence= */ false, &plan);
        if (r < 0 || !plan)
                return r;
        r = argv_read(plan->command.argv, &planned, NULL);
        if (r >= 0)
                r = argv_compare(runs, &planned, map->unmapped);
        if (r >= 0)
                map->lifecycle = json_object_get(plan->lifecycle);
        return r;
}

static int complete(AdoptMap *map, const Argv *runs, MusterError **ret_error)
{
        CLEANUP(DomainHost) DomainHost *host = NULL;
        CLEANUP(Domain) Domain *domain = NULL;
        Faults faults = {.file = map->name};
        char *text;
        int r;

        r = host_local_at(map->run_directory, map->state_directory, &host, ret_error);
        if (r < 0)
                return r;
        host->root = map->root;
        r = domain_read(map->definition, strlen(map->definition), &faults, &domain);
        if (r >= 0 && domain && faults.n_errors == 0)
                r = domain_complete(domain, map->verdicts, host);
        if (r >= 0 && domain && faults.n_errors == 0)
                r = compare_plan(map, domain, runs);
        if (r >= 0)
                r = add_faults(map, &faults);
        if (r >= 0 && domain && faults.n_errors == 0 && domain_sort(domain) >= 0) {
                text = xml_to_text(domain->xml);
                if (text) {
                        free(map->definition);
                        map->definition = text;
                }
        }
        domain_free(TAKE(domain));
        faults_clear(&faults);
        return r < 0 ? error_oom(ret_error) : 0;
}

/* Only then does anybody but the emulator decide what follows when the guest stops. */
static bool was_told_to_stay(const Argv *argv)
{
        for (size_t i = 0; i < argv->n; i++)
                if (streq(argv->options[i].name, "no-shutdown"))
                        return true;
        return false;
}

/* "'-device foo' is in it" where it configures itself from files that can change. */
static int check_launch(AdoptMap *map, const Argv *argv)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < argv->n; i++)
                if (streq(argv->options[i].name, "incoming"))
                        r = add_unmapped(map, _("It was started to take over a migration."));
        return r;
}

int adopt_map(AdoptMap *map, MusterError **ret_error)
{
        CLEANUP(strv) char **words = NULL;
        CLEANUP(argv) Argv argv = {}, runs = {};
        const MusterFacts *facts = verdicts_facts(map->verdicts);
        const ArgvAbout about = {.name = map->name,
                                 .uuid = map->uuid,
                                 .emulator = muster_facts_executable(facts),
                                 .arch = arch_name(muster_facts_target(facts)),
                                 .machine = map->machine,
                                 .kvm = map->kvm};
        int r;

        r = launch_argv(map->pid, &words, ret_error);
        if (r >= 0)
                r = argv_read(words, &argv, ret_error);
        if (r >= 0)
                r = argv_read(words, &runs, ret_error);
        if (r < 0)
                return r;
        r = argv_to_definition(&argv, &about, &map->definition, &map->unmapped);
        if (r == -ENOPKG)
                return error_set(
                        ret_error, r,
                        _("Libxml2 cannot be loaded, without which no definition can be made; install "
                          "the package libxml2."));
        if (r < 0 || check_nodes(map, &runs) < 0 || check_launch(map, &runs) < 0)
                return error_oom(ret_error);
        r = complete(map, &runs, ret_error);
        if (r >= 0 && !was_told_to_stay(&runs)) {
                json_object_put(map->lifecycle);
                map->lifecycle = NULL;
        }
        return r;
}
