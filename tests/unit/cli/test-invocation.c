/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "cli/disk.h"
#include "cli/invocation.h"
#include "cli/suggest.h"

#define PARSE(invocation, error, ...)                                                                       \
        parse((const char *const[]){"muster", __VA_ARGS__, NULL}, invocation, error)

static int parse(const char *const *words, Invocation *ret, MusterError **ret_error)
{
        int argc = 0;

        while (words[argc])
                argc++;
        return invocation_parse(argc, (char *const *)words, ret, ret_error);
}

static void refuses(int r, MusterError *error, const char *word)
{
        assert_int_equal(r, -EINVAL);
        if (!strstr(muster_error_message(error), word))
                fail_msg("\"%s\" does not have \"%s\"", muster_error_message(error), word);
        muster_error_free(error);
}

#define REFUSES(word, ...)                                                                                  \
        do {                                                                                                \
                Invocation _invocation = {0};                                                               \
                MusterError *_error = NULL;                                                                 \
                int _r = PARSE(&_invocation, &_error, __VA_ARGS__);                                         \
                                                                                                            \
                refuses(_r, _error, word);                                                                  \
        } while (0)

static void test_forms_of_options(void **state)
{
        static const char *const forms[][4] = {
                {"--emulator=/q", NULL}, {"--emulator", "/q", NULL}, {"-e", "/q", NULL}, {"-e/q", NULL},
                {"-ve/q", NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                char *argv[6] = {(char *)"muster", (char *)"has", (char *)"f"};
                Invocation invocation = {0};
                int argc = 3;

                for (size_t j = 0; forms[i][j]; j++)
                        argv[argc++] = (char *)forms[i][j];
                assert_int_equal(invocation_parse(argc, argv, &invocation, NULL), 0);
                assert_string_equal(invocation.verb->name, "has");
                assert_string_equal(option_value(&invocation, &option_emulator), "/q");
                assert_int_equal(invocation.n_arguments, 1);
                invocation_done(&invocation);
        }
}

static void test_options_before_the_verb(void **state)
{
        Invocation invocation = {0};

        assert_int_equal(PARSE(&invocation, NULL, "--json", "--driver", "nbd", "gate", "-"), 0);
        assert_true(option_given(&invocation, &option_json));
        assert_string_equal(option_value(&invocation, &option_disk_driver), "nbd");
        assert_string_equal(invocation.arguments[0], "-");
        invocation_done(&invocation);
        REFUSES("'--connect'", "--connect", "unix:/x", "verify", "f");
}

static void test_the_last_one_counts_and_repeats_are_kept(void **state)
{
        Invocation invocation = {0};
        size_t cursor = 0;

        assert_int_equal(PARSE(&invocation, NULL, "gate", "--access", "ro", "--access=rw", "--option", "a=1",
                               "--option", "b=2"),
                         0);
        assert_string_equal(option_value(&invocation, &option_access), "rw");
        assert_string_equal(option_next(&invocation, &option_option, &cursor), "a=1");
        assert_string_equal(option_next(&invocation, &option_option, &cursor), "b=2");
        assert_null(option_next(&invocation, &option_option, &cursor));
        invocation_done(&invocation);
}

static void test_two_words_and_the_end_of_options(void **state)
{
        Invocation invocation = {0};

        assert_int_equal(PARSE(&invocation, NULL, "schema", "query", "--", "-x"), 0);
        assert_string_equal(invocation.verb->name, "schema query");
        assert_string_equal(invocation.arguments[0], "-x");
        invocation_done(&invocation);
        assert_int_equal(PARSE(&invocation, NULL, "schema"), 0);
        assert_null(invocation.verb);
        assert_string_equal(invocation.group, "schema");
        invocation_done(&invocation);
}

static void test_a_domain_as_virsh_takes_it(void **state)
{
        static const char *const forms[][6] = {
                {"save", "--domain", "guest", "file"},
                {"save", "file", "--domain", "guest"},
                {"save", "file", "--domain=guest"},
                {"save", "guest", "file"},
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                Invocation invocation = {0};

                assert_int_equal(PARSE(&invocation, NULL, forms[i][0], forms[i][1], forms[i][2], forms[i][3],
                                       forms[i][4]),
                                 0);
                assert_int_equal(invocation.n_arguments, 2);
                assert_string_equal(invocation.arguments[0], "guest");
                assert_string_equal(invocation.arguments[1], "file");
                invocation_done(&invocation);
        }
        REFUSES("--domain DOMAIN", "start", "--domain");
        REFUSES("one too many", "start", "guest", "--domain", "other");
        REFUSES("'--domain'", "list", "--domain", "guest");
}

static void test_help_wins_over_what_is_missing(void **state)
{
        Invocation invocation = {0};

        assert_int_equal(PARSE(&invocation, NULL, "has", "--help"), 0);
        assert_true(invocation.help);
        invocation_done(&invocation);
}

static void test_refusals_name_what_is_near(void **state)
{
        REFUSES("'gate'", "gaet");
        REFUSES("'schema query'", "schema", "qeury");
        REFUSES("'--json'", "probe", "--jsno");
        REFUSES("muster help", "zzzzzzzz");
        REFUSES("FEATURE", "has");
        REFUSES("'b'", "has", "a", "b");
        REFUSES("needs a value", "has", "f", "-e");
        REFUSES("takes no value", "probe", "--json=1");
        REFUSES("-x", "probe", "-x");
}

static void test_seconds(void **state)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = {{"10", 10000000},      {"0.5", 500000}, {".25", 250000},
                    {"1.", 1000000},       {"0.001", 1000}, {"86400", UINT64_C(86400000000)},
                    {"1.2345678", 1234567}};
        static const char *const bad[] = {
                "",       ".",   "0",     "-1",     "1,5", "1e3", "0x1",
                "nan",    "inf", "86401", "0.0001", "1.x", " 1",  "99999999999999999999",
                "86400.5"};
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(parse_seconds(good[i].text, &usec), 0);
                assert_int_equal(usec, good[i].usec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_seconds(bad[i], &usec), -EINVAL);
}

static void test_pairs(void **state)
{
        static const char *const bad[] = {"", "a", "=b", "a=1,", ",a=1", "a=1,b"};
        char **pairs = NULL;

        assert_int_equal(split_pairs("driver=file,filename=a,,b=c,format=", &pairs), 0);
        assert_int_equal(strv_length(pairs), 6);
        assert_string_equal(pairs[3], "a,b=c");
        assert_string_equal(pairs[5], "");
        strv_free(pairs);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(split_pairs(bad[i], &pairs), -EINVAL);
}

static void test_distances(void **state)
{
        Suggestion suggestion = {.word = "prob"};

        assert_int_equal(edit_distance("", "abc"), 3);
        assert_int_equal(edit_distance("kitten", "sitting"), 3);
        assert_int_equal(edit_distance("gaet", "gate"), 1);
        assert_int_equal(edit_distance("same", "same"), 0);
        suggestion_feed(&suggestion, "unlike");
        assert_null(suggestion.best);
        suggestion_feed(&suggestion, "probe");
        suggestion_feed(&suggestion, "prod");
        assert_string_equal(suggestion.best, "probe");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms_of_options),
                cmocka_unit_test(test_options_before_the_verb),
                cmocka_unit_test(test_the_last_one_counts_and_repeats_are_kept),
                cmocka_unit_test(test_two_words_and_the_end_of_options),
                cmocka_unit_test(test_a_domain_as_virsh_takes_it),
                cmocka_unit_test(test_help_wins_over_what_is_missing),
                cmocka_unit_test(test_refusals_name_what_is_near),
                cmocka_unit_test(test_seconds),
                cmocka_unit_test(test_pairs),
                cmocka_unit_test(test_distances),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
