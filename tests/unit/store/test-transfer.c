/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an archive may say of emulators, and how records of other hands are read. */

#include <sys/mman.h>

#include "store/archive.h"
#include "store/record.h"
#include "store/size.h"
#include "tests/unit/store/recorded.h"

static MusterStore *store;

/* A record's body, and its ID. */
static char *make_body(char ret_id[static RECORD_ID_SIZE])
{
        static const FactRow rows[] = {
                {"query-target", FACT_NOT_FOUND, NULL, NULL},
                {"query-cpus", FACT_ANSWERED, "{\"one\": 1.5, \"two\": [2, null]}", NULL},
                {"measured:check", FACT_ANSWERED, "{\"met\": true}", NULL},
                {NULL},
        };
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_json("[]"), "9.8.7", rows);
        char *body = NULL;
        size_t size;

        recorded_identity("one", &facts->identity);
        assert_int_equal(record_id(&facts->identity, ret_id), 0);
        assert_int_equal(record_to_text(ret_id, facts, NULL, 42, &body, &size), 0);
        return body;
}

/* An archive of this one record, open at its start. */
static int make_archive(const char *id, const char *body)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        CLEANUP(free) char *text = NULL, *name = entry_file(ENTRY_RECORD, id);
        int fd = memfd_create("archive", MFD_CLOEXEC);
        size_t size;

        assert_true(fd >= 0);
        assert_int_equal(entry_seal(ENTRY_RECORD, body, strlen(body), &text, &size), 0);
        assert_int_equal(archive_writer_new(fd, &writer, NULL), 0);
        assert_int_equal(archive_writer_add(writer, name, text, size, 42, NULL), 0);
        assert_int_equal(archive_writer_finish(writer, NULL), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static void expect_taken(const char *id, const char *body)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = make_archive(id, body);
        CLEANUP(free) char *json = NULL;

        if (muster_store_import(store, fd, &json, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_string_equal(json, "{ \"imported\": 1, \"updated\": 0, \"known\": 0 }");
}

static void expect_refused(const char *id, const char *body, int code, const char *fragment)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = make_archive(id, body);
        CLEANUP(free) char *json = NULL;

        if (muster_store_import(store, fd, &json, &error) != code)
                fail_msg("%s: %s", fragment, error ? muster_error_message(error) : "taken");
        if (!strstr(muster_error_message(error), fragment) || !strstr(muster_error_message(error), id))
                fail_msg("no \"%s\" in: %s", fragment, muster_error_message(error));
        assert_int_not_equal(access(in_store(store, "records"), F_OK), 0);
        assert_int_not_equal(access(in_store(store, "sizes"), F_OK), 0);
}

static char *stored(const char *id)
{
        char *body = NULL;

        assert_int_equal(entry_read(store, ENTRY_RECORD, id, &body, NULL, NULL), 0);
        return body;
}

static void test_the_same_text(void **state)
{
        char id[RECORD_ID_SIZE];
        CLEANUP(free) char *body = make_body(id), *again = NULL;

        expect_taken(id, body);
        again = stored(id);
        assert_string_equal(again, body);
        /* The size of the executable, which is "one". */
        assert_true(size_was_seen(store, 3));
}

/* However it is laid out, it is stored as if it had been learned here. */
static void test_another_layout(void **state)
{
        char id[RECORD_ID_SIZE];
        CLEANUP(free) char *body = make_body(id), *again = NULL, *pretty = NULL;
        CLEANUP(json) json_object *json = maker_json(body), *head = NULL;

        pretty = json_to_pretty_text(json);
        assert_string_not_equal(pretty, body);
        expect_taken(id, pretty);
        again = stored(id);
        assert_string_equal(again, body);
        assert_int_equal(record_load_head(store, id, &head), 0);
        assert_string_equal(json_get_string(head, "name"), "emulator-one");
}

/* As text of JSON; NULL: none. */
static char *with_member(const char *body, const char *key, const char *value)
{
        CLEANUP(json) json_object *json = maker_json(body);

        json_object_object_del(json, key);
        if (value)
                assert_int_equal(json_object_object_add(json, key, maker_json(value)), 0);
        return json_to_text(json);
}

static void test_members_of_the_head(void **state)
{
        static const struct {
                const char *key, *value;
        } bad[] = {
                {"name", NULL},
                {"name", "7"},
                {"name", "null"},
                {"name", "\"a\\nb\""},
                {"name", "\"a\\u0000b\""},
                {"name", "\"\\u001b[31m\""},
                {"name", "\"a\\u007f\""},
                {"name", "\"a\\u009b31m\""},
                {"muster", "[]"},
                {"version", "{}"},
                {"version", "\"\\t\""},
                {"package", "\"\\r\""},
                {"kind", "\"sys tem\""},
                {"kind", "7"},
                {"target", "\"x86 64\""},
                {"target", "\"\""},
                {"created", NULL},
                {"created", "\"42\""},
                {"created", "-1"},
                {"created", "4.2"},
                {"created", "99999999999"},
                {"created", "99999999999999999999999"},
                {"module-count", "-1"},
                {"module-count", "100001"},
                {"module-count", "null"},
                {"executable-size", NULL},
                {"executable-size", "0"},
                {"executable-size", "-5"},
                {"executable-size", "1073741825"},
        };
        static const struct {
                const char *key, *value;
        } good[] = {
                {"name", "\"q\\u00e9mu \\\"x\\\"\""}, {"version", "null"}, {"package", "\"\""},
                {"target", "\"i386-softmmu_2\""},     {"created", "0"},    {"module-count", "100000"},
                {"executable-size", "1073741824"},
        };
        char id[RECORD_ID_SIZE];
        CLEANUP(free) char *body = make_body(id);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                CLEANUP(free) char *changed = with_member(body, bad[i].key, bad[i].value);
                CLEANUP(free) char *fragment = text_format("\"%s\"", bad[i].key);

                expect_refused(id, changed, -EBADMSG,
                               streq(bad[i].key, "kind") && bad[i].value[0] == '"' ? "kind of emulator"
                               : streq(bad[i].key, "kind")                         ? "kind"
                                                                                   : fragment);
        }
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                CLEANUP(free) char *changed = with_member(body, good[i].key, good[i].value), *json = NULL;
                CLEANUP(json) json_object *head = NULL;

                expect_taken(id, changed);
                assert_int_equal(record_load_head(store, id, &head), 0);
                assert_int_equal(muster_store_clear(store, &json, NULL), 0);
        }
}

static void test_lengths(void **state)
{
        char id[RECORD_ID_SIZE], text[300];
        CLEANUP(free) char *body = make_body(id), *longest = NULL, *longer = NULL;

        memset(text, 'x', sizeof(text));
        text[0] = text[257] = '"';
        text[258] = '\0';
        longest = with_member(body, "package", text);
        text[257] = 'x';
        text[258] = '"';
        text[259] = '\0';
        longer = with_member(body, "package", text);
        expect_refused(id, longer, -EBADMSG, "\"package\"");
        expect_taken(id, longest);
}

/* White space is not held against a record until there is too much of it. */
static void test_size_of_a_member(void **state)
{
        char id[RECORD_ID_SIZE];
        CLEANUP(free) char *body = make_body(id), *larger = NULL;
        size_t size = 8 * 1024 * 1024;

        larger = malloc(size + 1);
        assert_non_null(larger);
        memset(larger, ' ', size);
        strcpy(larger + size - strlen(body), body);
        expect_refused(id, larger, -EFBIG, "8388608");
        expect_taken(id, larger + 4096);
}

/* Also one that somebody has put there by hand. */
static void test_heads_of_other_layouts(void **state)
{
        char id[RECORD_ID_SIZE];
        CLEANUP(free) char *body = make_body(id), *pretty = NULL, *turned = NULL;
        CLEANUP(json) json_object *json = maker_json(body), *head = NULL, *again = NULL;

        pretty = json_to_pretty_text(json);
        assert_int_equal(entry_write(store, ENTRY_RECORD, id, pretty, strlen(pretty), NULL), 0);
        assert_int_equal(record_load_head(store, id, &head), 0);
        assert_string_equal(json_get_string(head, "id"), id);
        assert_null(json_get(head, "portable", json_type_object));
        assert_null(json_get(head, "measured", json_type_object));
        /* The facts stand in the middle. */
        turned = text_format(
                "{\"format\":1,\n\"portable\":{},\"measured\":{},\"id\":\"%s\",\"digest\":\"%s\","
                "\"modules\":\"%s\",\"launcher\":\"%s\"}",
                id, json_get_string(json, "digest"), json_get_string(json, "modules"),
                json_get_string(json, "launcher"));
        assert_int_equal(entry_write(store, ENTRY_RECORD, id, turned, strlen(turned), NULL), 0);
        assert_int_equal(record_load_head(store, id, &again), 0);
        assert_string_equal(json_get_string(again, "id"), id);
        expect_notes(0, "");
}

static int set_up(void **state)
{
        (void)remove_tree(in_dir("store"));
        muster_store_unref(store);
        store = open_store("store");
        return 0;
}

static int tear_down(void **state)
{
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_the_same_text, set_up),
                cmocka_unit_test_setup(test_another_layout, set_up),
                cmocka_unit_test_setup(test_members_of_the_head, set_up),
                cmocka_unit_test_setup(test_lengths, set_up),
                cmocka_unit_test_setup(test_size_of_a_member, set_up),
                cmocka_unit_test_setup(test_heads_of_other_layouts, set_up),
        };

        return cmocka_run_group_tests(tests, fixture_set_up, tear_down);
}
