/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "maker.h"

static json_object *explain_json(const char *features, json_object *schema, const FactRow *facts_rows,
                                 const char *driver)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(facts) MusterFacts *facts = maker_facts(schema, "7.2.22", facts_rows);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *text = NULL;

        catalogue = maker_catalogue(features);
        assert_int_equal(muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, &error), 0);
        if (muster_explain(verdicts, "f", driver, &text, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return maker_json(text);
}

/* The row for (command, driver), NULL. With doubles the test fails. */
static json_object *find_row(json_object *explained, const char *command, const char *driver)
{
        json_object *reach = json_get(explained, "reach", json_type_array), *found = NULL;

        assert_non_null(reach);
        for (size_t i = 0; i < json_object_array_length(reach); i++) {
                json_object *row = json_object_array_get_idx(reach, i);

                assert_non_null(json_get_string(row, "path"));
                assert_non_null(json_get_string(row, "reason"));
                assert_non_null(json_get(row, "covered", json_type_boolean));
                if (!streq_ptr(json_get_string(row, "command"), command) ||
                    !streq_ptr(json_get_string(row, "driver"), driver))
                        continue;
                assert_null(found);
                found = row;
        }
        return found;
}

static void assert_row(json_object *explained, const char *command, const char *driver, bool covered,
                       const char *reason)
{
        json_object *row = find_row(explained, command, driver);

        if (!row)
                fail_msg("no row %s %s in %s", command, driver ? driver : "-",
                         json_object_to_json_string(explained));
        if (json_get_bool(row, "covered", !covered) != covered ||
            !strstr(json_get_string(row, "reason"), reason))
                fail_msg("%s", json_object_to_json_string(row));
}

#define DYNAMIC                                                                                             \
        "[f]\nsummary = s\nsince = 1\ngoverns = blockdev-add driver=file,host_device,host_cdrom "           \
        "member=auto-read-only\n"                                                                           \
        "tie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n"                                \
        "tie = schema blockdev-add/arg-type/$dynamic-auto-read-only\n"                                      \
        "tie = schema blockdev-add/$dynamic-auto-read-only\n"                                               \
        "tie = schema blockdev-add/arg-type/dynamic-auto-read-only\n"                                       \
        "tie = runtime rt\n"

static const char *const drivers[] = {"file", "host_device", "host_cdrom"};

/* 7.2: the flag is on the type that three drivers share; every command that takes it is found, and no other.
 */
static void test_type(void **state)
{
        CLEANUP(json) json_object *e = explain_json(DYNAMIC, maker_schema("7.2-x86_64"), NULL, NULL);
        json_object *tie = json_object_array_get_idx(json_get(e, "ties", json_type_array), 0);

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                assert_row(e, "blockdev-add", drivers[i], true, "very type");
                assert_row(e, "blockdev-reopen", drivers[i], true, "very type");
                assert_row(e, "blockdev-create", drivers[i], true, "very type");
                assert_row(e, "-blockdev", drivers[i], true, "shares the syntax of blockdev-add");
                assert_row(e, "qemu-img create", drivers[i], false, "another program");
                assert_row(e, "qemu-img --image-opts", drivers[i], false, "another program");
        }
        assert_string_equal(json_get_string(find_row(e, "-blockdev", "file"), "shares"), "blockdev-add");
        assert_null(json_get_string(find_row(e, "blockdev-add", "file"), "shares"));
        assert_string_equal(json_get_string(find_row(e, "blockdev-add", "host_cdrom"), "path"),
                            "blockdev-add/arg-type/+host_cdrom");
        assert_null(find_row(e, "blockdev-add", "nbd"));
        assert_null(find_row(e, "quit", NULL));

        assert_string_equal(json_get_string(e, "verdict"), "present");
        assert_non_null(json_get_string(e, "why"));
        assert_string_equal(json_get_string(tie, "kind"), "schema");
        assert_int_equal(json_get_int(tie, "line", 0), 5);
        assert_string_equal(
                json_get_string(json_object_array_get_idx(json_get(e, "governs", json_type_array), 0),
                                "member"),
                "auto-read-only");
        assert_non_null(strstr(json_get_string(e, "origin"), ":1"));
}

static void test_old_name(void **state)
{
        CLEANUP(json) json_object *e = explain_json(DYNAMIC, maker_schema("5.2-x86_64"), NULL, NULL);

        assert_row(e, "x-blockdev-reopen", "host_device", true, "very type");
        assert_null(find_row(e, "blockdev-reopen", "host_device"));
}

static void test_one_driver(void **state)
{
        CLEANUP(json)
        json_object *e = explain_json(DYNAMIC, maker_schema("7.2-x86_64"), NULL, "file"),
                    *none = explain_json(DYNAMIC, maker_schema("7.2-x86_64"), NULL, "nbd");

        assert_row(e, "blockdev-add", "file", true, "very type");
        assert_row(e, "blockdev-add", "host_device", true, "very type");
        assert_string_equal(json_get_string(none, "verdict"), "absent");
        assert_int_equal(json_object_array_length(json_get(none, "reach", json_type_array)), 0);
        assert_non_null(strstr(json_get_string(none, "why"), "nbd"));
}

/* The type is shared with drivers that the feature does not speak of. */
static void test_ungoverned_branch(void **state)
{
        CLEANUP(json)
        json_object *e = explain_json("[f]\nsummary = s\ngoverns = blockdev-add driver=file\n"
                                      "tie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n",
                                      maker_schema("7.2-x86_64"), NULL, NULL);

        assert_row(e, "blockdev-add", "file", true, "very type");
        assert_row(e, "blockdev-add", "host_device", false, "does not govern the driver \"host_device\"");
}

/* The type with the tied member is one of the driver's own options, not the driver's branch itself. */
static void test_nested(void **state)
{
        CLEANUP(json)
        json_object *e = explain_json("[f]\nsummary = s\ngoverns = blockdev-add driver=qcow2\n"
                                      "tie = schema blockdev-add/arg-type/+qcow2/encrypt/+luks/key-secret\n",
                                      maker_schema("7.2-x86_64"), NULL, NULL);

        assert_row(e, "blockdev-add", "qcow2", true, "very type");
        assert_row(e, "-blockdev", "qcow2", true, "shares");
}

/* Its options have two dashes, and it has no devices. */
static void test_storage_daemon(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = maker_catalogue(DYNAMIC);
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_schema("7.2-storage-daemon"), "7.2.22", NULL);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(json) json_object *e = NULL;
        CLEANUP(free) char *text = NULL;

        facts->kind = MUSTER_EMULATOR_STORAGE_DAEMON;
        assert_int_equal(muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, NULL), 0);
        assert_int_equal(muster_explain(verdicts, "f", NULL, &text, NULL), 0);
        e = maker_json(text);
        assert_row(e, "--blockdev", "host_device", true, "shares");
        assert_null(find_row(e, "-blockdev", "host_device"));
}

/* Built for another system: the flag is not there, so the same ways come out and none is covered. */
static void test_absent(void **state)
{
        json_object *schema = maker_schema("7.2-x86_64");
        CLEANUP(json) json_object *e = NULL;
        json_object *reach;

        json_object_object_del(maker_branch(schema, "blockdev-add", "file"), "features");
        e = explain_json(DYNAMIC, schema, NULL, NULL);
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                assert_row(e, "blockdev-add", drivers[i], false, "absent");
                assert_row(e, "blockdev-reopen", drivers[i], false, "absent");
        }
        reach = json_get(e, "reach", json_type_array);
        for (size_t i = 0; i < json_object_array_length(reach); i++)
                assert_false(json_get_bool(json_object_array_get_idx(reach, i), "covered", true));
}

static void test_union(void **state)
{
        json_object *schema = maker_schema("7.2-x86_64");
        CLEANUP(json) json_object *e = NULL;

        json_object_object_del(maker_branch(schema, "blockdev-add", "file"), "features");
        maker_add_feature(maker_arguments(schema, "blockdev-add"), "dynamic-auto-read-only");
        e = explain_json(DYNAMIC, schema, NULL, NULL);
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                assert_row(e, "blockdev-add", drivers[i], true, "very type");
                assert_row(e, "blockdev-reopen", drivers[i], true, "very type");
        }
}

/* A flag on the command says nothing of the others that take the same arguments. */
static void test_command(void **state)
{
        json_object *schema = maker_schema("7.2-x86_64");
        CLEANUP(json) json_object *e = NULL;

        json_object_object_del(maker_branch(schema, "blockdev-add", "file"), "features");
        maker_add_feature(maker_entity(schema, "blockdev-add"), "dynamic-auto-read-only");
        e = explain_json(DYNAMIC "governs = blockdev-reopen\n", schema, NULL, NULL);
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                assert_row(e, "blockdev-add", drivers[i], true, "command itself");
                assert_row(e, "-blockdev", drivers[i], true, "shares");
                assert_row(e, "blockdev-reopen", drivers[i], false, "stands on the command blockdev-add");
                assert_row(e, "blockdev-create", drivers[i], false, "stands on the command blockdev-add");
        }
}

/* Shown by query-qemu-features alone: what the feature says that it governs is covered, the rest is not. */
static void test_runtime(void **state)
{
        static const FactRow facts[] = {{"query-qemu-features", FACT_ANSWERED, "{\"rt\": true}", NULL}, {0}};
        json_object *schema = maker_schema("7.2-x86_64");
        CLEANUP(json) json_object *e = NULL;

        json_object_object_del(maker_branch(schema, "blockdev-add", "file"), "features");
        json_append(schema, maker_json("{\"name\": \"90001\", \"meta-type\": \"object\", \"members\": "
                                       "[{\"name\": \"rt\", \"type\": \"bool\"}]}"));
        json_append(schema, maker_json("{\"name\": \"query-qemu-features\", \"meta-type\": \"command\", "
                                       "\"arg-type\": \"0\", \"ret-type\": \"90001\"}"));
        e = explain_json(DYNAMIC, schema, facts, NULL);
        assert_row(e, "blockdev-add", "host_device", true, "governs blockdev-add");
        assert_row(e, "blockdev-reopen", "host_device", false, "says nothing of this command");
}

static void test_others(void **state)
{
        CLEANUP(json)
        json_object *device = NULL, *result = NULL, *no_result = NULL, *value = NULL, *nothing = NULL,
                    *unmet = NULL;

        device = explain_json(
                "[f]\nsummary = s\ngoverns = device_add\ntie = schema device_add/$json-cli-hotplug\n",
                maker_schema("7.2-x86_64"), NULL, NULL);
        assert_row(device, "device_add", NULL, true, "command itself");
        assert_row(device, "-device", NULL, true, "shares");

        result = explain_json("[f]\nsummary = s\ntie = schema query-display-options/ret-type/type/^none\n",
                              maker_schema("7.2-x86_64"), NULL, NULL);
        assert_row(result, "query-display-options", NULL, true, "");
        assert_int_equal(json_object_array_length(json_get(result, "reach", json_type_array)), 1);

        no_result =
                explain_json("[f]\nsummary = s\ntie = schema query-display-options/ret-type/type/^moon\n",
                             maker_schema("7.2-x86_64"), NULL, NULL);
        assert_row(no_result, "query-display-options", NULL, false, "absent");
        assert_int_equal(json_object_array_length(json_get(no_result, "reach", json_type_array)), 1);

        value = explain_json("[f]\nsummary = s\ntie = schema netdev_add/arg-type/type/^dgram\n",
                             maker_schema("7.2-x86_64"), NULL, NULL);
        assert_row(value, "netdev_add", NULL, true, "very type");
        assert_row(value, "-netdev", NULL, true, "shares");

        nothing = explain_json("[f]\nsummary = s\ntie = type x\n", NULL, NULL, NULL);
        assert_int_equal(json_object_array_length(json_get(nothing, "reach", json_type_array)), 0);
        assert_string_equal(json_get_string(nothing, "verdict"), "unknown");

        unmet = explain_json("[f]\nsummary = s\ntie = schema no-such-command/arg-type/x\n",
                             maker_schema("7.2-x86_64"), NULL, NULL);
        assert_int_equal(json_object_array_length(json_get(unmet, "reach", json_type_array)), 0);
}

static void test_unknown_feature(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = maker_catalogue("[f]\nsummary = s\ntie = type x\n");
        CLEANUP(facts) MusterFacts *facts = maker_facts(NULL, NULL, NULL);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        char *text = NULL;

        assert_int_equal(muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, NULL), 0);
        assert_int_equal(muster_explain(verdicts, "g", NULL, &text, &error), -ENOENT);
        assert_non_null(strstr(muster_error_message(error), "\"g\""));
        assert_null(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_type),
                cmocka_unit_test(test_old_name),
                cmocka_unit_test(test_one_driver),
                cmocka_unit_test(test_absent),
                cmocka_unit_test(test_union),
                cmocka_unit_test(test_command),
                cmocka_unit_test(test_runtime),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_unknown_feature),
                cmocka_unit_test(test_ungoverned_branch),
                cmocka_unit_test(test_storage_daemon),
                cmocka_unit_test(test_nested),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
