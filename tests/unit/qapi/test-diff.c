/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "reports.h"

static json_object *diff(const MusterSchema *a, const MusterSchema *b)
{
        CLEANUP(free) char *text = NULL;
        json_object *array = NULL;
        MusterError *error = NULL;
        int n = muster_schema_diff(a, b, &text, &error);

        if (n < 0)
                fail_msg("%s", muster_error_message(error));
        assert_int_equal(json_parse(text, strlen(text), &array), 0);
        assert_int_equal(n, json_object_array_length(array));
        return array;
}

/* Each difference as "path change kind from>to also", one a line. */
static char *diff_lines(const char *a, const char *b)
{
        CLEANUP_SCHEMA MusterSchema *from = schema_of(a), *to = schema_of(b);
        CLEANUP(json) json_object *array = diff(from, to);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *entry = json_object_array_get_idx(array, i);
                const char *was = json_get_string(entry, "from"), *is = json_get_string(entry, "to");
                json_object *also = json_get(entry, "also", json_type_array);

                fprintf(out, "%s %s %s", json_get_string(entry, "path"), json_get_string(entry, "change"),
                        json_get_string(entry, "kind"));
                if (was || is)
                        fprintf(out, " %s>%s", was ? was : "", is ? is : "");
                for (size_t j = 0; also && j < json_object_array_length(also); j++)
                        fprintf(out, " +%s", json_object_get_string(json_object_array_get_idx(also, j)));
                fputc('\n', out);
        }
        fclose(out);
        return text;
}

static void assert_diff(const char *a, const char *b, const char *lines)
{
        CLEANUP(free) char *text = diff_lines(a, b);

        assert_string_equal(text, lines);
}

#define COMMAND(name, arg, more)                                                                            \
        "{'name': '" name "', 'meta-type': 'command', 'arg-type': '" arg "', 'ret-type': '0'" more "}"
#define EVENT(name, arg)         "{'name': '" name "', 'meta-type': 'event', 'arg-type': '" arg "'}"
#define OBJECT(name, members)    "{'name': '" name "', 'meta-type': 'object', 'members': [" members "]}"
#define MEMBER(name, type, more) "{'name': '" name "', 'type': '" type "'" more "}"
#define OPTIONAL                 ", 'default': null"
#define ALTERNATE(name, inner)   "{'name': '" name "', 'meta-type': 'alternate', 'members': [" inner "]}"

static void test_same_but_renamed(void **state)
{
        assert_diff(COMMAND("c", "1", "") "," OBJECT(
                            "1", MEMBER("a", "2", "") "," MEMBER("b", "str", "")) "," OBJECT("2", ""),
                    OBJECT("9", "") "," OBJECT(
                            "7", MEMBER("b", "str", "") "," MEMBER("a", "9", "")) "," COMMAND("c", "7", ""),
                    "");
}

static void test_roots(void **state)
{
        assert_diff(COMMAND("a", "0", "") "," EVENT("E", "0") "," COMMAND("x", "0", "") "," COMMAND(
                            "o", "0", ", 'allow-oob': true"),
                    COMMAND("b", "0", "") "," EVENT("F", "0") "," EVENT("x", "0") "," COMMAND(
                            "o", "0", ", 'features': ['f']"),
                    "E removed event\nF added event\na removed command\nb added command\n"
                    "o removed allow-oob\no/$f added feature\nx type type command>event\n");
}

static void test_members(void **state)
{
        assert_diff(
                COMMAND("c", "1", "") "," OBJECT(
                        "1",
                        MEMBER("gone", "str", "") "," MEMBER("o", "str", "") "," MEMBER(
                                "m", "str", OPTIONAL) "," MEMBER("t", "int", "") "," MEMBER("l", "str", "")),
                COMMAND("c", "1", "") "," OBJECT(
                        "1",
                        MEMBER("new", "[str]", OPTIONAL) "," MEMBER("o", "str", OPTIONAL) "," MEMBER(
                                "m", "str",
                                "") "," MEMBER("t", "bool",
                                               ", 'features': ['deprecated']") "," MEMBER("l", "[str]", "")),
                "c/arg-type/gone removed member string>\n"
                "c/arg-type/l type type string>array of string\n"
                "c/arg-type/m mandatory member\n"
                "c/arg-type/new added member >array of string\n"
                "c/arg-type/o optional member\n"
                "c/arg-type/t type type int>boolean\n"
                "c/arg-type/t/@deprecated added feature\n");
}

#define OLD_ENUM(values) "{'name': 'e', 'meta-type': 'enum', 'values': [" values "]}"
#define NEW_ENUM(members, values)                                                                           \
        "{'name': 'e', 'meta-type': 'enum', 'members': [" members "], 'values': [" values "]}"

static void test_values(void **state)
{
        const char *root = COMMAND("c", "1", "") "," OBJECT("1", MEMBER("e", "e", "")) ",";
        CLEANUP(free) char *old = NULL, *plain = NULL, *featured = NULL;

        assert_true(asprintf(&old, "%s%s", root, OLD_ENUM("'a', 'b'")) > 0);
        assert_true(asprintf(&plain, "%s%s", root, NEW_ENUM("{'name': 'a'}, {'name': 'b'}", "'a', 'b'")) >
                    0);
        assert_true(asprintf(&featured, "%s%s", root,
                             NEW_ENUM("{'name': 'a', 'features': ['unstable']}, {'name': 'n'}",
                                      "'a', 'n'")) > 0);
        assert_diff(plain, featured,
                    "c/arg-type/e/^a/$unstable added feature\nc/arg-type/e/^b removed "
                    "value\nc/arg-type/e/^n added value\n");
        /* Before 6.2 there was no telling: no difference is made of it. */
        assert_diff(old, featured, "c/arg-type/e/^b removed value\nc/arg-type/e/^n added value\n");
        assert_diff(featured, old, "c/arg-type/e/^b added value\nc/arg-type/e/^n removed value\n");
}

#define UNION(tag, variants)                                                                                \
        "{'name': '1', 'meta-type': 'object', 'tag': '" tag                                                 \
        "', 'members': [" MEMBER("t", "str", "") "],"                                                       \
                                                 " 'variants': [" variants "]}"

static void test_unions(void **state)
{
        const char *one = COMMAND("c", "1", "") "," UNION(
                "t",
                "{'case': 'x', 'type': '2'}, {'case': 'y', 'type': '0'}") "," OBJECT("2",
                                                                                     MEMBER("i", "int", ""));
        const char *two =
                COMMAND("c", "1", "") "," UNION("t", "{'case': 'z', 'type': '0'}, {'case': 'x', 'type': "
                                                     "'2'}") ","
                                                             "{'name': '2', 'meta-type': 'object', "
                                                             "'members': [], 'features': ['f']}";

        assert_diff(one, two,
                    "c/arg-type/+x/$f added feature\nc/arg-type/+x/i removed member int>\n"
                    "c/arg-type/+y removed branch\nc/arg-type/+z added branch\n");
        assert_diff(COMMAND("c", "1", "") "," OBJECT("1", MEMBER("t", "str", "")), one,
                    "c/arg-type type type object>union by t\n");
}

/* A type that became an alternate is followed into the branch that looks alike. */
static void test_alternates(void **state)
{
        const char *plain = COMMAND("c", "1", "") "," OBJECT("1", MEMBER("m", "2", "")) "," OBJECT(
                "2", MEMBER("i", "int", ""));
        const char *either = COMMAND("c", "1", "") "," OBJECT("1", MEMBER("m", "3", "")) "," ALTERNATE(
                "3", "{'type': 'str'}, {'type': '2'}") "," OBJECT("2", MEMBER("n", "int", ""));
        const char *any = COMMAND("c", "1", "") "," OBJECT("1", MEMBER("m", "3", "")) "," ALTERNATE(
                "3", "{'type': 'null'}, {'type': '2'}") "," OBJECT("2", MEMBER("n", "int", ""));

        assert_diff(plain, either,
                    "c/arg-type/m type type object>alternate of string, object\n"
                    "c/arg-type/m/i removed member int>\nc/arg-type/m/n added member >int\n");
        assert_diff(either, any, "c/arg-type/m added choice >null\nc/arg-type/m removed choice string>\n");
}

/* One change under many roots is told once: under the shortest path of a command's arguments. */
static void test_told_once(void **state)
{
        const char *rest = EVENT("A", "2") "," COMMAND("b", "1", "") "," COMMAND("c", "2", "") "," COMMAND(
                "d", "2", "") ","
                              "{'name': 'q', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '[2]'},"
                              "{'name': '[2]', 'meta-type': 'array', 'element-type': '2'}," OBJECT(
                                      "1", MEMBER("in", "2", ""));
        CLEANUP(free) char *a = NULL, *b = NULL;

        assert_true(asprintf(&a, "%s,%s", rest, OBJECT("2", MEMBER("self", "2", ""))) > 0);
        assert_true(asprintf(&b, "%s,%s", rest,
                             OBJECT("2", MEMBER("self", "2", "") "," MEMBER("new", "str", ""))) > 0);
        assert_diff(a, b, "c/arg-type/new added member >string +A +b +d +q\n");
}

static void test_too_deep(void **state)
{
        CLEANUP(free) char *text = strdup(COMMAND("c", "t0", ""));
        CLEANUP_SCHEMA MusterSchema *schema = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        char *json = NULL;

        for (int i = 0; i < 100; i++) {
                char *longer;

                assert_true(asprintf(&longer, "%s," OBJECT("t%d", MEMBER("m", "t%d", "")), text, i, i + 1) >
                            0);
                free(text);
                text = longer;
        }
        assert_true(asprintf(&json, "%s," OBJECT("t100", ""), text) > 0);
        free(text);
        text = json;
        json = NULL;
        schema = schema_of(text);
        assert_int_equal(muster_schema_diff(schema, schema, &json, &error), -E2BIG);
        assert_null(json);
        assert_non_null(error);
}

/* A long name on the way to many differences: the report would be larger than both schemas by far. */
static void test_long_names(void **state)
{
        CLEANUP(free) char *name = malloc(1024 * 1024), *root = NULL, *members = NULL, *a = NULL, *b = NULL;
        CLEANUP_SCHEMA MusterSchema *from = NULL, *to = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        char *json = NULL;
        size_t size;
        FILE *out = open_memstream(&members, &size);

        memset(name, 'x', 1024 * 1024 - 1);
        name[1024 * 1024 - 1] = '\0';
        for (int i = 0; i < 70; i++)
                fprintf(out, "%s" MEMBER("m%d", "str", ""), i ? "," : "", i);
        fclose(out);
        assert_true(asprintf(&root, COMMAND("c", "1", "") "," OBJECT("1", MEMBER("%s", "2", "")), name) > 0);
        assert_true(asprintf(&a, "%s," OBJECT("2", ""), root) > 0);
        assert_true(asprintf(&b, "%s," OBJECT("2", "%s"), root, members) > 0);
        from = schema_of(a);
        to = schema_of(b);
        assert_int_equal(muster_schema_diff(from, to, &json, &error), -E2BIG);
        assert_null(json);
}

static void test_recorded(void **state)
{
        CLEANUP_SCHEMA MusterSchema *old = recorded("7.2-x86_64"), *new = recorded("10.0-x86_64");
        CLEANUP(json) json_object *forth = diff(old, new), *back = diff(new, old);
        json_object *entry;

        assert_int_equal(json_object_array_length(forth), json_object_array_length(back));
        assert_in_range(json_object_array_length(forth), 50, 500);
        entry = find_entry(forth, "path", "blockdev-add/arg-type/+qcow2/discard-no-unref", "change",
                           "added");
        assert_non_null(entry);
        assert_string_equal(json_get_string(entry, "to"), "boolean");
        assert_non_null(find_entry(back, "path", "blockdev-add/arg-type/+qcow2/discard-no-unref", "change",
                                   "removed"));
        assert_non_null(find_entry(forth, "path", "blockdev-set-active", "kind", "command"));
        for (size_t i = 1; i < json_object_array_length(forth); i++)
                assert_true(strcmp(json_get_string(json_object_array_get_idx(forth, i - 1), "path"),
                                   json_get_string(json_object_array_get_idx(forth, i), "path")) <= 0);
}

static void test_recorded_same(void **state)
{
        CLEANUP_SCHEMA MusterSchema *schema = recorded("5.2-x86_64"), *again = recorded("5.2-x86_64");

        assert_int_equal(muster_schema_diff(schema, again, NULL, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_but_renamed), cmocka_unit_test(test_roots),
                cmocka_unit_test(test_members),          cmocka_unit_test(test_values),
                cmocka_unit_test(test_unions),           cmocka_unit_test(test_alternates),
                cmocka_unit_test(test_told_once),        cmocka_unit_test(test_too_deep),
                cmocka_unit_test(test_recorded),         cmocka_unit_test(test_recorded_same),
                cmocka_unit_test(test_long_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
