/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/option.h"
#include "keyval.h"

static json_object *parsed(const char *text)
{
        json_object *object = NULL;

        assert_int_equal(json_parse(text, strlen(text), &object), 0);
        return object;
}

static void expect(const char *properties, OptionStyle style, const char *implied, const char *expected)
{
        CLEANUP(json) json_object *object = parsed(properties);
        CLEANUP(free) char *text = NULL;

        assert_int_equal(option_text(object, style, implied, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void expect_refused(json_object *properties, OptionStyle style, const char *key, const char *reason)
{
        CLEANUP(json) json_object *object = properties;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *message = NULL;
        char *text = NULL;

        assert_int_equal(option_text(object, style, "driver", &text, &error), -EINVAL);
        assert_null(text);
        message = text_format("\"%s\" cannot be passed to the emulator: %s.", key, reason);
        assert_string_equal(muster_error_message(error), message);
}

static void test_values(void **state)
{
        static const char all[] = "{\"driver\":\"d\",\"s\":\"\",\"b\":true,\"c\":false,\"n\":-7,"
                                  "\"u\":18446744073709551615,\"f\":0.5}";
        static const char text[] = "d,s=,b=on,c=off,n=-7,u=18446744073709551615,f=0.5";

        expect(all, OPTION_JSON, "driver", all);
        expect(all, OPTION_KEYVAL, "driver", text);
        expect(all, OPTION_FLAT, "driver", text);
        expect(all, OPTION_LISTS, "driver", text);
        expect("{\"path\":\"/a/\\\"b\\\"\"}", OPTION_JSON, NULL, "{\"path\":\"/a/\\\"b\\\"\"}");
        expect("{\"a\":\",\",\"b\":\",x,,y,\",\"c\":\"=\"}", OPTION_FLAT, NULL, "a=,,,b=,,x,,,,y,,,c==");
        expect("{\"a\":\"x,id=evil\",\"b\":\"-device\"}", OPTION_FLAT, NULL, "a=x,,id=evil,b=-device");
        expect("{\"a\":null}", OPTION_JSON, NULL, "{\"a\":null}");
        expect("{}", OPTION_FLAT, "driver", "");
}

static void test_implied(void **state)
{
        static const char *const odd[] = {"a=b", "{\\\"a\\\":1}", "=", "help", "?", ""};
        static const char *const written[] = {"a=b", "{\"a\":1}", "=", "help", "?", ""};

        expect("{\"a\":1,\"id\":\"i\",\"driver\":\"d\"}", OPTION_FLAT, "driver", "d,id=i,a=1");
        expect("{\"a\":1,\"id\":\"i\"}", OPTION_FLAT, "driver", "id=i,a=1");
        expect("{\"driver\":\"d e\"}", OPTION_FLAT, "driver", "d e");
        expect("{\"driver\":\"d,id=e\"}", OPTION_FLAT, "driver", "driver=d,,id=e");
        expect("{\"driver\":\"d,id=e\",\"a\":1,\"id\":\"i\"}", OPTION_FLAT, "driver",
               "id=i,driver=d,,id=e,a=1");
        expect("{\"driver\":\"d\",\"x\":{\"driver\":\"e\"}}", OPTION_KEYVAL, "driver", "d,x.driver=e");
        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                CLEANUP(free) char *properties = text_format("{\"driver\":\"%s\"}", odd[i]);
                CLEANUP(free) char *expected = text_format("driver=%s", written[i]);

                expect(properties, OPTION_KEYVAL, "driver", expected);
        }
}

static void test_nested(void **state)
{
        static const char nested[] =
                "{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"to\":[\"a\",{\"b\":2}]}}";
        static const char *const forward = "{\"type\":\"user\",\"hostfwd\":[{\"str\":\"tcp::1-:2\"},"
                                           "{\"str\":\"a,b\"}],\"n\":[0,2]}";
        static const char taken[] = "what it holds takes JSON, which this emulator's option does not read";

        expect(nested, OPTION_JSON, "driver", nested);
        expect(nested, OPTION_KEYVAL, "driver", "nbd,server.type=inet,server.to.0=a,server.to.1.b=2");
        expect_refused(parsed(nested), OPTION_FLAT, "server", taken);
        expect_refused(parsed(nested), OPTION_LISTS, "server", taken);
        expect(forward, OPTION_LISTS, "type", "user,hostfwd=tcp::1-:2,hostfwd=a,,b,n=0,n=2");
        expect_refused(parsed(forward), OPTION_FLAT, "hostfwd", taken);
        expect_refused(parsed("{\"a\":[[1]]}"), OPTION_LISTS, "a", taken);
        expect_refused(parsed("{\"a\":[null]}"), OPTION_LISTS, "a", taken);
        expect_refused(parsed("{\"a\":[{\"str\":\"b\",\"c\":1}]}"), OPTION_LISTS, "a", taken);
}

static void test_refused(void **state)
{
        static const char key[] = "a key like this cannot be written";

        for (OptionStyle style = OPTION_KEYVAL; style <= OPTION_LISTS; style++)
                expect_refused(parsed("{\"a\":null}"), style, "a", "null cannot be written here");
        for (OptionStyle style = OPTION_JSON; style <= OPTION_LISTS; style++) {
                expect_refused(parsed("{\"a\":\"x\\u0000y\"}"), style, "a", "its value holds a NUL byte");
                expect_refused(parsed("{\"a\":\"x\\n\"}"), style, "a", "its value holds a line break");
                expect_refused(parsed("{\"a\":\"\\u0001\xc3\"}"), style, "a", "its value is not UTF-8");
                expect_refused(parsed("{\"a,b\":1}"), style, "a,b", key);
                expect_refused(parsed("{\"a=b\":1}"), style, "a=b", key);
                expect_refused(parsed("{\"\":1}"), style, "", key);
                expect_refused(parsed("{\"-a\":1}"), style, "-a", key);
                expect_refused(parsed("{\"gr\xc3\xbc\":1}"), style, "gr\xc3\xbc", key);
        }
        expect_refused(parsed("{\"a\":{\"b.c\":1}}"), OPTION_KEYVAL, "a.b.c", key);
        expect_refused(parsed("{\"a\":{\"0\":1}}"), OPTION_KEYVAL, "a.0", key);
        expect_refused(parsed("{\"a\":{}}"), OPTION_KEYVAL, "a", "an empty object cannot be written here");
        expect_refused(parsed("{\"a\":[]}"), OPTION_KEYVAL, "a", "an empty list cannot be written here");
        expect_refused(parsed("{\"a\":[]}"), OPTION_LISTS, "a", "an empty list cannot be written here");
}

static void test_bounds(void **state)
{
        CLEANUP(json) json_object *infinite = json_object_new_object();
        CLEANUP(free) char *text = NULL;
        json_object *outer = json_object_new_object(), *inner = outer;
        char key[130];

        memset(key, 'k', sizeof(key));
        key[127] = '\0';
        json_add_bool(inner, key, true);
        assert_int_equal(option_text(outer, OPTION_KEYVAL, NULL, &text, NULL), 0);
        free(TAKE(text));
        key[127] = 'k';
        key[128] = '\0';
        json_add_bool(inner, key, true);
        assert_int_equal(option_text(outer, OPTION_KEYVAL, NULL, &text, NULL), -EINVAL);
        json_object_object_del(inner, key);
        json_add(infinite, "a", json_object_new_double(1.0 / 0.0));
        assert_int_equal(option_text(infinite, OPTION_JSON, NULL, &text, NULL), -EINVAL);
        for (int i = 0; i < 40; i++) {
                json_object *next = json_object_new_object();

                json_add(inner, "a", next);
                inner = next;
        }
        assert_int_equal(option_text(outer, OPTION_JSON, NULL, &text, NULL), -EINVAL);
        json_object_put(outer);
        assert_null(text);
}

static void test_syntax(void **state)
{
        assert_string_equal(option_syntax("-device")->implied, "driver");
        assert_int_equal(option_syntax("-blockdev")->text, OPTION_KEYVAL);
        assert_string_equal(option_syntax("-blockdev")->json, "");
        assert_null(option_syntax("-chardev")->json);
        assert_null(option_syntax("-cpu"));
        assert_null(option_syntax("device"));
}

/* The property: what is written is what QEMU's keyval.c reads. */

static json_object *random_value(unsigned level);

static json_object *random_string(void)
{
        static const char *const parts[] = {",",
                                            "=",
                                            ",,",
                                            "id=x",
                                            ",id=x",
                                            ".",
                                            "0",
                                            "{",
                                            "}",
                                            "\"",
                                            "'",
                                            "\\",
                                            " ",
                                            "\t",
                                            "\xc3\xbc",
                                            "help",
                                            "on",
                                            "?",
                                            "-x",
                                            "$",
                                            "%s",
                                            "a",
                                            "\xf0\x9f\x90\xa7",
                                            "\x01"};
        char text[64] = "";

        for (int n = rand() % 6; n > 0; n--)
                strcat(text, parts[(size_t)rand() % ELEMENTSOF(parts)]);
        return json_object_new_string(text);
}

static json_object *random_object(unsigned level)
{
        static const char *const keys[] = {"driver", "id", "a", "b-c", "d_e", "no", "nob", "help", "x0"};
        json_object *object = json_object_new_object();

        for (int n = 1 + rand() % 4; n > 0; n--)
                json_add(object, keys[(size_t)rand() % ELEMENTSOF(keys)], random_value(level));
        return object;
}

static json_object *random_array(unsigned level)
{
        json_object *array = json_object_new_array();

        for (int n = 1 + rand() % 12; n > 0; n--)
                json_append(array, random_value(level));
        return array;
}

static json_object *random_value(unsigned level)
{
        int kind = rand() % 8;

        if (level < 3 && kind < 2)
                return kind ? random_object(level + 1) : random_array(level + 1);
        if (kind == 2)
                return json_object_new_boolean(rand() % 2);
        if (kind == 3)
                return json_object_new_int64((int64_t)rand() * (rand() % 2 ? 1 : -4000000000));
        return random_string();
}

static void test_keyval_reads_what_was_written(void **state)
{
        srand(1);
        for (int i = 0; i < 5000; i++) {
                CLEANUP(json) json_object *object = random_object(0), *back = NULL, *strings = NULL;
                CLEANUP(free) char *text = NULL;
                const char *implied = i % 2 ? "driver" : NULL;

                assert_int_equal(option_text(object, OPTION_KEYVAL, implied, &text, NULL), 0);
                back = keyval_parse(text, implied);
                strings = keyval_strings(object);
                if (!back || !json_object_equal(back, strings))
                        fail_msg("%s\nfrom %s\nread as %s", text, json_object_to_json_string(strings),
                                 back ? json_object_to_json_string(back) : "nothing");
        }
}

/* Whatever the values hold, QemuOpts finds the id that was meant; releases before 5.1, if there is one. */
static void test_opts_find_the_id(void **state)
{
        srand(2);
        for (int i = 0; i < 5000; i++) {
                CLEANUP(json) json_object *object = json_object_new_object();
                CLEANUP(free) char *text = NULL, *id = NULL, *old = NULL;
                bool has_id = i % 2;

                json_add(object, "a", random_string());
                json_add(object, "driver", random_string());
                if (has_id)
                        json_add_string(object, "id", "real");
                assert_int_equal(
                        option_text(object, i % 4 < 2 ? OPTION_FLAT : OPTION_LISTS, "driver", &text, NULL),
                        0);
                id = opts_id(text);
                old = opts_id_before_5_1(text);
                if (!streq_ptr(id, has_id ? "real" : NULL) || (has_id && !streq_ptr(old, "real")))
                        fail_msg("%s: %s, %s", text, id ?: "none", old ?: "none");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_implied),
                cmocka_unit_test(test_nested),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_syntax),
                cmocka_unit_test(test_keyval_reads_what_was_written),
                cmocka_unit_test(test_opts_find_the_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
