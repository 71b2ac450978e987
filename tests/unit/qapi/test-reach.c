/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "qapi/path.h"
#include "qapi/reach.h"
#include "schemas.h"

typedef struct Rows {
        SchemaReach *rows;
        size_t n;
} Rows;

static void cleanup_rows(Rows *rows)
{
        schema_reach_free(rows->rows, rows->n);
}

static uint32_t entity_at(const MusterSchema *schema, const char *text)
{
        CLEANUP(SchemaPath) SchemaPath *path = NULL;
        SchemaHit hit;

        assert_int_equal(schema_path_parse(text, &path, NULL), 0);
        assert_int_equal(schema_path_eval(schema, path, &hit), 1);
        return hit.type;
}

/* Each row's path leads where it says: to the entity, or to an array or alternate of it. */
static void check_paths(const MusterSchema *schema, const Rows *rows)
{
        for (size_t i = 0; i < rows->n; i++) {
                const SchemaReach *row = rows->rows + i;
                CLEANUP(SchemaPath) SchemaPath *path = NULL;

                assert_int_equal(schema_path_parse(row->path, &path, NULL), 0);
                assert_int_equal(schema_path_eval(schema, path, NULL), 1);
                assert_memory_equal(row->path, row->root, strlen(row->root));
                if (i > 0)
                        assert_true(strcmp(row[-1].root, row->root) <= 0);
        }
}

static const char *find(const Rows *rows, const char *root, const char *branch)
{
        const char *found = NULL;

        for (size_t i = 0; i < rows->n; i++)
                if (streq(rows->rows[i].root, root) && streq_ptr(rows->rows[i].branch, branch)) {
                        assert_null(found);
                        found = rows->rows[i].path;
                }
        return found;
}

/* The seed's question: to what does the flag on the options of `file` apply? */
static void test_file_options(void **state)
{
        static const char *const drivers[] = {"file", "host_cdrom", "host_device"};
        static const struct {
                const char *schema;
                const char *reopen;
                const char *way;
        } real[] = {
                {"5.2-x86_64", "x-blockdev-reopen", "x-blockdev-reopen/arg-type/+"},
                {"7.2-x86_64", "blockdev-reopen", "blockdev-reopen/arg-type/options/+"},
                {"7.2-storage-daemon", "blockdev-reopen", "blockdev-reopen/arg-type/options/+"},
                {"11.1-x86_64", "blockdev-reopen", "blockdev-reopen/arg-type/options/+"},
        };

        for (size_t i = 0; i < ELEMENTSOF(real); i++) {
                CLEANUP_SCHEMA *schema = load_schema(real[i].schema);
                __attribute__((cleanup(cleanup_rows))) Rows rows = {NULL, 0};
                uint32_t type = entity_at(schema, "blockdev-add/arg-type/+file");

                assert_int_equal(schema_reach(schema, type, &rows.rows, &rows.n), 0);
                check_paths(schema, &rows);
                assert_int_equal(rows.n, 3 * ELEMENTSOF(drivers));
                for (size_t k = 0; k < ELEMENTSOF(drivers); k++) {
                        char path[100];

                        snprintf(path, sizeof(path), "blockdev-add/arg-type/+%s", drivers[k]);
                        assert_string_equal(find(&rows, "blockdev-add", drivers[k]), path);
                        snprintf(path, sizeof(path), "%s%s", real[i].way, drivers[k]);
                        assert_string_equal(find(&rows, real[i].reopen, drivers[k]), path);
                        assert_non_null(find(&rows, "blockdev-create", drivers[k]));
                        for (size_t n = 0; n < rows.n; n++)
                                if (streq_ptr(rows.rows[n].branch, drivers[k]))
                                        assert_int_equal(entity_at(schema, rows.rows[n].path), type);
                }
        }
}

static void test_root_is_itself(void **state)
{
        CLEANUP_SCHEMA *schema = load_schema("7.2-x86_64");
        __attribute__((cleanup(cleanup_rows))) Rows rows = {NULL, 0};

        assert_int_equal(schema_reach(schema, schema_find(schema, "device_add"), &rows.rows, &rows.n), 0);
        assert_int_equal(rows.n, 1);
        assert_string_equal(rows.rows[0].path, "device_add");
        assert_null(rows.rows[0].branch);
        assert_int_equal(schema_reach(schema, SCHEMA_NONE, &rows.rows, &rows.n), -EINVAL);
}

/* A cycle; a type reached plainly and by two cases, one of them behind an array; results are not walked. */
static void test_small(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(
                "[{\"name\":\"x\",\"meta-type\":\"object\",\"members\":[]},"
                "{\"name\":\"[x]\",\"meta-type\":\"array\",\"element-type\":\"x\"},"
                "{\"name\":\"e\",\"meta-type\":\"enum\",\"values\":[]},"
                "{\"name\":\"u\",\"meta-type\":\"object\",\"tag\":\"t\",\"members\":[{\"name\":\"t\","
                "\"type\":\"e\"},"
                "{\"name\":\"self\",\"type\":\"u\"},{\"name\":\"9p\",\"type\":\"x\"}],\"variants\":["
                "{\"case\":\"b\",\"type\":\"x\"},{\"case\":\"a\",\"type\":\"[x]\"}]},"
                "{\"name\":\"z\",\"meta-type\":\"command\",\"arg-type\":\"u\",\"ret-type\":\"x\"},"
                "{\"name\":\"r\",\"meta-type\":\"command\",\"arg-type\":\"e\",\"ret-type\":\"x\"},"
                "{\"name\":\"A\",\"meta-type\":\"event\",\"arg-type\":\"x\"}]");
        __attribute__((cleanup(cleanup_rows))) Rows rows = {NULL, 0};
        static const struct {
                const char *root, *branch, *path;
        } expected[] = {
                {"A", NULL, "A/arg-type"},
                {"z", NULL, "z/arg-type/ 9p"},
                {"z", "a", "z/arg-type/+a"},
                {"z", "b", "z/arg-type/+b"},
        };

        assert_int_equal(schema_reach(schema, schema_find(schema, "x"), &rows.rows, &rows.n), 0);
        assert_int_equal(rows.n, ELEMENTSOF(expected));
        check_paths(schema, &rows);
        for (size_t i = 0; i < rows.n; i++) {
                assert_string_equal(rows.rows[i].root, expected[i].root);
                assert_string_equal(rows.rows[i].path, expected[i].path);
                assert_true(streq_ptr(rows.rows[i].branch, expected[i].branch));
        }
}

static void test_nowhere(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema("[{\"name\":\"x\",\"meta-type\":\"object\",\"members\":[]}]");
        __attribute__((cleanup(cleanup_rows))) Rows rows = {NULL, 7};

        assert_int_equal(schema_reach(schema, 0, &rows.rows, &rows.n), 0);
        assert_int_equal(rows.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_options),
                cmocka_unit_test(test_root_is_itself),
                cmocka_unit_test(test_small),
                cmocka_unit_test(test_nowhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
