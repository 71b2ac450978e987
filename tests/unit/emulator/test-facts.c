/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/facts.h"

#define DIGEST "1493008ba0036014c727bb23bbe2f399135867e9b5c4fe288ef2b4b816f46b0c"

static json_object *parse(const char *text)
{
        json_object *object = NULL;

        assert_int_equal(json_parse(text, strlen(text), &object), 0);
        return object;
}

static void answer(MusterFacts *facts, const char *name, FactScope scope, const char *value)
{
        assert_int_equal(facts_add(facts, name, scope, FACT_ANSWERED, parse(value), NULL), 0);
}

static MusterFacts *make(bool with_schema)
{
        CLEANUP(free) char *schema = NULL;
        MusterFacts *facts = NULL;
        char path[512];

        assert_int_equal(facts_new(&facts), 0);
        facts->identity.path = strdup("/usr/bin/kvm");
        facts->identity.executable = strdup("/usr/bin/qemu-system-x86_64");
        strcpy(facts->identity.digest, DIGEST);
        answer(facts, "query-version", FACT_PORTABLE,
               "{\"qemu\":{\"major\":7,\"minor\":2,\"micro\":22},\"package\":\"Debian \\\"x\\\" "
               "\\u00fc\\n\"}");
        answer(facts, "query-target", FACT_PORTABLE, "{\"arch\":\"x86_64\"}");
        answer(facts, "qom-list-types", FACT_PORTABLE,
               "[{\"name\":\"b\"},{\"name\":\"a\"},{\"name\":\"c\"}]");
        answer(facts, "odd", FACT_HOST,
               "[null,true,-9223372036854775808,18446744073709551615,1.0,0.1,1e300,{},[]]");
        assert_int_equal(facts_add(facts, "query-kvm", FACT_HOST, FACT_CRASHED, NULL, "signal 6"), 0);
        assert_int_equal(facts_add(facts, "query-qemu-features", FACT_HOST, FACT_NOT_FOUND, NULL, NULL), 0);
        if (with_schema) {
                snprintf(path, sizeof(path), "%s/schema/7.2-x86_64.json", getenv("MUSTER_TEST_DATA"));
                assert_int_equal(read_file(path, 1U << 24, &schema, NULL), 0);
                answer(facts, "query-qmp-schema", FACT_PORTABLE, schema);
        }
        return facts;
}

static MusterFacts *make_sealed(bool with_schema)
{
        MusterFacts *facts = make(with_schema);

        assert_int_equal(facts_seal(facts, NULL), 0);
        return facts;
}

static void test_derived(void **state)
{
        CLEANUP(facts) MusterFacts *facts = make_sealed(true);

        assert_string_equal(muster_facts_version(facts), "7.2.22");
        assert_string_equal(muster_facts_package(facts), "Debian \"x\" \xc3\xbc\n");
        assert_string_equal(muster_facts_target(facts), "x86_64");
        assert_true(facts_has_type(facts, "a") && facts_has_type(facts, "c"));
        assert_false(facts_has_type(facts, "d"));
        assert_non_null(muster_facts_schema(facts));
        assert_non_null(schema_find_root(muster_facts_schema(facts), "blockdev-add"));
        assert_null(facts_find(facts, "query"));
        assert_int_equal(facts_find(facts, "query-kvm")->status, FACT_CRASHED);
}

static void test_seal_refuses(void **state)
{
        static const struct {
                const char *name, *value, *sentence;
        } cases[] = {
                {"query-version", "{}", "twice"},
                {"query-target2", "{}", NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(facts) MusterFacts *facts = make(false);
                CLEANUP(MusterError) MusterError *error = NULL;

                answer(facts, cases[i].name, FACT_PORTABLE, cases[i].value);
                assert_int_equal(facts_seal(facts, &error), cases[i].sentence ? -EBADMSG : 0);
                if (cases[i].sentence)
                        assert_non_null(strstr(muster_error_message(error), cases[i].sentence));
        }
}

static void test_seal_refuses_nonsense(void **state)
{
        static const char *const cases[][2] = {
                {"query-version", "{}"},
                {"query-version", "{\"qemu\":{\"major\":-1,\"minor\":0,\"micro\":0}}"},
                {"query-version", "[]"},
                {"query-target", "{\"arch\":7}"},
                {"qom-list-types", "{}"},
                {"qom-list-types", "[{}]"},
                {"query-qmp-schema", "[7]"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(facts) MusterFacts *facts = NULL;
                CLEANUP(MusterError) MusterError *error = NULL;

                assert_int_equal(facts_new(&facts), 0);
                answer(facts, cases[i][0], FACT_PORTABLE, cases[i][1]);
                assert_int_equal(facts_seal(facts, &error), -EBADMSG);
                assert_true(strlen(muster_error_message(error)) > 10);
        }
}

static MusterFacts *reread(const MusterFacts *facts)
{
        CLEANUP(free) char *text = NULL, *again = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *copy = NULL;

        assert_int_equal(muster_facts_to_json(facts, &text, NULL), 0);
        if (muster_facts_from_json(text, strlen(text), &copy, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_int_equal(muster_facts_to_json(copy, &again, NULL), 0);
        assert_string_equal(text, again);
        return copy;
}

static void test_round_trip(void **state)
{
        CLEANUP(facts) MusterFacts *facts = make_sealed(true);
        CLEANUP(facts) MusterFacts *copy = reread(facts);

        assert_int_equal(copy->n_facts, facts->n_facts);
        for (size_t i = 0; i < facts->n_facts; i++) {
                const Fact *a = facts->facts + i, *b = copy->facts + i;

                assert_string_equal(a->name, b->name);
                assert_int_equal(a->scope, b->scope);
                assert_int_equal(a->status, b->status);
                assert_true(json_object_equal(a->value, b->value));
                assert_true(streq_ptr(a->reason, b->reason));
        }
        assert_string_equal(muster_facts_digest(copy), DIGEST);
        assert_string_equal(muster_facts_executable(copy), "/usr/bin/qemu-system-x86_64");
}

static void test_measured(void **state)
{
        CLEANUP(facts) MusterFacts *facts = make_sealed(false);
        CLEANUP(facts) MusterFacts *once = NULL, *twice = NULL, *again = NULL, *copy = NULL;

        assert_int_equal(
                facts_with_measured(facts, "check", FACT_ANSWERED, parse("{\"met\":true}"), NULL, &once), 0);
        assert_int_equal(facts_with_measured(once, "a", FACT_REFUSED, NULL, "why", &twice), 0);
        assert_int_equal(
                facts_with_measured(twice, "check", FACT_ANSWERED, parse("{\"met\":false}"), NULL, &again),
                0);
        assert_null(facts_find_measured(facts, "check"));
        assert_true(json_get_bool(facts_find_measured(twice, "check")->value, "met", false));
        assert_false(json_get_bool(facts_find_measured(again, "check")->value, "met", true));
        assert_int_equal(again->n_measured, 2);
        /* Each stands by itself. */
        facts = muster_facts_unref(facts);
        once = muster_facts_unref(once);
        assert_string_equal(muster_facts_version(again), "7.2.22");
        copy = reread(again);
        assert_string_equal(facts_find_measured(copy, "a")->reason, "why");
}

/* A record with one thing changed is refused with a sentence. */
static void test_strict(void **state)
{
        static const char *const cases[][2] = {
                {"\"format\":1", "\"format\":2"},
                {"\"kind\":\"system\"", "\"kind\":\"sistem\""},
                {"\"connected\":false", "\"connected\":0"},
                {"\"connected\":false", "\"connected\":false,\"more\":1"},
                {"\"portable\"", "\"potable\""},
                {"\"measured\":{}", "\"measured\":[]"},
                {"\"identity\":{", "\"identity\":7,\"x\":{"},
                {"\"status\":\"crashed\"", "\"status\":\"answered\""},
                {"\"status\":\"not-found\"", "\"status\":\"not-found\",\"value\":1"},
                {"\"status\":\"not-found\"", "\"status\":\"lost\""},
                {"\"status\":\"not-found\"", "\"status\":\"not-found\",\"reason\":1"},
                {"\"query-qemu-features\"", "\"query-target\""},
                {"\"arch\"", "\"ark\""},
                {"\"host\":{", "\"host\":{\"x\":null,"},
        };
        CLEANUP(facts) MusterFacts *facts = make_sealed(false);
        CLEANUP(free) char *text = NULL;

        assert_int_equal(muster_facts_to_json(facts, &text, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(free) char *changed = NULL;
                char *at = strstr(text, cases[i][0]);

                assert_non_null(at);
                assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, cases[i][1],
                                     at + strlen(cases[i][0])) > 0);
                if (muster_facts_from_json(changed, strlen(changed), NULL, &error) != -EBADMSG)
                        fail_msg("%s", cases[i][1]);
                assert_true(strlen(muster_error_message(error)) > 10);
        }
}

static void test_cut_anywhere(void **state)
{
        CLEANUP(facts) MusterFacts *facts = make_sealed(false);
        CLEANUP(free) char *text = NULL;
        size_t size;

        assert_int_equal(muster_facts_to_json(facts, &text, NULL), 0);
        /* Without the newline it is whole. */
        size = strlen(text) - 1;
        for (size_t i = 0; i < size; i++)
                assert_int_equal(muster_facts_from_json(text, i, NULL, NULL), -EBADMSG);
}

static void test_too_deep(void **state)
{
        CLEANUP(facts) MusterFacts *facts = make(false);
        CLEANUP(free) char *text = NULL;
        char deep[2 * JSON_DEPTH_MAX];

        memset(deep, '[', JSON_DEPTH_MAX - 2);
        memset(deep + JSON_DEPTH_MAX - 2, ']', JSON_DEPTH_MAX - 2);
        deep[2 * (JSON_DEPTH_MAX - 2)] = '\0';
        answer(facts, "deep", FACT_HOST, deep);
        assert_int_equal(facts_seal(facts, NULL), 0);
        assert_int_equal(muster_facts_to_json(facts, &text, NULL), -E2BIG);
}

static void test_describe(void **state)
{
        static const char *const keys[] = {"path",    "executable", "digest",   "version",
                                           "package", "target",     "modules",  "kind",
                                           "chain",   "deleted",    "connected"};
        CLEANUP(facts) MusterFacts *facts = make_sealed(false);
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *object = NULL;

        assert_int_equal(muster_facts_describe(facts, &text, NULL), 0);
        object = parse(text);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                assert_true(json_object_object_get_ex(object, keys[i], NULL));
        assert_int_equal(json_object_object_length(object), ELEMENTSOF(keys));
        assert_string_equal(json_get_string(object, "version"), "7.2.22");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_derived),
                cmocka_unit_test(test_seal_refuses),
                cmocka_unit_test(test_seal_refuses_nonsense),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_measured),
                cmocka_unit_test(test_strict),
                cmocka_unit_test(test_cut_anywhere),
                cmocka_unit_test(test_too_deep),
                cmocka_unit_test(test_describe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
