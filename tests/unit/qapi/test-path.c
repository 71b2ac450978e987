/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "qapi/path.h"
#include "schemas.h"

static const char *const real[] = {
        "5.2-x86_64", "7.2-x86_64", "7.2-aarch64", "7.2-storage-daemon", "10.0-x86_64", "11.1-x86_64",
};

/*
 * Every schema query of libvirt, those that it retired, and some of its command probes. The answers, one
 * digit a schema of `real`, are those of another evaluator (a recursive walk over the plain JSON).
 */
static const struct {
        const char *path;
        const char *answers;
} libvirt[] = {
        {"blockdev-add/arg-type/+file/drop-cache", "111111"},
        {"blockdev-add/arg-type/+file/aio/^io_uring", "111111"},
        {"blockdev-add/arg-type/+nvme", "111111"},
        {"blockdev-add/arg-type/+rbd/encrypt", "011111"},
        {"blockdev-add/arg-type/+rbd/encrypt/parent", "000011"},
        {"blockdev-add/arg-type/+rbd/encrypt/format/^luks-any", "000011"},
        {"blockdev-add/arg-type/+nbd/tls-hostname", "011111"},
        {"blockdev-add/arg-type/+qcow2/discard-no-unref", "000011"},
        {"blockdev-add/arg-type/+virtio-blk-vhost-vdpa/$fdset", "000011"},
        {"blockdev-add/arg-type/+file/$dynamic-auto-read-only", "111111"},
        {"blockdev-add/arg-type/+qcow2/encrypt/+luks/key-secret", "111111"},
        {"blockdev-add/arg-type/+iscsi/password-secret", "111111"},
        {"blockdev-add/arg-type/+vxhs", "000000"},
        {"blockdev-add/arg-type/options/+gluster/debug-level", "000000"},
        {"blockdev-add/arg-type/+gluster/debug", "111110"},
        {"netdev_add/arg-type/+stream", "011011"},
        {"netdev_add/arg-type/+stream/reconnect", "000010"},
        {"netdev_add/arg-type/+stream/reconnect-ms", "000011"},
        {"netdev_add/arg-type/+vhost-vdpa", "111011"},
        {"netdev_add/arg-type/type/^dgram", "011011"},
        {"netdev_add/arg-type/+user", "111011"},
        {"query-display-options/ret-type/+sdl", "111011"},
        {"query-display-options/ret-type/+egl-headless", "111011"},
        {"query-display-options/ret-type/+egl-headless/rendernode", "111011"},
        {"query-display-options/ret-type/+dbus", "011011"},
        {"calc-dirty-rate/arg-type/mode", "011011"},
        {"chardev-add/arg-type/backend/+socket/data/reconnect-ms", "000011"},
        {"chardev-add/arg-type/backend/+qemu-vdagent", "011111"},
        {"chardev-add/arg-type/backend/+socket/data/reconnect", "111110"},
        {"device_add/$json-cli-hotplug", "011011"},
        {"nbd-server-start/arg-type/tls-creds", "111111"},
        {"object-add/arg-type/+sev-guest/kernel-hashes", "011111"},
        {"object-add/arg-type/+iothread/thread-pool-max", "011111"},
        {"object-add/arg-type/qom-type/^secret", "011111"},
        {"query-hotpluggable-cpus/ret-type/props/die-id", "111011"},
        {"query-hotpluggable-cpus/ret-type/props/cluster-id", "011011"},
        {"query-migrate/ret-type/blocked-reasons", "011011"},
        {"screendump/arg-type/device", "111011"},
        {"screendump/arg-type/format/^png", "011011"},
        {"set-numa-node/arg-type/+hmat-lb", "111011"},
        {"query-cpu-model-expansion/ret-type/deprecated-props", "000001"},
        {"migrate-incoming/arg-type/exit-on-error", "000011"},
        {"block-commit/arg-type/backing-mask-protocol", "000011"},
        {"block-stream/arg-type/backing-mask-protocol", "000011"},
        {"human-monitor-command/$savevm-monitor-nodes", "111011"},
        {"blockdev-snapshot/$allow-write-only-overlay", "111111"},
        {"block-commit/arg-type/*top", "111111"},
        {"query-iothreads/ret-type/poll-max-ns", "111011"},
        {"nbd-server-add/arg-type/bitmap", "111111"},
        {"query-named-block-nodes/arg-type/flat", "111111"},
        {"migrate-set-parameters/arg-type/max-bandwidth", "111011"},
        {"migrate-set-parameters/arg-type/downtime-limit", "111011"},
        {"migrate-set-parameters/arg-type/xbzrle-cache-size", "111011"},
        {"migrate-set-parameters/arg-type/block-bitmap-mapping/bitmaps/transform", "011011"},
        {"query-accelerators", "000001"},
        {"blockdev-set-active", "000011"},
        {"rtc-reset-reinjection", "110011"},
        {"x-blockdev-reopen", "100000"},
        {"blockdev-reopen", "011111"},
};

static SchemaPath *parse(const char *text)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        SchemaPath *path = NULL;

        if (schema_path_parse(text, &path, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        assert_string_equal(schema_path_text(path), text);
        return path;
}

static int eval(const MusterSchema *schema, const char *text, SchemaHit *ret_hit)
{
        CLEANUP(SchemaPath) SchemaPath *path = parse(text);

        return schema_path_eval(schema, path, ret_hit);
}

static void test_libvirt(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(real); i++) {
                CLEANUP_SCHEMA *schema = load_schema(real[i]);

                for (size_t k = 0; k < ELEMENTSOF(libvirt); k++)
                        if (eval(schema, libvirt[k].path, NULL) != libvirt[k].answers[i] - '0')
                                fail_msg("%s: %s", real[i], libvirt[k].path);
        }
}

static const struct {
        const char *text;
        const char *words;
} malformed[] = {
        {"", "component 1"},
        {"/", "component 1"},
        {"/a", "component 1"},
        {"a/", "component 2, byte 3"},
        {"a//b", "component 2"},
        {"+a", "begins with"},
        {"$a", "begins with"},
        {"*a", "begins with"},
        {"1a", "no letter"},
        {"a/b", "arg-type"},
        {"a/@f", "arg-type"},
        {"a/+arg-type", "arg-type"},
        {"a/*arg-type", "arg-type"},
        {"a/$", "no name"},
        {"a/$f/b", "nothing comes behind"},
        {"a/$f/$g", "nothing comes behind"},
        {"a/arg-type/+", "no name"},
        {"a/arg-type/*", "no name"},
        {"a/arg-type/ ", "no name"},
        {"a/arg-type/1", "no letter"},
        {"a/arg-type/_x", "no letter"},
        {"a/arg-type/#x", "no letter"},
        {"a/arg-type/\001", "no letter"},
        {"a/arg-type/@f", "@feature"},
        {"a/arg-type/+c/@f", "@feature"},
        {"a/arg-type/m/@f/n", "nothing comes behind"},
        {"a/arg-type/m/^v/n", "^value"},
        {"a/arg-type/m/^v/^w", "^value"},
        {"a/arg-type/m/^v/@f", "^value"},
        {"a/arg-type/m/^v/$f/$g", "nothing comes behind"},
        {"a/arg-type/m/!int/n", "nothing comes behind"},
        {"a/arg-type/m/!int/$f", "nothing comes behind"},
};

static void test_malformed(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(malformed); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                SchemaPath *path = NULL;

                if (schema_path_parse(malformed[i].text, &path, &error) != -EINVAL || path)
                        fail_msg("taken: %s", malformed[i].text);
                if (!strstr(muster_error_message(error), malformed[i].words))
                        fail_msg("%s: %s", malformed[i].text, muster_error_message(error));
        }
}

static void test_bounds(void **state)
{
        CLEANUP(SchemaPath) SchemaPath *path = NULL;
        char text[5000];

        memset(text, 'a', sizeof(text));
        text[4097] = '\0';
        assert_int_equal(schema_path_parse(text, &path, NULL), -EINVAL);
        text[4096] = '\0';
        assert_int_equal(schema_path_parse(text, &path, NULL), 0);
        strcpy(text, "a/arg-type");
        for (unsigned i = 0; i < 63; i++)
                strcat(text, "/m");
        assert_int_equal(schema_path_parse(text, &path, NULL), -EINVAL);
}

/* A union over itself behind an array and an alternate, with features at every place. */
static const char small[] =
        "[{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"},"
        "{\"name\":\"0\",\"meta-type\":\"object\",\"members\":[],\"features\":[\"f-zero\"]},"
        "{\"name\":\"k\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"one\",\"features\":[\"f-one\"]},"
        "{\"name\":\"2nd\"}]},"
        "{\"name\":\"old\",\"meta-type\":\"enum\",\"values\":[\"one\"]},"
        "{\"name\":\"[u]\",\"meta-type\":\"array\",\"element-type\":\"u\"},"
        "{\"name\":\"alt\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"str\"},{\"type\":\"[u]\"}],"
        "\"features\":[\"f-alt\"]},"
        "{\"name\":\"sub\",\"meta-type\":\"object\",\"features\":[\"f-sub\"],\"members\":["
        "{\"name\":\"deep\",\"type\":\"alt\"},{\"name\":\"1st\",\"type\":\"old\",\"default\":null}]},"
        "{\"name\":\"u\",\"meta-type\":\"object\",\"features\":[\"f-u\"],\"tag\":\"kind\",\"members\":["
        "{\"name\":\"kind\",\"type\":\"k\"},{\"name\":\"opt\",\"type\":\"alt\",\"default\":null,"
        "\"features\":[\"f-opt\"]}],\"variants\":[{\"case\":\"one\",\"type\":\"sub\"},"
        "{\"case\":\"2nd\",\"type\":\"0\"}]},"
        "{\"name\":\"t\",\"meta-type\":\"tuple\"},"
        "{\"name\":\"odd\",\"meta-type\":\"command\",\"arg-type\":\"t\",\"ret-type\":\"[u]\"},"
        "{\"name\":\"cmd\",\"meta-type\":\"command\",\"arg-type\":\"u\",\"ret-type\":\"0\","
        "\"features\":[\"f-cmd\"]},"
        "{\"name\":\"__com.x_y\",\"meta-type\":\"command\",\"arg-type\":\"0\",\"ret-type\":\"0\"},"
        "{\"name\":\"EV\",\"meta-type\":\"event\",\"arg-type\":\"u\",\"features\":[\"f-ev\"]}]";

static const struct {
        const char *path;
        int answers;
} language[] = {
        {"cmd", 1},
        {"u", 0}, /* types' names mean nothing */
        {"nope/arg-type", 0},
        {" __com.x_y", 1},
        {"cmd/$f-cmd", 1},
        {"cmd/$f-u", 0},
        {"cmd/arg-type", 1},
        {"cmd/arg-type/$f-u", 1},
        {"cmd/arg-type/$f-cmd", 0},
        {"EV/arg-type/kind", 1},
        {"EV/$f-ev", 1},
        {"EV/ret-type", 0},
        {"cmd/arg-type/opt", 1},
        {"cmd/arg-type/*opt", 1},
        {"cmd/arg-type/*kind", 0},
        {"cmd/arg-type/deep", 0}, /* of a branch, not of the base */
        {"cmd/arg-type/opt/@f-opt", 1},
        {"cmd/arg-type/*opt/@f-opt", 1},
        {"cmd/arg-type/kind/@f-opt", 0},
        {"cmd/arg-type/opt/$f-opt", 0},
        {"cmd/arg-type/opt/$f-alt", 1},
        {"cmd/arg-type/opt/$f-u", 1}, /* through the alternate and the array */
        {"cmd/arg-type/opt/!string", 1},
        {"cmd/arg-type/opt/!int", 0},
        {"cmd/arg-type/opt/kind/^one", 1},
        {"cmd/arg-type/kind/^one/$f-one", 1},
        {"cmd/arg-type/kind/^2nd/$f-one", 0},
        {"cmd/arg-type/kind/^2nd", 1},
        {"cmd/arg-type/kind/!string", 0}, /* only built-ins have one */
        {"cmd/arg-type/kind/one", 0},
        {"cmd/arg-type/^one", 0},
        {"cmd/arg-type/!string", 0},
        {"cmd/arg-type/+one", 1},
        {"cmd/arg-type/+one/$f-sub", 1},
        {"cmd/arg-type/+2nd/$f-sub", 0},
        {"cmd/arg-type/+one/ 1st/^one", 1},
        {"cmd/arg-type/+one/ 1st/^one/$f-one", 0}, /* the old form tells no values' features */
        {"cmd/arg-type/+*", 2},
        {"cmd/arg-type/+*/$f-zero", 1},
        {"cmd/arg-type/+*/deep/+*/deep/+*", 2},
        {"cmd/arg-type/opt/opt/opt/opt/+one", 1},
        {"odd/arg-type", 1},
        {"odd/arg-type/x", 0},
        {"odd/ret-type/kind", 1},
};

static int keep_last(const SchemaHit *hit, void *userdata)
{
        *(SchemaHit *)userdata = *hit;
        return 0;
}

static void test_language(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(small);

        for (size_t i = 0; i < ELEMENTSOF(language); i++) {
                CLEANUP(SchemaPath) SchemaPath *path = parse(language[i].path);
                SchemaHit first, last;

                if (schema_path_eval(schema, path, &first) != !!language[i].answers ||
                    schema_path_eval_all(schema, path, keep_last, &last) != language[i].answers)
                        fail_msg("%s", language[i].path);
                if (language[i].answers == 1) {
                        assert_int_equal(first.kind, last.kind);
                        assert_int_equal(first.entity, last.entity);
                        assert_int_equal(first.type, last.type);
                }
        }
}

static int stop(const SchemaHit *hit, void *userdata)
{
        return -EINTR;
}

static void test_hits(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(small);
        CLEANUP(SchemaPath) SchemaPath *any = parse("cmd/arg-type/+*");
        SchemaHit hit;

        assert_int_equal(eval(schema, "cmd", &hit), 1);
        assert_int_equal(hit.kind, SCHEMA_HIT_ENTITY);
        assert_string_equal(entity_of(schema, hit.entity)->name, "cmd");
        assert_int_equal(eval(schema, "cmd/arg-type/opt/@f-opt", &hit), 1);
        assert_int_equal(hit.kind, SCHEMA_HIT_FEATURE);
        assert_string_equal(hit.member->name, "opt");
        assert_string_equal(hit.feature, "f-opt");
        assert_int_equal(eval(schema, "cmd/arg-type/+one/$f-sub", &hit), 1);
        assert_null(hit.member);
        assert_string_equal(entity_of(schema, hit.entity)->name, "sub");
        assert_int_equal(eval(schema, "cmd/arg-type/opt/$f-u", &hit), 1);
        assert_string_equal(entity_of(schema, hit.entity)->name, "u");
        assert_int_equal(eval(schema, "cmd/arg-type/kind/^one/$f-one", &hit), 1);
        assert_string_equal(hit.value->name, "one");
        assert_int_equal(eval(schema, "cmd/arg-type/+one", &hit), 1);
        assert_int_equal(hit.kind, SCHEMA_HIT_VARIANT);
        assert_string_equal(entity_of(schema, hit.type)->name, "sub");
        assert_int_equal(schema_path_eval_all(schema, any, stop, NULL), -EINTR);
}

/* Schemas that make no sense, or are made to hold a walk. */
static void test_hostile(void **state)
{
        CLEANUP_SCHEMA *loop = parse_schema(
                "[{\"name\":\"a\",\"meta-type\":\"array\",\"element-type\":\"a\"},"
                "{\"name\":\"l\",\"meta-type\":\"alternate\",\"members\":[{\"type\":\"l\"},{\"type\":\"l\"},"
                "{\"type\":\"l\"},{\"type\":\"l\"}]},"
                "{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"a\",\"ret-type\":\"l\"}]");
        CLEANUP_SCHEMA *fan = parse_schema(
                "[{\"name\":\"u\",\"meta-type\":\"object\",\"tag\":\"t\",\"members\":[{\"name\":\"t\","
                "\"type\":\"u\"}],"
                "\"variants\":[{\"case\":\"a\",\"type\":\"u\"},{\"case\":\"b\",\"type\":\"u\"}]},"
                "{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"u\",\"ret-type\":\"u\"}]");
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *json = NULL;
        char text[200] = "c/arg-type", *untouched = NULL;

        assert_int_equal(eval(loop, "c/arg-type/x", NULL), -EBADMSG);
        assert_int_equal(eval(loop, "c/ret-type/x", NULL), -EBADMSG);
        assert_int_equal(muster_schema_query(loop, "c/arg-type/x", NULL, &error), -EBADMSG);
        assert_int_equal(muster_schema_query(loop, "c/ret-type", &json, NULL), 1);
        for (unsigned i = 0; i < 50; i++)
                strcat(text, "/+*");
        assert_int_equal(muster_schema_query(fan, text, &untouched, NULL), -E2BIG);
        assert_null(untouched);
        assert_int_equal(eval(fan, text, NULL), 1);
        strcat(text, "/nope");
        assert_int_equal(eval(fan, text, NULL), -E2BIG);
}

static const struct {
        const char *path;
        const char *met;
        const char *words[2];
} unmet[] = {
        {"nope/arg-type", "", {"no command", "nope"}},
        {"cmd/$nope", "cmd", {"command cmd", "f-cmd"}},
        {"EV/ret-type/x", "EV", {"event EV", "no result"}},
        {"odd/$nope", "odd", {"(none)", "command odd"}},
        {"cmd/arg-type/nope", "cmd/arg-type", {"no member nope", "kind, opt"}},
        {"cmd/arg-type/*kind", "cmd/arg-type", {"mandatory", "kind"}},
        {"cmd/arg-type/+nope/x", "cmd/arg-type", {"no branch nope", "one, 2nd"}},
        {"cmd/arg-type/+one/+x", "cmd/arg-type/+one", {"no branches", "+one"}},
        {"cmd/arg-type/+one/$nope",
         "cmd/arg-type/+one",
         {"type of cmd/arg-type/+one has the features: f-sub"}},
        {"cmd/arg-type/opt/@nope", "cmd/arg-type/opt", {"member", "f-opt"}},
        {"cmd/arg-type/opt/nope", "cmd/arg-type/opt", {"alternate", "nope"}},
        {"cmd/arg-type/kind/^nope", "cmd/arg-type/kind", {"no value nope", "one, 2nd"}},
        {"cmd/arg-type/kind/^one/$nope", "cmd/arg-type/kind/^one", {"value", "f-one"}},
        {"cmd/arg-type/+one/ 1st/^one/$nope", "cmd/arg-type/+one/ 1st/^one", {"does not tell"}},
        {"cmd/arg-type/kind/nope", "cmd/arg-type/kind", {"enum"}},
        {"odd/arg-type/x", "odd/arg-type", {"other"}},
        {"odd/ret-type/$nope", "odd/ret-type", {"type of odd/ret-type has the features: f-u"}},
        {"odd/ret-type/x", "odd/ret-type", {"no member x", "kind, opt"}},
};

static void test_explain(void **state)
{
        CLEANUP_SCHEMA *schema = parse_schema(small);

        for (size_t i = 0; i < ELEMENTSOF(unmet); i++) {
                CLEANUP(SchemaPath) SchemaPath *path = parse(unmet[i].path);
                CLEANUP(free) char *text = NULL;
                size_t met = 1000;

                assert_int_equal(schema_path_eval(schema, path, NULL), 0);
                assert_int_equal(schema_path_explain(schema, path, &met, &text), 0);
                if (met != strlen(unmet[i].met) || strncmp(unmet[i].path, unmet[i].met, met) != 0)
                        fail_msg("%s: %zu bytes met", unmet[i].path, met);
                for (size_t k = 0; k < 2 && unmet[i].words[k]; k++)
                        if (!strstr(text, unmet[i].words[k]))
                                fail_msg("%s: %s", unmet[i].path, text);
        }
}

static void test_explain_is_bounded(void **state)
{
        CLEANUP_SCHEMA *schema = load_schema("11.1-x86_64");
        CLEANUP(SchemaPath) SchemaPath *path = parse("blockdev-add/arg-type/+nope");
        CLEANUP(free) char *text = NULL;
        size_t met;

        assert_int_equal(schema_path_explain(schema, path, &met, &text), 0);
        assert_non_null(strstr(text, " more"));
        assert_true(strlen(text) < 300);
}

static void test_derived(void **state)
{
        CLEANUP(SchemaPath) SchemaPath *path = parse("b/arg-type/+file/x/+file/+files/file/$f");
        CLEANUP(SchemaPath) SchemaPath *changed = NULL;
        CLEANUP(SchemaPath) SchemaPath *parent = NULL;
        CLEANUP(SchemaPath) SchemaPath *same = NULL;

        assert_int_equal(schema_path_with_case(path, "file", "host_device", &changed), 0);
        assert_string_equal(schema_path_text(changed),
                            "b/arg-type/+host_device/x/+host_device/+files/file/$f");
        assert_int_equal(schema_path_parent(changed, &parent), 0);
        assert_string_equal(schema_path_text(parent), "b/arg-type/+host_device/x/+host_device/+files/file");
        assert_int_equal(schema_path_parent(parent, &same), 0);
        assert_string_equal(schema_path_text(same), schema_path_text(parent));
        changed = schema_path_free(changed);
        assert_int_equal(schema_path_with_case(path, "file", "", &changed), -EINVAL);
        assert_null(changed);
}

/* The query's JSON, against what a real emulator has. */
static void test_query(void **state)
{
        static const char *const carriers[] = {"file", "host_cdrom", "host_device"};
        CLEANUP_SCHEMA *schema = load_schema("7.2-x86_64");
        CLEANUP(json) json_object *json = NULL;
        CLEANUP(json) json_object *answers = NULL;
        json_object *top;
        CLEANUP(free) char *text = NULL;
        CLEANUP(free) char *member = NULL;
        char *untouched = NULL;

        assert_int_equal(
                muster_schema_query(schema, "blockdev-add/arg-type/+*/$dynamic-auto-read-only", &text, NULL),
                1);
        assert_int_equal(json_parse(text, strlen(text), &json), 0);
        assert_int_equal(json_object_array_length(json), ELEMENTSOF(carriers));
        for (size_t i = 0; i < ELEMENTSOF(carriers); i++) {
                json_object *answer = json_object_array_get_idx(json, i);
                char path[100];

                snprintf(path, sizeof(path), "blockdev-add/arg-type/+%s/$dynamic-auto-read-only",
                         carriers[i]);
                assert_string_equal(json_get_string(answer, "path"), path);
                assert_string_equal(json_get_string(answer, "kind"), "feature");
                assert_string_equal(json_get_string(answer, "on"), "object");
        }
        assert_int_equal(muster_schema_query(schema, "block-commit/arg-type/*top", &member, NULL), 1);
        assert_int_equal(json_parse(member, strlen(member), &answers), 0);
        top = json_object_array_get_idx(answers, 0);
        assert_string_equal(json_get_string(top, "kind"), "member");
        assert_true(json_get_bool(top, "optional", false));
        assert_string_equal(json_object_get_string(json_object_array_get_idx(
                                    json_get(top, "features", json_type_array), 0)),
                            "deprecated");
        assert_string_equal(json_get_string(json_get(top, "type", json_type_object), "json-type"), "string");
        assert_int_equal(muster_schema_query(schema, "block-commit/arg-type/nope", &untouched, NULL), 0);
        assert_int_equal(muster_schema_query(schema, "block-commit/nope", &untouched, NULL), -EINVAL);
        assert_null(untouched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_libvirt), cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_bounds),  cmocka_unit_test(test_language),
                cmocka_unit_test(test_hits),    cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_explain), cmocka_unit_test(test_explain_is_bounded),
                cmocka_unit_test(test_derived), cmocka_unit_test(test_query),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
