/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/argv-private.h"

/*
 * Both command lines become lines: of each device what it is and all that it stands on, its nodes, its
 * backend, under no name of their own. A line that is on one side only is a difference.
 */

#define LEVELS_MAX 8

/* What says nothing, or the default, whoever says it. NULL: whatever it says. */
static const struct {
        const char *option, *key, *value;
} silent[] = {
        {"machine", "usb", "off"},
        {"machine", "dump-guest-core", NULL},
        {"machine", "vmport", "off"},
        {"machine", "memory-backend", NULL},
        {"machine", "graphics", NULL},
        {"machine", "nvdimm", "on"},
        {"machine", "type", NULL},
        {"boot", "strict", NULL},
        {"overcommit", "mem-lock", "off"},
        {"accel", "accel", NULL},
        {"rtc", "base", "utc"},
        {"cpu", "migratable", "on"},
        {"device", "max_outputs", "1"},
        {"device", "index", NULL},
        {"device", "vgamem_mb", "16"},
        {"device", "cad", NULL},
        {"device", "multifunction", NULL},
        {"device", "chassis", NULL},
        {"device", "port", NULL},
        {"netdev", "helper", NULL},
        {"chardev", "mux", "off"},
        {"device", "write-cache", "auto"},
        {"smp", "dies", "1"},
        {"smp", "clusters", "1"},
        {"node", "backing", "null"},
        {"vnc", "to", NULL},
        {"vnc", "audiodev", NULL},
        {"display", "type", "none"},
        {"action", "watchdog", "reset"},
        {"node", "node-name", NULL},
        {"node", "auto-read-only", NULL},
        {"node", "read-only", "off"},
        {"file", "read-only", NULL},
        {"file", "discard", NULL},
        {"file", "auto-read-only", NULL},
        {"file", "node-name", NULL},
        {"spice", "seamless-migration", NULL},
        {"spice", "image-compression", "off"},
};

/* Beside the silent ones, options that a device that uses them says. */
static const char *const left_out[] = {"mon",   "tpmdev",     "chardev", "netdev",   "blockdev",
                                       "accel", "nic",        "serial",  "parallel", "vga",
                                       "fsdev", "enable-kvm", NULL};

static bool is_silent(const char *kind, const char *key, const char *value)
{
        for (size_t i = 0; i < ELEMENTSOF(silent); i++)
                if (streq(silent[i].option, kind) && streq(silent[i].key, key) &&
                    (!silent[i].value || streq(silent[i].value, value)))
                        return true;
        return false;
}

/*
 * What the emulator chooses where nobody says it: its definition says it aloud. The processors' topology is
 * chosen in argv.c as QEMU does it.
 */
static bool is_default(const Argv *runs, const ArgvOption *planned)
{
        const ArgvOption *smp = argv_next(runs, "smp", NULL);

        if (streq(planned->name, "cpu"))
                return !argv_next(runs, "cpu", NULL) && json_object_object_length(planned->values) == 1;
        if (streq(planned->name, "smp"))
                return smp ? !argv_get(smp, "sockets") && !argv_get(smp, "cores") &&
                                       !argv_get(smp, "threads") &&
                                       streq_ptr(argv_get(smp, "cpus"), argv_get(planned, "cpus")) &&
                                       streq_ptr(argv_get(smp, "maxcpus"), argv_get(planned, "maxcpus"))
                           : streq_ptr(argv_get(planned, "cpus"), "1");
        return streq(planned->name, "audiodev") && !argv_next(runs, "audiodev", NULL) &&
               streq_ptr(argv_get(planned, "driver"), "none");
}

/* Sorted by key. */
typedef struct Line {
        char **parts;
        int r;
} Line;

static void put(Line *line, const char *prefix, const char *key, const char *value)
{
        CLEANUP(free) char *part = text_format("%s%s=%s", prefix, key, value);

        if (line->r >= 0)
                line->r = part ? strv_append(&line->parts, part) : -ENOMEM;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(Line *line, const char *option)
{
        size_t n = strv_length(line->parts);
        char *text = text_format("-%s", option);

        if (n > 1)
                qsort(line->parts, n, sizeof(*line->parts), by_text);
        for (size_t i = 0; i < n && text; i++) {
                char *longer = text_format("%s%s%s", text, i ? "," : " ", line->parts[i]);

                free(text);
                text = longer;
        }
        return text;
}

/* --- what it stands on ----------------------------------------------------------------------------- */

static void put_object(Line *line, const Argv *argv, const char *option, const char *id, const char *prefix,
                       unsigned level);

/* A member that names something else of the command line is replaced by that. */
static void put_member(Line *line, const Argv *argv, const char *kind, const char *prefix, const char *key,
                       const char *value, unsigned level)
{
        static const char *const links[][3] = {
                {"device", "drive", "blockdev"},  {"device", "netdev", "netdev"},
                {"device", "tpmdev", "tpmdev"},   {"tpmdev", "chardev", "tpm-socket"},
                {"device", "chardev", "chardev"}, {"device", "rng", "object"},
                {"device", "fsdev", "fsdev"},     {"node", "file", "blockdev"},
                {"node", "backing", "blockdev"},  {"netdev", "chardev", "chardev"},
                {"file", "file", "blockdev"}};

        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (streq(links[i][0], kind) && streq(links[i][1], key) && level < LEVELS_MAX) {
                        CLEANUP(free) char *longer = text_format("%s%s.", prefix, key);

                        put_object(line, argv, links[i][2], value, longer ?: "", level + 1);
                        return;
                }
        put(line, prefix, key, value);
}

static void put_members(Line *line, const Argv *argv, const ArgvOption *option, const char *kind,
                        const char *prefix, unsigned level)
{
        json_object_object_foreach (option->values, key, value) {
                const char *text = json_object_get_string(value), *inner = startswith(key, "file.");

                if (streq(kind, "node") && inner ? is_silent("file", inner, text)
                                                 : is_silent(kind, key, text))
                        continue;
                put_member(line, argv, kind, prefix, key, text, level);
        }
}

static void put_object(Line *line, const Argv *argv, const char *option, const char *id, const char *prefix,
                       unsigned level)
{
        bool node = streq(option, "blockdev");
        const ArgvOption *found = argv_find(argv, option, node ? "node-name" : "id", id);
        const char *kind = !node ? option : strstr(prefix, "file.") ? "file" : "node";

        if (streq(option, "tpm-socket"))
                return; /* of its own swtpm, wherever that is */
        if (!found) {
                put(line, prefix, "id", id);
                return;
        }
        json_object_object_foreach (found->values, key, value) {
                const char *text = json_object_get_string(value),
                           *inner = node ? startswith(key, "file.") : NULL;

                if (streq(key, "id") ||
                    (inner ? is_silent("file", inner, text) : is_silent(kind, key, text)))
                        continue;
                put_member(line, argv, kind, prefix, key, text, level);
        }
}

/* --- lines ----------------------------------------------------------------------------------------- */

static bool is_used_object(const ArgvOption *option)
{
        const char *type = argv_get(option, "qom-type") ?: "";

        return streq(option->name, "object") &&
               (startswith(type, "rng-") || streq(type, "memory-backend-ram") || streq(type, "secret"));
}

static int memory_line(Line *line, const ArgvOption *m)
{
        const char *size = argv_get(m, "size") ?: "";
        char *end;
        unsigned long long number = strtoull(size, &end, 10);
        char text[24];

        number <<= *end == 'k' || *end == 'K' ? 0 : *end == 'g' || *end == 'G' ? 20 : 10;
        snprintf(text, sizeof(text), "%llu", number);
        put(line, "", "KiB", text);
        return line->r;
}

/* Nobody chose: the disks come first then, as by a definition that says nothing. */
static bool has_boot_order(const Argv *argv)
{
        const ArgvOption *boot = argv_next(argv, "boot", NULL);

        return (boot && argv_get(boot, "order")) || argv_find(argv, "device", "bootindex", NULL);
}

static void drop_boot_order(Line *line)
{
        char **to = line->parts;

        for (char **from = line->parts; from && *from; from++)
                if (startswith(*from, "bootindex="))
                        free(*from);
                else
                        *to++ = *from;
        if (to)
                *to = NULL;
}

static int option_line(const Argv *argv, const ArgvOption *option, bool boot, char **ret)
{
        Line line = {};

        if (streq(option->name, "m"))
                (void)memory_line(&line, option);
        else if (streq(option->name, "device") && !argv_get(option, "id"))
                put(&line, "", "id", "?");
        if (!streq(option->name, "m"))
                put_members(&line, argv, option, option->name, "", 0);
        if (!boot && streq(option->name, "device"))
                drop_boot_order(&line);
        *ret = line.r < 0 ? NULL : join(&line, option->name);
        for (char **part = line.parts; part && *part; part++)
                free(*part);
        free(line.parts);
        return *ret ? 0 : -ENOMEM;
}

static bool is_among(const char *const *names, const char *name)
{
        for (size_t i = 0; names[i]; i++)
                if (streq(names[i], name))
                        return true;
        return false;
}

static bool is_left_out(const ArgvOption *option)
{
        return is_among(argv_silent, option->name) || is_among(left_out, option->name) ||
               is_used_object(option) || (option->done && json_object_object_length(option->values) == 0);
}

/* Of a plan, given what runs; or of what runs, given its plan. */
static int lines_of(const Argv *argv, const Argv *runs, const Argv *planned, char ***ret)
{
        bool boot = !runs || has_boot_order(runs);
        const ArgvOption *smp = planned ? argv_next(planned, "smp", NULL) : NULL;
        int r = 0;

        for (size_t i = 0; i < argv->n && r >= 0; i++) {
                CLEANUP(free) char *line = NULL;

                if (is_left_out(&argv->options[i]) ||
                    (runs && &argv->options[i] == argv_next(argv, argv->options[i].name, NULL) &&
                     is_default(runs, &argv->options[i])))
                        continue;
                if (smp && &argv->options[i] == argv_next(argv, "smp", NULL) && is_default(argv, smp))
                        continue;
                r = option_line(argv, &argv->options[i], boot, &line);
                /* An option of which all is silent. */
                if (r >= 0 && (strchr(line, ' ') || json_object_object_length(argv->options[i].values) == 0))
                        r = strv_append(ret, line);
        }
        return r;
}

/* An ID that one side does not have, and the other made up. */
static bool same_line(const char *a, const char *b)
{
        const char *at = strstr(a, "id=?"), *other, *rest;

        if (streq(a, b))
                return true;
        if (!at || strncmp(a, b, (size_t)(at - a)) != 0)
                return false;
        other = b + (at - a);
        rest = startswith(other, "id=");
        return rest && streq(at + strlen("id=?"), rest + strcspn(rest, ","));
}

static int report(json_object *unmapped, const char *format, const char *line)
{
        CLEANUP(free) char *text = text_format(format, line);

        return text ? json_append_string(unmapped, text) : -ENOMEM;
}

int argv_compare(const Argv *runs, const Argv *planned, json_object *unmapped)
{
        CLEANUP(strv) char **have = NULL, **would = NULL;
        CLEANUP(free) bool *used = NULL;
        size_t n;
        int r = lines_of(runs, NULL, planned, &have);

        if (r >= 0)
                r = lines_of(planned, runs, NULL, &would);
        n = strv_length(would);
        used = calloc(n + 1, sizeof(*used));
        if (r < 0 || !used)
                return -ENOMEM;
        for (char **line = have; r >= 0 && line && *line; line++) {
                size_t i = 0;

                while (i < n && (used[i] || !same_line(*line, would[i])))
                        i++;
                if (i < n)
                        used[i] = true;
                else
                        r = report(unmapped, _("It runs with: %s"), *line);
        }
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!used[i])
                        r = report(unmapped, _("Its definition would add: %s"), would[i]);
        return r;
}
