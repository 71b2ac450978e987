/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For how long a failure is remembered, and of what. */

#include <time.h>

#include "base/json.h"
#include "store/failure.h"
#include "store/record.h"
#include "tests/unit/store/stores.h"

#define KEY   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.0123456789abcdef"
#define HOST  "kernel x\n"
#define LIMIT (3 * USEC_PER_SEC)

static MusterStore *store;
static MusterContext *context;
static const char *asked = "";
static Identity watched;

static void test_lasting_codes(void **state)
{
        static const int lasting[] = {ENOEXEC, EPROTO, ECONNRESET, ETIMEDOUT, EBADMSG};
        static const int passing[] = {0,     ENOENT, EACCES, ECANCELED, ENOMEM, EAGAIN,
                                      ESRCH, EMFILE, ENOSPC, EPERM,     EIO};

        for (size_t i = 0; i < ELEMENTSOF(lasting); i++)
                assert_true(failure_is_lasting(-lasting[i]));
        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                assert_false(failure_is_lasting(-passing[i]));
}

static FailureAbout about(const char *host, bool script)
{
        return (FailureAbout){
                .key = KEY,
                .fingerprint = host,
                .asked = asked,
                .path = "/usr/bin/broken",
                .script = script,
                .watched = &watched,
                .context = context,
        };
}

static void save(int code, bool script)
{
        const FailureAbout failure = about(HOST, script);
        CLEANUP(MusterError) MusterError *error = NULL;

        (void)error_set_detail(&error, code, "last words\nof it", "It %s.", "broke");
        assert_int_equal(failure_save(store, &failure, error), 0);
}

static void expect_failure(const char *host, int expected)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const FailureAbout failure = about(host, /* script= */ false);
        int code = 4711, r = failure_load(store, &failure, &code, &error);

        expect_notes(0, "");
        if (expected == 0) {
                assert_int_equal(r, 0);
                assert_null(error);
                assert_int_equal(code, 4711);
                return;
        }
        assert_int_equal(r, 1);
        assert_int_equal(code, expected);
        assert_int_equal(muster_error_code(error), expected);
        assert_non_null(startswith(muster_error_message(error), "It broke. "));
        assert_non_null(strstr(muster_error_message(error), "--no-cache"));
        assert_null(strchr(muster_error_message(error), '\n'));
        assert_string_equal(muster_error_detail(error), "last words\nof it");
}

static void test_remembered_and_forgotten(void **state)
{
        static const int lasting[] = {ENOEXEC, EPROTO, ECONNRESET, ETIMEDOUT, EBADMSG};

        expect_failure(HOST, 0);
        for (size_t i = 0; i < ELEMENTSOF(lasting); i++) {
                save(-lasting[i], i % 2);
                expect_failure(HOST, -lasting[i]);
        }
        expect_failure("kernel y\n", 0);
        failure_forget(store, KEY, "kernel y\n");
        expect_failure(HOST, -EBADMSG);
        failure_forget(store, KEY, HOST);
        expect_failure(HOST, 0);
        failure_forget(store, KEY, HOST);
}

/* Rewrites what is stored, so that a member has another value; NULL takes it away. */
static void change(const char *key, json_object *value)
{
        CLEANUP(free) char *name = host_name(KEY, HOST), *body = NULL, *text = NULL;
        CLEANUP(json) json_object *object = NULL;
        size_t size;

        assert_int_equal(entry_read(store, ENTRY_FAILURE, name, &body, &size, NULL), 0);
        assert_int_equal(json_parse(body, size, &object), 0);
        assert_true(json_object_object_get_ex(object, key, NULL));
        if (value)
                assert_int_equal(json_add(object, key, value), 0);
        else
                json_object_object_del(object, key);
        text = json_to_text(object);
        assert_int_equal(entry_write(store, ENTRY_FAILURE, name, text, strlen(text), NULL), 0);
}

static void expect_undone_by(const char *key, json_object *value)
{
        save(-EPROTO, false);
        expect_failure(HOST, -EPROTO);
        change(key, value);
        expect_failure(HOST, 0);
}

static void test_what_undoes_it(void **state)
{
        expect_undone_by("muster", json_object_new_string("0.0.1"));
        expect_undone_by("muster", NULL);
        /* Libraries were installed: what was wanting may be there now. */
        expect_undone_by("libraries", json_object_new_string("1 2"));
        expect_undone_by("fingerprint", json_object_new_string("kernel y\n"));
        expect_undone_by("format", json_object_new_int(2));
        expect_undone_by("code", json_object_new_string("ENOENT"));
        expect_undone_by("code", json_object_new_int(71));
        expect_undone_by("code", NULL);
}

static void test_script_lifetime(void **state)
{
        int64_t now = time(NULL);

        save(-EPROTO, true);
        change("when", json_object_new_int64(now - 3500));
        expect_failure(HOST, -EPROTO);
        change("when", json_object_new_int64(now - 3600));
        expect_failure(HOST, 0);
        /* A clock that was set back. */
        change("when", json_object_new_int64(now + 1000));
        expect_failure(HOST, 0);
        change("when", NULL);
        expect_failure(HOST, 0);
        save(-EPROTO, false);
        change("when", json_object_new_int64(now - 100000000));
        expect_failure(HOST, -EPROTO);
        /* Nobody knows: the shorter. */
        change("script", NULL);
        expect_failure(HOST, 0);
}

static void test_time_limit(void **state)
{
        save(-ETIMEDOUT, false);
        assert_int_equal(muster_context_set_timeout(context, LIMIT - 1), 0);
        expect_failure(HOST, -ETIMEDOUT);
        assert_int_equal(muster_context_set_timeout(context, LIMIT), 0);
        expect_failure(HOST, -ETIMEDOUT);
        assert_int_equal(muster_context_set_timeout(context, LIMIT + 1), 0);
        expect_failure(HOST, 0);
        /* No other failure is for want of time. */
        assert_int_equal(muster_context_set_timeout(context, LIMIT), 0);
        save(-EPROTO, false);
        assert_int_equal(muster_context_set_timeout(context, LIMIT + 1), 0);
        expect_failure(HOST, -EPROTO);
        assert_int_equal(muster_context_set_timeout(context, LIMIT), 0);
}

static void test_damaged(void **state)
{
        static const char *const bodies[] = {"", "[]", "null", "{}", "{", "7", "\"x\""};
        CLEANUP(free) char *name = host_name(KEY, HOST);

        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                assert_int_equal(entry_write(store, ENTRY_FAILURE, name, bodies[i], strlen(bodies[i]), NULL),
                                 0);
                expect_failure(HOST, 0);
        }
        save(-EPROTO, false);
        expect_failure(HOST, -EPROTO);
}

static void expect_key(const char *path, const char *expected, bool same)
{
        CLEANUP(free) char *key = NULL;

        assert_int_equal(failure_key(path, NULL, &key), 0);
        if (same)
                assert_string_equal(key, expected);
        else
                assert_string_not_equal(key, expected);
}

static void test_keys(void **state)
{
        CLEANUP(free) char *key = NULL, *script = NULL;
        Identity identity = {0};
        char id[RECORD_ID_SIZE];

        copy_cat("emulator");
        assert_int_equal(identity_of_file(in_dir("emulator"), NULL, &identity, NULL), 0);
        assert_int_equal(record_id(&identity, id), 0);
        assert_int_equal(failure_key("/whatever", &identity, &key), 0);
        assert_string_equal(key, id);
        identity_clear(&identity);
        write_text("script", "#!/bin/sh\nexit 1\n", 0755);
        write_text("copy", "#!/bin/sh\nexit 1\n", 0755);
        write_text("other", "#!/bin/sh\nexit 2\n", 0755);
        write_text("interpreted", "#!/bin/cat\nexit 1\n", 0755);
        assert_int_equal(failure_key(in_dir("script"), NULL, &script), 0);
        expect_key(in_dir("copy"), script, true);
        expect_key(in_dir("other"), script, false);
        expect_key(in_dir("interpreted"), script, false);
        assert_true(failure_key(in_dir("nowhere"), NULL, &key) < 0);
        assert_string_equal(key, id);
}

static int set_up(void **state)
{
        if (fixture_set_up(state) < 0)
                return -1;
        store = open_store("store");
        return muster_context_new(&context) < 0 || muster_context_set_timeout(context, LIMIT) < 0;
}

static int tear_down(void **state)
{
        muster_context_free(context);
        muster_store_unref(store);
        return fixture_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lasting_codes),  cmocka_unit_test(test_remembered_and_forgotten),
                cmocka_unit_test(test_what_undoes_it), cmocka_unit_test(test_script_lifetime),
                cmocka_unit_test(test_time_limit),     cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_keys),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
