/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/table.h"

static void test_each_verb_says_what_it_does(void **state)
{
        for (const Verb *const *verb = verbs; *verb; verb++) {
                CLEANUP(free) char *synopsis = help_synopsis(*verb);
                CLEANUP(free) char *start = NULL;

                assert_non_null((*verb)->run);
                assert_true((*verb)->summary && *(*verb)->summary);
                assert_true((*verb)->about && *(*verb)->about);
                assert_true(asprintf(&start, "muster %s", (*verb)->name) > 0);
                assert_non_null(startswith((*verb)->example, start));
                assert_non_null(startswith(synopsis, start));
                assert_true((*verb)->min_arguments <= (*verb)->max_arguments);
                assert_int_equal((*verb)->max_arguments > 0, (*verb)->arguments != NULL);
                assert_ptr_equal(verb_find((*verb)->name), *verb);
        }
}

static void test_names_are_sorted_and_unique(void **state)
{
        for (const Verb *const *verb = verbs; verb[0] && verb[1]; verb++)
                assert_true(strcmp(verb[0]->name, verb[1]->name) < 0);
        assert_true(verb_is_group("schema"));
        assert_false(verb_is_group("sch"));
        assert_false(verb_is_group(""));
        assert_false(verb_is_group("probe"));
}

/* Before the verb is known an option is looked up among all: those of one name must have one shape. */
static void test_options_of_one_name_have_one_shape(void **state)
{
        for (const Verb *const *verb = verbs; *verb; verb++)
                for (const Option *const *option = (*verb)->options; option && *option; option++) {
                        const Option *any = option_find(/* verb= */ NULL, (*option)->name);

                        assert_true((*option)->help && *(*option)->help);
                        assert_ptr_equal(option_find(*verb, (*option)->name), *option);
                        assert_int_equal(any->argument != NULL, (*option)->argument != NULL);
                        assert_int_equal(any->letter, (*option)->letter);
                }
}

static Table *make_table(void)
{
        Table *table = table_new((const char *const[]){"NAME", "VERDICT", "SUMMARY"}, 3);

        assert_non_null(table);
        assert_int_equal(table_add(table, (const char *const[]){"dünn", "present", "one two three four"}, 1,
                                   STYLE_GOOD),
                         0);
        assert_int_equal(table_add(table, (const char *const[]){"b\033[31m", NULL, "x"}, 1, STYLE_BAD), 0);
        return table;
}

static void test_table_is_aligned_and_clean(void **state)
{
        CLEANUP(Table) Table *table = make_table();
        CLEANUP(free) char *text = table_to_text(table, /* width= */ 0, /* coloured= */ false);

        assert_string_equal(text, "NAME    VERDICT  SUMMARY\n"
                                  "dünn    present  one two three four\n"
                                  "b?[31m           x\n");
}

static void test_table_is_cut_to_the_terminal(void **state)
{
        CLEANUP(Table) Table *table = make_table();
        CLEANUP(free) char *text = table_to_text(table, /* width= */ 30, /* coloured= */ false);

        assert_non_null(strstr(text, "  one two thre>\n"));
}

static void test_table_is_coloured_by_cell(void **state)
{
        CLEANUP(Table) Table *table = make_table();
        CLEANUP(free) char *text = table_to_text(table, /* width= */ 0, /* coloured= */ true);

        assert_non_null(strstr(text, "dünn    \033[32mpresent\033[0m  one"));
        assert_non_null(startswith(text, "\033[1mNAME\033[0m"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_verb_says_what_it_does),
                cmocka_unit_test(test_names_are_sorted_and_unique),
                cmocka_unit_test(test_options_of_one_name_have_one_shape),
                cmocka_unit_test(test_table_is_aligned_and_clean),
                cmocka_unit_test(test_table_is_cut_to_the_terminal),
                cmocka_unit_test(test_table_is_coloured_by_cell),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
