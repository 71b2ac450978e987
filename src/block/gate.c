/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"

/*
 * The gate: an intent, or a tree, and the verdicts on an emulator, to the arguments of blockdev-add, or a
 * refusal with its reason. A pure function: all that it knows comes in by its parameters.
 *
 * What it relies on was measured on QEMU 5.2, 7.2, 10.0 and 11.1 and their storage daemons, which agree:
 *
 *  - a `file` node with auto-read-only is open O_RDONLY, O_RDWR while a writer is attached, O_RDONLY after;
 *    `read-only: true` beside it wins, `read-only: false` beside it changes nothing;
 *  - `raw` (and `luks`) above it passes on what is asked of it, with `read-only: false` or `auto-read-only:
 * true` alike;
 *  - a writable `qcow2` node takes write permission on its file at once and for good, with auto-read-only
 * too; so on demand it must be `read-only: true` over the reopening storage node, as libvirt adds backing
 *    images, and the writer is whoever makes it writable: a block job, or blockdev-reopen;
 *  - a backing image so added is opened read-write by block-commit, as long as the job runs.
 *
 * disk.c makes the nodes of an intent, tree.c judges a tree, conditions.c weighs how the emulator runs.
 */

int gate_note(Gate *gate, const char *format, ...)
{
        CLEANUP(free) char *text = NULL;
        va_list args;

        va_start(args, format);
        text = text_vformat(format, args);
        va_end(args);
        if (!text)
                return -ENOMEM;
        return json_append_string(gate->result->notes, text);
}

int gate_refuse(Gate *gate, char *reason)
{
        json_object *none = json_object_new_array();

        if (!reason || !none) {
                free(reason);
                json_object_put(none);
                return -ENOMEM;
        }
        free(gate->result->reason);
        gate->result->reason = reason;
        gate->result->decision = MUSTER_DECISION_REFUSED;
        json_object_put(gate->result->arguments);
        gate->result->arguments = none;
        return 0;
}

GateCoverage gate_coverage(const Gate *gate, const char *driver)
{
        int verdict = muster_verdict(gate->verdicts, GATE_FEATURE, driver);

        /* Without the feature in the catalogue nothing can be said of it. */
        if (verdict < 0)
                return GATE_UNKNOWN;
        if (!verdicts_find(gate->verdicts, GATE_FEATURE, driver))
                return GATE_UNGOVERNED;
        if (verdict == MUSTER_VERDICT_UNKNOWN)
                return GATE_UNKNOWN;
        /* A verdict for a member that is not there cannot be acted upon. */
        if (verdict == MUSTER_VERDICT_ABSENT || !block_driver_member(&gate->block, driver, "auto-read-only"))
                return GATE_ABSENT;
        return GATE_COVERED;
}

int gate_add_evidence(Gate *gate, const char *driver)
{
        const Judgement *judgement = verdicts_find(gate->verdicts, GATE_FEATURE, driver);
        CLEANUP(json) json_object *evidence = NULL;

        if (!judgement)
                return 0;
        evidence = judgement_evidence_to_json(judgement);
        if (!evidence)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(evidence); i++)
                if (json_append(gate->result->evidence,
                                json_object_get(json_object_array_get_idx(evidence, i))) < 0)
                        return -ENOMEM;
        return 0;
}

/* "schema blockdev-add/…, measured auto-read-only-reopens": what would have made the verdict `present`. */
static char *unmet_ties(const Judgement *judgement)
{
        CLEANUP(free) char *list = strdup("");

        for (size_t i = 0; list && judgement && i < judgement->n_evidence; i++) {
                const Evidence *evidence = judgement->evidence + i;
                char *longer;

                /* A known-bad case is of interest where it is met. */
                if ((evidence->result == TIE_MET) != evidence->tie->bad)
                        continue;
                if (asprintf(&longer, "%s%s%s %s", list, *list ? ", " : "",
                             tie_kind_name(evidence->tie->kind),
                             evidence->ref ? evidence->ref : evidence->tie->ref) < 0)
                        return NULL;
                free(list);
                list = longer;
        }
        return TAKE(list);
}

char *gate_explain_uncovered(const Gate *gate, const char *driver)
{
        const Judgement *judgement = verdicts_find(gate->verdicts, GATE_FEATURE, driver);
        CLEANUP(free) char *unmet = unmet_ties(judgement);
        const char *verdict;
        char *text;
        int r;

        if (!unmet)
                return NULL;
        if (!judgement && muster_verdict(gate->verdicts, GATE_FEATURE, NULL) < 0)
                r = asprintf(&text,
                             _("The catalogue has no feature %s, so nothing tells whether '%s' reopens on "
                               "demand; "
                               "use the shipped catalogue, or allow a fallback (--fallback rw or ro)."),
                             GATE_FEATURE, driver);
        else if (!judgement)
                r = asprintf(
                        &text,
                        _("Driver '%s' does not reopen on demand: %s does not govern it, and auto-read-only "
                          "is "
                          "decided once, as the image is opened; allow a fallback (--fallback rw or ro)."),
                        driver, GATE_FEATURE);
        else {
                verdict = muster_verdict_name(judgement->verdict);
                r = asprintf(
                        &text,
                        _("Driver '%s' of this emulator is not known to reopen on demand: %s is %s; unmet: "
                          "%s. "
                          "Run `muster verify %s` on this binary, use a newer emulator, or allow a fallback "
                          "(--fallback rw or ro)."),
                        driver, GATE_FEATURE, verdict,
                        *unmet ? unmet : _("the member auto-read-only itself"), GATE_FEATURE);
        }
        return r < 0 ? NULL : text;
}

/* --- the schema's word -------------------------------------------------------------------------- */

static int take_fault(Gate *gate, const json_object *fault, bool notes, char **ret_fault)
{
        const char *path = json_get_string(fault, "path"), *message = json_get_string(fault, "message");
        bool error = streq_ptr(json_get_string(fault, "severity"), "error");

        if (error && ret_fault && !*ret_fault &&
            asprintf(ret_fault, "%s: %s", path ? path : "?", message ? message : "?") < 0) {
                *ret_fault = NULL;
                return -ENOMEM;
        }
        if (error && !notes)
                return 0;
        return gate_note(gate, "%s: %s", path ? path : "?", message ? message : "?");
}

int gate_check(Gate *gate, const json_object *arguments, bool notes, char **ret_fault)
{
        CLEANUP(free) char *text = json_to_text(arguments);
        CLEANUP(free) char *json = NULL;
        CLEANUP(free) char *first = NULL;
        CLEANUP(json) json_object *faults = NULL;
        int n, r;

        if (!text)
                return error_oom(gate->ret_error);
        n = muster_schema_check(gate->block.schema, "blockdev-add", text, &json, gate->ret_error);
        if (n < 0)
                return n;
        r = json ? json_parse(json, strlen(json), &faults) : 0;
        for (size_t i = 0; r >= 0 && faults && i < json_object_array_length(faults); i++)
                r = take_fault(gate, json_object_array_get_idx(faults, i), notes, &first);
        if (r < 0)
                return error_errno(gate->ret_error, r, "schema check");
        HAND_OVER(ret_fault, first);
        return n;
}

/* --- the result --------------------------------------------------------------------------------- */

static int result_new(MusterGateResult **ret)
{
        CLEANUP(MusterGateResult) MusterGateResult *result = calloc(1, sizeof(*result));

        if (!result)
                return -ENOMEM;
        result->arguments = json_object_new_array();
        result->evidence = json_object_new_array();
        result->notes = json_object_new_array();
        if (!result->arguments || !result->evidence || !result->notes)
                return -ENOMEM;
        *ret = TAKE(result);
        return 0;
}

/* A record of a running emulator does not tell how that process was started. */
static int note_unweighed(Gate *gate)
{
        if (gate->launch->weighed || !verdicts_facts(gate->verdicts)->connected)
                return 0;
        return gate_note(gate,
                         _("How the running emulator was started (-runas, -chroot, fd sets) is weighed by "
                           "`muster blockdev-add`, not here."));
}

int gate_decide(const MusterVerdicts *verdicts, const MusterGateRequest *request, const GateLaunch *launch,
                MusterGateResult **ret, MusterError **ret_error)
{
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        Gate gate = {.verdicts = verdicts, .request = request, .launch = launch, .ret_error = ret_error};
        int r;

        r = block_schema_init(muster_facts_schema(verdicts_facts(verdicts)), &gate.block, ret_error);
        if (r < 0)
                return r;
        r = result_new(&result);
        if (r < 0)
                return error_oom(ret_error);
        result->access = request->access;
        gate.result = result;
        r = note_unweighed(&gate);
        if (r >= 0)
                r = request->tree ? gate_tree(&gate) : gate_disk(&gate);
        if (r == -ENOMEM)
                return ret_error && *ret_error ? r : error_oom(ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(result);
        return 0;
}

_public_ int muster_gate(const MusterVerdicts *verdicts, const MusterGateRequest *request,
                         MusterGateResult **ret, MusterError **ret_error)
{
        const MusterFacts *facts = verdicts_facts(verdicts);
        const GateLaunch launch = {
                .conditions = request->launch | facts->launch,
                .weighed = facts->launch_known,
        };

        return gate_decide(verdicts, request, &launch, ret, ret_error);
}

_public_ MusterGateResult *muster_gate_result_free(MusterGateResult *result)
{
        if (!result)
                return NULL;
        json_object_put(result->arguments);
        json_object_put(result->evidence);
        json_object_put(result->notes);
        free(result->reason);
        free(result);
        return NULL;
}

_public_ MusterDecision muster_gate_result_decision(const MusterGateResult *result)
{
        return result->decision;
}

static const char *decision_name(MusterDecision decision)
{
        return decision == MUSTER_DECISION_ALLOWED    ? "allowed"
               : decision == MUSTER_DECISION_FALLBACK ? "fallback"
                                                      : "refused";
}

_public_ int muster_gate_result_describe(const MusterGateResult *result, char **ret_json,
                                         MusterError **ret_error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        char *text;

        if (!object || json_add_string(object, "decision", decision_name(result->decision)) < 0 ||
            json_add_string(object, "access", access_name(result->access)) < 0 ||
            json_add(object, "arguments", json_object_get(result->arguments)) < 0 ||
            json_add(object, "evidence", json_object_get(result->evidence)) < 0 ||
            json_add(object, "notes", json_object_get(result->notes)) < 0 ||
            (result->reason && json_add_string(object, "reason", result->reason) < 0))
                return error_oom(ret_error);
        text = json_to_text(object);
        if (!text)
                return error_oom(ret_error);
        *ret_json = text;
        return 0;
}
