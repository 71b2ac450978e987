/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One tie against the facts. Each kind tells four outcomes apart: met; unmet (the emulator was asked, and it
 * is not so); unavailable (the question was not or could not be answered, which must never pass for
 * "unmet"); and, for checks alone, not asked. A command that the emulator does not have is an answer: what
 * it would have told is not there.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "feature/tie.h"

#define REASON_MAX 300

static const char *const result_names[] = {
        [TIE_MET] = "met",
        [TIE_UNMET] = "unmet",
        [TIE_NOT_ASKED] = "not-asked",
        [TIE_UNAVAILABLE] = "unavailable",
};

const char *tie_result_name(TieResult result)
{
        return result < ELEMENTSOF(result_names) ? result_names[result] : "?";
}

int evidence_say(Evidence *evidence, TieResult result, const char *format, ...)
{
        va_list args;
        char *detail;
        int r;

        va_start(args, format);
        r = vasprintf(&detail, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        free(evidence->detail);
        evidence->detail = detail;
        evidence->result = result;
        return 0;
}

void evidence_clear(Evidence *evidence)
{
        free(evidence->detail);
        free(evidence->ref);
        *evidence = (Evidence){0};
}

int evidence_copy(const Evidence *from, Evidence *ret)
{
        Evidence copy = *from;

        copy.detail = strdup(from->detail);
        copy.ref = strdup(from->ref);
        if (!copy.detail || !copy.ref) {
                evidence_clear(&copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

/* Why `fact` has no value that could be looked into. */
static int say_missing(Evidence *out, const char *name, const Fact *fact)
{
        CLEANUP(free) char *reason = NULL;
        const char *text = fact && fact->reason ? fact->reason : "";

        reason = text_for_terminal(text, strlen(text), REASON_MAX);
        if (!reason)
                return -ENOMEM;
        if (!fact)
                return evidence_say(out, TIE_UNAVAILABLE, _("%s was not asked."), name);
        switch (fact->status) {
        case FACT_NOT_FOUND:
                return evidence_say(out, TIE_UNAVAILABLE,
                                    _("%s is in the schema, but the emulator does not know it."), name);
        case FACT_REFUSED:
                return evidence_say(out, TIE_UNAVAILABLE, _("The emulator refused %s: %s"), name, reason);
        case FACT_CRASHED:
                return evidence_say(out, TIE_UNAVAILABLE, _("The emulator died when asked %s: %s"), name,
                                    reason);
        case FACT_NOT_ASKED:
                return evidence_say(out, TIE_UNAVAILABLE, _("%s was not asked: %s"), name, reason);
        default:
                return evidence_say(out, TIE_UNAVAILABLE, _("The emulator's answer to %s makes no sense."),
                                    name);
        }
}

static int say_no_command(Evidence *out, const char *command)
{
        return evidence_say(out, TIE_UNMET, _("The emulator has no command %s."), command);
}

/* The value of an answered fact if it is of this type; NULL. */
static json_object *answer(const Fact *fact, enum json_type type)
{
        return fact && fact->status == FACT_ANSWERED && json_object_is_type(fact->value, type) ? fact->value
                                                                                               : NULL;
}

/* The object of an array whose member `key` is `name`; NULL. */
static json_object *find_named(const json_object *array, const char *key, const char *name)
{
        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                json_object *element = json_object_array_get_idx(array, i);

                if (streq_ptr(json_get_string(element, key), name))
                        return element;
        }
        return NULL;
}

/*
 * A boolean that query-qemu-features returns (proposed, never merged upstream; vendors may have it). The
 * member must be in the schema as well, so that it can be told from one that happens to be left out.
 */
static int evaluate_runtime(const Tie *tie, const MusterFacts *facts, Evidence *out)
{
        static const char command[] = "query-qemu-features";
        const Fact *fact = facts_find(facts, command);
        const MusterSchema *schema = muster_facts_schema(facts);
        json_object *value;
        int in_schema;

        if (!schema)
                return evidence_say(
                        out, TIE_UNAVAILABLE,
                        _("The emulator gave no schema that could say whether %s returns \"%s\"."), command,
                        tie->object);
        in_schema = schema_path_eval(schema, tie->paths[0], NULL);
        if (in_schema < 0)
                return in_schema;
        if (!in_schema && ((fact && fact->status == FACT_NOT_FOUND) || !schema_find_root(schema, command)))
                return say_no_command(out, command);
        if (!in_schema)
                return evidence_say(out, TIE_UNMET, _("By the schema, %s does not return \"%s\"."), command,
                                    tie->object);
        if (!answer(fact, json_type_object))
                return say_missing(out, command, fact);
        value = json_get(fact->value, tie->object, json_type_boolean);
        if (!value)
                return evidence_say(out, TIE_UNAVAILABLE,
                                    _("%s returned no boolean \"%s\", though its schema says so."), command,
                                    tie->object);
        if (json_object_get_boolean(value))
                return evidence_say(out, TIE_MET, _("%s returned \"%s\": true."), command, tie->object);
        out->refutes = true;
        return evidence_say(out, TIE_UNMET, _("%s returned \"%s\": false, so the emulator cannot now."),
                            command, tie->object);
}

static int evaluate_option(const Tie *tie, const MusterFacts *facts, Evidence *out)
{
        static const char command[] = "query-command-line-options";
        const Fact *fact = facts_find(facts, command);
        json_object *option;

        if (fact && fact->status == FACT_NOT_FOUND)
                return say_no_command(out, command);
        if (!answer(fact, json_type_array))
                return say_missing(out, command, fact);
        option = find_named(fact->value, "option", tie->object);
        if (!option)
                return evidence_say(out, TIE_UNMET, _("%s has no option -%s."), command, tie->object);
        if (!tie->part)
                return evidence_say(out, TIE_MET, _("There is an option -%s."), tie->object);
        if (!find_named(json_get(option, "parameters", json_type_array), "name", tie->part))
                return evidence_say(out, TIE_UNMET, _("The option -%s has no parameter \"%s\"."),
                                    tie->object, tie->part);
        return evidence_say(out, TIE_MET, _("The option -%s has a parameter \"%s\"."), tie->object,
                            tie->part);
}

static int evaluate_type(const Tie *tie, const MusterFacts *facts, Evidence *out)
{
        static const char command[] = "qom-list-types";
        const Fact *fact = facts_find(facts, command);

        if (fact && fact->status == FACT_NOT_FOUND)
                return say_no_command(out, command);
        if (!answer(fact, json_type_array))
                return say_missing(out, command, fact);
        if (!facts_has_type(facts, tie->object))
                return evidence_say(out, TIE_UNMET, _("There is no type %s."), tie->object);
        return evidence_say(out, TIE_MET, _("There is a type %s."), tie->object);
}

static const Fact *find_properties(const MusterFacts *facts, const char *command, const char *type,
                                   char **ret_name)
{
        free(*ret_name);
        if (asprintf(ret_name, "%s:%s", command, type) < 0) {
                *ret_name = NULL;
                return NULL;
        }
        return facts_find(facts, *ret_name);
}

/* Either command may have been asked: device-list-properties for devices, qom-list-properties for the rest.
 */
static int evaluate_property(const Tie *tie, const MusterFacts *facts, Evidence *out)
{
        static const char *const commands[] = {"device-list-properties", "qom-list-properties"};
        CLEANUP(free) char *name = NULL;
        const Fact *open = NULL;
        bool answered = false;

        if (answer(facts_find(facts, "qom-list-types"), json_type_array) &&
            !facts_has_type(facts, tie->object))
                return evidence_say(out, TIE_UNMET, _("There is no type %s."), tie->object);
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                const Fact *fact = find_properties(facts, commands[i], tie->object, &name);

                if (!name)
                        return -ENOMEM;
                if (answer(fact, json_type_array)) {
                        if (find_named(fact->value, "name", tie->part))
                                return evidence_say(out, TIE_MET, _("The type %s has a property \"%s\"."),
                                                    tie->object, tie->part);
                        answered = true;
                } else if (fact && fact->status != FACT_NOT_FOUND) {
                        open = fact;
                }
        }
        if (!answered && open)
                return say_missing(out, open->name, open);
        if (!answered)
                return evidence_say(out, TIE_UNAVAILABLE, _("The properties of the type %s were not asked."),
                                    tie->object);
        return evidence_say(out, TIE_UNMET, _("The type %s has no property \"%s\"."), tie->object,
                            tie->part);
}

static int say_half_failed(Evidence *out, const json_object *half)
{
        const char *name = json_get_string(half, "name"), *detail = json_get_string(half, "detail");
        CLEANUP(free)
        char *shown_name = text_for_terminal(name ? name : "?", name ? strlen(name) : 1, REASON_MAX);
        CLEANUP(free)
        char *shown = text_for_terminal(detail ? detail : "", detail ? strlen(detail) : 0, REASON_MAX);

        if (!shown_name || !shown)
                return -ENOMEM;
        out->refutes = true;
        return evidence_say(out, TIE_UNMET, _("The check ran, and \"%s\" does not hold: %s"), shown_name,
                            shown);
}

static int evaluate_measured(const Tie *tie, const Feature *feature, const MusterFacts *facts, Evidence *out)
{
        const Fact *fact = facts_find_measured(facts, tie->object);
        json_object *halves;
        size_t n;

        if (!fact)
                return evidence_say(out, TIE_NOT_ASKED,
                                    _("The check has not run; run \"muster verify %s\"."), feature->name);
        halves = json_get(answer(fact, json_type_object), "halves", json_type_array);
        n = halves ? json_object_array_length(halves) : 0;
        if (n == 0)
                return say_missing(out, tie->object, fact);
        for (size_t i = 0; i < n; i++) {
                json_object *half = json_object_array_get_idx(halves, i);

                if (!json_get_bool(half, "met", false))
                        return say_half_failed(out, half);
        }
        return evidence_say(out, TIE_MET,
                            P_("The check ran, and what it promises holds.",
                               "The check ran, and all %zu parts of what it promises hold.", n),
                            n);
}

/* "7.2.22", or with less than three parts, or with a vendor's tail. */
static bool parse_version(const char *text, unsigned ret[3])
{
        char *end;

        for (int i = 0; i < 3; i++) {
                if (!isdigit((unsigned char)*text))
                        return i > 0;
                ret[i] = (unsigned)strtoul(text, &end, 10);
                text = *end == '.' ? end + 1 : end;
        }
        return true;
}

static int compare_versions(const unsigned a[3], const unsigned b[3])
{
        for (int i = 0; i < 3; i++)
                if (a[i] != b[i])
                        return a[i] < b[i] ? -1 : 1;
        return 0;
}

static int evaluate_version(const Tie *tie, const MusterFacts *facts, Evidence *out)
{
        const char *text = muster_facts_version(facts);
        unsigned version[3] = {0};

        if (!text || !parse_version(text, version))
                return evidence_say(out, TIE_UNAVAILABLE, _("The emulator did not tell its version."));
        if (compare_versions(version, tie->from) < 0 || compare_versions(version, tie->to) > 0)
                return evidence_say(out, TIE_UNMET, _("The version %u.%u.%u is outside of it."), version[0],
                                    version[1], version[2]);
        return evidence_say(out, TIE_MET, _("The version %u.%u.%u is within it."), version[0], version[1],
                            version[2]);
}

static int evaluate(const Tie *tie, const Feature *feature, const MusterFacts *facts, Evidence *out)
{
        switch (tie->kind) {
        case TIE_RUNTIME:
                return evaluate_runtime(tie, facts, out);
        case TIE_OPTION:
                return evaluate_option(tie, facts, out);
        case TIE_TYPE:
                return evaluate_type(tie, facts, out);
        case TIE_PROPERTY:
                return evaluate_property(tie, facts, out);
        case TIE_MEASURED:
                return evaluate_measured(tie, feature, facts, out);
        default:
                return evaluate_version(tie, facts, out);
        }
}

int tie_evaluate(const Tie *tie, const Feature *feature, const char *driver, const MusterFacts *facts,
                 Evidence *ret, MusterError **ret_error)
{
        Evidence out = {.tie = tie};
        int r;

        if (tie->kind == TIE_SCHEMA) {
                r = tie_evaluate_schema(tie, feature, driver, facts, &out, ret_error);
        } else {
                r = evaluate(tie, feature, facts, &out);
                out.ref = r < 0 ? NULL : strdup(tie->ref);
                if (r == -EBADMSG)
                        error_set(ret_error, r, _("The emulator's schema makes no sense on the way of %s."),
                                  schema_path_text(tie->paths[0]));
                else if (r < 0 || !out.ref)
                        r = error_oom(ret_error);
        }
        if (r < 0) {
                evidence_clear(&out);
                return r;
        }
        /* That a known fault does not show is no reason against the feature. */
        if (tie->bad)
                out.refutes = false;
        *ret = out;
        return 0;
}
