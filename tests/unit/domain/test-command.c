/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/command.h"

static void expect_quoted(const char *word, const char *expected)
{
        CLEANUP(free) char *text = command_quote(word);

        assert_string_equal(text, expected);
}

static void test_quote(void **state)
{
        expect_quoted("virtio-blk-pci,drive=a,id=b", "virtio-blk-pci,drive=a,id=b");
        expect_quoted("/var/lib/a_b.qcow2", "/var/lib/a_b.qcow2");
        expect_quoted("", "''");
        expect_quoted("=ls", "'=ls'");
        expect_quoted("a b", "'a b'");
        expect_quoted("it's", "'it'\\''s'");
        expect_quoted("'", "''\\'''");
        expect_quoted("a=~/x", "'a=~/x'");
        expect_quoted("gr\xc3\xbc", "'gr\xc3\xbc'");
        expect_quoted("{\"a\":1}", "'{\"a\":1}'");
}

static void test_text(void **state)
{
        CLEANUP(command) Command command = {0};
        CLEANUP(free) char *text = NULL;

        assert_int_equal(command_add(&command, "/opt/a=b/qemu", NULL), 0);
        assert_int_equal(command_add(&command, "-name", "guest=my guest"), 0);
        assert_int_equal(command_add(&command, "-S", NULL), 0);
        assert_int_equal(command_add(&command, "-append", "-quiet"), 0);
        assert_int_equal(command.n, 6);
        assert_string_equal(command.argv[5], "-quiet");
        assert_null(command.argv[6]);
        text = command_to_text(&command);
        assert_string_equal(text, "'/opt/a=b/qemu' \\\n-name 'guest=my guest' \\\n-S \\\n-append -quiet\n");
}

static void expect_properties(const char *option, const char *properties, bool json, const char *expected)
{
        CLEANUP(command) Command command = {0};
        CLEANUP(json) json_object *object = NULL;

        assert_int_equal(json_parse(properties, strlen(properties), &object), 0);
        assert_int_equal(command_add_properties(&command, option, object, json, NULL), 0);
        assert_int_equal(command.n, 2);
        assert_string_equal(command.argv[0], option);
        assert_string_equal(command.argv[1], expected);
}

static void test_properties(void **state)
{
        static const char device[] = "{\"driver\":\"virtio-blk-pci\",\"drive\":\"a\",\"id\":\"b\"}";
        static const char disk[] = "{\"driver\":\"raw\",\"file\":\"a,b\"}";
        static const char name[] = "{\"guest\":\"a b\",\"debug-threads\":true}";

        expect_properties("-device", device, false, "virtio-blk-pci,id=b,drive=a");
        expect_properties("-device", device, true, device);
        expect_properties("-blockdev", disk, false, disk);
        expect_properties("-name", name, true, "a b,debug-threads=on");
}

static void test_properties_refused(void **state)
{
        CLEANUP(command) Command command = {0};
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(command_add_properties(&command, "-cpu", object, true, NULL), -EINVAL);
        json_add_string(object, "guest", "a\nb");
        assert_int_equal(command_add_properties(&command, "-name", object, true, &error), -EINVAL);
        assert_string_equal(muster_error_message(error),
                            "-name: \"guest\" cannot be passed to the emulator: its value holds a line "
                            "break.");
        assert_int_equal(command.n, 0);
}

/* What a shell makes of the text, each word ended by NUL; the size. */
static size_t run_shell(const char *shell, const Command *command, char *out, size_t max)
{
        CLEANUP(free) char *text = command_to_text(command), *line = NULL;
        char path[] = "/tmp/muster-test-XXXXXX";
        CLEANUP(fd) int fd = mkstemp(path);
        size_t size;
        FILE *pipe;

        assert_true(fd >= 0);
        assert_true(dprintf(fd, "show() { printf '%%s\\0' \"$@\"; }\n%s", text) > 0);
        line = text_format("LC_ALL=C %s %s", shell, path);
        pipe = popen(line, "r");
        assert_non_null(pipe);
        size = fread(out, 1, max, pipe);
        assert_int_equal(pclose(pipe), 0);
        unlink(path);
        return size;
}

static void expect_back(const char *shell, const Command *command)
{
        static char out[1 << 20];
        size_t size = run_shell(shell, command, out, sizeof(out)), at = 0;

        for (size_t i = 1; i < command->n; i++) {
                assert_true(at < size);
                assert_string_equal(out + at, command->argv[i]);
                at += strlen(out + at) + 1;
        }
        assert_int_equal(at, size);
}

static void fill_random(char *word, size_t max)
{
        static const char nasty[] = "'\"\\ \n$`!#&;|<>()*?[]{}~=,-%\t";
        size_t length = (size_t)rand() % max;

        for (size_t i = 0; i < length; i++)
                word[i] =
                        rand() % 2 ? nasty[(size_t)rand() % (sizeof(nasty) - 1)] : (char)(1 + rand() % 255);
        word[length] = '\0';
}

static void test_shell(void **state)
{
        CLEANUP(command) Command command = {0};
        char word[256];

        srand(1);
        assert_int_equal(command_add(&command, "show", NULL), 0);
        for (int c = 1; c < 256; c++) {
                snprintf(word, sizeof(word), "%c", c);
                assert_int_equal(command_add(&command, word, word), 0);
        }
        for (int i = 0; i < 500; i++) {
                fill_random(word, 24);
                assert_int_equal(command_add(&command, word, i % 3 ? NULL : "-x"), 0);
        }
        expect_back("/bin/sh", &command);
        if (access("/bin/bash", X_OK) == 0)
                expect_back("/bin/bash", &command);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quote),      cmocka_unit_test(test_text),
                cmocka_unit_test(test_properties), cmocka_unit_test(test_properties_refused),
                cmocka_unit_test(test_shell),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
