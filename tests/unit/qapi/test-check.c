/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "reports.h"

static MusterSchema *v52, *v72;

/* The faults as "path fault" lines, warnings with a "?". */
static char *check_lines(const MusterSchema *schema, const char *command, const char *arguments)
{
        CLEANUP(free) char *json = quoted(arguments), *text = NULL;
        CLEANUP(json) json_object *array = NULL;
        char *lines = NULL;
        size_t size;
        FILE *out = open_memstream(&lines, &size);
        int n = muster_schema_check(schema, command, json, &text, NULL), n_errors = 0;

        assert_non_null(out);
        assert_true(n >= 0);
        assert_int_equal(json_parse(text, strlen(text), &array), 0);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *fault = json_object_array_get_idx(array, i);
                bool error = streq(json_get_string(fault, "severity"), "error");

                assert_true(error || streq(json_get_string(fault, "severity"), "warning"));
                assert_non_null(json_get_string(fault, "message"));
                fprintf(out, "%s%s %s\n", error ? "" : "?", json_get_string(fault, "path"),
                        json_get_string(fault, "fault"));
                n_errors += error;
        }
        fclose(out);
        assert_int_equal(n, n_errors);
        return lines;
}

static void assert_faults(const MusterSchema *schema, const char *command, const char *arguments,
                          const char *expected)
{
        CLEANUP(free) char *lines = check_lines(schema, command, arguments);

        assert_string_equal(lines, expected);
}

static void test_good(void **state)
{
        assert_faults(v72, "blockdev-add",
                      "{'driver': 'file', 'filename': '/x', 'node-name': 'n', 'auto-read-only': true}", "");
        assert_faults(
                v72, "blockdev-add",
                "{'driver': 'qcow2', 'file': {'driver': 'nbd', 'server': {'type': 'unix', 'path': '/s'}},"
                " 'backing': null, 'cache': {'direct': true}}",
                "");
        assert_faults(v72, "blockdev-reopen",
                      "{'options': [{'driver': 'raw', 'node-name': 'a', 'file': 'b'}]}", "");
        assert_faults(v72, "query-status", "{}", "");
        assert_faults(v72, "qom-set", "{'path': '/', 'property': 'p', 'value': {'any': [1, null]}}", "");
        assert_faults(v52, "netdev_add", "{'type': 'user', 'id': 'n', 'hostfwd': [{'str': 'tcp::1-:2'}]}",
                      "");
}

static void test_members(void **state)
{
        assert_faults(v72, "blockdev-add", "{'driver': 'file', 'read_only': true}",
                      "filename missing-member\nread_only unknown-member\n");
        assert_faults(v72, "blockdev-reopen", "{'options': [{'driver': 'raw', 'file': 'x'}, {'file': 'x'}]}",
                      "options[1].driver missing-member\n");
        assert_faults(
                v72, "blockdev-add",
                "{'driver': 'qcow2', 'file': {'driver': 'nbd', 'server': {'type': 'inet', 'port': 10809}}}",
                "file.server.host missing-member\nfile.server.port type\n");
        assert_faults(v72, "query-status", "{'x': 1}", "x unknown-member\n");
}

static void test_unions(void **state)
{
        /* A member of another branch. */
        assert_faults(v72, "blockdev-add", "{'driver': 'raw', 'file': 'x', 'filename': 'y'}",
                      "filename unknown-member\n");
        /* Without a branch, members of any branch are left alone, others are not. */
        assert_faults(v72, "blockdev-add", "{'filename': 'y', 'nonsense': 1}",
                      "driver missing-member\nnonsense unknown-member\n");
        assert_faults(v72, "blockdev-add", "{'driver': 'nonsense', 'filename': 'y'}",
                      "driver unknown-value\n");
        assert_faults(v72, "blockdev-add", "{'driver': 1, 'filename': 'y'}", "driver type\n");
        assert_faults(v72, "blockdev-add", "{'driver': 'file\\u0000x', 'filename': 'y'}",
                      "driver unknown-value\n");
}

static void test_types(void **state)
{
        assert_faults(v72, "blockdev-add",
                      "{'driver': 'file', 'filename': null, 'read-only': 'on', 'cache': []}",
                      "cache type\nread-only type\nfilename type\n");
        assert_faults(v72, "blockdev-add",
                      "{'driver': 'file', 'filename': 'x', 'aio': 'io_urng', 'x-check-cache-dropped': 1.0}",
                      "aio unknown-value\n?x-check-cache-dropped unstable\nx-check-cache-dropped type\n");
        assert_faults(v72, "blockdev-add", "{'driver': 'qcow2', 'file': 'x', 'l2-cache-size': 1.0}",
                      "l2-cache-size type\n");
        assert_faults(v72, "migrate-set-parameters", "{'max-bandwidth': 1}", "");
        assert_faults(v72, "block_set_io_throttle",
                      "{'bps': 1, 'bps_rd': '1', 'bps_wr': 1, 'iops': 1, 'iops_rd': 1, 'iops_wr': 1}",
                      "bps_rd type\n");
}

static void test_numbers(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema =
                schema_of("{'name': 'c', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '0'},"
                          "{'name': '1', 'meta-type': 'object', 'members': [{'name': 'n', 'type': 'number'},"
                          " {'name': 'i', 'type': 'int'}]}");

        assert_faults(schema, "c", "{'n': 1, 'i': 18446744073709551615}", "");
        assert_faults(schema, "c", "{'n': 1.5, 'i': 1.0}", "i type\n");
        assert_faults(schema, "c", "{'n': '1', 'i': true}", "n type\ni type\n");
}

static void test_alternates(void **state)
{
        assert_faults(v72, "blockdev-add", "{'driver': 'raw', 'file': 'node'}", "");
        assert_faults(v72, "blockdev-add", "{'driver': 'raw', 'file': 1}", "file type\n");
        assert_faults(v72, "blockdev-add", "{'driver': 'raw', 'file': null}", "file type\n");
        assert_faults(v72, "blockdev-add", "{'driver': 'qcow2', 'file': 'f', 'backing': {'driver': 'fil'}}",
                      "backing.driver unknown-value\n");
        /* An enum or an object. */
        assert_faults(v72, "blockdev-add", "{'driver': 'qcow2', 'file': 'f', 'overlap-check': 'all'}", "");
        assert_faults(v72, "blockdev-add", "{'driver': 'qcow2', 'file': 'f', 'overlap-check': 'al'}",
                      "overlap-check unknown-value\n");
        assert_faults(v72, "blockdev-add",
                      "{'driver': 'qcow2', 'file': 'f', 'overlap-check': {'main-headr': true}}",
                      "overlap-check.main-headr unknown-member\n");
}

static void test_warnings(void **state)
{
        assert_faults(v72, "block-commit", "{'device': 'd', 'base': 'b'}", "?base deprecated\n");
        assert_faults(v72, "x-query-irq", "{}", "? unstable\n");
}

static void test_value_warnings(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema =
                schema_of("{'name': 'c', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '0', "
                          "'features': ['deprecated']},"
                          "{'name': '1', 'meta-type': 'object', 'members': [{'name': 'e', 'type': '2', "
                          "'features': ['unstable']}],"
                          " 'features': ['deprecated']},"
                          "{'name': '2', 'meta-type': 'enum', 'values': ['a', 'b'],"
                          " 'members': [{'name': 'a', 'features': ['deprecated']}, {'name': 'b'}]}");

        assert_faults(schema, "c", "{'e': 'a'}", "? deprecated\n? deprecated\n?e unstable\n?e deprecated\n");
        assert_faults(schema, "c", "{'e': 'b'}", "? deprecated\n? deprecated\n?e unstable\n");
}

/* Commands that took more than their schema tells. */
static void test_open_commands(void **state)
{
        assert_faults(v72, "device_add", "{'driver': 'virtio-blk-pci', 'drive': 'x', 'id': 1}", "id type\n");
        assert_faults(v52, "object-add", "{'qom-type': 'secret', 'id': 's', 'data': 'x'}", "");
        assert_faults(v52, "object-add", "{'qom-type': 'secret', 'data': 'x'}", "id missing-member\n");
        assert_faults(v72, "object-add", "{'qom-type': 'secret', 'id': 's', 'dta': 'x'}",
                      "dta unknown-member\n");
        assert_faults(v52, "netdev_add", "{'type': 'user', 'id': 'n', 'nonsense': 1}",
                      "nonsense unknown-member\n");
}

static void assert_message(const char *command, const char *arguments, const char *part)
{
        CLEANUP(free) char *json = quoted(arguments), *text = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = muster_schema_check(v72, command, json, &text, &error);
        const char *said = r < 0 ? muster_error_message(error) : text;

        if (!strstr(said, part))
                fail_msg("\"%s\" is not in: %s", part, said);
}

static void test_suggestions(void **state)
{
        assert_message("blockdev-add", "{'driver': 'file', 'read_only': true}",
                       "did you mean \\\"read-only\\\"?");
        assert_message("blockdev-add", "{'driver': 'fiel'}", "did you mean \\\"file\\\"?");
        assert_message("blockdev_add", "{}", "did you mean \"blockdev-add\"?");
        assert_message("nothing-like-it-anywhere", "{}", "has no command \"nothing-like-it-anywhere\".");
        /* Too far from anything. */
        assert_message("blockdev-add", "{'driver': 'file', 'filename': 'x', 'qqqqq': true}",
                       "\\\"qqqqq\\\" here.\"");
}

static void test_no_arguments(void **state)
{
        static const char *const texts[] = {"", "[]", "1", "{", "{}}", "null", "{\"a\":}"};
        char *json = (char *)"untouched";

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;

                assert_int_equal(muster_schema_check(v72, "query-status", texts[i], &json, &error), -EINVAL);
                assert_non_null(error);
        }
        assert_int_equal(muster_schema_check(v72, "no-such", "{}", &json, NULL), -ENOENT);
        /* An event cannot be sent. */
        assert_int_equal(muster_schema_check(v72, "SHUTDOWN", "{}", &json, NULL), -ENOENT);
        assert_string_equal(json, "untouched");
}

static void test_many_faults(void **state)
{
        CLEANUP(free) char *arguments = NULL, *text = NULL;
        CLEANUP(json) json_object *array = NULL;
        size_t size;
        FILE *out = open_memstream(&arguments, &size);

        fputs("{\"a\": 1", out);
        for (int i = 0; i < 2000; i++)
                fprintf(out, ", \"k%d\": 1", i);
        fputs("}", out);
        fclose(out);
        assert_int_equal(muster_schema_check(v72, "query-status", arguments, &text, NULL), 256);
        assert_int_equal(json_parse(text, strlen(text), &array), 0);
        assert_int_equal(json_object_array_length(array), 256);
        assert_string_equal(json_get_string(json_object_array_get_idx(array, 255), "fault"), "too-many");
}

/* Schemas that lead in a circle without taking anything from the arguments. */
static void test_circles(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema = schema_of(
                "{'name': 'c', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '0'},"
                "{'name': 'd', 'meta-type': 'command', 'arg-type': '3', 'ret-type': '0'},"
                "{'name': '1', 'meta-type': 'object', 'tag': 't', 'members': [{'name': 't', 'type': 'str'}],"
                " 'variants': [{'case': 'x', 'type': '1'}]},"
                "{'name': '2', 'meta-type': 'alternate', 'members': [{'type': '2'}, {'type': 'str'}]},"
                "{'name': '3', 'meta-type': 'object', 'members': [{'name': 'a', 'type': '2'}]}");

        assert_faults(schema, "c", "{'t': 'x'}", " depth\n");
        assert_faults(schema, "d", "{'a': 'x'}", "");
        assert_faults(schema, "d", "{'a': 1}", "a type\n");
}

static int setup(void **state)
{
        v52 = recorded("5.2-x86_64");
        v72 = recorded("7.2-x86_64");
        return 0;
}

static int teardown(void **state)
{
        v52 = muster_schema_unref(v52);
        v72 = muster_schema_unref(v72);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),          cmocka_unit_test(test_members),
                cmocka_unit_test(test_unions),        cmocka_unit_test(test_types),
                cmocka_unit_test(test_numbers),       cmocka_unit_test(test_alternates),
                cmocka_unit_test(test_warnings),      cmocka_unit_test(test_value_warnings),
                cmocka_unit_test(test_open_commands), cmocka_unit_test(test_suggestions),
                cmocka_unit_test(test_no_arguments),  cmocka_unit_test(test_many_faults),
                cmocka_unit_test(test_circles),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
