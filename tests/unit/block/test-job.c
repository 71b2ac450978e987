/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/util.h"
#include "block/job.h"
#include "gating.h"
#include "tests/unit/feature/maker.h"

#define MIB (1024 * 1024)

static const char *const releases[] = {"5.2-x86_64", "7.2-x86_64", "10.0-x86_64", "11.1-x86_64"};

/* A disk with three images, as the gate adds it: /i/top, /i/mid, /i/base. */
static json_object *make_chain(const Emulator *emulator, const char *disk, MusterAccess access, bool filter)
{
        CLEANUP(free) char *prefix = text_format("muster-%s", disk);
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterGateRequest *request;
        MusterGateResult *result;
        json_object *chain = NULL;

        assert_int_equal(muster_gate_request_new(&request), 0);
        assert_int_equal(muster_gate_request_set_driver(request, "file"), 0);
        assert_int_equal(muster_gate_request_set_filename(request, "/i/top"), 0);
        assert_int_equal(muster_gate_request_set_format(request, "qcow2"), 0);
        assert_int_equal(muster_gate_request_set_node_name(request, prefix), 0);
        assert_int_equal(muster_gate_request_add_backing(request, "file", "/i/mid", "qcow2"), 0);
        assert_int_equal(muster_gate_request_add_backing(request, "file", "/i/base", "qcow2"), 0);
        muster_gate_request_set_access(request, access);
        request->chain_ends = true;
        if (filter)
                assert_int_equal(request_add_filter(request, maker_json("{\"driver\": \"throttle\", "
                                                                        "\"throttle-group\": \"g\"}")),
                                 0);
        result = gate_result(emulator, request, NULL);
        if (chain_new(result->arguments, disk, "d0", prefix, prefix, &chain, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_int_equal(chain_check(chain, NULL), 0);
        muster_gate_result_free(result);
        muster_gate_request_free(request);
        return chain;
}

typedef struct Setting {
        Emulator emulator;
        JobContext context;
        json_object *chains;
} Setting;

static void setting_make(Setting *setting, const char *release, Flag flag, MusterAccess access, bool filter)
{
        emulator_make(&setting->emulator, release, flag);
        setting->chains = json_object_new_object();
        json_add(setting->chains, "vda", make_chain(&setting->emulator, "vda", access, filter));
        setting->context = (JobContext){.verdicts = setting->emulator.verdicts, .chains = setting->chains};
}

static void setting_clear(Setting *setting)
{
        json_object_put(setting->chains);
        emulator_clear(&setting->emulator);
}

static json_object *chain_of(const Setting *setting)
{
        return json_get(setting->chains, "vda", json_type_object);
}

static char *plain(const json_object *object)
{
        return strdup(json_object_to_json_string_ext(
                (json_object *)object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Each step as "execute {arguments}", with ' for ", one a line. */
static char *steps_text(const json_object *steps)
{
        char *text = strdup("");

        for (size_t i = 0; i < json_object_array_length(steps); i++) {
                const json_object *step = json_object_array_get_idx(steps, i);
                CLEANUP(free) char *arguments = plain(json_get(step, "arguments", json_type_object));
                char *longer = text_format("%s%s %s%s\n", text, json_get_string(step, "execute"), arguments,
                                           json_get_bool(step, "ignore", false) ? " ?" : "");

                free(text);
                text = longer;
        }
        for (char *c = text; *c; c++)
                if (*c == '"')
                        *c = '\'';
        return text;
}

static void check_steps(const json_object *steps, const char *expected)
{
        CLEANUP(free) char *text = steps_text(steps);

        assert_string_equal(text, expected);
}

static void check_files(const JobPlan *plan, const char *files)
{
        const json_object *chain = json_get(plan->chains, "vda", json_type_object);
        CLEANUP(free) char *all = strdup("");

        for (size_t i = 0; i < chain_length(chain); i++) {
                char *longer =
                        text_format("%s%s%s ", all, json_get_string(chain_image(chain, i), "file"),
                                    json_get_bool(chain_image(chain, i), "read-only", true) ? "" : "!");

                free(all);
                all = longer;
        }
        assert_string_equal(all, files);
}

/* Takes the error out of *error: what fills it is a parameter, too. */
static void check_error(int r, int expected, MusterError **error_at, const char *words)
{
        MusterError *error = *error_at;

        *error_at = NULL;
        assert_int_equal(r, expected);
        assert_non_null(error);
        if (!strstr(muster_error_message(error), words))
                fail_msg("\"%s\" is not in: %s", words, muster_error_message(error));
        muster_error_free(error);
}

/* --- commit -------------------------------------------------------------------------------------- */

static void test_commit(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(JobPlan) JobPlan *plan = NULL;
                Setting setting;

                setting_make(&setting, releases[i], FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ false);
                assert_int_equal(job_commit(&setting.context, "vda", 1, 2, 0, &plan, NULL), 0);
                assert_false(plan->ready);
                check_steps(plan->steps, "block-commit {'job-id':'muster-commit-vda','device':'muster-vda',"
                                         "'auto-finalize':true,'auto-dismiss':false,'top-node':'muster-vda-"
                                         "backing-1','base-node':'muster-vda-backing-2','backing-file':'/i/"
                                         "base'}\n");
                check_steps(plan->done, "job-dismiss {'id':'muster-commit-vda'}\n"
                                        "blockdev-del {'node-name':'muster-vda-backing-1'}\n"
                                        "blockdev-del {'node-name':'muster-vda-backing-1-storage'}\n");
                check_steps(plan->failed, "job-dismiss {'id':'muster-commit-vda'}\n");
                check_steps(plan->pivot, "");
                check_files(plan, "/i/top! /i/base ");
                assert_string_equal(
                        json_object_to_json_string_ext(plan->access, JSON_C_TO_STRING_PLAIN |
                                                                             JSON_C_TO_STRING_NOSLASHESCAPE),
                        "[{\"file\":\"/i/base\",\"node\":\"muster-vda-backing-2\",\"before\":"
                        "\"O_RDONLY\",\"during\":\"O_RDWR\",\"after\":\"O_RDONLY\"}]");
                setting_clear(&setting);
        }
}

static void test_commit_active(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(JobPlan) JobPlan *plan = NULL;
                Setting setting;
                bool old = i == 0;

                setting_make(&setting, releases[i], FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ true);
                assert_int_equal(job_commit(&setting.context, "vda", 0, 1, 4096, &plan, NULL), 0);
                assert_true(plan->ready);
                /* The filter is the root node, the format what is committed; no header is written. */
                check_steps(plan->steps, "block-commit {'job-id':'muster-commit-vda','device':'muster-vda',"
                                         "'speed':4096,'auto-finalize':true,'auto-dismiss':false,'top-node':"
                                         "'muster-vda-format','base-node':'muster-vda-backing-1'}\n");
                check_steps(plan->pivot, "job-complete {'id':'muster-commit-vda'}\n");
                check_files(plan, "/i/mid! /i/base ");
                /* An abort leaves the base writable. */
                check_steps(plan->failed,
                            old ? "job-dismiss {'id':'muster-commit-vda'}\n"
                                  "x-blockdev-reopen {'driver':'qcow2','node-name':'muster-vda-backing-1',"
                                  "'file':'muster-vda-backing-1-storage','backing':'muster-vda-backing-2',"
                                  "'read-only':true} ?\n"
                                : "job-dismiss {'id':'muster-commit-vda'}\n"
                                  "blockdev-reopen {'options':[{'driver':'qcow2','node-name':'muster-vda-"
                                  "backing-1','file':'muster-vda-backing-1-storage','backing':'muster-vda-"
                                  "backing-2','read-only':true}]} ?\n");
                setting_clear(&setting);
        }
}

/* What every release refuses, and what every release dies of. */
static void test_gate(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(JobPlan) JobPlan *plan = NULL;
                MusterError *error = NULL;
                Setting setting;
                int r;

                setting_make(&setting, releases[i], FLAG_REMOVED, MUSTER_ACCESS_RW, /* filter= */ false);
                r = job_commit(&setting.context, "vda", 1, 2, 0, &plan, &error);
                assert_non_null(muster_error_detail(error));
                check_error(r, -EROFS, &error,
                            "/i/base was opened read-only for good, and the commit writes");
                r = job_pull(&setting.context, "vda", 1, 3, 0, &plan, &error);
                check_error(r, -EROFS, &error, "dynamic-auto-read-only is not given for driver 'file'");
                /* Into the disk's own image a pull is possible, and so is a copy. */
                assert_int_equal(job_pull(&setting.context, "vda", 0, 3, 0, &plan, NULL), 0);
                setting_clear(&setting);
        }
}

static void test_gate_above(void **state)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        CLEANUP(json) json_object *pushed = NULL;
        MusterError *error = NULL;
        Setting setting;

        setting_make(&setting, "7.2-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ false);
        assert_int_equal(chain_push(chain_of(&setting),
                                    maker_json("{\"file\": \"/i/new\", \"driver\": \"file\", \"format\": "
                                               "\"qcow2\", \"node\": \"n\", \"storage\": \"n-s\", "
                                               "\"read-only\": false, \"storage-mode\": \"auto\", "
                                               "\"options\": {}}"),
                                    &pushed),
                         0);
        json_add(setting.chains, "vda", json_object_get(pushed));
        assert_int_equal(job_commit(&setting.context, "vda", 2, 3, 0, &plan, NULL), 0);
        plan = job_plan_free(plan);
        /* Now that above what is committed cannot be written to, only its base can. */
        json_add_string(chain_image(pushed, 1), "storage-mode", "read-only");
        check_error(
                job_commit(&setting.context, "vda", 2, 3, 0, &plan, &error), -EROFS, &error,
                "/i/top was opened read-only for good, and the commit writes the name of its new backing");
        /* Directly below the disk's own image that is no matter. */
        assert_int_equal(job_commit(&setting.context, "vda", 1, 3, 0, &plan, NULL), 0);
        setting_clear(&setting);
}

static void test_refusals(void **state)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        MusterError *error = NULL;
        json_object *other = NULL;
        Setting setting;

        setting_make(&setting, "10.0-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ false);
        check_error(job_commit(&setting.context, "vdz", 0, 1, 0, &plan, &error), -ENOENT, &error,
                    "no disk vdz");
        check_error(job_commit(&setting.context, "vda", 2, 2, 0, &plan, &error), -EINVAL, &error,
                    "nothing between 2 and 2");
        check_error(job_commit(&setting.context, "vda", 0, 3, 0, &plan, &error), -EINVAL, &error,
                    "has 3 images");
        check_error(job_pull(&setting.context, "vda", 0, 1, 0, &plan, &error), -EINVAL, &error,
                    "nothing to pull");
        check_error(job_pull(&setting.context, "vda", 5, 6, 0, &plan, &error), -EINVAL, &error,
                    "has 3 images");
        /* Another disk over the same base. */
        json_object_deep_copy(chain_of(&setting), &other, NULL);
        json_add_string(other, "disk", "vdb");
        json_add(setting.chains, "vdb", other);
        check_error(job_commit(&setting.context, "vda", 1, 2, 0, &plan, &error), -EBUSY, &error,
                    "/i/mid is an image of disk vdb, too");
        json_object_object_del(setting.chains, "vdb");
        json_add_bool(chain_of(&setting), "shared", true);
        check_error(job_commit(&setting.context, "vda", 1, 2, 0, &plan, &error), -EBUSY, &error,
                    "is shared (<shareable/>)");
        json_add_bool(chain_of(&setting), "transient", true);
        check_error(job_pull(&setting.context, "vda", 0, 3, 0, &plan, &error), -EOPNOTSUPP, &error,
                    "is transient");
        setting_clear(&setting);

        setting_make(&setting, "10.0-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RO, /* filter= */ false);
        check_error(job_commit(&setting.context, "vda", 1, 2, 0, &plan, &error), -EROFS, &error,
                    "vda is read-only");
        setting_clear(&setting);
}

/* --- pull, snapshot, copy ------------------------------------------------------------------------ */

static void test_pull(void **state)
{
        CLEANUP(JobPlan) JobPlan *plan = NULL, *whole = NULL;
        Setting setting;

        setting_make(&setting, "11.1-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ true);
        assert_int_equal(job_pull(&setting.context, "vda", 0, 2, 0, &plan, NULL), 0);
        check_steps(plan->steps,
                    "block-stream {'job-id':'muster-pull-vda','device':'muster-vda-format',"
                    "'auto-finalize':true,'auto-dismiss':false,'base-node':'muster-vda-backing-2',"
                    "'backing-file':'/i/base'}\n");
        check_files(plan, "/i/top! /i/base ");
        assert_int_equal(job_pull(&setting.context, "vda", 1, 3, 0, &whole, NULL), 0);
        check_steps(whole->done, "job-dismiss {'id':'muster-pull-vda'}\n"
                                 "blockdev-del {'node-name':'muster-vda-backing-2'}\n"
                                 "blockdev-del {'node-name':'muster-vda-backing-2-storage'}\n"
                                 "blockdev-reopen {'options':[{'driver':'qcow2','node-name':'muster-vda-"
                                 "backing-1','file':'muster-vda-backing-1-storage','backing':null,"
                                 "'read-only':true}]} ?\n");
        check_files(whole, "/i/top! /i/mid ");
        setting_clear(&setting);
}

static void test_snapshot(void **state)
{
        static const JobOverlay overlays[] = {{.disk = "vda", .file = "/i/new", .size = 16 * MIB},
                                              {.disk = "vdb", .file = "/i/new-b", .size = MIB}};
        static const JobOverlay twice[] = {{.disk = "vda", .file = "/i/new", .size = 16 * MIB},
                                           {.disk = "vdb", .file = "/i/new", .size = 16 * MIB}};
        static const JobOverlay used = {.disk = "vda", .file = "/i/base", .size = MIB};

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(JobPlan) JobPlan *plan = NULL;
                MusterError *error = NULL;
                const json_object *last;
                CLEANUP(free) char *text = NULL;
                Setting setting;

                setting_make(&setting, releases[i], FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ true);
                json_add(setting.chains, "vdb",
                         make_chain(&setting.emulator, "vdb", MUSTER_ACCESS_RW, false));
                if (job_snapshot(&setting.context, overlays, 2, &plan, &error) < 0)
                        fail_msg("%s", muster_error_message(error));
                assert_null(plan->id);
                last = json_object_array_get_idx(plan->steps, json_object_array_length(plan->steps) - 1);
                text = plain(json_get(last, "arguments", json_type_object));
                assert_string_equal(text,
                                    "{\"actions\":[{\"type\":\"blockdev-snapshot\",\"data\":{\"node\":"
                                    "\"muster-vda-format\",\"overlay\":\"muster-vda-s1\"}},{\"type\":"
                                    "\"blockdev-snapshot\",\"data\":{\"node\":\"muster-vdb\",\"overlay\":"
                                    "\"muster-vdb-s1\"}}]}");
                check_files(plan, "/i/new! /i/top /i/mid /i/base ");
                assert_int_equal(json_object_array_length(plan->files), 2);
                /* The names go on counting. */
                assert_int_equal(json_get_int(json_get(plan->chains, "vda", json_type_object), "serial", 0),
                                 1);
                check_error(job_snapshot(&setting.context, twice, 2, &plan, &error), -EINVAL, &error,
                            "the same overlay /i/new");
                check_error(job_snapshot(&setting.context, &used, 1, &plan, &error), -EEXIST, &error,
                            "is in use");
                check_error(job_snapshot(&setting.context, &used, 0, &plan, &error), -EINVAL, &error,
                            "one disk at least");
                setting_clear(&setting);
        }
}

/* When a step fails, what was added goes, the last one first. */
static void test_undo(void **state)
{
        static const JobOverlay overlay = {.disk = "vda", .file = "/i/new", .size = MIB};
        CLEANUP(JobPlan) JobPlan *plan = NULL;
        CLEANUP(json) json_object *undone = json_object_new_array();
        Setting setting;

        setting_make(&setting, "7.2-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ false);
        assert_int_equal(job_snapshot(&setting.context, &overlay, 1, &plan, NULL), 0);
        assert_int_equal(step_append_undone(undone, plan->steps), 0);
        check_steps(undone, "blockdev-del {'node-name':'muster-vda-s1'}\n"
                            "blockdev-del {'node-name':'muster-vda-s1-storage'}\n");
        setting_clear(&setting);
}

static void test_copy(void **state)
{
        static const JobCopy shallow = {.file = "/i/copy", .size = MIB, .shallow = true, .pivot = true};
        static const JobCopy whole = {.file = "/i/copy", .size = MIB, .format = "raw"};
        static const JobCopy nonsense = {.file = "/i/copy", .size = MIB, .format = "raw", .shallow = true};

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(JobPlan) JobPlan *plan = NULL, *apart = NULL;
                CLEANUP(free) char *text = NULL;
                MusterError *error = NULL;
                Setting setting;

                setting_make(&setting, releases[i], FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ true);
                assert_int_equal(job_copy(&setting.context, "vda", &shallow, &plan, NULL), 0);
                text = steps_text(plan->steps);
                assert_non_null(strstr(text, "'backing':'muster-vda-backing-1'}\nblockdev-mirror {'job-id':"
                                             "'muster-copy-vda','device':'muster-vda','target':'muster-vda-"
                                             "s1','sync':'top','replaces':'muster-vda-format',"));
                check_steps(plan->pivot, "job-complete {'id':'muster-copy-vda'}\n");
                check_files(plan, "/i/copy! /i/mid /i/base ");
                assert_int_equal(job_copy(&setting.context, "vda", &whole, &apart, NULL), 0);
                check_steps(apart->pivot, "block-job-cancel {'device':'muster-copy-vda'}\n");
                check_steps(apart->done, "job-dismiss {'id':'muster-copy-vda'}\n"
                                         "blockdev-del {'node-name':'muster-vda-s1'}\n"
                                         "blockdev-del {'node-name':'muster-vda-s1-storage'}\n");
                check_files(apart, "/i/top! /i/mid /i/base ");
                check_error(job_copy(&setting.context, "vda", &nonsense, &apart, &error), -EINVAL, &error,
                            "cannot be shallow");
                setting_clear(&setting);
        }
}

/* --- chains -------------------------------------------------------------------------------------- */

static void test_chain(void **state)
{
        CLEANUP(json) json_object *steps = json_object_new_array(), *broken = NULL;
        MusterError *error = NULL;
        char name[CHAIN_NODE_NAME_MAX + 1];
        json_object *chain;
        Setting setting;
        size_t index = 9;

        setting_make(&setting, "7.2-x86_64", FLAG_AS_IS, MUSTER_ACCESS_RW, /* filter= */ true);
        chain = chain_of(&setting);
        assert_int_equal(chain_length(chain), 3);
        assert_string_equal(chain_top(chain), "muster-vda");
        assert_int_equal(chain_storage_mode(chain_image(chain, 2)), CHAIN_STORAGE_AUTO);
        assert_int_equal(chain_find(chain, "vda[2]", &index, NULL), 0);
        assert_int_equal(index, 2);
        assert_int_equal(chain_find(chain, "[1]", &index, NULL), 0);
        assert_int_equal(index, 1);
        assert_int_equal(chain_find(chain, "/i/top", &index, NULL), 0);
        assert_int_equal(index, 0);
        check_error(chain_find(chain, "vda[3]", &index, &error), -ENOENT, &error,
                    "vda[0] /i/top, vda[1] /i/mid, vda[2] /i/base");
        assert_int_equal(chain_add_removal_all(chain, steps), 0);
        check_steps(steps, "blockdev-del {'node-name':'muster-vda'}\n"
                           "blockdev-del {'node-name':'muster-vda-format'}\n"
                           "blockdev-del {'node-name':'muster-vda-storage'}\n"
                           "blockdev-del {'node-name':'muster-vda-backing-1'}\n"
                           "blockdev-del {'node-name':'muster-vda-backing-1-storage'}\n"
                           "blockdev-del {'node-name':'muster-vda-backing-2'}\n"
                           "blockdev-del {'node-name':'muster-vda-backing-2-storage'}\n");
        json_add_string(chain, "prefix", "muster-scsi-disk-with-a-long-na");
        json_add_int(chain, "serial", 41);
        assert_int_equal(chain_new_name(chain, name), 0);
        assert_true(strlen(name) <= CHAIN_NODE_NAME_MAX);
        assert_string_equal(name + strlen(name) - 4, "-s42");
        json_object_deep_copy(chain, &broken, NULL);
        json_object_object_del(chain_image(broken, 1), "storage");
        check_error(chain_check(broken, &error), -EBADMSG, &error, "lacks a member");
        setting_clear(&setting);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_commit),   cmocka_unit_test(test_commit_active),
                cmocka_unit_test(test_gate),     cmocka_unit_test(test_gate_above),
                cmocka_unit_test(test_refusals), cmocka_unit_test(test_pull),
                cmocka_unit_test(test_snapshot), cmocka_unit_test(test_undo),
                cmocka_unit_test(test_copy),     cmocka_unit_test(test_chain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
