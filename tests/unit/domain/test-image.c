/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real images' first bytes against what qemu-img said of them (tests/data/images), and damaged ones. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/json.h"
#include "base/util.h"
#include "domain/image.h"

#define CLEANUP_IMAGE __attribute__((cleanup(cleanup_image))) Image

static char *load(const char *name, const char *ending, size_t *ret_size)
{
        CLEANUP(free) char *path = text_format("%s/images/%s.%s", getenv("MUSTER_TEST_DATA"), name, ending);
        char *data = NULL;

        assert_int_equal(read_file(path, IMAGE_HEAD_SIZE, &data, ret_size), 0);
        return data;
}

/* In memory of just that size, so that a sanitizer sees every byte too far. */
static int read_exactly(const char *head, size_t size, ImageFormat said, Image *ret, MusterError **ret_error)
{
        char *copy = malloc(size ?: 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, head, size);
        r = image_read(size ? copy : NULL, size, said, IMAGE_PROBE_ALLOWED, ret, ret_error);
        free(copy);
        return r;
}

static void expect_name(const ImageName *name, const char *text, const char *format)
{
        if (text)
                assert_string_equal(name->text, text);
        else
                assert_null(name->text);
        assert_int_equal(name->kind, text ? image_name_kind(text) : IMAGE_NAME_NONE);
        if (format)
                assert_string_equal(name->format, format);
        else
                assert_null(name->format);
}

static void compare(const char *name, ImageFormat said, bool has_size)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(free) char *head = NULL, *text = NULL;
        CLEANUP(json) json_object *info = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        size_t size, text_size;

        head = load(name, "head", &size);
        text = load(name, "json", &text_size);
        assert_int_equal(json_parse(text, text_size, &info), 0);
        if (read_exactly(head, size, said, &image, &error) < 0)
                fail_msg("%s: %s", name, muster_error_message(error));
        assert_string_equal(image_format_to_name(image.format), json_get_string(info, "format"));
        assert_int_equal(image.has_virtual_size, has_size);
        if (has_size)
                assert_int_equal(image.virtual_size, json_get_int(info, "virtual-size", -1));
        if (image.cluster_size)
                assert_int_equal(image.cluster_size, json_get_int(info, "cluster-size", -1));
        assert_int_equal(image.encryption == IMAGE_ENCRYPTED_LUKS, json_get_bool(info, "encrypted", false));
        expect_name(&image.backing, json_get_string(info, "backing-filename"),
                    json_get_string(info, "backing-filename-format"));
        expect_name(&image.data_file, json_get_string(info, "data-file"), NULL);
        assert_int_equal(image.has_data_file, json_get_string(info, "data-file") != NULL);
        assert_int_equal(image.data_file_raw, json_get_bool(info, "data-file-raw", false));
}

static void test_as_qemu_img(void **state)
{
        static const char *const with_size[] = {"qcow2-v2",
                                                "qcow2-v2-backing",
                                                "qcow2-v3",
                                                "qcow2-v3-backing",
                                                "qcow2-backing-raw",
                                                "qcow2-backing-json",
                                                "qcow2-backing-nbd",
                                                "qcow2-backing-http",
                                                "qcow2-512",
                                                "qcow2-data-file",
                                                "qcow2-luks",
                                                "qcow2-data-file-raw",
                                                "qed",
                                                "qed-backing",
                                                "qcow2-zstd-extended-l2",
                                                "qed-backing-raw",
                                                "vmdk",
                                                "vmdk-backing",
                                                "vmdk-stream",
                                                "vdi",
                                                "vpc",
                                                "qcow2-2m"};
        static const char *const without_size[] = {"luks", "vhdx", "vmdk-flat", "raw"};

        for (size_t i = 0; i < ELEMENTSOF(with_size); i++)
                compare(with_size[i], IMAGE_UNKNOWN, /* has_size= */ true);
        for (size_t i = 0; i < ELEMENTSOF(without_size); i++)
                compare(without_size[i], IMAGE_UNKNOWN, /* has_size= */ false);
        compare("vpc-fixed", IMAGE_VPC, /* has_size= */ false);
}

static void test_guessing_needs_leave(void **state)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(MusterError) MusterError *error = NULL, *mismatch = NULL;
        CLEANUP(free) char *head = NULL;
        size_t size;

        head = load("qcow2-v3-backing", "head", &size);
        assert_int_equal(image_read(head, size, IMAGE_UNKNOWN, IMAGE_PROBE_FORBIDDEN, &image, &error),
                         -EPERM);
        assert_non_null(strstr(muster_error_message(error), "<driver type='raw'/>"));
        /* What a guest wrote into its raw disk stays its data. */
        assert_int_equal(image_read(head, size, IMAGE_RAW, IMAGE_PROBE_ALLOWED, &image, NULL), 0);
        assert_int_equal(image.format, IMAGE_RAW);
        assert_null(image.backing.text);
        assert_int_equal(image_read(head, size, IMAGE_VMDK, IMAGE_PROBE_ALLOWED, &image, &mismatch),
                         -EBADMSG);
        assert_int_equal(image_read(head, size, IMAGE_QCOW2, IMAGE_PROBE_FORBIDDEN, &image, NULL), 0);
        assert_string_equal(image.backing.text, "base.qcow2");
}

static void test_iso(void **state)
{
        CLEANUP(free) char *head = calloc(1, IMAGE_HEAD_SIZE);
        CLEANUP_IMAGE image = {0};

        memcpy(head + 0x8001, "CD001", 5);
        assert_int_equal(read_exactly(head, IMAGE_HEAD_SIZE, IMAGE_UNKNOWN, &image, NULL), 0);
        assert_int_equal(image.format, IMAGE_ISO);
        assert_int_equal(read_exactly(head, 0x8005, IMAGE_UNKNOWN, &image, NULL), 0);
        assert_int_equal(image.format, IMAGE_RAW);
}

static void test_other_marks(void **state)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *head = NULL;
        size_t size;

        head = load("qcow", "head", &size);
        assert_int_equal(read_exactly(head, size, IMAGE_UNKNOWN, &image, &error), -ENOTSUP);
        assert_int_equal(read_exactly("COWD", 4, IMAGE_UNKNOWN, &image, NULL), -ENOTSUP);
        assert_int_equal(read_exactly("", 0, IMAGE_UNKNOWN, &image, NULL), 0);
        assert_int_equal(image.format, IMAGE_RAW);
        assert_int_equal(read_exactly("", 0, IMAGE_QCOW2, &image, NULL), -EBADMSG);
        assert_int_equal(image_format_from_name("vhdx"), IMAGE_VHDX);
        assert_int_equal(image_format_from_name("unknown"), IMAGE_UNKNOWN);
        assert_int_equal(image_format_from_name(""), IMAGE_UNKNOWN);
}

/* Of qcow2-v3-backing: the header's 112 bytes, the extensions, the name at 0x210. */
static void expect_changed(size_t offset, const void *bytes, size_t n, int expected)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *head = NULL;
        size_t size;
        int r;

        head = load("qcow2-v3-backing", "head", &size);
        memcpy(head + offset, bytes, n);
        r = read_exactly(head, size, IMAGE_QCOW2, &image, &error);
        if (r != expected)
                fail_msg("%d instead of %d at %zu: %s", r, expected, offset, muster_error_message(error));
        assert_int_equal(r < 0, error != NULL);
}

static void test_qcow2_faults(void **state)
{
        expect_changed(4, "\0\0\0\4", 4, -ENOTSUP);
        expect_changed(8, "\0\0\0\0\0\0\0\x10", 8, -EBADMSG); /* the name within the header */
        expect_changed(8, "\0\0\0\0\0\0\xff\xff", 8, -EBADMSG);
        expect_changed(8, "\0\0\0\0\0\0\xff\xf0", 8, -ENODATA); /* beyond what there is */
        expect_changed(8, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, -EBADMSG);
        expect_changed(16, "\xff\xff\xff\xff", 4, -EBADMSG);
        expect_changed(16, "\0\0\4\0", 4, -EBADMSG); /* 1024 bytes of a name */
        expect_changed(16, "\0\0\0\0", 4, 0);
        expect_changed(20, "\0\0\0\x08", 4, -EBADMSG);
        expect_changed(20, "\0\0\0\x16", 4, -EBADMSG);
        expect_changed(20, "\xff\xff\xff\xff", 4, -EBADMSG);
        expect_changed(24, "\x80\0\0\0\0\0\0\0", 8, -EBADMSG);
        expect_changed(32, "\0\0\0\1", 4, 0);
        expect_changed(32, "\0\0\0\3", 4, -EBADMSG);
        expect_changed(72, "\0\0\0\0\0\0\0\x20", 8, -ENOTSUP);
        expect_changed(72, "\x80\0\0\0\0\0\0\0", 8, -ENOTSUP);
        expect_changed(100, "\0\0\0\x60", 4, -EBADMSG);
        expect_changed(100, "\0\0\0\x69", 4, -EBADMSG);
        expect_changed(100, "\xff\xff\xff\xf8", 4, -EBADMSG);
        expect_changed(0x74, "\0\0\0\0", 4, -EBADMSG);   /* a format of no bytes */
        expect_changed(0x74, "\0\0\0\x10", 4, -EBADMSG); /* of 16 */
        expect_changed(0x74, "\xff\xff\xff\xff", 4, -EBADMSG);
        expect_changed(0x78, "q w", 3, -EBADMSG);
        expect_changed(0x80, "\xe2\x79\x2a\xca\0\0\0\5raw", 11, -EBADMSG); /* a second one */
        expect_changed(0x210, "a\0b", 3, -EBADMSG);
        expect_changed(0x210,
                       "a\xff"
                       "b",
                       3, -EBADMSG);
}

static void test_qcow2_without_format(void **state)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(free) char *head = NULL;
        size_t size;

        head = load("qcow2-v3-backing", "head", &size);
        head[0x70] = 0x55; /* an extension that nobody knows */
        head[79] |= 2 | 4; /* corrupt; a data file, which no extension names */
        assert_int_equal(read_exactly(head, size, IMAGE_QCOW2, &image, NULL), 0);
        expect_name(&image.backing, "base.qcow2", NULL);
        expect_name(&image.data_file, NULL, NULL);
        assert_true(image.corrupt && image.has_data_file && !image.data_file_raw);
}

/* Whatever is returned is whole: a fault has its sentence and leaves nothing, a name is text. */
static int read_damaged(const char *head, size_t size)
{
        CLEANUP_IMAGE image = {0};
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = read_exactly(head, size, IMAGE_UNKNOWN, &image, &error);

        assert_int_equal(r < 0, error != NULL);
        if (r < 0)
                assert_int_equal(image.format, IMAGE_UNKNOWN);
        if (image.backing.text)
                assert_in_range(strlen(image.backing.text), 1, IMAGE_NAME_MAX);
        return r;
}

static void test_every_length(void **state)
{
        static const char *const names[] = {"qcow2-v2-backing",
                                            "qcow2-v3-backing",
                                            "qcow2-data-file",
                                            "qcow2-luks",
                                            "qed-backing",
                                            "vmdk-backing",
                                            "vmdk-flat",
                                            "vdi",
                                            "vhdx",
                                            "vpc",
                                            "luks"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(free) char *head = NULL;
                size_t size;

                head = load(names[i], "head", &size);
                for (size_t length = 0; length < size; length++)
                        (void)read_damaged(head, length);
        }
}

/* Cut anywhere up to the end of its name, a qcow2 image is never taken for one without a backing file. */
static void test_cut_is_noticed(void **state)
{
        CLEANUP(free) char *head = NULL;
        size_t size;

        head = load("qcow2-v3-backing", "head", &size);
        for (size_t length = 4; length < 0x210 + strlen("base.qcow2"); length++)
                assert_int_equal(read_damaged(head, length), -ENODATA);
        assert_int_equal(read_damaged(head, 0x210 + strlen("base.qcow2")), 0);
}

static void test_every_byte(void **state)
{
        static const char *const names[] = {"qcow2-v2-backing", "qcow2-v3-backing", "qcow2-data-file"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(free) char *head = NULL;
                size_t size;

                head = load(names[i], "head", &size);
                for (size_t at = 0; at < 0x240; at++) {
                        char was = head[at];

                        for (int bit = 0; bit < 8; bit++) {
                                head[at] = (char)(was ^ 1 << bit);
                                (void)read_damaged(head, size);
                        }
                        head[at] = (char)~was;
                        (void)read_damaged(head, size);
                        head[at] = was;
                }
        }
}

static void test_vmdk_parent(void **state)
{
        static const struct {
                const char *hint;
                int expected;
        } cases[] = {
                {"parentFileNameHint=\"/etc/shadow\"", 0},
                {"x parentFileNameHint=\"nbd:a:1\"", 0},
                {"parentFileNameHint=\"\"", 0},
                {"parentFileNameHint", -EBADMSG},
                {"parentFileNameHint=", -EBADMSG},
                {"parentFileNameHint=x\"", -EBADMSG},
                {"parentFileNameHint=\"open", -EBADMSG},
                {"parentFileNameHint=\"a\xff\"", -EBADMSG},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(free) char *text = text_format("# Disk DescriptorFile\n%s", cases[i].hint);
                CLEANUP_IMAGE image = {0};

                assert_int_equal(read_exactly(text, strlen(text), IMAGE_UNKNOWN, &image, NULL),
                                 cases[i].expected);
                assert_int_equal(image.names_files, cases[i].expected == 0);
        }
}

static void expect_path(const char *image, const char *name, int expected, const char *path)
{
        CLEANUP(free) char *found = NULL;

        assert_int_equal(image_resolve(image, name, &found), expected);
        if (path)
                assert_string_equal(found, path);
        else
                assert_null(found);
}

static void test_names(void **state)
{
        char large[5000];

        assert_int_equal(image_name_kind(""), IMAGE_NAME_NONE);
        assert_int_equal(image_name_kind("a.img"), IMAGE_NAME_PATH);
        assert_int_equal(image_name_kind("/a:b"), IMAGE_NAME_PATH);
        assert_int_equal(image_name_kind("./a:b"), IMAGE_NAME_PATH);
        assert_int_equal(image_name_kind("a:b"), IMAGE_NAME_PROTOCOL);
        assert_int_equal(image_name_kind("nbd:unix:/s"), IMAGE_NAME_PROTOCOL);
        assert_int_equal(image_name_kind("http://h/p"), IMAGE_NAME_PROTOCOL);
        assert_int_equal(image_name_kind("json:{}"), IMAGE_NAME_JSON);
        assert_int_equal(image_name_kind("json"), IMAGE_NAME_PATH);
        expect_path("/srv/a/top.qcow2", "base.img", 0, "/srv/a/base.img");
        expect_path("/srv/a/top.qcow2", "../b/base.img", 0, "/srv/a/../b/base.img");
        expect_path("/srv/a/top.qcow2", "/base.img", 0, "/base.img");
        expect_path("/top.qcow2", "base.img", 0, "/base.img");
        expect_path("top.qcow2", "base.img", -EINVAL, NULL);
        expect_path("/srv/top.qcow2", "", -EINVAL, NULL);
        expect_path("/srv/top.qcow2", "nbd:a:1", -EINVAL, NULL);
        expect_path("/srv/top.qcow2", "json:{}", -EINVAL, NULL);
        memset(large, '/', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        expect_path(large, "a", -ENAMETOOLONG, NULL);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_qemu_img),  cmocka_unit_test(test_guessing_needs_leave),
                cmocka_unit_test(test_iso),          cmocka_unit_test(test_other_marks),
                cmocka_unit_test(test_qcow2_faults), cmocka_unit_test(test_qcow2_without_format),
                cmocka_unit_test(test_every_length), cmocka_unit_test(test_cut_is_noticed),
                cmocka_unit_test(test_every_byte),   cmocka_unit_test(test_vmdk_parent),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
