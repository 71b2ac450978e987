/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/modules.h"
#include "fixture.h"

static void scan(const char *executable, const char *first_dir, const Identity *known, Modules *ret)
{
        assert_int_equal(modules_scan("", in_dir(executable), first_dir, known, ret), 0);
}

static void check_same(const char *a, const char *b, bool same)
{
        Modules x, y;

        scan(a, NULL, NULL, &x);
        scan(b, NULL, NULL, &y);
        if (same)
                assert_string_equal(x.fingerprint, y.fingerprint);
        else
                assert_string_not_equal(x.fingerprint, y.fingerprint);
        modules_clear(&x);
        modules_clear(&y);
}

static void test_none(void **state)
{
        Modules modules;

        make_dirs("a/lib/qemu");
        write_text("a/lib/qemu/qemu-bridge-helper", "x", 0755);
        write_text("a/lib/qemu/.so", "x", 0755);
        make_dirs("a/lib/qemu/folder.so");
        scan("a/bin/qemu", NULL, NULL, &modules);
        assert_null(modules.dir);
        assert_int_equal(modules.count, 0);
        assert_string_equal(modules.fingerprint, "");
        assert_string_equal(modules.stamp, "");
        assert_int_equal(modules_scan("", "qemu", NULL, NULL, &modules), 0);
        assert_int_equal(modules.count, 0);
        assert_int_equal(modules_scan("/no-such-root", "/qemu", NULL, NULL, &modules), 0);
        assert_int_equal(modules.count, 0);
}

static void test_folders(void **state)
{
        static const char *const folders[] = {
                "lib/qemu",
                "lib64/qemu",
                "lib/x86_64-linux-gnu/qemu",
                "lib/aarch64-linux-gnu/qemu",
                "bin/qemu-bundle/usr/local/lib/qemu",
        };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                char prefix[16], name[64], executable[64];
                Modules modules;

                snprintf(prefix, sizeof(prefix), "p%zu", i);
                snprintf(name, sizeof(name), "%s/%s", prefix, folders[i]);
                make_dirs(name);
                snprintf(executable, sizeof(executable), "%s/bin/qemu", prefix);
                strcat(name, "/block-ssh.so");
                write_text(name, "module", 0644);
                scan(executable, NULL, NULL, &modules);
                assert_int_equal(modules.count, 1);
                *strrchr(name, '/') = '\0';
                assert_string_equal(modules.dir, in_dir(name));
                modules_clear(&modules);
        }
}

/* The same contents elsewhere and later are the same; any other name, byte or number of modules is not. */
static void test_fingerprint(void **state)
{
        make_dirs("a/lib/qemu");
        make_dirs("b/lib/x86_64-linux-gnu/qemu");
        write_text("a/lib/qemu/block-ssh.so", "one", 0644);
        write_text("a/lib/qemu/block-nfs.so", "two", 0644);
        write_text("b/lib/x86_64-linux-gnu/qemu/block-nfs.so", "two", 0755);
        check_same("a/bin/q", "b/bin/q", false);
        write_text("b/lib/x86_64-linux-gnu/qemu/block-ssh.so", "one", 0644);
        check_same("a/bin/q", "b/libexec/other", true);
        write_text("b/lib/x86_64-linux-gnu/qemu/block-ssh.so", "two", 0644);
        check_same("a/bin/q", "b/bin/q", false);
        write_text("b/lib/x86_64-linux-gnu/qemu/block-ssh.so", "one", 0644);
        check_same("a/bin/q", "b/bin/q", true);
        assert_int_equal(rename(in_dir("a/lib/qemu/block-ssh.so"), in_dir("a/lib/qemu/block-sss.so")), 0);
        check_same("a/bin/q", "b/bin/q", false);
}

static void test_linked_folder_counts_once(void **state)
{
        Modules modules;

        make_dirs("a/lib/qemu");
        assert_int_equal(symlink("lib", in_dir("a/lib64")), 0);
        write_text("a/lib/qemu/block-ssh.so", "one", 0644);
        scan("a/bin/q", NULL, NULL, &modules);
        assert_int_equal(modules.count, 1);
        modules_clear(&modules);
}

static void test_variable(void **state)
{
        Modules modules;

        make_dirs("mine");
        write_text("mine/block-ssh.so", "one", 0644);
        scan("a/bin/q", in_dir("mine"), NULL, &modules);
        assert_string_equal(modules.dir, in_dir("mine"));
        modules_clear(&modules);
        scan("a/bin/q", "mine", NULL, &modules);
        assert_null(modules.dir);
}

static void test_root(void **state)
{
        char hex[DIGEST_HEX_SIZE];
        size_t count;
        char *dir;

        make_dirs("root/usr/lib/qemu");
        write_text("root/usr/lib/qemu/block-ssh.so", "one", 0644);
        assert_int_equal(modules_fingerprint(in_dir("root"), "/usr/bin/qemu", &dir, &count, hex), 0);
        assert_int_equal(count, 1);
        assert_string_equal(dir, in_dir("root/usr/lib/qemu"));
        assert_int_equal(strlen(hex), 64);
        free(dir);
}

/* With the stamp unchanged the fingerprint is taken over, whatever it is; with another one it is not. */
static void test_known(void **state)
{
        Identity known = {};
        Modules first, second;

        make_dirs("a/lib/qemu");
        write_text("a/lib/qemu/block-ssh.so", "one", 0644);
        scan("a/bin/q", NULL, NULL, &first);
        memcpy(known.modules_stamp, first.stamp, DIGEST_HEX_SIZE);
        strcpy(known.modules_fingerprint, "taken over");
        scan("a/bin/q", NULL, &known, &second);
        assert_string_equal(second.fingerprint, "taken over");
        modules_clear(&second);
        write_text("a/lib/qemu/block-nfs.so", "two", 0644);
        scan("a/bin/q", NULL, &known, &second);
        assert_string_not_equal(second.fingerprint, "taken over");
        assert_string_not_equal(second.fingerprint, first.fingerprint);
        modules_clear(&second);
        modules_clear(&first);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_none),        TEST(test_folders),
                TEST(test_fingerprint), TEST(test_linked_folder_counts_once),
                TEST(test_variable),    TEST(test_root),
                TEST(test_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
