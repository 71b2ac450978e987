/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"

char *maker_data(const char *name)
{
        const char *root = getenv("MUSTER_TEST_DATA");
        char *path;

        assert_non_null(root);
        assert_true(asprintf(&path, "%s/%s", root, name) > 0);
        return path;
}

json_object *maker_json(const char *text)
{
        json_object *value = NULL;

        assert_int_equal(json_parse(text, strlen(text), &value), 0);
        return value;
}

json_object *maker_schema(const char *name)
{
        CLEANUP(free) char *file = NULL, *path = NULL, *text = NULL;
        size_t size;
        json_object *schema = NULL;

        assert_true(asprintf(&file, "schema/%s.json", name) > 0);
        path = maker_data(file);
        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        assert_int_equal(json_parse(text, size, &schema), 0);
        assert_true(json_object_is_type(schema, json_type_array));
        return schema;
}

json_object *maker_entity(json_object *schema, const char *name)
{
        for (size_t i = 0; i < json_object_array_length(schema); i++) {
                json_object *entity = json_object_array_get_idx(schema, i);

                if (streq_ptr(json_get_string(entity, "name"), name))
                        return entity;
        }
        fail_msg("the schema has no %s", name);
        return NULL;
}

json_object *maker_arguments(json_object *schema, const char *command)
{
        return maker_entity(schema, json_get_string(maker_entity(schema, command), "arg-type"));
}

json_object *maker_branch(json_object *schema, const char *command, const char *branch)
{
        json_object *variants = json_get(maker_arguments(schema, command), "variants", json_type_array);

        for (size_t i = 0; variants && i < json_object_array_length(variants); i++) {
                json_object *variant = json_object_array_get_idx(variants, i);

                if (streq_ptr(json_get_string(variant, "case"), branch))
                        return maker_entity(schema, json_get_string(variant, "type"));
        }
        fail_msg("%s has no branch %s", command, branch);
        return NULL;
}

void maker_add_feature(json_object *entity, const char *feature)
{
        if (!json_get(entity, "features", json_type_array))
                assert_int_equal(json_add(entity, "features", json_object_new_array()), 0);
        assert_int_equal(json_append_string(json_get(entity, "features", json_type_array), feature), 0);
}

static void add_version(MusterFacts *facts, const char *version)
{
        unsigned major, minor, micro;
        char text[200];

        assert_int_equal(sscanf(version, "%u.%u.%u", &major, &minor, &micro), 3);
        snprintf(text, sizeof(text),
                 "{\"qemu\": {\"major\": %u, \"minor\": %u, \"micro\": %u}, \"package\": \"\"}", major,
                 minor, micro);
        assert_int_equal(
                facts_add(facts, "query-version", FACT_PORTABLE, FACT_ANSWERED, maker_json(text), NULL), 0);
}

MusterFacts *maker_facts(json_object *schema, const char *version, const FactRow *rows)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterFacts *facts;
        int r;

        assert_int_equal(facts_new(&facts), 0);
        if (schema)
                assert_int_equal(
                        facts_add(facts, "query-qmp-schema", FACT_PORTABLE, FACT_ANSWERED, schema, NULL), 0);
        if (version)
                add_version(facts, version);
        for (; rows && rows->name; rows++) {
                json_object *value = rows->value ? maker_json(rows->value) : NULL;
                const char *check = startswith(rows->name, "measured:");

                if (check)
                        r = facts_add_measured(facts, check, rows->status, value, rows->reason);
                else
                        r = facts_add(facts, rows->name, FACT_PORTABLE, rows->status, value, rows->reason);
                assert_int_equal(r, 0);
        }
        r = facts_seal(facts, &error);
        if (r < 0)
                fail_msg("%s", muster_error_message(error));
        return facts;
}

const char *maker_file(const char *text, size_t size)
{
        static char path[64];
        static int fd = -1;

        if (fd >= 0)
                close(fd);
        fd = memfd_create("features", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, size), (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return path;
}

MusterCatalogue *maker_catalogue(const char *text)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterCatalogue *catalogue;

        if (muster_catalogue_new_from_file(maker_file(text, strlen(text)), &catalogue, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return catalogue;
}
