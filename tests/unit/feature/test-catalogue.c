/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "feature/catalogue-parse.h"
#include "maker.h"

#define HEAD "[a]\nsummary = s\nsince = 1\n"
#define GOOD HEAD "tie = schema quit\n"
#define X64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* What the check says of each text: "LINE severity part of the message", or NULL for nothing at all. */
static const struct {
        const char *text;
        const char *faults[4];
} rows[] = {
        /* well-formed */
        {GOOD, {NULL}},
        {"\xef\xbb\xbf" GOOD, {NULL}},
        {"[a]\r\nsummary = s\r\nsince = 1\r\ntie = schema quit\r\n", {NULL}},
        {"[a] ; comment\nsummary: s\nsince = 1\n  # comment\n; comment\ntie = schema\tquit", {NULL}},
        {HEAD "tie = schema quit &\n  query-status\n", {NULL}},
        {HEAD "tie = option sandbox/spawn\ntie = type x\ntie = property pc-7.2-machine.hpet\n", {NULL}},
        {HEAD "tie = version 4.0 .. 4.0.99\ntie = version .. 4.2\ntie = version 4.1 ..\ntie = measured m\n",
         {NULL}},
        {GOOD
         "governs = quit\ngoverns = blockdev-add driver=file,nbd member=m\nlibvirt = x.y, z\nnote = n\n",
         {NULL}},
        {"", {NULL}},
        /* warnings */
        {"[a]\nsummary = s\ntie = schema quit\n", {"1 warning since"}},
        {GOOD "governs = blockdev-add driver=file\ntie = schema blockdev-add/arg-type/+nbd/x\n",
         {"6 warning +nbd"}},
        {GOOD "governs = blockdev-add driver=file\ntie = schema blockdev-add/arg-type/+file/x\n", {NULL}},
        {GOOD "governs = blockdev-add driver=file\ntie = schema blockdev-create/arg-type/options/+nbd/x\n",
         {NULL}},
        {GOOD "libvirt = device.json+hotplug\n", {NULL}},
        /* lines */
        {GOOD "hello\n", {"5 error neither"}},
        {GOOD "hello", {"5 error neither"}},
        {"summary = s\n", {"1 error before the first"}},
        {GOOD "[b\n", {"5 error no [feature]", "5 error no summary", "5 error no tie", "5 warning since"}},
        {GOOD "[b] c\nsummary = s\nsince = 1\ntie = schema quit\n", {"5 error no [feature]"}},
        {"  " GOOD, {"1 error beginning of its line", "2 error before", "3 error before", "4 error before"}},
        {"[]\nsummary = s\nsince = 1\ntie = schema quit\n", {"1 error no [feature]"}},
        {"[a b]\nsummary = s\nsince = 1\ntie = schema quit\n", {"1 error no [feature]"}},
        {"[" X64 "]\nsummary = s\nsince = 1\ntie = schema quit\n", {NULL}},
        {"[" X64 "x]\nsummary = s\nsince = 1\ntie = schema quit\n", {"1 error no [feature]"}},
        {GOOD "note = \x1b[2J\n", {"5 error control"}},
        {GOOD "note = \xff\n", {"5 error UTF-8"}},
        {GOOD "note = " X64 X64 X64 "\n", {NULL}},
        {GOOD "note = " X64 X64 X64 "x\nhm\n", {"5 error longer than 199", "6 error neither"}},
        {GOOD "note = a\n  tie = schema stop\n", {"6 error continues \"note\""}},
        /* keys */
        {GOOD "sumary = s\n", {"5 error no key"}},
        {GOOD "= s\n", {"5 error no key"}},
        {GOOD "summary = t\n", {"5 error twice"}},
        {GOOD "note =\n", {"5 error no value"}},
        {GOOD "libvirt =\n", {"5 error no value"}},
        {GOOD "libvirt = a/b\n", {"5 error no name of a flag"}},
        /* features */
        {GOOD GOOD, {"5 error twice"}},
        {"[a]\nsince = 1\ntie = schema quit\n", {"1 error no summary"}},
        {HEAD, {"1 error no tie"}},
        {HEAD "bad = schema quit\n", {"1 error no tie"}},
        {"[a]\n[b]\nsummary = s\nsince = 1\ntie = schema quit\n",
         {"1 error no summary", "1 error no tie", "1 warning since"}},
        /* ties */
        {GOOD "tie = shema quit\n", {"5 error \"shema\" is no kind of tie"}},
        {GOOD "tie =\n", {"5 error no kind of tie"}},
        {GOOD "tie = schema\n", {"5 error"}},
        {GOOD "bad = schema quit/arg-type/$x/y\n", {"5 error"}},
        {GOOD "tie = schema quit &\n", {"5 error"}},
        {GOOD "tie = schema quit & \n  & stop\n", {"5 error"}},
        {GOOD "tie = runtime a/b\n", {"5 error runtime"}},
        {GOOD "tie = option a/b/c\n", {"5 error OPTION/PARAMETER"}},
        {GOOD "tie = option /b\n", {"5 error OPTION/PARAMETER"}},
        {GOOD "tie = type\n", {"5 error type"}},
        {GOOD "tie = property virtio-blk\n", {"5 error TYPE.PROPERTY"}},
        {GOOD "tie = property .x\n", {"5 error TYPE.PROPERTY"}},
        {GOOD "tie = measured a b\n", {"5 error measured"}},
        {GOOD "tie = version 4.0\n", {"5 error range"}},
        {GOOD "tie = version ..\n", {"5 error range"}},
        {GOOD "tie = version 4.x ..\n", {"5 error range"}},
        {GOOD "tie = version 4.0.0.1 ..\n", {"5 error range"}},
        {GOOD "tie = version 4. ..\n", {"5 error range"}},
        {GOOD "tie = version -1 ..\n", {"5 error range"}},
        {GOOD "tie = version 123456 ..\n", {"5 error range"}},
        {GOOD "tie = version 4.2 .. 4.1\n", {"5 error ends before"}},
        /* governs */
        {GOOD "governs =\n", {"5 error command"}},
        {GOOD "governs = driver=file\n", {"5 error command"}},
        {GOOD "governs = a driver=\n", {"5 error no driver"}},
        {GOOD "governs = a driver=b driver=c\n", {"5 error not understood"}},
        {GOOD "governs = a driver=b/c\n", {"5 error no name of a driver"}},
        {GOOD "governs = a member=\n", {"5 error not understood"}},
        {GOOD "governs = a b\n", {"5 error not understood"}},
};

static bool says(json_object *fault, const char *expected)
{
        char head[64];
        const char *message = json_get_string(fault, "message");

        snprintf(head, sizeof(head), "%d %s", (int)json_get_int(fault, "line", 0),
                 json_get_string(fault, "severity"));
        if (!startswith(expected, head))
                return false;
        expected += strlen(head);
        return message && strstr(message, *expected ? expected + 1 : "");
}

static void check_row(size_t index)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *faults = NULL;
        size_t n = 0, found = 0;
        int errors = 0, r;

        r = muster_catalogue_check(maker_file(rows[index].text, strlen(rows[index].text)), &text, NULL);
        faults = maker_json(text);
        for (size_t i = 0; i < ELEMENTSOF(rows[index].faults); i++) {
                const char *expected = rows[index].faults[i];

                if (!expected)
                        continue;
                n++;
                errors += strstr(expected, " error") != NULL;
                for (size_t j = 0; j < json_object_array_length(faults); j++)
                        if (says(json_object_array_get_idx(faults, j), expected)) {
                                found++;
                                break;
                        }
        }
        if (found != n || json_object_array_length(faults) != n || r != errors)
                fail_msg("row %zu: %s\ngave %d: %s", index, rows[index].text, r, text);
}

static void test_check(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_row(i);
}

/* Loading refuses exactly what the check calls an error, with the same place. */
static void test_load_agrees(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
                const char *path = maker_file(rows[i].text, strlen(rows[i].text));
                int errors = muster_catalogue_check(path, NULL, NULL), r;

                r = muster_catalogue_new_from_file(path, &catalogue, &error);
                assert_int_equal(r, errors > 0 ? -EBADMSG : 0);
                if (r < 0)
                        assert_non_null(startswith(muster_error_message(error), path));
                if (r < 0)
                        assert_int_equal(muster_error_message(error)[strlen(path)], ':');
        }
}

static void test_values(void **state)
{
        CLEANUP(free) char *path = maker_data("features/example.ini");
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(strv) char **types = NULL, **drivers = NULL;
        const Feature *feature;

        assert_int_equal(muster_catalogue_new_from_file(path, &catalogue, NULL), 0);
        assert_int_equal(muster_catalogue_size(catalogue), 5);
        assert_string_equal(muster_catalogue_feature(catalogue, 0), "dynamic-auto-read-only");
        assert_string_equal(muster_catalogue_feature(catalogue, 4), "virtio-mem");
        assert_null(muster_catalogue_feature(catalogue, 5));
        assert_null(muster_catalogue_summary(catalogue, "nothing"));
        assert_string_equal(
                muster_catalogue_summary(catalogue, "dynamic-auto-read-only"),
                "auto-read-only reopens read-write on the first writer and read-only after the last");

        feature = catalogue_find(catalogue, "dynamic-auto-read-only");
        assert_int_equal(feature->line, 4);
        assert_string_equal(feature->file, path);
        assert_string_equal(feature->since, "QEMU 4.0; declared since 4.1");
        assert_int_equal(feature->n_ties, 7);
        assert_int_equal(feature->ties[0].line, 8);
        assert_int_equal(feature->ties[4].kind, TIE_RUNTIME);
        assert_int_equal(feature->ties[6].to[2], 99);
        assert_string_equal(feature->governs[0].member, "auto-read-only");
        assert_int_equal(feature_drivers(feature, &drivers), 0);
        assert_int_equal(strv_length(drivers), 3);

        feature = catalogue_find(catalogue, "stream-reconnect");
        assert_int_equal(feature->ties[0].n_paths, 2);
        assert_int_equal(strv_length(feature->libvirt), 2);
        feature = catalogue_find(catalogue, "json-cli");
        assert_true(feature->ties[1].bad);

        assert_int_equal(catalogue_types(catalogue, &types), 0);
        assert_int_equal(strv_length(types), 1);
        assert_string_equal(types[0], "virtio-mem-pci");
}

static void write_text(const char *folder, const char *name, const char *text)
{
        CLEANUP(free) char *path = NULL;
        CLEANUP(file) FILE *file = NULL;

        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

/* A later file replaces; names are in the order of bytes; what is no *.ini is not read. */
static void test_folders(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *shipped = NULL, *config = NULL, *muster = NULL, *users = NULL;
        char root[] = "/tmp/muster-test-XXXXXX";

        assert_non_null(mkdtemp(root));
        assert_true(asprintf(&shipped, "%s/shipped", root) > 0 && asprintf(&config, "%s/config", root) > 0 &&
                    asprintf(&muster, "%s/muster", config) > 0 &&
                    asprintf(&users, "%s/features.d", muster) > 0);
        setenv("MUSTER_FEATURES_DIR", shipped, 1);
        setenv("XDG_CONFIG_HOME", config, 1);

        assert_int_equal(muster_catalogue_new(&catalogue, &error), -ENOENT);
        assert_non_null(strstr(muster_error_message(error), shipped));
        assert_non_null(strstr(muster_error_message(error), "MUSTER_FEATURES_DIR"));
        error = muster_error_free(error);

        assert_int_equal(mkdir(shipped, 0700), 0);
        assert_int_equal(muster_catalogue_new(&catalogue, &error), -ENOENT);
        error = muster_error_free(error);

        write_text(shipped, "B.ini", "[x]\nsummary = from B\nsince = 1\ntie = schema quit\n");
        write_text(shipped, "a.ini",
                   "[x]\nsummary = from a\nsince = 1\ntie = schema quit\n"
                   "[w]\nsummary = w\nsince = 1\ntie = schema quit\n");
        write_text(shipped, "z.conf", "nonsense");
        write_text(shipped, ".z.ini", "nonsense");
        assert_int_equal(muster_catalogue_new(&catalogue, &error), 0);
        assert_string_equal(muster_catalogue_summary(catalogue, "x"), "from a");
        assert_string_equal(muster_catalogue_summary(catalogue, "w"), "w");
        catalogue = muster_catalogue_unref(catalogue);

        assert_int_equal(mkdir(config, 0700) | mkdir(muster, 0700) | mkdir(users, 0700), 0);
        write_text(users, "0.ini",
                   "[x]\nsummary = mine\nsince = 1\ntie = schema stop\n[y]\nsummary = y\ntie = schema a\n");
        assert_int_equal(muster_catalogue_new(&catalogue, &error), 0);
        assert_string_equal(muster_catalogue_summary(catalogue, "x"), "mine");
        assert_int_equal(catalogue_find(catalogue, "x")->n_ties, 1);
        assert_string_equal(muster_catalogue_summary(catalogue, "y"), "y");
        assert_string_equal(muster_catalogue_summary(catalogue, "w"), "w");
        catalogue = muster_catalogue_unref(catalogue);

        write_text(users, "1.ini", "[x\n");
        assert_int_equal(muster_catalogue_new(&catalogue, &error), -EBADMSG);
        assert_non_null(strstr(muster_error_message(error), "1.ini:1: "));

        assert_int_equal(remove_tree(root), 0);
}

static void test_bounds(void **state)
{
        size_t size = CATALOGUE_FILE_MAX + 1;
        CLEANUP(free) char *text = malloc(size), *json = NULL;
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(json) json_object *faults = NULL;

        assert_non_null(text);
        memset(text, '\n', size);
        assert_int_equal(muster_catalogue_check(maker_file(text, size), &json, NULL), -EFBIG);
        assert_int_equal(muster_catalogue_new_from_file(maker_file(text, size), &catalogue, NULL), -EFBIG);
        assert_int_equal(muster_catalogue_check("/nowhere/x.ini", &json, NULL), -ENOENT);
        assert_int_equal(muster_catalogue_new_from_file("/dev/null", &catalogue, NULL), -EINVAL);

        /* Half a million malformed lines: counted, and the first thousand told. */
        for (size_t i = 0; i < size; i += 2)
                text[i] = 'x';
        assert_int_equal(muster_catalogue_check(maker_file(text, size - 1), &json, NULL), (size - 1) / 2);
        faults = maker_json(json);
        assert_int_equal(json_object_array_length(faults), CATALOGUE_FAULTS_MAX);

        /* One value over the whole file. */
        memset(text, ' ', size);
        memcpy(text, GOOD "note = x", strlen(GOOD "note = x"));
        for (size_t i = 100; i + 2 < size; i += 100)
                memcpy(text + i, "y\n", 2);
        free(TAKE(json));
        assert_int_equal(muster_catalogue_check(maker_file(text, size - 1), &json, NULL), 1);
        assert_non_null(strstr(json, "longer than 4096"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check),  cmocka_unit_test(test_load_agrees),
                cmocka_unit_test(test_values), cmocka_unit_test(test_folders),
                cmocka_unit_test(test_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
