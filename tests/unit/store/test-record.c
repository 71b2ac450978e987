/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Facts as files and back; whose they are. */

#include "emulator/identity-private.h"
#include "store/record.h"
#include "tests/unit/store/recorded.h"

#define FINGERPRINT "kernel Linux 6.1 \"quoted\"\ncpu model\t: x \\ y\nkvm ENOENT\nuser 0\n"

static MusterStore *store;

static char *whole_text(const MusterFacts *facts)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        char *text;

        if (muster_facts_to_json(facts, &text, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return text;
}

/* Record and host facts together say all that was learned, for every recorded emulator. */
static void test_round_trip(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(recorded_names); i++) {
                CLEANUP(facts) MusterFacts *facts = recorded_facts(recorded_names[i]), *loaded = NULL;
                CLEANUP(free) char *was = whole_text(facts), *is = NULL;
                FileStamp record, host, record_again, host_again;
                char id[RECORD_ID_SIZE];

                assert_int_equal(record_id(&facts->identity, id), 0);
                assert_true(record_id_is_valid(id));
                assert_int_equal(record_load(store, id, &loaded, NULL), -ENOENT);
                assert_int_equal(record_save(store, id, facts, &record), 0);
                assert_int_equal(host_save(store, id, FINGERPRINT, facts, &host), 0);
                assert_int_equal(record_load(store, id, &loaded, &record_again), 0);
                assert_true(file_stamp_equal(&record, &record_again));
                for (size_t j = 0; j < loaded->n_facts; j++)
                        assert_int_equal(loaded->facts[j].scope, FACT_PORTABLE);
                assert_int_equal(host_load(store, id, FINGERPRINT, loaded, &host_again), 0);
                assert_true(file_stamp_equal(&host, &host_again));
                recorded_identity(recorded_names[i], &loaded->identity);
                loaded->identity.stamp = facts->identity.stamp;
                recorded_seal(loaded);
                is = whole_text(loaded);
                assert_string_equal(was, is);
        }
        expect_notes(0, "");
}

static void test_what_a_record_says_of_itself(void **state)
{
        CLEANUP(facts) MusterFacts *facts = recorded_facts("7.2-x86_64");
        CLEANUP(json) json_object *json = NULL;
        char id[RECORD_ID_SIZE];
        int64_t now = time(NULL), created;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_save(store, id, facts, NULL), 0);
        assert_int_equal(record_load_head(store, id, &json), 0);
        assert_string_equal(json_get_string(json, "id"), id);
        assert_string_equal(json_get_string(json, "digest"), facts->identity.digest);
        assert_string_equal(json_get_string(json, "version"), facts->version);
        assert_string_equal(json_get_string(json, "package"), facts->package);
        assert_string_equal(json_get_string(json, "target"), "x86_64");
        assert_string_equal(json_get_string(json, "kind"), "system");
        assert_string_equal(json_get_string(json, "name"), "emulator-7.2-x86_64");
        created = json_get_int(json, "created", 0);
        assert_in_range(created, now - 60, now + 60);
}

/* An identity that has everything. */
static Identity make_identity(IdentityLink links[static 2])
{
        Identity identity = {
                .path = (char *)"/usr/bin/kvm",
                .executable = (char *)"/usr/bin/qemu-system-x86_64",
                .stamp = {1, 2, 3, 4, 5},
                .links = links,
                .n_links = 2,
                .modules_dir = (char *)"/usr/lib/qemu",
                .n_modules = 2,
                .watchable = true,
                .modules_root = (char *)"",
                .modules_inside = (char *)"/usr/bin/qemu-system-x86_64",
        };

        memset(identity.digest, 'a', DIGEST_HEX_SIZE - 1);
        memset(identity.modules_fingerprint, 'b', DIGEST_HEX_SIZE - 1);
        memset(identity.modules_stamp, 'c', DIGEST_HEX_SIZE - 1);
        for (unsigned i = 0; i < 2; i++) {
                links[i] = (IdentityLink){
                        .path = (char *)"/bin/sh", .name = (char *)"sh", .stamp = {6, 7, 8, 9, 10}};
                memset(links[i].digest, 'd' + (int)i, DIGEST_HEX_SIZE - 1);
        }
        return identity;
}

static void expect_id(const Identity *identity, const char *id, bool same)
{
        char made[RECORD_ID_SIZE];

        assert_int_equal(record_id(identity, made), 0);
        assert_true(record_id_is_valid(made));
        if (same)
                assert_string_equal(made, id);
        else
                assert_string_not_equal(made, id);
}

static void test_what_an_id_depends_on(void **state)
{
        IdentityLink links[2];
        Identity identity = make_identity(links);
        char id[RECORD_ID_SIZE];

        assert_int_equal(record_id(&identity, id), 0);
        assert_int_equal(strncmp(id, identity.digest, DIGEST_HEX_SIZE - 1), 0);
        identity.path = (char *)"elsewhere";
        identity.executable = (char *)"/elsewhere";
        identity.deleted = true;
        identity.watchable = false;
        identity.stamp = (FileStamp){0};
        identity.modules_dir = identity.modules_env = (char *)"/elsewhere";
        identity.modules_root = identity.modules_inside = (char *)"/elsewhere";
        memset(identity.modules_stamp, '0', DIGEST_HEX_SIZE - 1);
        links[0].path = links[0].name = (char *)"/elsewhere";
        links[0].stamp = (FileStamp){0};
        expect_id(&identity, id, true);

        identity = make_identity(links);
        identity.digest[63] = '0';
        expect_id(&identity, id, false);
        identity = make_identity(links);
        identity.modules_fingerprint[63] = '0';
        expect_id(&identity, id, false);
        identity.modules_fingerprint[0] = '\0';
        expect_id(&identity, id, false);
        identity = make_identity(links);
        links[1].digest[0] = '0';
        expect_id(&identity, id, false);
        identity = make_identity(links);
        identity.n_links = 1;
        expect_id(&identity, id, false);
        identity.n_links = 0;
        expect_id(&identity, id, false);
        identity = make_identity(links);
        memset(links[0].digest, 'e', DIGEST_HEX_SIZE - 1);
        memset(links[1].digest, 'd', DIGEST_HEX_SIZE - 1); /* the other way round */
        expect_id(&identity, id, false);
}

static void test_link_without_a_digest(void **state)
{
        IdentityLink links[2];
        Identity identity = make_identity(links);
        char id[RECORD_ID_SIZE] = "untouched";

        links[1].digest[0] = '\0';
        assert_int_equal(record_id(&identity, id), -ENODATA);
        assert_string_equal(id, "untouched");
}

static void test_valid_ids(void **state)
{
        IdentityLink links[2];
        Identity identity = make_identity(links);
        char id[RECORD_ID_SIZE + 1];

        assert_int_equal(record_id(&identity, id), 0);
        for (size_t n = 0; n < RECORD_ID_SIZE - 1; n++) {
                char was = id[n];

                for (const char *c = "gA./ \n"; *c; c++) {
                        id[n] = *c;
                        assert_int_equal(record_id_is_valid(id), n == 64 && *c == '.');
                }
                id[n] = '\0';
                assert_false(record_id_is_valid(id));
                id[n] = was;
        }
        assert_true(record_id_is_valid(id));
        strcat(id, "0");
        assert_false(record_id_is_valid(id));
}

static __attribute__((noinline)) char *body_of(EntryKind kind, const char *name)
{
        char *body;

        assert_int_equal(entry_read(store, kind, name, &body, NULL, NULL), 0);
        return body;
}

static void test_anothers_record(void **state)
{
        CLEANUP(facts)
        MusterFacts *facts = recorded_facts("7.2-storage-daemon"), *loaded = NULL,
                    *other = recorded_facts("5.2-storage-daemon");
        CLEANUP(free) char *body = NULL;
        char id[RECORD_ID_SIZE], other_id[RECORD_ID_SIZE];
        char *at;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_id(&other->identity, other_id), 0);
        assert_int_equal(record_save(store, id, facts, NULL), 0);
        body = body_of(ENTRY_RECORD, id);
        assert_int_equal(entry_write(store, ENTRY_RECORD, other_id, body, strlen(body), NULL), 0);
        assert_int_equal(record_load(store, other_id, &loaded, NULL), -EBADMSG);
        assert_null(loaded);
        expect_notes(1, "another emulator's");
        /* Saying that it is the other's does not make it so. */
        at = strstr(body, "\"id\":\"") + strlen("\"id\":\"");
        memcpy(at, other_id, strlen(other_id));
        assert_int_equal(entry_write(store, ENTRY_RECORD, other_id, body, strlen(body), NULL), 0);
        assert_int_equal(record_load(store, other_id, &loaded, NULL), -EBADMSG);
        assert_null(loaded);
        expect_notes(1, "another emulator's");
        /* And what is damaged is written over by the next who knows. */
        assert_int_equal(record_save(store, other_id, other, NULL), 0);
        n_notes = 0;
        assert_int_equal(record_load(store, other_id, &loaded, NULL), 0);
        expect_notes(0, "");
}

static MusterFacts *fake_facts(const char *check, const char *value)
{
        CLEANUP(free) char *measured = check ? text_format("measured:%s", check) : NULL;
        const FactRow rows[] = {
                {"query-target", FACT_NOT_FOUND, NULL, NULL},
                {"query-machines", FACT_REFUSED, NULL, "GenericError: no \"machine\"\n"},
                {measured, FACT_ANSWERED, value, NULL},
                {NULL},
        };
        MusterFacts *facts = maker_facts(maker_json("[]"), "9.8.7", rows);

        recorded_identity("fake", &facts->identity);
        return facts;
}

static void test_members(void **state)
{
        static const char *const needed[] = {"format",   "id",   "digest",   "modules",
                                             "launcher", "kind", "portable", "measured"};
        CLEANUP(facts) MusterFacts *facts = fake_facts(NULL, NULL), *loaded = NULL;
        CLEANUP(free) char *body = NULL;
        char id[RECORD_ID_SIZE];
        size_t size;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_to_text(id, facts, NULL, 42, &body, &size), 0);
        assert_int_equal(size, strlen(body));
        for (size_t i = 0; i < ELEMENTSOF(needed) * 2; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(json) json_object *root = maker_json(body);
                CLEANUP(free) char *text = NULL;
                const char *key = needed[i / 2];

                if (i % 2)
                        json_object_object_del(root, key);
                else
                        assert_int_equal(json_add(root, key, json_object_new_array()), 0);
                text = json_to_text(root);
                if (record_from_text(text, strlen(text), id, &loaded, NULL, &error) != -EBADMSG)
                        fail_msg("taken, whatever became of \"%s\"", key);
                assert_non_null(error);
                assert_null(loaded);
        }
        for (unsigned i = 0; i < 3; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(json) json_object *root = maker_json(body);
                CLEANUP(free) char *text = NULL;
                json_object *portable = json_get(root, "portable", json_type_object);
                json_object *places[] = {root, portable,
                                         json_get(portable, "query-target", json_type_object)};

                assert_int_equal(json_add(places[i], "more", json_object_new_object()), 0);
                text = json_to_text(root);
                assert_int_equal(record_from_text(text, strlen(text), id, &loaded, NULL, &error), -EBADMSG);
                assert_non_null(strstr(muster_error_message(error), "more"));
        }
        assert_int_equal(record_from_text(body, size, /* id= */ NULL, &loaded, NULL, NULL), 0);
        assert_int_equal(loaded->kind, facts->kind);
}

/* The checksum before it lets none of these through; the reader must bear them all the same. */
static void test_every_byte_and_truncation_of_the_text(void **state)
{
        CLEANUP(facts) MusterFacts *facts = fake_facts("check", "{\"met\": true}");
        CLEANUP(free) char *body = NULL, *cut = NULL;
        char id[RECORD_ID_SIZE];
        size_t size;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_to_text(id, facts, NULL, 42, &body, &size), 0);
        for (size_t n = 0; n < size - 1; n++) { /* the last byte is a newline */
                CLEANUP(facts) MusterFacts *loaded = NULL;

                cut = malloc(n + 1);
                memcpy(cut, body, n);
                cut[n] = '\0';
                assert_int_equal(record_from_text(cut, n, id, &loaded, NULL, NULL), -EBADMSG);
                free(TAKE(cut));
        }
        for (size_t i = 0; i < size * 8; i++) {
                CLEANUP(facts) MusterFacts *loaded = NULL;
                CLEANUP(MusterError) MusterError *error = NULL;
                int r;

                body[i / 8] ^= (char)(1 << i % 8);
                r = record_from_text(body, size, id, &loaded, NULL, &error);
                assert_true(r == 0 ? loaded && !error : r == -EBADMSG && !loaded && error);
                body[i / 8] ^= (char)(1 << i % 8);
        }
}

static void expect_measured(const MusterFacts *facts, const char *check, const char *value)
{
        const Fact *fact = facts_find_measured(facts, check);

        assert_non_null(fact);
        assert_string_equal(json_object_get_string(fact->value), value);
}

/* Who probes anew has measured nothing; what was measured of the same binary holds on. */
static void test_measured_outcomes_stay(void **state)
{
        CLEANUP(facts)
        MusterFacts *first = fake_facts("one", "1"), *second = fake_facts("two", "2"),
                    *none = fake_facts(NULL, NULL), *again = fake_facts("one", "3"), *loaded = NULL;
        CLEANUP(json) json_object *json = NULL, *later = NULL;
        CLEANUP(free) char *body = NULL, *aged = NULL;
        char id[RECORD_ID_SIZE];
        const char *at;

        assert_int_equal(record_id(&first->identity, id), 0);
        assert_int_equal(record_save(store, id, first, NULL), 0);
        assert_int_equal(record_load_head(store, id, &json), 0);
        /* Made a while ago: it stays the day on which it was made. */
        body = body_of(ENTRY_RECORD, id);
        at = strstr(body, "\"created\":") + strlen("\"created\":");
        aged = text_format("%.*s1234567890%s", (int)(at - body), body, at + strcspn(at, ","));
        assert_int_equal(entry_write(store, ENTRY_RECORD, id, aged, strlen(aged), NULL), 0);
        assert_int_equal(record_save(store, id, second, NULL), 0);
        assert_int_equal(record_save(store, id, none, NULL), 0);
        assert_int_equal(record_save(store, id, again, NULL), 0);
        assert_int_equal(record_load(store, id, &loaded, NULL), 0);
        recorded_seal(loaded);
        assert_int_equal(loaded->n_measured, 2);
        expect_measured(loaded, "one", "3");
        expect_measured(loaded, "two", "2");
        assert_int_equal(record_load_head(store, id, &later), 0);
        assert_int_equal(json_get_int(later, "created", 0), 1234567890);
        expect_notes(0, "");
}

static void test_same_facts_same_text(void **state)
{
        CLEANUP(facts) MusterFacts *facts = fake_facts("one", "1"), *again = NULL;
        CLEANUP(free) char *one = NULL, *two = NULL;
        char id[RECORD_ID_SIZE];
        size_t one_size, two_size;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_to_text(id, facts, NULL, 42, &one, &one_size), 0);
        assert_int_equal(record_from_text(one, one_size, id, &again, NULL, NULL), 0);
        recorded_identity("fake", &again->identity);
        recorded_seal(again);
        assert_int_equal(record_to_text(id, again, facts, 42, &two, &two_size), 0);
        assert_string_equal(one, two);
}

static void expect_no_host_facts(const char *id, const char *fingerprint, int code, const char *note)
{
        CLEANUP(facts) MusterFacts *facts = recorded_unsealed("7.2-storage-daemon");
        size_t before = facts->n_facts;
        FileStamp stamp;

        assert_int_equal(host_load(store, id, fingerprint, facts, &stamp), code);
        assert_int_equal(facts->n_facts, before);
        expect_notes(note ? 1 : 0, note);
}

static void test_anothers_host_facts(void **state)
{
        CLEANUP(facts)
        MusterFacts *facts = recorded_facts("7.2-storage-daemon"), *other = fake_facts(NULL, NULL);
        CLEANUP(free) char *name = NULL, *body = NULL, *other_name = NULL, *half = NULL;
        char id[RECORD_ID_SIZE], other_id[RECORD_ID_SIZE], *at;

        assert_int_equal(record_id(&facts->identity, id), 0);
        assert_int_equal(record_id(&other->identity, other_id), 0);
        assert_int_equal(host_save(store, id, FINGERPRINT, facts, NULL), 0);
        expect_no_host_facts(id, FINGERPRINT "kvm usable\n", -ENOENT, NULL);
        expect_no_host_facts(other_id, FINGERPRINT, -ENOENT, NULL);
        name = host_name(id, FINGERPRINT);
        body = body_of(ENTRY_HOST, name);
        /* The same checksum, another host: the text decides. */
        other_name = host_name(id, "another");
        assert_int_equal(entry_write(store, ENTRY_HOST, other_name, body, strlen(body), NULL), 0);
        expect_no_host_facts(id, "another", -EBADMSG, "another host's");
        free(other_name);
        other_name = host_name(other_id, FINGERPRINT);
        assert_int_equal(entry_write(store, ENTRY_HOST, other_name, body, strlen(body), NULL), 0);
        expect_no_host_facts(other_id, FINGERPRINT, -EBADMSG, "another emulator's");
        /* Whole by its sum, and what it says breaks off behind the first fact: none of it is left. */
        at = strstr(body, "\"query-kvm\":{\"status\":\"");
        assert_non_null(at);
        memcpy(at + strlen("\"query-kvm\":{\"status\":\""), "xxx", 3);
        assert_int_equal(entry_write(store, ENTRY_HOST, name, body, strlen(body), NULL), 0);
        expect_no_host_facts(id, FINGERPRINT, -EBADMSG, "query-kvm");
        half = strndup(body, strlen(body) / 2);
        assert_int_equal(entry_write(store, ENTRY_HOST, name, half, strlen(half), NULL), 0);
        expect_no_host_facts(id, FINGERPRINT, -EBADMSG, "JSON");
        assert_int_equal(host_save(store, id, FINGERPRINT, facts, NULL), 0);
        free(body);
        body = body_of(ENTRY_HOST, name);
        at = strrchr(body, '}');
        free(half);
        half = text_format("%.*s,\"more\":1}\n", (int)(at - body), body);
        assert_int_equal(entry_write(store, ENTRY_HOST, name, half, strlen(half), NULL), 0);
        expect_no_host_facts(id, FINGERPRINT, -EBADMSG, "JSON");
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
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
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_what_a_record_says_of_itself),
                cmocka_unit_test(test_what_an_id_depends_on),
                cmocka_unit_test(test_link_without_a_digest),
                cmocka_unit_test(test_valid_ids),
                cmocka_unit_test(test_anothers_record),
                cmocka_unit_test(test_members),
                cmocka_unit_test(test_every_byte_and_truncation_of_the_text),
                cmocka_unit_test(test_measured_outcomes_stay),
                cmocka_unit_test(test_same_facts_same_text),
                cmocka_unit_test(test_anothers_host_facts),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
