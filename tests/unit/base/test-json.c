/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/json.h"

static int parse(const char *text, json_object **ret)
{
        return json_parse(text, strlen(text), ret);
}

static void test_exactly_one_value(void **state)
{
        static const char *const good[] = {"{}", " [1, 2] \n", "12", "\"x\"", "true", "-1.5", "null"};
        static const char *const bad[] = {"",          " ",     "{",   "{} {}", "[1,]",
                                          "{\"a\": }", "12 13", "tru", "\"x",   "'x'"};

        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
                CLEANUP(json) json_object *object = NULL;

                assert_int_equal(parse(good[i], &object), 0);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                CLEANUP(json) json_object *object = NULL;

                if (parse(bad[i], &object) != -EBADMSG)
                        fail_msg("%s was taken", bad[i]);
                assert_null(object);
        }
}

static void test_depth_is_bounded(void **state)
{
        char text[2 * 100 + 1];
        json_object *object = NULL;

        memset(text, '[', 100);
        memset(text + 100, ']', 100);
        text[200] = '\0';
        assert_int_equal(parse(text, &object), -E2BIG);
}

static void test_look_ups_check_types(void **state)
{
        CLEANUP(json) json_object *object = NULL;

        assert_int_equal(parse("{\"s\": \"x\", \"i\": 7, \"b\": true, \"n\": null}", &object), 0);
        assert_string_equal(json_get_string(object, "s"), "x");
        assert_null(json_get_string(object, "i"));
        assert_null(json_get_string(object, "n"));
        assert_null(json_get_string(NULL, "s"));
        assert_int_equal(json_get_int(object, "i", 0), 7);
        assert_int_equal(json_get_int(object, "s", -1), -1);
        assert_true(json_get_bool(object, "b", false));
        assert_true(json_get_bool(object, "missing", true));
        assert_int_equal(json_length(NULL), 0);
        assert_int_equal(json_length(object), 0);
}

static void test_builders(void **state)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(free) char *text = NULL;

        assert_int_equal(json_add_string(object, "path", "a/b"), 0);
        assert_int_equal(json_add_string(object, "none", NULL), 0);
        assert_int_equal(json_add_stringf(object, "n", "%d", 3), 0);
        assert_int_equal(json_add(object, "failed", NULL), -ENOMEM);
        text = json_to_text(object);
        assert_string_equal(text, "{ \"path\": \"a/b\", \"none\": null, \"n\": \"3\" }");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exactly_one_value),
                cmocka_unit_test(test_depth_is_bounded),
                cmocka_unit_test(test_look_ups_check_types),
                cmocka_unit_test(test_builders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
