/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every definition of a folder, as tests/data/domain-cases/README.md has it: y_NAME.xml is planned,
 * formatted twice and planned again; n_NAME.xml has exactly the faults of n_NAME.faults. MUSTER_TEST_SHOW=1
 * prints what came out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/fileio.h"
#include "base/util.h"
#include "cases.h"
#include "tests/unit/feature/maker.h"

#define DEFAULT_EMULATOR "7.2-x86_64"

static char *folder;

static char *read_beside(const char *name, const char *suffix)
{
        CLEANUP(free) char *path = text_format("%s/%s%s", folder, name, suffix);
        char *text = NULL;
        size_t size;

        return read_file(path, XML_SIZE_MAX, &text, &size) < 0 ? NULL : text;
}

static void print_faults(const Case *item)
{
        for (size_t i = 0; i < item->faults.n_items; i++) {
                CLEANUP(free) char *text = fault_to_text(&item->faults, &item->faults.items[i]);

                printf("    %s\n", text);
        }
}

/* Not print_message(), which cuts off what is longer than 1024. */
static void print_lines(char *const *lines)
{
        for (; lines && *lines; lines++)
                printf("    %s\n", *lines);
}

/* --- faults --------------------------------------------------------------------------------------- */

static char *fault_line(const Fault *item)
{
        return text_format("%u: %s%s%s%s", item->line, item->error ? "" : "warning: ", item->path ?: "",
                           item->path ? ": " : "", item->message);
}

/* Exactly these, in any order; a line "[EMULATOR]" is none. */
static unsigned check_faults(const char *name, char *const *expected, const Faults *faults)
{
        CLEANUP(strv) char **found = NULL;
        unsigned failures = 0;

        for (size_t i = 0; i < faults->n_items; i++) {
                CLEANUP(free) char *line = fault_line(&faults->items[i]);

                assert_int_equal(strv_append(&found, line), 0);
                if (strv_contains(expected, line))
                        continue;
                print_error("%s: unexpected: %s\n", name, line);
                failures++;
        }
        for (; *expected; expected++)
                if ((*expected)[0] != '[' && !strv_contains(found, *expected)) {
                        print_error("%s: missing: %s\n", name, *expected);
                        failures++;
                }
        return failures;
}

/* --- y_ ------------------------------------------------------------------------------------------ */

/* What ends in "…" is the beginning of a line. */
static bool contains(char *const *lines, const char *expected)
{
        size_t n = strlen(expected), dots = strlen("…");

        if (n < dots || !streq(expected + n - dots, "…"))
                return strv_contains(lines, expected);
        for (; *lines; lines++)
                if (strncmp(*lines, expected, n - dots) == 0)
                        return true;
        return false;
}

/* The lines of one emulator's part of NAME.args; "!" before what must not be there. */
static unsigned check_lines(const char *name, const char *emulator, char *const *expected,
                            char *const *lines)
{
        unsigned failures = 0;

        for (; *expected; expected++) {
                bool not_there = (*expected)[0] == '!';

                if (contains(lines, *expected + not_there) != not_there)
                        continue;
                print_error("%s on %s: %s\n    %s\n", name, emulator,
                            not_there ? "this line should not be there:" : "there is no line:",
                            *expected + not_there);
                failures++;
        }
        return failures;
}

static bool same_lines(char *const *a, char *const *b)
{
        for (; *a && *b; a++, b++)
                if (!streq(*a, *b)) {
                        print_error("    %s\n    %s\n", *a, *b);
                        return false;
                }
        return !*a && !*b;
}

/* What is formatted means the same, and is formatted the same. */
static unsigned check_format(const char *name, const char *emulator, const Case *first, char *const *lines)
{
        CLEANUP(free) char *once = xml_to_text(first->domain->xml), *twice = NULL;
        CLEANUP(strv) char **again = NULL;
        unsigned failures = 0;
        Case second;

        case_run(name, once, strlen(once), emulator, &second);
        if (second.faults.n_errors > 0 || !second.plan) {
                print_error("%s on %s: what was formatted has faults:\n", name, emulator);
                print_faults(&second);
                failures++;
        } else {
                twice = xml_to_text(second.domain->xml);
                again = case_lines(second.plan);
                if (!streq(once, twice)) {
                        print_error("%s on %s: formatted twice it is another one:\n%s\n%s\n", name, emulator,
                                    once, twice);
                        failures++;
                }
                if (!same_lines(lines, again)) {
                        print_error("%s on %s: formatted it has another plan\n", name, emulator);
                        failures++;
                }
        }
        if (getenv("MUSTER_TEST_SHOW"))
                printf("%s\n", once);
        case_clear(&second);
        return failures;
}

/* NAME.faults of what has a plan: its warnings, on the usual emulator. */
static unsigned check_warnings(const char *name, const char *emulator, const Case *item)
{
        CLEANUP(free) char *faults = read_beside(name, ".faults");
        CLEANUP(strv) char **expected = NULL;

        if (!streq(emulator, DEFAULT_EMULATOR))
                return 0;
        assert_int_equal(strv_split(faults ?: "", "\n", &expected), 0);
        return check_faults(name, expected, &item->faults);
}

static unsigned check_planned(const char *name, const char *text, const char *emulator,
                              char *const *expected)
{
        CLEANUP(strv) char **lines = NULL;
        unsigned failures = 0;
        Case item;

        case_run(name, text, strlen(text), emulator, &item);
        if (getenv("MUSTER_TEST_SHOW"))
                print_faults(&item);
        if (!item.plan) {
                print_error("%s on %s: no plan:\n", name, emulator);
                print_faults(&item);
                failures++;
        } else {
                lines = case_lines(item.plan);
                if (getenv("MUSTER_TEST_SHOW"))
                        print_lines(lines);
                failures += check_lines(name, emulator, expected, lines);
                failures += check_format(name, emulator, &item, lines);
                failures += check_warnings(name, emulator, &item);
        }
        case_clear(&item);
        return failures;
}

static unsigned check_yes(const char *name, const char *text)
{
        CLEANUP(free) char *args = read_beside(name, ".args"), *emulator = strdup(DEFAULT_EMULATOR);
        CLEANUP(strv) char **lines = NULL;
        char **part = calloc(1, sizeof(char *));
        unsigned failures = 0;
        bool any = false;

        assert_int_equal(strv_split(args ?: "", "\n", &lines), 0);
        for (char **line = lines;; line++) {
                if (line && *line && (*line)[0] != '[') {
                        if ((*line)[0] != '#') {
                                assert_int_equal(strv_append(&part, *line), 0);
                                any = true;
                        }
                        continue;
                }
                /* What stands before the first heading is for the default emulator, if anything does. */
                if (any || !line || !*line || line != lines)
                        failures += check_planned(name, text, emulator, part);
                strv_free(part);
                part = calloc(1, sizeof(char *));
                any = false;
                if (!line || !*line)
                        break;
                free(emulator);
                emulator = strndup(*line + 1, strcspn(*line + 1, "]"));
        }
        strv_free(part);
        return failures;
}

/* --- n_ ------------------------------------------------------------------------------------------ */

static unsigned check_no(const char *name, const char *text)
{
        CLEANUP(free) char *faults = read_beside(name, ".faults");
        CLEANUP(strv) char **expected = NULL;
        const char *emulator = DEFAULT_EMULATOR;
        unsigned failures;
        Case item;

        assert_int_equal(strv_split(faults ?: "", "\n", &expected), 0);
        if (expected[0] && expected[0][0] == '[') {
                expected[0][strcspn(expected[0], "]")] = '\0';
                emulator = expected[0] + 1;
        }
        case_run(name, text, strlen(text), emulator, &item);
        if (getenv("MUSTER_TEST_SHOW"))
                print_faults(&item);
        failures = check_faults(name, expected, &item.faults);
        if (item.faults.n_errors == 0) {
                print_error("%s: there is no error\n", name);
                failures++;
        }
        case_clear(&item);
        return failures;
}

static void test_case(void **state)
{
        const char *name = *state;
        CLEANUP(free) char *text = read_beside(name, ".xml");

        assert_non_null(text);
        assert_int_equal(name[0] == 'y' ? check_yes(name, text) : check_no(name, text), 0);
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char **list_names(void)
{
        CLEANUP(dir) DIR *dir = opendir(folder);
        char **names = NULL;
        struct dirent *entry;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                size_t size = strlen(entry->d_name);

                if (size < 5 || !streq(entry->d_name + size - 4, ".xml"))
                        continue;
                entry->d_name[size - 4] = '\0';
                assert_int_equal(strv_append(&names, entry->d_name), 0);
        }
        assert_non_null(names);
        qsort(names, strv_length(names), sizeof(char *), compare);
        return names;
}

/* test-cases FOLDER [NAME…] */
int main(int argc, char **argv)
{
        CLEANUP(strv) char **names = NULL;
        struct CMUnitTest *tests;
        size_t n = 0;
        int r;

        folder = argv[1];
        if (argc > 2)
                for (int i = 2; i < argc; i++)
                        strv_append(&names, argv[i]);
        else
                names = list_names();
        tests = calloc(strv_length(names), sizeof(*tests));
        for (char **name = names; *name; name++)
                tests[n++] =
                        (struct CMUnitTest){.name = *name, .test_func = test_case, .initial_state = *name};
        r = _cmocka_run_group_tests(folder, tests, n, NULL, NULL);
        free(tests);
        return r;
}
