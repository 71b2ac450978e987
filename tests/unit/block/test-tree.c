/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "gating.h"

enum {
        NONE = -1,
        R = MUSTER_ACCESS_RO,
        W = MUSTER_ACCESS_RW,
        D = MUSTER_ACCESS_ON_DEMAND,
};

typedef struct Row {
        Flag flag;
        const char *tree; /* with ' for " */
        int asked, fallback;
        unsigned launch;
        MusterDecision decision;
        int access;
        const char *note; /* a part of a note or of the reason; NULL: there is none */
        const char *sent; /* a part of the arguments, with ' for "; NULL: any */
} Row;

static char *quoted(const char *text)
{
        char *copy = strdup(text);

        assert_non_null(copy);
        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        return copy;
}

static void check_words(const MusterGateResult *result, const Row *row, size_t i)
{
        CLEANUP(free) char *notes = json_to_text(result->notes);
        bool found;

        assert_non_null(notes);
        if (!row->note) {
                if (json_object_array_length(result->notes) > 0)
                        fail_msg("row %zu: notes where there should be none: %s", i, notes);
                return;
        }
        found = strstr(notes, row->note) || (result->reason && strstr(result->reason, row->note));
        if (!found)
                fail_msg("row %zu: '%s' is neither in %s nor in %s", i, row->note, notes,
                         result->reason ? result->reason : "(no reason)");
}

static void check_row(const Emulator *emulator, const Row *row, size_t i)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        CLEANUP(free) char *tree = quoted(row->tree);
        const char *sent;

        assert_int_equal(muster_gate_request_new(&request), 0);
        assert_int_equal(muster_gate_request_set_tree(request, tree, NULL), 0);
        if (row->asked != NONE)
                muster_gate_request_set_access(request, (MusterAccess)row->asked);
        if (row->fallback != NONE)
                assert_int_equal(muster_gate_request_set_fallback(request, (MusterAccess)row->fallback), 0);
        muster_gate_request_set_launch(request, row->launch);
        result = gate_result(emulator, request, NULL);
        if (result->decision != row->decision || (int)result->access != row->access)
                fail_msg("row %zu: decision %d, access %s: %s", i, result->decision,
                         access_name(result->access), result->reason ? result->reason : "");
        check_words(result, row, i);
        sent = json_object_to_json_string_ext(result->arguments,
                                              JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        assert_int_equal(json_object_array_length(result->arguments),
                         row->decision != MUSTER_DECISION_REFUSED);
        if (row->sent) {
                CLEANUP(free) char *expect = quoted(row->sent);

                if (!strstr(sent, expect))
                        fail_msg("row %zu: %s is not in %s", i, expect, sent);
        }
}

static void check_rows(const char *schema, const Row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                Emulator emulator;

                emulator_make(&emulator, schema, rows[i].flag);
                check_row(&emulator, rows + i, i);
                emulator_clear(&emulator);
        }
}

#define FILE_AUTO "{'driver':'file','filename':'/d','auto-read-only':true"
#define NAMED     ",'node-name':'n'}"

#define ALLOWED   MUSTER_DECISION_ALLOWED
#define FALLBACK  MUSTER_DECISION_FALLBACK
#define REFUSED   MUSTER_DECISION_REFUSED

static void test_nodes(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, FILE_AUTO NAMED, NONE, NONE, 0, ALLOWED, D, NULL, FILE_AUTO},
                {FLAG_AS_IS, "{'driver':'file','filename':'/d'" NAMED, NONE, NONE, 0, ALLOWED, W, NULL,
                 NULL},
                {FLAG_AS_IS, "{'driver':'file','filename':'/d','read-only':true" NAMED, NONE, NONE, 0,
                 ALLOWED, R, NULL, NULL},
                {FLAG_AS_IS, FILE_AUTO ",'read-only':true" NAMED, NONE, NONE, 0, ALLOWED, R,
                 "auto-read-only does nothing beside read-only", NULL},
                {FLAG_AS_IS, FILE_AUTO "}", NONE, NONE, 0, ALLOWED, D, "no node-name",
                 "'node-name':'muster-disk'"},
                /* a writable format holds write permission */
                {FLAG_AS_IS, "{'driver':'qcow2','file':" FILE_AUTO "}" NAMED, NONE, NONE, 0, ALLOWED, W,
                 "file: 'qcow2' above it is writable", NULL},
                /* and copy-on-read, though a filter, writes what it read */
                {FLAG_AS_IS, "{'driver':'copy-on-read','file':" FILE_AUTO "}" NAMED, NONE, NONE, 0, ALLOWED,
                 W, "file: 'copy-on-read' above it is writable", NULL},
                {FLAG_AS_IS,
                 "{'driver':'qcow2','read-only':true,'file':" FILE_AUTO ",'read-only':false}" NAMED, NONE,
                 NONE, 0, ALLOWED, D, NULL, NULL},
                {FLAG_AS_IS, "{'driver':'raw','file':" FILE_AUTO "}" NAMED, NONE, NONE, 0, ALLOWED, D, NULL,
                 NULL},
                {FLAG_AS_IS, "{'driver':'luks','file':" FILE_AUTO "}" NAMED, NONE, NONE, 0, ALLOWED, D, NULL,
                 NULL},
                /* what a child takes from its parent */
                {FLAG_AS_IS,
                 "{'driver':'raw','auto-read-only':true,'file':{'driver':'file','filename':'/d'}" NAMED,
                 NONE, NONE, 0, ALLOWED, D,
                 "the top node: auto-read-only is advisory at best on driver 'raw'", NULL},
                {FLAG_AS_IS, "{'driver':'raw','read-only':true,'file':" FILE_AUTO "}" NAMED, NONE, NONE, 0,
                 ALLOWED, R, "file: auto-read-only does nothing", NULL},
                {FLAG_AS_IS, "{'driver':'qcow2','read-only':true,'file':'s'" NAMED, NONE, NONE, 0, ALLOWED,
                 R, NULL, NULL},
                {FLAG_AS_IS, "{'driver':'null-co','auto-read-only':true" NAMED, NONE, NONE, 0, ALLOWED, W,
                 "advisory at best on driver 'null-co'", NULL},
                {FLAG_REMOVED, FILE_AUTO NAMED, NONE, NONE, 0, ALLOWED, W,
                 "advisory at best on driver 'file'", NULL},
                {FLAG_UNKNOWN, FILE_AUTO NAMED, NONE, NONE, 0, ALLOWED, W, "is unknown for driver 'file'",
                 NULL},
                {FLAG_AS_IS,
                 "{'driver':'quorum','vote-threshold':1,'children':[{'driver':'file','filename':'/a',"
                 "'read-only':true}," FILE_AUTO "}]" NAMED,
                 NONE, NONE, 0, ALLOWED, D, NULL, NULL},
                /* backing images are read-only, and do not count as the disk's access */
                {FLAG_AS_IS,
                 "{'driver':'qcow2','read-only':true,'file':{'driver':'file','filename':'/a'},'backing':"
                 "{'driver':'qcow2','file':" FILE_AUTO "}}" NAMED,
                 NONE, NONE, 0, ALLOWED, R, "backing/file: auto-read-only does nothing", NULL},
                {FLAG_AS_IS, "{'driver':'qcow2','file':'s','backing':null" NAMED, NONE, NONE, 0, ALLOWED, W,
                 NULL, NULL},
        };

        check_rows("7.2-x86_64", rows, ELEMENTSOF(rows));
}

static void test_missing_member(void **state)
{
        static const Row rows[] = {
                {MEMBER_REMOVED, FILE_AUTO NAMED, NONE, NONE, 0, REFUSED, W, "does not know auto-read-only",
                 NULL},
                {MEMBER_REMOVED, FILE_AUTO NAMED, NONE, R, 0, FALLBACK, R, "does not know auto-read-only",
                 "{'driver':'file','filename':'/d','node-name':'n','read-only':true}"},
                {MEMBER_REMOVED, FILE_AUTO ",'read-only':true" NAMED, NONE, NONE, 0, ALLOWED, R,
                 "auto-read-only was removed",
                 "{'driver':'file','filename':'/d','read-only':true,'node-name':'n'}"},
                {MEMBER_REMOVED, "{'driver':'file','filename':'/d','auto-read-only':false" NAMED, NONE, NONE,
                 0, ALLOWED, W, "auto-read-only was removed",
                 "{'driver':'file','filename':'/d','node-name':'n'}"},
        };

        check_rows("7.2-x86_64", rows, ELEMENTSOF(rows));
}

static void test_launch(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, FILE_AUTO NAMED, NONE, NONE, MUSTER_LAUNCH_CHROOT, REFUSED, D,
                 "because of how it runs", NULL},
                {FLAG_UNKNOWN, FILE_AUTO NAMED, NONE, NONE, MUSTER_LAUNCH_CHROOT, REFUSED, W,
                 "because of how it runs", NULL},
                {FLAG_REMOVED, FILE_AUTO NAMED, NONE, NONE, MUSTER_LAUNCH_CHROOT, ALLOWED, W, "advisory",
                 NULL},
                {FLAG_AS_IS, FILE_AUTO ",'read-only':true" NAMED, NONE, NONE, MUSTER_LAUNCH_CHROOT, ALLOWED,
                 R, "does nothing", NULL},
                {FLAG_AS_IS, "{'driver':'file','filename':'/dev/fdset/1','auto-read-only':true" NAMED, NONE,
                 NONE, 0, REFUSED, D, "/dev/fdset/1 may lack", NULL},
                {FLAG_AS_IS,
                 "{'driver':'qcow2','read-only':true,'file':" FILE_AUTO
                 ",'read-only':false},'backing':{'driver':'raw',"
                 "'file':{'driver':'file','filename':'/b'}}" NAMED,
                 NONE, W, MUSTER_LAUNCH_UID, FALLBACK, W, "because of how it runs",
                 "[{'driver':'qcow2','read-only':false,'file':{'driver':'file','filename':'/"
                 "d','read-only':false},"
                 "'backing':{'driver':'raw','file':{'driver':'file','filename':'/"
                 "b','read-only':true},'read-only':true}"},
        };

        check_rows("10.0-x86_64", rows, ELEMENTSOF(rows));
}

static void test_asked(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, FILE_AUTO NAMED, D, NONE, 0, ALLOWED, D, NULL, NULL},
                {FLAG_AS_IS, FILE_AUTO NAMED, W, NONE, 0, ALLOWED, D, NULL, NULL},
                {FLAG_AS_IS, FILE_AUTO NAMED, R, NONE, 0, REFUSED, D, "more than the 'ro'", NULL},
                {FLAG_AS_IS, "{'driver':'file','filename':'/d'" NAMED, D, NONE, 0, REFUSED, W,
                 "more than the 'on-demand'", NULL},
                {FLAG_AS_IS, "{'driver':'file','filename':'/d'" NAMED, D, R, 0, FALLBACK, R,
                 "more than the 'on-demand'", "'read-only':true"},
        };

        check_rows("7.2-storage-daemon", rows, ELEMENTSOF(rows));
}

static void test_schema_faults(void **state)
{
        static const Row rows[] = {
                {FLAG_AS_IS, "{'driver':'file','filenam':'/d'" NAMED, NONE, NONE, 0, REFUSED, W, "filenam",
                 NULL},
                {FLAG_AS_IS, "{'driver':'file'" NAMED, NONE, NONE, 0, REFUSED, W, "filename", NULL},
                {FLAG_AS_IS, "{'driver':'file','filename':1" NAMED, NONE, NONE, 0, REFUSED, W, "filename",
                 NULL},
                {FLAG_AS_IS, "{'driver':'nosuch'" NAMED, NONE, NONE, 0, REFUSED, W, "nosuch", NULL},
                {FLAG_AS_IS, "{'node-name':'n'}", NONE, NONE, 0, REFUSED, R, "driver", NULL},
                {FLAG_AS_IS, "{'driver':'raw','file':7" NAMED, NONE, NONE, 0, REFUSED, W, "file", NULL},
        };

        check_rows("11.1-x86_64", rows, ELEMENTSOF(rows));
}

/* Bounded, whatever comes. */
static void test_depth(void **state)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(free) char *text = NULL;
        char tree[4096] = "";
        Emulator emulator;

        assert_int_equal(muster_gate_request_new(&request), 0);
        for (int i = 0; i < 40; i++)
                strcat(tree, "{\"driver\":\"raw\",\"file\":");
        strcat(tree, "\"x\"");
        for (int i = 0; i < 40; i++)
                strcat(tree, "}");
        assert_int_equal(muster_gate_request_set_tree(request, tree, NULL), 0);
        emulator_make(&emulator, "7.2-x86_64", FLAG_AS_IS);
        text = gate_text(&emulator, request, NULL);
        assert_non_null(strstr(text, "error: The tree is too large"));
        emulator_clear(&emulator);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nodes),         cmocka_unit_test(test_missing_member),
                cmocka_unit_test(test_launch),        cmocka_unit_test(test_asked),
                cmocka_unit_test(test_schema_faults), cmocka_unit_test(test_depth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
