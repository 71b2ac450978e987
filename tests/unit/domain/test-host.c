/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* This machine as the domain layer sees it, and its file of networks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/util.h"
#include "domain/host-network.h"
#include "domain/host.h"

static char directory[] = "/tmp/muster-test-XXXXXX";

static void write_text(const char *name, const char *text)
{
        CLEANUP(fd) int fd = open(directory, O_RDONLY | O_DIRECTORY);

        assert_int_equal(write_file_at(fd, name, text, strlen(text), 0600, /* durable= */ false, NULL), 0);
}

/* What one file of this text says of a network, as JSON; or "error". */
static char *network(const char *text, const char *name)
{
        char *folders[] = {directory, NULL};
        CLEANUP(NetworkList) NetworkList *list = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(json) json_object *words = NULL;
        int r;

        write_text("a.conf", text);
        r = network_load(folders, &list, &error);
        if (r < 0) {
                assert_int_equal(r, -EBADMSG);
                assert_non_null(strstr(muster_error_message(error), "a.conf"));
                return strdup("error");
        }
        r = network_find(list, name, &words);
        if (r == -ENOENT)
                return strdup("none");
        assert_int_equal(r, 0);
        return text_format("%s %s", json_get_string(words, "type"), json_get_string(words, "bridge") ?: "-");
}

static void test_networks(void **state)
{
        static const struct {
                const char *text, *name, *means;
        } cases[] = {
                {"", "default", "user -"},
                {"", "lan", "none"},
                {"[lan]\ntype = bridge\nbridge = br0\n", "lan", "bridge br0"},
                {"[lan]\ntype = bridge\nbridge = br0\n", "default", "user -"},
                {"# x\n[default]\ntype = passt\n", "default", "passt -"},
                {"[t]\ntype = ethernet\n", "t", "ethernet -"},
                {"[t]\ntype = nat\n", "t", "error"},
                {"[t]\nbridge = br0\n", "t", "error"},
                {"[t]\ntype = bridge\n", "t", "error"},
                {"[t]\ntype = bridge\nbridge = a/b\n", "t", "error"},
                {"[t]\ntype = user\nbridge = br0\n", "t", "error"},
                {"[t]\ntype = user\ntype = user\n", "t", "error"},
                {"[t]\ntype = user\nmtu = 9\n", "t", "error"},
                {"type = user\n", "t", "error"},
                {"[t]\nuser\n", "t", "error"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(free) char *means = network(cases[i].text, cases[i].name);

                assert_string_equal(means, cases[i].means);
        }
}

/* Whole, so that nothing of the earlier one is left. */
static void test_later_file_replaces(void **state)
{
        CLEANUP(free) char *means = NULL;

        write_text("b.conf", "[lan]\ntype = user\n");
        means = network("[lan]\ntype = bridge\nbridge = br0\n", "lan");
        assert_string_equal(means, "user -");
        write_text("b.conf", "");
}

static void test_files(void **state)
{
        CLEANUP(free)
        char *file = text_format("%s/head", directory), *fifo = text_format("%s/fifo", directory);
        CLEANUP(DomainHost) DomainHost *host = NULL;
        char buffer[4];
        mode_t mode = 0;
        size_t size = 0;

        assert_int_equal(host_local(&host, NULL), 0);
        write_text("head", "abcdefgh");
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(host->read_head(host, file, buffer, sizeof(buffer), &size), 0);
        assert_int_equal(size, sizeof(buffer));
        assert_memory_equal(buffer, "abcd", 4);
        assert_int_equal(host->read_head(host, fifo, buffer, sizeof(buffer), &size), -EINVAL);
        assert_int_equal(host->read_head(host, directory, buffer, sizeof(buffer), &size), -EISDIR);
        assert_int_equal(host->read_head(host, "/nowhere", buffer, sizeof(buffer), &size), -ENOENT);
        assert_int_equal(host->file_mode(host, fifo, &mode), 0);
        assert_true(S_ISFIFO(mode));
        assert_int_equal(host->file_mode(host, "/nowhere", &mode), -ENOENT);
}

static void test_rest(void **state)
{
        CLEANUP(DomainHost) DomainHost *host = NULL;
        CLEANUP(free) char *program = NULL;
        uint8_t a[16] = {0}, b[16] = {0};

        assert_int_equal(host_local(&host, NULL), 0);
        assert_int_equal(host->run_directory[0], '/');
        assert_int_equal(host->state_directory[0], '/');
        assert_true(strlen(host->arch) > 0);
        assert_int_equal(host->random(host, a, sizeof(a)), 0);
        assert_int_equal(host->random(host, b, sizeof(b)), 0);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_int_equal(host->find_program(host, "sh", &program), 0);
        assert_int_equal(program[0], '/');
        assert_int_equal(host->find_program(host, "../bin/sh", &program), -ENOENT);
        assert_int_equal(host->find_program(host, "no-such-program", &program), -ENOENT);
        assert_int_equal(host->find_program(host, "", &program), -ENOENT);
}

static int set_up(void **state)
{
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
        return remove_tree(directory);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_networks),
                cmocka_unit_test(test_later_file_replaces),
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_rest),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
