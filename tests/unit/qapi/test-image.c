/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A schema as bytes and back: the same; and whatever the bytes, one that can be used, or none. */

#include <errno.h>

#include "base/util.h"
#include "qapi/schema-image.h"
#include "schemas.h"

static void *image_of(const MusterSchema *schema, size_t *ret_size)
{
        void *image;

        assert_int_equal(schema_to_image(schema, &image, ret_size), 0);
        return image;
}

static void test_same(void **state)
{
        static const char *const names[] = {"5.2-x86_64", "7.2-x86_64", "10.0-x86_64", "11.1-x86_64",
                                            "7.2-storage-daemon"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(schema) MusterSchema *schema = load_schema(names[i]), *again = NULL;
                CLEANUP(free) char *diff = NULL;
                CLEANUP(free) void *image = NULL, *twice = NULL;
                size_t size, size_twice;

                image = image_of(schema, &size);
                assert_int_equal(schema_from_image(image, size, &again), 0);
                assert_int_equal(muster_schema_diff(schema, again, &diff, NULL), 0);
                assert_int_equal(
                        muster_schema_query(again, "blockdev-add/arg-type/+file/filename", NULL, NULL), 1);
                twice = image_of(again, &size_twice);
                assert_int_equal(size, size_twice);
                assert_memory_equal(image, twice, size);
        }
}

static void use(const MusterSchema *schema)
{
        CLEANUP(free) char *text = NULL, *diff = NULL;

        (void)muster_schema_query(schema, "blockdev-add/arg-type/+*/filename/!string", NULL, NULL);
        (void)muster_schema_show(schema, "blockdev-add", 3, &text, NULL);
        (void)muster_schema_diff(schema, schema, &diff, NULL);
}

/* Every byte of a small one takes other values. */
static void test_damaged(void **state)
{
        static const char text[] =
                "[{\"name\":\"blockdev-add\",\"meta-type\":\"command\",\"arg-type\":\"o\",\"ret-type\":"
                "\"e\"},"
                "{\"name\":\"o\",\"meta-type\":\"object\",\"members\":[{\"name\":\"t\",\"type\":\"e\"},"
                "{\"name\":\"l\",\"type\":\"[s]\",\"default\":null,\"features\":[\"f\"]}],\"tag\":\"t\","
                "\"variants\":[{\"case\":\"a\",\"type\":\"v\"},{\"case\":\"b\",\"type\":\"v\"}]},"
                "{\"name\":\"e\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"a\"},{\"name\":\"b\","
                "\"features\":[\"f\"]}]},{\"name\":\"v\",\"meta-type\":\"object\",\"members\":[]},"
                "{\"name\":\"[s]\",\"meta-type\":\"array\",\"element-type\":\"s\"},"
                "{\"name\":\"s\",\"meta-type\":\"builtin\",\"json-type\":\"string\"}]";
        static const unsigned char flips[] = {0x01, 0x80, 0xff, 0x08};
        CLEANUP(schema) MusterSchema *schema = NULL;
        CLEANUP(free) unsigned char *image = NULL;
        size_t size, taken = 0;

        assert_int_equal(muster_schema_new(text, strlen(text), &schema, NULL), 0);
        image = image_of(schema, &size);
        for (size_t i = 0; i < size; i++)
                for (size_t k = 0; k < ELEMENTSOF(flips); k++) {
                        CLEANUP(schema) MusterSchema *other = NULL;
                        int r;

                        image[i] ^= flips[k];
                        r = schema_from_image(image, size, &other);
                        assert_true(r == 0 || r == -EBADMSG);
                        if (r == 0)
                                use(other);
                        taken += r == 0;
                        image[i] ^= flips[k];
                }
        /* Letters of names, and the like. */
        assert_true(taken > 0);
        for (size_t cut = 0; cut < size; cut++) {
                CLEANUP(schema) MusterSchema *other = NULL;

                assert_int_equal(schema_from_image(image, cut, &other), -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same),
                cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
