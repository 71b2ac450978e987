/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The schema ties of the shipped catalogue against what real QEMUs said: a path with a slip in it would be
 * unmet for ever, and nobody would notice. Each must be met in some recorded schema, but for those that are
 * known to be in none of them.
 */

#include "reports.h"

static const char *const versions[] = {
        "5.2-x86_64", "7.2-x86_64", "7.2-aarch64", "7.2-storage-daemon", "10.0-x86_64", "11.1-x86_64",
};

/* Where a vendor could put it, what was never merged, and what was gone by 5.2. */
static const char *const in_none[] = {
        "blockdev-add/arg-type/$dynamic-auto-read-only",
        "blockdev-add/$dynamic-auto-read-only",
        "blockdev-add/arg-type/dynamic-auto-read-only",
        "query-qemu-features",
        "blockdev-add/arg-type/+vxhs",
        "blockdev-add/arg-type/+gluster/debug-level",
        "blockdev-add/arg-type/options/+gluster/debug-level",
};

static MusterSchema *schemas[ELEMENTSOF(versions)];

static unsigned count_met(const char *path)
{
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(schemas); i++) {
                int r = muster_schema_query(schemas[i], path, NULL, NULL);

                if (r < 0)
                        fail_msg("%s in %s: %d", path, versions[i], r);
                n += r > 0;
        }
        return n;
}

static bool known_in_none(const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(in_none); i++)
                if (streq(in_none[i], path))
                        return true;
        return false;
}

static void check_path(const char *path)
{
        unsigned n = count_met(path);

        if ((n == 0) != known_in_none(path))
                fail_msg("%s is met in %u of the recorded schemas", path, n);
}

/* Returns the number of schema ties of a file. */
static unsigned check_file(const char *name)
{
        CLEANUP(free) char *file = NULL, *text = NULL;
        char *rest, *line;
        unsigned n = 0;
        size_t size;

        assert_true(asprintf(&file, "%s/../../conf/features.d/%s", getenv("MUSTER_TEST_DATA"), name) > 0);
        assert_int_equal(read_file(file, JSON_SIZE_MAX, &text, &size), 0);
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                const char *paths = startswith(line, "tie = schema ");
                char *at, *end;

                /* inih cuts longer lines. */
                assert_in_range(strlen(line), 0, 190);
                if (!paths)
                        continue;
                for (at = (char *)paths; at; at = end) {
                        end = strstr(at, " & ");
                        if (end) {
                                *end = '\0';
                                end += strlen(" & ");
                        }
                        check_path(at);
                }
                n++;
        }
        return n;
}

static void test_ties(void **state)
{
        assert_in_range(check_file("10-block.ini"), 30, 100);
        assert_in_range(check_file("20-devices.ini"), 25, 100);
        assert_in_range(check_file("30-migration.ini"), 9, 100);
        assert_in_range(check_file("40-monitor.ini"), 12, 100);
        assert_in_range(check_file("50-options.ini"), 1, 10);
}

static int setup(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                schemas[i] = recorded(versions[i]);
        return 0;
}

static int teardown(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                schemas[i] = muster_schema_unref(schemas[i]);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ties),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
