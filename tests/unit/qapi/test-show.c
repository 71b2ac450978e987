/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reports.h"

static json_object *show(const MusterSchema *schema, const char *name, unsigned depth)
{
        CLEANUP(free) char *text = NULL;
        json_object *object = NULL;

        assert_int_equal(muster_schema_show(schema, name, depth, &text, NULL), 1);
        assert_int_equal(json_parse(text, strlen(text), &object), 0);
        return object;
}

static void test_unknown(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema =
                schema_of("{'name': 'c', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'}");
        char *text = (char *)"untouched";

        assert_int_equal(muster_schema_show(schema, "d", 1, &text, NULL), 0);
        assert_string_equal(text, "untouched");
        /* Types have no names of their own. */
        assert_int_equal(muster_schema_show(schema, "str", 1, &text, NULL), 0);
}

static void test_whole(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema = schema_of(
                "{'name': 'c', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '[str]', 'allow-oob': "
                "true,"
                " 'features': ['f']},"
                "{'name': '1', 'meta-type': 'object', 'tag': 't', 'members': [{'name': 't', 'type': '2'},"
                " {'name': 'o', 'type': 'int', 'default': null, 'features': ['deprecated']}],"
                " 'variants': [{'case': 'x', 'type': '3'}]},"
                "{'name': '2', 'meta-type': 'enum', 'members': [{'name': 'x', 'features': ['unstable']}],"
                " 'values': ['x']},"
                "{'name': '3', 'meta-type': 'object', 'members': [{'name': 'a', 'type': '4'}], 'features': "
                "['g']},"
                "{'name': '4', 'meta-type': 'alternate', 'members': [{'type': 'str'}, {'type': 'null'}]}");
        CLEANUP(json) json_object *object = show(schema, "c", 3);

        assert_string_equal(
                json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                "{\"name\":\"c\",\"kind\":\"command\",\"allow-oob\":true,\"features\":[\"f\"],\"arguments\":"
                "{\"type\":\"object\",\"members\":["
                "{\"name\":\"t\",\"optional\":false,\"type\":\"enum\",\"values\":[{\"name\":\"x\","
                "\"features\":[\"unstable\"]}]},"
                "{\"name\":\"o\",\"optional\":true,\"features\":[\"deprecated\"],\"type\":\"int\"}],\"tag\":"
                "\"t\","
                "\"branches\":[{\"case\":\"x\",\"type\":\"object\",\"type-features\":[\"g\"],\"members\":["
                "{\"name\":\"a\",\"optional\":false,\"type\":\"alternate\",\"choices\":[{\"type\":"
                "\"string\"},{\"type\":\"null\"}]}]}]},"
                "\"result\":{\"type\":\"array\",\"of\":{\"type\":\"string\"}}}");
}

static void test_depth_and_circles(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema =
                schema_of("{'name': 'E', 'meta-type': 'event', 'arg-type': '1'},"
                          "{'name': '1', 'meta-type': 'object', 'members': [{'name': 'm', 'type': '[2]'}]},"
                          "{'name': '[2]', 'meta-type': 'array', 'element-type': '2'},"
                          "{'name': '2', 'meta-type': 'object', 'members': [{'name': 'up', 'type': '1'}]}");
        CLEANUP(json)
        json_object *none = show(schema, "E", 0), *one = show(schema, "E", 1), *all = show(schema, "E", 99);

        assert_string_equal(
                json_object_to_json_string_ext(none, JSON_C_TO_STRING_PLAIN),
                "{\"name\":\"E\",\"kind\":\"event\",\"arguments\":{\"type\":\"object\",\"more\":true}}");
        assert_non_null(strstr(json_object_to_json_string_ext(one, JSON_C_TO_STRING_PLAIN),
                               "\"type\":\"array\",\"of\":{\"type\":\"object\",\"more\":true}"));
        assert_non_null(
                strstr(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN),
                       "{\"name\":\"up\",\"optional\":false,\"type\":\"object\",\"recursive\":true}"));
}

static void test_recorded(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema = recorded("11.1-x86_64");
        unsigned n = 0;

        for (uint32_t i = 0; i < schema->n_entities; i++) {
                const SchemaEntity *entity = schema->entities + i;
                CLEANUP(free) char *text = NULL;

                if (entity->meta != SCHEMA_COMMAND && entity->meta != SCHEMA_EVENT)
                        continue;
                assert_int_equal(muster_schema_show(schema, entity->name, 99, &text, NULL), 1);
                assert_in_range(strlen(text), 1, 1024 * 1024);
                assert_null(strstr(text, "\"more\""));
                n++;
        }
        assert_in_range(n, 200, 400);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_depth_and_circles),
                cmocka_unit_test(test_recorded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
