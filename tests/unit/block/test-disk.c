/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "gating.h"

#define STORAGE "{\"driver\":\"file\",\"node-name\":\"muster-disk-storage\","
#define ALONE   "{\"driver\":\"file\",\"node-name\":\"muster-disk\","
#define TOP(f)  "{\"driver\":\"" f "\",\"node-name\":\"muster-disk\","
#define END     "\"filename\":\"/d\"}"
#define ON_TOP  "\"file\":\"muster-disk-storage\"}"
#define RO      "\"read-only\":true,"
#define RW      "\"read-only\":false,"
#define AUTO    "\"auto-read-only\":true,"

enum {
        NONE = -1,
        R = MUSTER_ACCESS_RO,
        W = MUSTER_ACCESS_RW,
        D = MUSTER_ACCESS_ON_DEMAND,
};

typedef struct Row {
        Flag flag;
        const char *driver, *format;
        int access, fallback;
        unsigned launch;
        const char *filename; /* NULL: /d */
        const char *expect;   /* all, or the beginning up to a final "…" */
} Row;

static MusterGateRequest *make_request(const Row *row)
{
        MusterGateRequest *request;

        assert_int_equal(muster_gate_request_new(&request), 0);
        assert_int_equal(muster_gate_request_set_driver(request, row->driver), 0);
        assert_int_equal(muster_gate_request_set_filename(request, row->filename ? row->filename : "/d"), 0);
        assert_int_equal(muster_gate_request_set_format(request, row->format), 0);
        muster_gate_request_set_access(request, (MusterAccess)row->access);
        if (row->fallback != NONE)
                assert_int_equal(muster_gate_request_set_fallback(request, (MusterAccess)row->fallback), 0);
        muster_gate_request_set_launch(request, row->launch);
        return request;
}

static void expect_text(const char *text, const char *expect, size_t row)
{
        size_t n = strlen(expect);
        bool beginning = n > 3 && streq(expect + n - strlen("…"), "…");

        if (beginning ? strncmp(text, expect, n - 3) != 0 : !streq(text, expect))
                fail_msg("row %zu:\n got %s\nwant %s", row, text, expect);
}

static void check_rows(const char *schema, const Row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                CLEANUP(gate_request) MusterGateRequest *request = make_request(rows + i);
                CLEANUP(free) char *text = NULL;
                Emulator emulator;

                emulator_make(&emulator, schema, rows[i].flag);
                text = gate_text(&emulator, request, NULL);
                expect_text(text, rows[i].expect, i);
                emulator_clear(&emulator);
        }
}

/* DESIGN section 6's table, with each kind of format. */
static void test_table(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, "file", NULL, R, NONE, 0, NULL, "[" ALONE RO END "]"},
                {FLAG_AS_IS, "file", NULL, W, NONE, 0, NULL, "[" ALONE RW END "]"},
                {FLAG_AS_IS, "file", NULL, D, NONE, 0, NULL, "[" ALONE AUTO END "]"},
                {FLAG_AS_IS, "file", "qcow2", R, NONE, 0, NULL,
                 "[" STORAGE RO END "," TOP("qcow2") RO ON_TOP "]"},
                {FLAG_AS_IS, "file", "qcow2", W, NONE, 0, NULL,
                 "[" STORAGE AUTO END "," TOP("qcow2") RW ON_TOP "]"},
                {FLAG_AS_IS, "file", "qcow2", D, NONE, 0, NULL,
                 "[" STORAGE AUTO END "," TOP("qcow2") RO ON_TOP "]"},
                {FLAG_AS_IS, "file", "raw", D, NONE, 0, NULL,
                 "[" STORAGE AUTO END "," TOP("raw") AUTO ON_TOP "]"},
                {FLAG_AS_IS, "file", "luks", D, NONE, 0, NULL,
                 "[" STORAGE AUTO END "," TOP("luks") AUTO ON_TOP "]"},
                {FLAG_REMOVED, "file", NULL, R, NONE, 0, NULL, "[" ALONE RO END "]"},
                {FLAG_REMOVED, "file", "qcow2", W, NONE, 0, NULL,
                 "[" STORAGE RW END "," TOP("qcow2") RW ON_TOP "]"},
                {FLAG_UNKNOWN, "file", "qcow2", W, NONE, 0, NULL,
                 "[" STORAGE RW END "," TOP("qcow2") RW ON_TOP "]"},
                {FLAG_REMOVED, "file", "raw", D, R, 0, NULL,
                 "fallback: [" STORAGE RO END "," TOP("raw") RO ON_TOP "]"},
                {FLAG_UNKNOWN, "file", NULL, D, W, 0, NULL, "fallback: [" ALONE RW END "]"},
                {FLAG_REMOVED, "file", NULL, D, NONE, 0, NULL,
                 "refused: Driver 'file' of this emulator is not known to reopen on demand: "
                 "dynamic-auto-read-only is "
                 "absent; unmet: schema blockdev-add/arg-type/+file/$dynamic-auto-read-only, measured "
                 "auto-read-only-reopens. Run `muster verify dynamic-auto-read-only`…"},
                {FLAG_UNKNOWN, "file", NULL, D, NONE, 0, NULL,
                 "refused: Driver 'file' of this emulator is not known to reopen on demand: "
                 "dynamic-auto-read-only is "
                 "unknown; unmet: option drive/dynamic. Run…"},
                {MEMBER_REMOVED, "file", "qcow2", W, NONE, 0, NULL,
                 "[" STORAGE RW END "," TOP("qcow2") RW ON_TOP "]"},
                {FLAG_AS_IS, "host_device", NULL, D, NONE, 0, NULL,
                 "[{\"driver\":\"host_device\",\"node-name\":\"muster-disk\"," AUTO END "]"},
        };

        check_rows("7.2-x86_64", rows, ELEMENTSOF(rows));
}

static void test_launch(void **state)
{
        static const char refused[] =
                "refused: The emulator could not reopen the image when a writer comes, because of "
                "how it runs: …";
        static const Row rows[] = {
                {FLAG_AS_IS, "file", NULL, D, NONE, MUSTER_LAUNCH_RUNAS, NULL, refused},
                {FLAG_AS_IS, "file", NULL, D, NONE, MUSTER_LAUNCH_CHROOT, NULL, refused},
                {FLAG_AS_IS, "file", NULL, D, NONE, MUSTER_LAUNCH_UID, NULL, refused},
                {FLAG_AS_IS, "file", NULL, D, NONE, MUSTER_LAUNCH_SINGLE_FD, NULL, refused},
                {FLAG_AS_IS, "file", NULL, D, NONE, 0, "/dev/fdset/3", refused},
                {FLAG_AS_IS, "file", NULL, D, W, MUSTER_LAUNCH_CHROOT, NULL, "fallback: [" ALONE RW END "]"},
                {FLAG_AS_IS, "file", "qcow2", D, R, MUSTER_LAUNCH_UID, NULL,
                 "fallback: [" STORAGE RO END "," TOP("qcow2") RO ON_TOP "]"},
                {FLAG_AS_IS, "file", "qcow2", W, NONE, MUSTER_LAUNCH_RUNAS, NULL,
                 "[" STORAGE RW END "," TOP("qcow2") RW ON_TOP "]"},
                {FLAG_AS_IS, "file", "qcow2", W, NONE, 0, "/dev/fdset/3",
                 "[" STORAGE RW "\"filename\":\"/dev/fdset/3\"}," TOP("qcow2") RW ON_TOP "]"},
                /* no set's name */
                {FLAG_AS_IS, "file", NULL, D, NONE, 0, "/dev/fdset/x",
                 "[" ALONE AUTO "\"filename\":\"/dev/fdset/x\"}]"},
        };

        check_rows("10.0-x86_64", rows, ELEMENTSOF(rows));
}

/* What a running emulator's fd sets hold is known. */
static void test_fdsets(void **state)
{
        static const GateFdset sets[] = {{1, true, true}, {2, true, false}, {3, false, true}};
        static const GateLaunch launch = {0, true, true, sets, ELEMENTSOF(sets)};
        static const struct {
                const char *filename;
                int access;
                const char *expect;
        } rows[] = {
                {"/dev/fdset/1", D, "[" ALONE AUTO "\"filename\":\"/dev/fdset/1\"}]"},
                {"/dev/fdset/2", D,
                 "refused: The emulator could not reopen the image when a writer comes, because of how "
                 "it runs: /dev/fdset/2 has no writable descriptor. …"},
                {"/dev/fdset/3", D,
                 "refused: The emulator could not reopen the image when a writer comes, because of how "
                 "it runs: /dev/fdset/3 has no read-only descriptor. …"},
                {"/dev/fdset/2", W, "refused: The fd set 2 has no descriptor that is open read-write; …"},
                {"/dev/fdset/3", R, "refused: The fd set 3 has no descriptor that is open read-only; …"},
                {"/dev/fdset/3", W, "[" ALONE RW "\"filename\":\"/dev/fdset/3\"}]"},
                {"/dev/fdset/4", R, "refused: This emulator has no fd set 4; …"},
        };
        Emulator emulator;

        emulator_make(&emulator, "7.2-x86_64", FLAG_AS_IS);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Row row = {.driver = "file",
                                 .access = rows[i].access,
                                 .fallback = NONE,
                                 .filename = rows[i].filename};
                CLEANUP(gate_request) MusterGateRequest *request = make_request(&row);
                CLEANUP(free) char *text = gate_text(&emulator, request, &launch);

                expect_text(text, rows[i].expect, i);
        }
        emulator_clear(&emulator);
}

static void test_mistakes(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, "fle", NULL, R, NONE, 0, NULL,
                 "error: This emulator has no block driver 'fle'; did you mean 'file'?"},
                {FLAG_AS_IS, "file", "qcow3", R, NONE, 0, NULL,
                 "error: This emulator has no block driver 'qcow3'; did you mean 'qcow…"},
                {FLAG_AS_IS, "qcow2", NULL, R, NONE, 0, NULL,
                 "error: 'qcow2' is a format, not where the image lies; …"},
                {FLAG_AS_IS, "file", "nbd", R, NONE, 0, NULL, "error: 'nbd' is no format: …"},
                {FLAG_AS_IS, "nbd", NULL, R, NONE, 0, NULL,
                 "error: Driver 'nbd' takes no file name; give as options what it needs: server."},
                {FLAG_AS_IS, "nbd", NULL, D, NONE, 0, NULL,
                 "refused: Driver 'nbd' does not reopen on demand: …"},
        };

        check_rows("7.2-x86_64", rows, ELEMENTSOF(rows));
}

static void test_backing(void **state)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        json_object *node;
        Emulator emulator;
        static const char *const names[] = {"top-backing-2-storage", "top-backing-2",
                                            "top-backing-1-storage", "top-backing-1",
                                            "top-storage",           "top"};

        assert_int_equal(muster_gate_request_new(&request), 0);
        assert_int_equal(muster_gate_request_set_driver(request, "file"), 0);
        assert_int_equal(muster_gate_request_set_filename(request, "/a"), 0);
        assert_int_equal(muster_gate_request_set_format(request, "qcow2"), 0);
        assert_int_equal(muster_gate_request_set_node_name(request, "top"), 0);
        muster_gate_request_set_access(request, MUSTER_ACCESS_RW);
        assert_int_equal(muster_gate_request_add_backing(request, "file", "/b", "qcow2"), 0);
        assert_int_equal(muster_gate_request_add_backing(request, "file", "/c", NULL), 0);
        emulator_make(&emulator, "11.1-x86_64", FLAG_AS_IS);
        result = gate_result(&emulator, request, NULL);
        assert_int_equal(json_object_array_length(result->arguments), ELEMENTSOF(names));
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                node = json_object_array_get_idx(result->arguments, i);
                assert_string_equal(json_get_string(node, "node-name"), names[i]);
                /* storage nodes reopen so that a commit can write; formats below the top are read-only */
                assert_int_equal(json_get_bool(node, "auto-read-only", false), i % 2 == 0);
                if (i % 2)
                        assert_int_equal(json_get_bool(node, "read-only", false), i != 5);
        }
        assert_string_equal(json_get_string(node, "backing"), "top-backing-1");
        node = json_object_array_get_idx(result->arguments, 3);
        assert_string_equal(json_get_string(node, "backing"), "top-backing-2");
        /* raw ends the chain by itself */
        node = json_object_array_get_idx(result->arguments, 1);
        assert_false(json_object_object_get_ex(node, "backing", NULL));
        emulator_clear(&emulator);
}

/* qcow2 at the end of a given chain must not open what its header names. */
static void test_backing_end(void **state)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        json_object *node, *backing = (json_object *)1;
        Emulator emulator;
        const Row row = {.driver = "file", .format = "qcow2", .access = R, .fallback = NONE};

        request = make_request(&row);
        assert_int_equal(muster_gate_request_add_backing(request, "file", "/b", "qcow2"), 0);
        emulator_make(&emulator, "5.2-x86_64", FLAG_AS_IS);
        result = gate_result(&emulator, request, NULL);
        node = json_object_array_get_idx(result->arguments, 1);
        assert_true(json_object_object_get_ex(node, "backing", &backing));
        assert_null(backing);
        /* `ro` is said on every node, and nothing is left to reopening */
        for (size_t i = 0; i < 4; i++) {
                node = json_object_array_get_idx(result->arguments, i);
                assert_true(json_get_bool(node, "read-only", false));
                assert_false(json_object_object_get_ex(node, "auto-read-only", NULL));
        }
        emulator_clear(&emulator);
}

/* Derived names stay within QEMU's 31 bytes, and apart. */
static void test_names(void **state)
{
        static const char long_name[] = "a2345678901234567890123456789.x";
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        const Row row = {.driver = "file", .format = "qcow2", .access = W, .fallback = NONE};
        Emulator emulator;

        request = make_request(&row);
        assert_int_equal(muster_gate_request_set_node_name(request, long_name), 0);
        assert_int_equal(muster_gate_request_set_node_name(request, "a23456789012345678901234567890123"),
                         -EINVAL);
        assert_int_equal(muster_gate_request_set_node_name(request, "1a"), -EINVAL);
        assert_int_equal(muster_gate_request_set_node_name(request, "a/b"), -EINVAL);
        assert_int_equal(muster_gate_request_set_node_name(request, ""), -EINVAL);
        for (int i = 0; i < 12; i++)
                assert_int_equal(muster_gate_request_add_backing(request, "file", "/b", "qcow2"), 0);
        emulator_make(&emulator, "7.2-x86_64", FLAG_AS_IS);
        result = gate_result(&emulator, request, NULL);
        for (size_t i = 0; i < json_object_array_length(result->arguments); i++) {
                const char *name =
                        json_get_string(json_object_array_get_idx(result->arguments, i), "node-name");

                assert_true(strlen(name) <= NODE_NAME_MAX);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(
                                name, json_get_string(json_object_array_get_idx(result->arguments, j),
                                                      "node-name"));
        }
        emulator_clear(&emulator);
}

static void test_options(void **state)
{
        static const struct {
                const char *driver;
                const char *options[9]; /* key, value, … */
                const char *expect;
        } rows[] = {
                {"nbd",
                 {"server.path", "/run/n", "server.type", "unix", "export", "12"},
                 "[{\"driver\":\"nbd\",\"node-name\":\"muster-disk\",\"read-only\":true,"
                 "\"server\":{\"path\":\"/run/n\",\"type\":\"unix\"},\"export\":\"12\"}]"},
                {"nbd",
                 {"server.type", "inet", "server.host", "h", "server.port", "80", "reconnect-delay", "5"},
                 "[{\"driver\":\"nbd\",\"node-name\":\"muster-disk\",\"read-only\":true,"
                 "\"server\":{\"type\":\"inet\",\"host\":\"h\",\"port\":\"80\"},\"reconnect-delay\":5}]"},
                {"nbd",
                 {"server.type", "unix", "server.host", "h"},
                 "error: This emulator has no option 'server.host' here."},
                {"nbd",
                 {"server.type", "unx", "server.path", "h"},
                 "error: Option 'server.type' has no value 'unx'; did you mean 'unix'?"},
                {"nbd",
                 {"server.type", "unix"},
                 "error: The emulator's schema does not take these arguments: …"},
                {"nbd", {"server", "x"}, "error: Option 'server' has members of its own; …"},
                {"nbd",
                 {"server.type", "unix", "server.path", "p", "reconnect-delay", "5s"},
                 "error: Option 'reconnect-delay' is of type int; '5s' is none."},
                {"nbd", {"server.type.x", "unix"}, "error: Option 'server.type' is a plain value; …"},
                {"nbd",
                 {"export", "a", "export", "b"},
                 "error: Option 'export' contradicts an earlier one; …"},
                {"nbd", {"exprt", "a"}, "error: Driver 'nbd' of this emulator has no option 'exprt'."},
                {"nbd",
                 {"read-only", "off"},
                 "error: Option 'read-only' is set by the gate itself; leave it out."},
                {"gluster",
                 {"volume", "v", "path", "p", "server.0.type", "inet", "server.0.host", "h"},
                 "error: The emulator's schema does not take these arguments: …"},
                {"gluster",
                 {"volume", "v", "path", "p", "server.1.type", "inet"},
                 "error: Option 'server' is a list: number its places from 0 (server.0 is missing)."},
                {"null-co",
                 {"size", "4096", "read-zeroes", "on"},
                 "[{\"driver\":\"null-co\",\"node-name\":\"muster-disk\",\"read-only\":true,\"size\":4096,"
                 "\"read-zeroes\":true}]"},
                {"null-co", {"size", "-"}, "error: Option 'size' is of type int; '-' is none."},
                {"null-co",
                 {"detect-zeroes", "unmapp"},
                 "error: Option 'detect-zeroes' has no value 'unmapp'; did you mean 'unmap'?"},
        };
        Emulator emulator;

        emulator_make(&emulator, "7.2-x86_64", FLAG_AS_IS);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(gate_request) MusterGateRequest *request = NULL;
                CLEANUP(free) char *text = NULL;

                assert_int_equal(muster_gate_request_new(&request), 0);
                assert_int_equal(muster_gate_request_set_driver(request, rows[i].driver), 0);
                for (const char *const *o = rows[i].options; *o; o += 2)
                        assert_int_equal(muster_gate_request_add_option(request, o[0], o[1]), 0);
                text = gate_text(&emulator, request, NULL);
                expect_text(text, rows[i].expect, i);
        }
        emulator_clear(&emulator);
}

static void test_setters(void **state)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(muster_gate_request_new(&request), 0);
        assert_int_equal(muster_gate_request_set_fallback(request, MUSTER_ACCESS_ON_DEMAND), -EINVAL);
        assert_int_equal(muster_gate_request_add_option(request, "a..b", "1"), -EINVAL);
        assert_int_equal(muster_gate_request_add_option(request, ".a", "1"), -EINVAL);
        assert_int_equal(muster_gate_request_add_option(request, "a.", "1"), -EINVAL);
        assert_int_equal(muster_gate_request_add_option(request, "", "1"), -EINVAL);
        assert_int_equal(muster_gate_request_add_option(request, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "1"),
                         -EINVAL);
        assert_int_equal(muster_gate_request_set_driver(request, "fi le"), -EINVAL);
        assert_int_equal(muster_gate_request_set_tree(request, "[1]", &error), -EINVAL);
        assert_int_equal(fdset_of_filename("/dev/fdset/12"), 12);
        assert_int_equal(fdset_of_filename("/dev/fdset/99999999999999999999"), -1);
        assert_int_equal(fdset_of_filename("/dev/fdset/"), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),       cmocka_unit_test(test_launch),
                cmocka_unit_test(test_fdsets),      cmocka_unit_test(test_backing),
                cmocka_unit_test(test_backing_end), cmocka_unit_test(test_names),
                cmocka_unit_test(test_options),     cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_setters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
