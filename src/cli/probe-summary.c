/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/probe.h"

json_object *probe_to_json(const Session *session, MusterError **ret_error)
{
        CLEANUP(free) char *emulator_text = NULL;
        CLEANUP(free) char *features_text = NULL;
        CLEANUP(json) json_object *object = json_object_new_object(), *emulator = NULL, *features = NULL;

        if (muster_facts_describe(session->facts, &emulator_text, ret_error) < 0 ||
            muster_verdicts_describe(session->verdicts, &features_text, ret_error) < 0)
                return NULL;
        if (!object || json_parse(emulator_text, strlen(emulator_text), &emulator) < 0 ||
            json_parse(features_text, strlen(features_text), &features) < 0 ||
            json_add(object, "emulator", TAKE(emulator)) < 0 ||
            json_add(object, "features", TAKE(features)) < 0 ||
            json_add_bool(object, "cached", session->info.cached) < 0 ||
            json_add_int(object, "spawned", session->info.spawned) < 0) {
                error_oom(ret_error);
                return NULL;
        }
        return TAKE(object);
}

static json_object *fact(json_object *facts, const char *scope, const char *command, enum json_type type)
{
        json_object *section = json_get(facts, scope, json_type_object);

        return json_get(json_get(section, command, json_type_object), "value", type);
}

static int add_count(json_object *counts, const char *key, json_object *array)
{
        return array ? json_add_int(counts, key, (int64_t)json_object_array_length(array)) : 0;
}

json_object *probe_counts(const Session *session, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *counts = json_object_new_object(), *facts = NULL;
        json_object *device;
        int r;

        if (muster_facts_to_json(session->facts, &text, ret_error) < 0)
                return NULL;
        r = counts ? json_parse(text, strlen(text), &facts) : -ENOMEM;
        if (r >= 0)
                r = add_count(counts, "machines",
                              fact(facts, "portable", "query-machines", json_type_array));
        if (r >= 0)
                r = add_count(counts, "cpus", fact(facts, "host", "query-cpu-definitions", json_type_array));
        if (r >= 0)
                r = add_count(counts, "types", fact(facts, "portable", "qom-list-types", json_type_array));
        device = fact(facts, "host", "kvm-device", json_type_object);
        if (r >= 0 && device)
                r = json_add(counts, "kvm-device", json_object_get(device));
        device = fact(facts, "host", "query-kvm", json_type_object);
        if (r >= 0 && device)
                r = json_add(counts, "kvm", json_object_get(device));
        if (r < 0) {
                error_oom(ret_error);
                return NULL;
        }
        return TAKE(counts);
}

static void say_modules(json_object *modules)
{
        const char *fingerprint = json_get_string(modules, "fingerprint");
        CLEANUP(free) char *text = NULL;
        long long n = json_get_int(modules, "count", 0);

        if (modules && asprintf(&text, P_("%lld in %s (%.12s)", "%lld in %s (%.12s)", (unsigned long)n), n,
                                json_get_string(modules, "directory") ?: "?", fingerprint ?: "") < 0)
                text = NULL;
        say_field(_("modules"), text ?: _("none"));
}

static void say_emulator(json_object *emulator)
{
        const char *package = json_get_string(emulator, "package"),
                   *path = json_get_string(emulator, "path");
        const char *executable = json_get_string(emulator, "executable");
        bool daemon = streq_ptr(json_get_string(emulator, "kind"), "storage-daemon");

        say_styled(STYLE_BOLD, "%s\n", path ?: "?");
        say_field(_("what"), daemon ? _("storage daemon") : _("system emulator"));
        say_field(_("version"), json_get_string(emulator, "version"));
        say_field(_("package"), package);
        say_field(_("target"), json_get_string(emulator, "target"));
        say_field(_("executable"), executable);
        if (json_get_bool(emulator, "deleted", false))
                say_field_styled(STYLE_OPEN, "", _("deleted or replaced since it started"));
        say_field(_("digest"), json_get_string(emulator, "digest"));
        say_modules(json_get(emulator, "modules", json_type_object));
}

static void say_kvm(json_object *counts)
{
        json_object *device = json_get(counts, "kvm-device", json_type_object);
        json_object *kvm = json_get(counts, "kvm", json_type_object);
        const char *why = json_get_string(device, "why");
        CLEANUP(free) char *text = NULL;
        bool built_in = json_get_bool(kvm, "present", false),
             usable = json_get_bool(device, "usable", false);

        if (!kvm)
                return;
        if (asprintf(&text, "%s%s%s", built_in ? _("built in") : _("not built in"), built_in ? ", " : "",
                     !built_in ? ""
                     : usable  ? _("usable here")
                               : _("not usable here")) < 0) {
                text = NULL;
                return;
        }
        say_field(_("KVM"), text);
        if (built_in && !usable && why)
                say_field_styled(STYLE_DIM, "", why);
}

static void say_count(json_object *counts, const char *key, const char *label)
{
        CLEANUP(free) char *text = NULL;

        if (!json_get(counts, key, json_type_int))
                return;
        if (asprintf(&text, "%lld", (long long)json_get_int(counts, key, 0)) < 0)
                text = NULL;
        say_field(label, text);
}

static void count_verdicts(json_object *features, unsigned ret_counts[static 3])
{
        json_object *feature;

        for (size_t i = 0; (feature = array_object(features, i)); i++) {
                const char *verdict = json_get_string(feature, "verdict");

                ret_counts[streq_ptr(verdict, "present") ? 0 : streq_ptr(verdict, "absent") ? 1 : 2]++;
        }
}

static void say_features_counts(json_object *features)
{
        unsigned counts[3] = {0};
        CLEANUP(free) char *text = NULL;

        count_verdicts(features, counts);
        if (asprintf(&text, _("%u present, %u absent, %u unknown"), counts[0], counts[1], counts[2]) < 0)
                text = NULL;
        say_field(_("features"), text);
}

static json_object *find_feature(json_object *features, const char *name)
{
        json_object *feature;

        for (size_t i = 0; (feature = array_object(features, i)); i++)
                if (streq_ptr(json_get_string(feature, "name"), name))
                        return feature;
        return NULL;
}

/* The feature's verdict, by driver where it names drivers, and every tie. */
static void say_feature(json_object *feature)
{
        json_object *drivers = json_get(feature, "drivers", json_type_object);
        const char *verdict = json_get_string(feature, "verdict");

        say("\n");
        say_styled(STYLE_BOLD, "%s", json_get_string(feature, "name") ?: "");
        say(": ");
        say_styled(verdict_style(verdict), "%s\n", verdict_word(verdict));
        say_wrapped(json_get_string(feature, "summary") ?: "", 2, text_width());
        say_wrapped(json_get_string(feature, "why") ?: "", 2, text_width());
        if (drivers) {
                json_object_object_foreach (drivers, driver, value) {
                        const char *word = json_object_get_string(value);

                        say_field_styled(verdict_style(word), driver, verdict_word(word));
                }
        }
        say_ties(json_get(feature, "evidence", json_type_array), 2);
}

void say_probed(json_object *probed, json_object *counts)
{
        json_object *features = json_get(probed, "features", json_type_array);
        json_object *founding = find_feature(features, FOUNDING_FEATURE);

        say_emulator(json_get(probed, "emulator", json_type_object));
        say_kvm(counts);
        say_count(counts, "machines", _("machines"));
        say_count(counts, "cpus", _("CPU models"));
        say_count(counts, "types", _("QOM types"));
        say_features_counts(features);
        if (founding)
                say_feature(founding);
}
