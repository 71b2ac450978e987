/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/find.h"
#include "fixture.h"
#include "muster/emulator.h"

static void add(const char *name, mode_t mode)
{
        write_text(name, "#!/bin/sh\n", mode);
}

static void find(char ***ret, const char *const *folders, const char *const *only_kvm)
{
        CLEANUP(strv) char **a = NULL, **b = NULL;
        MusterError *error = NULL;

        for (; folders && *folders; folders++)
                assert_int_equal(strv_append(&a, **folders == '/' ? *folders : in_dir(*folders)), 0);
        for (; only_kvm && *only_kvm; only_kvm++)
                assert_int_equal(strv_append(&b, in_dir(*only_kvm)), 0);
        assert_int_equal(find_emulators(a, b, ret, &error), 0);
}

static void test_order_and_names(void **state)
{
        CLEANUP(strv) char **paths = NULL;

        make_dirs("bin");
        make_dirs("bin/qemu-system-folder");
        add("bin/qemu-system-x86_64", 0755);
        add("bin/qemu-storage-daemon", 0755);
        add("bin/qemu-system-aarch64", 0755);
        add("bin/qemu-kvm", 0755);
        add("bin/qemu-img", 0755);
        add("bin/qemu-system-", 0755);
        add("bin/qemu-system-arm", 0644);
        add("bin/qemu-system-ppc.dpkg-new", 0755);
        add("bin/qemu-system-mips~", 0755);
        assert_int_equal(symlink("nowhere", in_dir("bin/qemu-system-lost")), 0);
        find(&paths, (const char *const[]){"bin", "no-such-folder", NULL}, NULL);
        assert_int_equal(strv_length(paths), 4);
        assert_string_equal(paths[0], in_dir("bin/qemu-kvm"));
        assert_string_equal(paths[1], in_dir("bin/qemu-system-aarch64"));
        assert_string_equal(paths[2], in_dir("bin/qemu-system-x86_64"));
        assert_string_equal(paths[3], in_dir("bin/qemu-storage-daemon"));
}

static void test_one_for_each_executable(void **state)
{
        CLEANUP(strv) char **paths = NULL;

        make_dirs("usr/bin");
        make_dirs("local");
        make_dirs("libexec");
        assert_int_equal(symlink("usr/bin", in_dir("bin")), 0);
        add("usr/bin/qemu-system-x86_64", 0755);
        add("usr/bin/qemu-system-i386", 0755);
        add("local/qemu-system-i386", 0755);
        add("libexec/qemu-system-i386", 0755);
        add("libexec/qemu-kvm", 0755);
        assert_int_equal(symlink("qemu-system-x86_64", in_dir("usr/bin/qemu-system-amd64")), 0);
        find(&paths, (const char *const[]){"local", "bin", "usr/bin", "bin", NULL},
             (const char *const[]){"libexec", NULL});
        assert_int_equal(strv_length(paths), 4);
        assert_string_equal(paths[0], in_dir("libexec/qemu-kvm"));
        assert_string_equal(paths[1], in_dir("local/qemu-system-i386"));
        assert_string_equal(paths[2], in_dir("bin/qemu-system-i386"));
        assert_string_equal(paths[3], in_dir("bin/qemu-system-x86_64"));
}

static void test_nothing(void **state)
{
        CLEANUP(strv) char **paths = NULL;

        find(&paths, NULL, NULL);
        assert_non_null(paths);
        assert_int_equal(strv_length(paths), 0);
}

static void check_default(const char *machine, char *const *folders, const char *expected)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *path = NULL;

        assert_int_equal(find_default(machine, folders, NULL, &path, &error), 0);
        assert_string_equal(path, in_dir(expected));
}

static void test_default(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(strv) char **folders = NULL;
        char *path = NULL;

        make_dirs("bin");
        assert_int_equal(strv_append(&folders, in_dir("bin")), 0);
        assert_int_equal(find_default("aarch64", folders, NULL, &path, &error), -ENOENT);
        assert_non_null(strstr(muster_error_message(error), "qemu-system-aarch64"));
        assert_non_null(strstr(muster_error_message(error), "package qemu-system-arm"));
        assert_null(path);

        add("bin/qemu-kvm", 0755);
        check_default("x86_64", folders, "bin/qemu-kvm");
        add("bin/qemu-system-i386", 0755);
        add("bin/qemu-system-ppc64", 0755);
        add("bin/qemu-system-newarch", 0755);
        check_default("x86_64", folders, "bin/qemu-kvm");
        check_default("i686", folders, "bin/qemu-system-i386");
        check_default("ppc64le", folders, "bin/qemu-system-ppc64");
        check_default("newarch", folders, "bin/qemu-system-newarch");
}

/* PATH comes before the usual folders. */
static void test_path(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(strv) char **paths = NULL;
        CLEANUP(free) char *saved = strdup(getenv("PATH") ?: "");

        make_dirs("bin");
        add("bin/qemu-system-muster-test", 0755);
        setenv("PATH", in_dir("bin"), 1);
        assert_int_equal(muster_emulators_find(&paths, &error), 0);
        setenv("PATH", saved, 1);
        assert_true(strv_contains(paths, in_dir("bin/qemu-system-muster-test")));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_order_and_names),
                TEST(test_one_for_each_executable),
                TEST(test_nothing),
                TEST(test_default),
                TEST(test_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
