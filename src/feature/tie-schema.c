/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Schema ties: paths into query-qmp-schema, for the driver in question. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/tie.h"

static bool is_one_of(char *const *drivers, const char *name, size_t size)
{
        for (; *drivers; drivers++)
                if (strncmp(*drivers, name, size) == 0 && !(*drivers)[size])
                        return true;
        return false;
}

bool feature_governs_driver(const Feature *feature, const char *name, size_t size)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                if (is_one_of(feature->governs[i].drivers, name, size))
                        return true;
        return false;
}

bool feature_has_drivers(const Feature *feature)
{
        for (size_t i = 0; i < feature->n_governs; i++)
                if (feature->governs[i].drivers[0])
                        return true;
        return false;
}

/* The next component `+D` of a governed driver at or behind `at`; NULL. */
static const char *governed_case(const Feature *feature, const char *at, size_t *ret_size)
{
        for (at = strchr(at, '/'); at; at = strchr(at, '/')) {
                at++;
                *ret_size = strcspn(at, "/");
                if (*at == '+' && feature_governs_driver(feature, at + 1, *ret_size - 1))
                        return at + 1;
        }
        return NULL;
}

/* One `+D` that is not yet `+driver`, to free(); NULL. */
static int other_case(const SchemaPath *path, const Feature *feature, const char *driver, char **ret)
{
        const char *at = schema_path_text(path);
        size_t size;

        while ((at = governed_case(feature, at, &size))) {
                if (strlen(driver) == size - 1 && strncmp(at, driver, size - 1) == 0)
                        continue;
                *ret = strndup(at, size - 1);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}

int tie_path_for_driver(const SchemaPath *path, const Feature *feature, const char *driver, SchemaPath **ret)
{
        CLEANUP(SchemaPath) SchemaPath *changed = NULL;
        size_t size;

        if (!driver || !governed_case(feature, schema_path_text(path), &size)) {
                *ret = NULL;
                return 0;
        }
        for (;;) {
                CLEANUP(free) char *other = NULL;
                SchemaPath *next;
                int r;

                r = other_case(changed ? changed : path, feature, driver, &other);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = schema_path_with_case(changed ? changed : path, other, driver, &next);
                if (r < 0)
                        return r;
                schema_path_free(changed);
                changed = next;
        }
        *ret = TAKE(changed);
        return 1;
}

static int say_feature(const MusterSchema *schema, const SchemaHit *hit, Evidence *out)
{
        const SchemaEntity *entity = schema_entity(schema, hit->entity);

        if (hit->member)
                return evidence_say(out, TIE_MET, _("The member \"%s\" carries the feature \"%s\"."),
                                    hit->member->name, hit->feature);
        if (hit->value)
                return evidence_say(out, TIE_MET, _("The value \"%s\" carries the feature \"%s\"."),
                                    hit->value->name, hit->feature);
        if (entity && (entity->meta == SCHEMA_COMMAND || entity->meta == SCHEMA_EVENT))
                return evidence_say(out, TIE_MET, _("The %s %s carries the feature \"%s\"."),
                                    schema_meta_name(entity->meta), entity->name, hit->feature);
        return evidence_say(out, TIE_MET, _("The type at this path carries the feature \"%s\"."),
                            hit->feature);
}

static int say_hit(const MusterSchema *schema, const SchemaHit *hit, Evidence *out)
{
        const SchemaEntity *entity = schema_entity(schema, hit->entity);

        switch (hit->kind) {
        case SCHEMA_HIT_FEATURE:
                return say_feature(schema, hit, out);
        case SCHEMA_HIT_MEMBER:
                return evidence_say(out, TIE_MET,
                                    hit->member->optional ? _("There is an optional member \"%s\".")
                                                          : _("There is a mandatory member \"%s\"."),
                                    hit->member->name);
        case SCHEMA_HIT_VARIANT:
                return evidence_say(out, TIE_MET, _("There is a branch \"%s\"."),
                                    hit->variant->case_name ? hit->variant->case_name : "?");
        case SCHEMA_HIT_VALUE:
                return evidence_say(out, TIE_MET, _("There is a value \"%s\"."), hit->value->name);
        default:
                if (entity && (entity->meta == SCHEMA_COMMAND || entity->meta == SCHEMA_EVENT))
                        return evidence_say(out, TIE_MET, _("There is a %s of this name."),
                                            schema_meta_name(entity->meta));
                return evidence_say(out, TIE_MET, _("The path leads to an entry."));
        }
}

static int say_unmet(const MusterSchema *schema, const SchemaPath *path, Evidence *out)
{
        CLEANUP(free) char *text = NULL;
        size_t met;
        int r;

        r = schema_path_explain(schema, path, &met, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !text)
                return evidence_say(out, TIE_UNMET, _("The schema has no such entry."));
        return evidence_say(out, TIE_UNMET, "%s", text);
}

static int append_ref(Evidence *out, const SchemaPath *path)
{
        char *joined;

        if (asprintf(&joined, "%s%s%s", out->ref ? out->ref : "", out->ref ? " & " : "",
                     schema_path_text(path)) < 0)
                return -ENOMEM;
        free(out->ref);
        out->ref = joined;
        return 0;
}

/* One path of the tie. What an earlier one left unmet stays so. */
static int evaluate_path(const SchemaPath *path, const MusterSchema *schema, Evidence *out,
                         MusterError **ret_error)
{
        SchemaHit hit;
        int r;

        if (append_ref(out, path) < 0)
                return error_oom(ret_error);
        if (out->detail && out->result != TIE_MET)
                return 0;
        if (!schema) {
                r = evidence_say(out, TIE_UNAVAILABLE, _("The emulator gave no schema."));
                return r < 0 ? error_oom(ret_error) : 0;
        }
        r = schema_path_eval(schema, path, &hit);
        if (r < 0)
                return error_set(ret_error, r, _("The emulator's schema makes no sense on the way of %s."),
                                 schema_path_text(path));
        r = r > 0 ? say_hit(schema, &hit, out) : say_unmet(schema, path, out);
        return r < 0 ? error_oom(ret_error) : 0;
}

int tie_evaluate_schema(const Tie *tie, const Feature *feature, const char *driver, const MusterFacts *facts,
                        Evidence *out, MusterError **ret_error)
{
        for (size_t i = 0; i < tie->n_paths; i++) {
                CLEANUP(SchemaPath) SchemaPath *changed = NULL;
                int r;

                r = tie_path_for_driver(tie->paths[i], feature, driver, &changed);
                if (r < 0)
                        return error_oom(ret_error);
                if (r > 0)
                        out->driver = driver;
                r = evaluate_path(changed ? changed : tie->paths[i], muster_facts_schema(facts), out,
                                  ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* 1 met, 0 unmet; of COMMAND/arg-type/+CASE. */
static int command_has_case(const MusterSchema *schema, const char *command, const char *name,
                            MusterError **ret_error)
{
        CLEANUP(SchemaPath) SchemaPath *path = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        if (asprintf(&text, "%s/arg-type/+%s", command, name) < 0) {
                text = NULL;
                return error_oom(ret_error);
        }
        r = schema_path_parse(text, &path, ret_error);
        if (r < 0)
                return r;
        r = schema_path_eval(schema, path, NULL);
        if (r < 0)
                return error_set(ret_error, r, _("The emulator's schema makes no sense on the way of %s."),
                                 text);
        return r;
}

/* The command that has branches, but none for `driver`; NULL where one has it, or none has branches. */
static int command_without_driver(const MusterSchema *schema, const Feature *feature, const char *driver,
                                  const char **ret, MusterError **ret_error)
{
        const char *without = NULL;
        int r;

        for (size_t i = 0; i < feature->n_governs; i++) {
                const char *command = feature->governs[i].command;

                if (!strv_contains(feature->governs[i].drivers, driver))
                        continue;
                r = command_has_case(schema, command, driver, ret_error);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret = NULL;
                        return 0;
                }
                r = command_has_case(schema, command, "*", ret_error);
                if (r < 0)
                        return r;
                if (r > 0 && !without)
                        without = command;
        }
        *ret = without;
        return 0;
}

int driver_evaluate(const Feature *feature, const char *driver, const MusterFacts *facts, Evidence *ret,
                    MusterError **ret_error)
{
        static const Tie driver_tie = {.kind = TIE_SCHEMA};
        const MusterSchema *schema = muster_facts_schema(facts);
        Evidence out = {.tie = &driver_tie, .refutes = true, .driver = driver};
        const char *command;
        int r;

        if (!schema)
                return 0;
        r = command_without_driver(schema, feature, driver, &command, ret_error);
        if (r < 0 || !command)
                return r;
        if (asprintf(&out.ref, "%s/arg-type/+%s", command, driver) < 0)
                return error_oom(ret_error);
        r = evidence_say(&out, TIE_UNMET,
                         _("%s has no driver \"%s\" in this emulator: it was built without, or its "
                           "module is not installed."),
                         command, driver);
        if (r < 0) {
                evidence_clear(&out);
                return error_oom(ret_error);
        }
        *ret = out;
        return 1;
}
