/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gating.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "emulator/facts.h"
#include "tests/unit/feature/maker.h"

static const char features[] =
        "[dynamic-auto-read-only]\n"
        "summary = reopens\n"
        "governs = blockdev-add driver=file,host_device,host_cdrom member=auto-read-only\n"
        "tie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n"
        "tie = measured auto-read-only-reopens\n";

static const char only_option[] = "[dynamic-auto-read-only]\n"
                                  "summary = reopens\n"
                                  "governs = blockdev-add driver=file member=auto-read-only\n"
                                  "tie = option drive/dynamic\n";

static void remove_feature(json_object *schema)
{
        static const char *const drivers[] = {"file", "host_device", "host_cdrom"};

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                json_object_object_del(maker_branch(schema, "blockdev-add", drivers[i]), "features");
}

static void remove_member(json_object *schema)
{
        json_object *members = json_get(maker_arguments(schema, "blockdev-add"), "members", json_type_array);

        for (size_t i = 0; i < json_object_array_length(members); i++)
                if (streq_ptr(json_get_string(json_object_array_get_idx(members, i), "name"),
                              "auto-read-only"))
                        json_object_array_del_idx(members, i, 1);
}

void emulator_make(Emulator *emulator, const char *name, Flag flag)
{
        json_object *schema = maker_schema(name);
        const FactRow rows[] = {{"query-command-line-options", FACT_CRASHED, NULL, "it died"}, {}};
        CLEANUP(MusterError) MusterError *error = NULL;

        if (flag == FLAG_REMOVED || flag == MEMBER_REMOVED)
                remove_feature(schema);
        if (flag == MEMBER_REMOVED)
                remove_member(schema);
        emulator->catalogue = maker_catalogue(flag == FLAG_UNKNOWN ? only_option : features);
        emulator->facts = maker_facts(schema, "7.2.0", flag == FLAG_UNKNOWN ? rows : NULL);
        if (muster_verdicts_new(emulator->catalogue, emulator->facts, MUSTER_TRUST_MEASURED,
                                &emulator->verdicts, &error) < 0)
                fail_msg("%s", muster_error_message(error));
}

void emulator_clear(Emulator *emulator)
{
        muster_verdicts_unref(emulator->verdicts);
        muster_facts_unref(emulator->facts);
        muster_catalogue_unref(emulator->catalogue);
}

MusterGateResult *gate_result(const Emulator *emulator, const MusterGateRequest *request,
                              const GateLaunch *launch)
{
        const GateLaunch own = {.conditions = request->launch};
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterGateResult *result = NULL;
        int r = gate_decide(emulator->verdicts, request, launch ? launch : &own, &result, &error);

        if (r < 0)
                fail_msg("%d %s", r, muster_error_message(error));
        return result;
}

static char *format(const char *prefix, const char *text)
{
        char *ret;

        assert_true(asprintf(&ret, "%s%s", prefix, text) > 0);
        return ret;
}

char *gate_text(const Emulator *emulator, const MusterGateRequest *request, const GateLaunch *launch)
{
        const GateLaunch own = {.conditions = request->launch};
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        int r = gate_decide(emulator->verdicts, request, launch ? launch : &own, &result, &error);

        if (r < 0) {
                assert_null(result);
                assert_int_equal(muster_error_code(error), r);
                return format("error: ", muster_error_message(error));
        }
        if (result->decision == MUSTER_DECISION_REFUSED) {
                assert_int_equal(json_object_array_length(result->arguments), 0);
                return format("refused: ", result->reason);
        }
        return format(result->decision == MUSTER_DECISION_FALLBACK ? "fallback: " : "",
                      json_object_to_json_string_ext(
                              result->arguments, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}
