/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/adopt.h"
#include "domain/argv.h"
#include "domain/canonical.h"
#include "domain/libxml.h"
#include "domain/plan.h"
#include "emulator/facts.h"
#include "emulator/launch.h"

#define FDINFO_MAX 4096U

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
        free(map->agent_path);
        muster_verdicts_unref(map->verdicts);
        json_object_put(map->nodes);
        json_object_put(map->devices);
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

/* --- what has changed since it was started --------------------------------------------------------- */

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

static bool has_device(const Argv *argv, const char *key, const char *value, const char *bus)
{
        for (size_t i = 0; i < argv->n; i++) {
                const json_object *values = argv->options[i].values;
                const char *on = json_get_string(values, "bus");

                if (streq(argv->options[i].name, "device") &&
                    streq_ptr(json_get_string(values, key), value) &&
                    (!bus || (on && startswith(on, bus) && streq(strchr(on, '.') ?: "", ".0"))))
                        return true;
        }
        return false;
}

/* Devices with an ID that came later, or have gone. */
static int check_devices(AdoptMap *map, const Argv *argv)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && map->devices && i < json_object_array_length(map->devices); i++) {
                const char *name = json_get_string(json_object_array_get_idx(map->devices, i), "name"),
                           *type = json_get_string(json_object_array_get_idx(map->devices, i), "type");
                CLEANUP(free) char *text = NULL;

                if (!name || !type || !startswith(type, "child<") || has_device(argv, "id", name, NULL))
                        continue;
                text = text_format(_("It has a device that was added later: %s"), name);
                r = add_unmapped(map, text);
        }
        for (size_t i = 0; r >= 0 && map->devices && i < argv->n; i++) {
                const char *id = json_get_string(argv->options[i].values, "id");
                bool found = !id || *id == '#' || !streq(argv->options[i].name, "device");
                CLEANUP(free) char *text = NULL;

                for (size_t k = 0; !found && k < json_object_array_length(map->devices); k++)
                        found = streq_ptr(
                                json_get_string(json_object_array_get_idx(map->devices, k), "name"), id);
                if (found)
                        continue;
                text = text_format(_("A device of its command line has been removed: %s"), id);
                r = add_unmapped(map, text);
        }
        return r;
}

/* What the board itself has: the host bridge, and the south bridge with its functions. */
static bool is_board(const AdoptMap *map, int64_t slot)
{
        return slot == 0 || slot == (map->machine && strstr(map->machine, "q35") ? 0x1f : 1);
}

/* Whoever has a place on the root bus is known to stand there: where nobody said so, QEMU has chosen. */
static int check_places(AdoptMap *map, const Argv *argv)
{
        json_object *bus = map->pci && json_object_array_length(map->pci) > 0
                                   ? json_object_array_get_idx(map->pci, 0)
                                   : NULL,
                    *devices = json_get(bus, "devices", json_type_array);
        int r = 0;

        for (size_t i = 0; r >= 0 && devices && i < json_object_array_length(devices); i++) {
                json_object *device = json_object_array_get_idx(devices, i);
                int64_t slot = json_get_int(device, "slot", 0);
                CLEANUP(free)
                char *place = text_format("%x.%x", (unsigned)slot,
                                          (unsigned)json_get_int(device, "function", 0)),
                     *text = NULL;

                if (!place)
                        return -ENOMEM;
                if (is_board(map, slot) || has_device(argv, "addr", place, "pci"))
                        continue;
                text = text_format(_("Nothing on its command line explains the PCI device in slot %s"),
                                   place);
                r = add_unmapped(map, text);
        }
        return r;
}

static int check_now(AdoptMap *map, const Argv *argv)
{
        int r = check_nodes(map, argv);

        if (r >= 0)
                r = check_devices(map, argv);
        return r < 0 ? r : check_places(map, argv);
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

/* "iff:\tvnet0": what the kernel says of a descriptor of /dev/net/tun. */
static char *tap_name(const char *fd, void *userdata)
{
        const AdoptMap *map = userdata;
        CLEANUP(free) char *path = text_format("/proc/%d/fdinfo/%s", (int)map->pid, fd), *text = NULL;
        const char *name;

        if (!path || fd[strspn(fd, "0123456789")] || read_file(path, FDINFO_MAX, &text, NULL) < 0)
                return NULL;
        name = strstr(text, "iff:\t");
        if (!name)
                return NULL;
        name += strlen("iff:\t");
        return strndup(name, strcspn(name, "\n"));
}

/* What the emulator has found an image to be. */
static char *format_name(const char *file, void *userdata)
{
        const AdoptMap *map = userdata;

        for (size_t i = 0; map->nodes && i < json_object_array_length(map->nodes); i++) {
                json_object *node = json_object_array_get_idx(map->nodes, i);
                const char *driver = json_get_string(node, "drv");

                if (driver && streq_ptr(json_get_string(node, "file"), file) && !streq(driver, "file") &&
                    !streq(driver, "host_device"))
                        return strdup(driver);
        }
        return NULL;
}

static int settle(AdoptMap *map, Argv *argv)
{
        int r = argv_name_taps(argv, tap_name, map);

        return r < 0 ? r : argv_name_formats(argv, format_name, map);
}

static const char *value_of(const Argv *argv, const char *option, const char *key, const char *value,
                            const char *wanted)
{
        for (size_t i = 0; i < argv->n; i++)
                if (streq(argv->options[i].name, option) &&
                    streq_ptr(json_get_string(argv->options[i].values, key), value))
                        return json_get_string(argv->options[i].values, wanted);
        return NULL;
}

/* The guest agent's socket, where the emulator listens. */
static int find_agent(AdoptMap *map, const Argv *argv)
{
        const char *chardev = value_of(argv, "device", "name", "org.qemu.guest_agent.0", "chardev"),
                   *path = chardev ? value_of(argv, "chardev", "id", chardev, "path") : NULL;

        if (!path || *path != '/' || !streq_ptr(value_of(argv, "chardev", "id", chardev, "server"), "on"))
                return 0;
        map->agent_path = strdup(path);
        return map->agent_path ? 0 : -ENOMEM;
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
        if (settle(map, &argv) < 0 || settle(map, &runs) < 0)
                return error_oom(ret_error);
        r = argv_to_definition(&argv, &about, &map->definition, &map->unmapped);
        if (r == -ENOPKG)
                return error_set(
                        ret_error, r,
                        _("Libxml2 cannot be loaded, without which no definition can be made; install "
                          "the package libxml2."));
        if (r < 0 || check_now(map, &runs) < 0 || find_agent(map, &runs) < 0 || check_launch(map, &runs) < 0)
                return error_oom(ret_error);
        r = complete(map, &runs, ret_error);
        if (r >= 0 && !was_told_to_stay(&runs)) {
                json_object_put(map->lifecycle);
                map->lifecycle = NULL;
        }
        return r;
}
