/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "schemas.h"

#define STR "{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"}"
#define OBJ "{\"name\":\"0\",\"meta-type\":\"object\",\"members\":[]}"

/* Each with the words that its sentence must hold: the entity, the member, what is wrong. */
static const struct {
        const char *text;
        int code;
        const char *words[3];
} broken[] = {
        {"", -EBADMSG, {"no JSON"}},
        {"[", -EBADMSG, {"no JSON"}},
        {"[] []", -EBADMSG, {"no JSON"}},
        {"{}", -EBADMSG, {"array"}},
        {"null", -EBADMSG, {"array"}},
        {"{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"\"}}", -EBADMSG, {"array"}},
        {"[1]", -EBADMSG, {"element 0"}},
        {"[null]", -EBADMSG, {"element 0"}},
        {"[" STR ",{\"meta-type\":\"enum\"}]", -EBADMSG, {"element 1"}},
        {"[{\"name\":\"\",\"meta-type\":\"enum\"}]", -EBADMSG, {"element 0"}},
        {"[{\"name\":\"a\\u0000b\",\"meta-type\":\"enum\"}]", -EBADMSG, {"element 0"}},
        {"[{\"name\":\"a\"}]", -EBADMSG, {"\"a\"", "meta-type"}},
        {"[{\"name\":\"a\",\"meta-type\":7}]", -EBADMSG, {"\"a\"", "meta-type"}},
        {"[{\"name\":\"a\",\"meta-type\":\"builtin\"}]", -EBADMSG, {"\"a\"", "json-type"}},
        {"[{\"name\":\"a\",\"meta-type\":\"new\",\"features\":{}}]", -EBADMSG, {"\"a\"", "features"}},
        {"[{\"name\":\"a\",\"meta-type\":\"new\",\"features\":[1]}]", -EBADMSG, {"\"a\"", "feature"}},
        {"[{\"name\":\"e\",\"meta-type\":\"enum\"}]", -EBADMSG, {"\"e\"", "members", "values"}},
        {"[{\"name\":\"e\",\"meta-type\":\"enum\",\"values\":[1]}]", -EBADMSG, {"\"e\"", "value"}},
        {"[{\"name\":\"e\",\"meta-type\":\"enum\",\"members\":[\"x\"]}]", -EBADMSG, {"\"e\"", "element 0"}},
        {"[{\"name\":\"e\",\"meta-type\":\"enum\",\"members\":[{}]}]", -EBADMSG, {"\"e\"", "value"}},
        {"[{\"name\":\"e\",\"meta-type\":\"enum\",\"members\":7}]", -EBADMSG, {"\"e\"", "members"}},
        {"[{\"name\":\"[a]\",\"meta-type\":\"array\"}]", -EBADMSG, {"[a]", "element-type"}},
        {"[{\"name\":\"[a]\",\"meta-type\":\"array\",\"element-type\":\"a\"}]",
         -EBADMSG,
         {"[a]", "not there"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\"}]", -EBADMSG, {"\"o\"", "members"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":{}}]", -EBADMSG, {"\"o\"", "no array"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[7]}]", -EBADMSG, {"\"o\"", "element 0"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"type\":\"o\"}]}]",
         -EBADMSG,
         {"\"o\"", "name"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"m\"}]}]",
         -EBADMSG,
         {"\"o\"", "\"m\"", "\"type\""}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"m\",\"type\":\"23\"}]}]",
         -EBADMSG,
         {"\"o\"", "\"m\"", "\"23\""}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[],\"variants\":[]}]",
         -EBADMSG,
         {"\"o\"", "tag"}},
        {"[{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[],\"tag\":\"t\",\"variants\":[]}]",
         -EBADMSG,
         {"\"o\"", "\"t\"", "tag"}},
        {"[" STR ",{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"t\",\"type\":\"str\"}],"
         "\"tag\":\"t\",\"variants\":[{\"type\":\"o\"}]}]",
         -EBADMSG,
         {"\"o\"", "case"}},
        {"[" STR ",{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"t\",\"type\":\"str\"}],"
         "\"tag\":\"t\",\"variants\":[{\"case\":\"c\",\"type\":\"x\"}]}]",
         -EBADMSG,
         {"\"o\"", "\"c\"", "\"x\""}},
        {"[{\"name\":\"l\",\"meta-type\":\"alternate\"}]", -EBADMSG, {"\"l\"", "members"}},
        {"[{\"name\":\"l\",\"meta-type\":\"alternate\",\"members\":[{}]}]", -EBADMSG, {"\"l\"", "type"}},
        {"[{\"name\":\"c\",\"meta-type\":\"command\",\"ret-type\":\"0\"}," OBJ "]",
         -EBADMSG,
         {"\"c\"", "arg-type"}},
        {"[{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"0\"}," OBJ "]",
         -EBADMSG,
         {"\"c\"", "ret-type"}},
        {"[{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"c\",\"ret-type\":\"0\"}," OBJ "]",
         -EBADMSG,
         {"\"c\"", "arg-type", "no type"}},
        {"[{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"0\",\"ret-type\":\"0\",\"allow-oob\":1}"
         "," OBJ "]",
         -EBADMSG,
         {"\"c\"", "allow-oob"}},
        {"[{\"name\":\"E\",\"meta-type\":\"event\"}]", -EBADMSG, {"\"E\"", "arg-type"}},
        {"[" STR "," OBJ "," STR "]", -EBADMSG, {"two entities", "\"str\""}},
};

static void test_broken(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                MusterSchema *schema = NULL;
                int r = muster_schema_new(broken[i].text, strlen(broken[i].text), &schema, &error);

                if (r != broken[i].code || schema || muster_error_code(error) != r)
                        fail_msg("%s: %d", broken[i].text, r);
                for (size_t k = 0; k < ELEMENTSOF(broken[i].words) && broken[i].words[k]; k++)
                        if (!strstr(muster_error_message(error), broken[i].words[k]))
                                fail_msg("%s: no \"%s\" in: %s", broken[i].text, broken[i].words[k],
                                         muster_error_message(error));
        }
}

/* What an emulator says ends up on terminals. */
static void test_sentence_is_printable(void **state)
{
        static const char text[] = "[{\"name\":\"a\\u001b[2J\\n\",\"meta-type\":\"enum\"}]";
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterSchema *schema;

        assert_int_equal(muster_schema_new(text, strlen(text), &schema, &error), -EBADMSG);
        assert_null(strpbrk(muster_error_message(error), "\033\n"));
}

static void test_too_big(void **state)
{
        MusterSchema *schema = NULL;
        char deep[400];

        memset(deep, '[', sizeof(deep));
        assert_true(muster_schema_new(deep, sizeof(deep), &schema, NULL) < 0);
        assert_int_equal(muster_schema_new("", (size_t)JSON_SIZE_MAX + 1, &schema, NULL), -E2BIG);
        assert_null(schema);
}

static void test_unknown_is_tolerated(void **state)
{
        CLEANUP_SCHEMA *schema =
                parse_schema("{\"id\":1,\"return\":[" OBJ
                             ",{\"name\":\"n\",\"meta-type\":\"tuple\",\"members\":5,\"x\":[]},"
                             "{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"n\",\"ret-type\":"
                             "\"0\",\"new\":{}}]}");
        const SchemaEntity *command = root_of(schema, "c");

        assert_non_null(command);
        assert_int_equal(entity_of(schema, command->arg_type)->meta, SCHEMA_OTHER);
        assert_null(schema_find_root(schema, "n"));
        assert_int_equal(schema_find(schema, "m"), SCHEMA_NONE);
        assert_null(schema_entity(schema, SCHEMA_NONE));
}

static void test_empty(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(" [ ] ");

        assert_int_equal(schema->n_entities, 0);
        assert_int_equal(schema_find(schema, "x"), SCHEMA_NONE);
        assert_null(schema_intern(schema, "x", 1));
}

static void test_contents(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(
                "[" STR "," OBJ ","
                "{\"name\":\"1\",\"meta-type\":\"object\",\"features\":[\"of-type\"],\"tag\":\"t\","
                "\"members\":["
                "{\"name\":\"t\",\"type\":\"2\"},"
                "{\"name\":\"m\",\"type\":\"[1]\",\"default\":null,\"features\":[\"of-member\",\"str\"]}],"
                "\"variants\":[{\"case\":\"old\",\"type\":\"0\"},{\"case\":\"new\",\"type\":\"1\"}]},"
                "{\"name\":\"2\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"old\",\"features\":"
                "[\"deprecated\"]},{\"name\":\"new\"}],\"values\":[\"old\",\"new\",\"ignored\"]},"
                "{\"name\":\"3\",\"meta-type\":\"enum\",\"values\":[\"old\"]},"
                "{\"name\":\"[1]\",\"meta-type\":\"array\",\"element-type\":\"1\"},"
                "{\"name\":\"4\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"str\"},{\"type\":"
                "\"1\"}]},"
                "{\"name\":\"c\",\"meta-type\":\"command\",\"allow-oob\":true,\"arg-type\":\"1\","
                "\"ret-type\":\"4\",\"features\":[\"of-command\"]},"
                "{\"name\":\"E\",\"meta-type\":\"event\",\"arg-type\":\"1\"}]");
        const SchemaEntity *command = root_of(schema, "c"), *args, *kind, *old;
        const SchemaMember *member;

        assert_true(command->allow_oob);
        assert_true(schema_has_feature(schema, command->features, schema_intern(schema, "of-command", 10)));
        assert_false(schema_has_feature(schema, command->features, schema_intern(schema, "of-type", 7)));
        args = entity_of(schema, command->arg_type);
        assert_string_equal(args->name, "1");
        assert_string_equal(args->tag, "t");
        assert_int_equal(args->members.count, 2);
        assert_int_equal(args->variants.count, 2);
        member = schema->members + args->members.first;
        assert_false(member[0].optional);
        assert_true(member[1].optional);
        assert_int_equal(member[1].features.count, 2);
        /* One pointer a name, whether it names a type, a feature or a value. */
        assert_ptr_equal(schema->features[member[1].features.first + 1], schema_intern(schema, "string", 3));
        assert_int_equal(entity_of(schema, member[1].type)->arg_type, command->arg_type);
        kind = entity_of(schema, member[0].type);
        assert_true(kind->values_have_features);
        assert_int_equal(kind->members.count, 2);
        assert_ptr_equal(schema->values[kind->members.first].name,
                         schema->variants[args->variants.first].case_name);
        assert_int_equal(schema->values[kind->members.first].features.count, 1);
        assert_int_equal(schema->values[kind->members.first + 1].features.count, 0);
        old = entity_of(schema, schema_find(schema, "3"));
        assert_false(old->values_have_features);
        assert_null(schema->variants[entity_of(schema, command->ret_type)->variants.first].case_name);
        assert_string_equal(entity_of(schema, schema_find(schema, "str"))->json_type, "string");
        assert_int_equal(root_of(schema, "E")->ret_type, SCHEMA_NONE);
}

static void test_intern_takes_any_bytes(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema("[" STR "]");

        assert_non_null(schema_intern(schema, "str", 3));
        assert_null(schema_intern(schema, "str\0ing", 7));
        assert_null(schema_intern(schema, "st", 2));
        assert_null(schema_intern(schema, "", 0));
}

static void test_real(void **state)
{
        static const struct {
                const char *name;
                uint32_t n;
        } real[] = {
                {"5.2-x86_64", 885},         {"7.2-x86_64", 1051},  {"7.2-aarch64", 1038},
                {"7.2-storage-daemon", 494}, {"10.0-x86_64", 1177}, {"11.1-x86_64", 1230},
        };

        for (size_t i = 0; i < ELEMENTSOF(real); i++) {
                CLEANUP_SCHEMA *schema = load_schema(real[i].name);

                assert_int_equal(schema->n_entities, real[i].n);
                assert_non_null(schema_find_root(schema, "blockdev-add"));
                assert_non_null(schema_find_root(schema, "SHUTDOWN")
                                        ?: schema_find_root(schema, "query-block"));
                for (uint32_t k = 0; k < schema->n_entities; k++) {
                        assert_int_equal(schema_find(schema, schema->entities[k].name), k);
                        assert_int_not_equal(schema->entities[k].meta, SCHEMA_OTHER);
                }
                assert_true(schema->arena_size < 400 * 1024);
                assert_ptr_equal(muster_schema_ref(schema), schema);
                assert_null(muster_schema_unref(schema));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_sentence_is_printable),
                cmocka_unit_test(test_too_big),
                cmocka_unit_test(test_unknown_is_tolerated),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_contents),
                cmocka_unit_test(test_intern_takes_any_bytes),
                cmocka_unit_test(test_real),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
