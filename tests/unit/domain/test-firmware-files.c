/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The descriptors' folders: order, hiding, and what does not belong there. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "domain/firmware.h"

static const char good[] = "{\"interface-types\":[\"bios\"],\"mapping\":{\"device\":\"memory\",\"filename\":"
                           "\"/usr/share/seabios/bios-256k.bin\"},\"targets\":[{\"architecture\":\"x86_64\","
                           "\"machines\":[\"pc-*\"]}],\"features\":[\"acpi-s3\"],\"tags\":[\"a\"]}";

/* Three folders below a new one, from general to specific. */
typedef struct Folders {
        char root[64];
        char *paths[4];
} Folders;

static int set_up(void **state)
{
        Folders *folders = calloc(1, sizeof(*folders));

        strcpy(folders->root, "/tmp/muster-firmware-XXXXXX");
        assert_non_null(mkdtemp(folders->root));
        for (int i = 0; i < 3; i++) {
                folders->paths[i] = text_format("%s/%d", folders->root, i);
                assert_int_equal(mkdir(folders->paths[i], 0700), 0);
        }
        *state = folders;
        return 0;
}

static int tear_down(void **state)
{
        Folders *folders = *state;

        remove_tree(folders->root);
        for (int i = 0; i < 3; i++)
                free(folders->paths[i]);
        free(folders);
        return 0;
}

static void put(const Folders *folders, int folder, const char *name, const char *content)
{
        CLEANUP(free) char *path = text_format("%s/%s", folders->paths[folder], name);
        CLEANUP(file) FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(fputs(content, file) >= 0);
}

static void expect_list(const Folders *folders, const char *expected)
{
        CLEANUP(FirmwareList) FirmwareList *list = NULL;
        CLEANUP(free) char *found = strdup("");

        assert_int_equal(firmware_load(folders->paths, &list, NULL), 0);
        for (size_t i = 0; i < list->n_items; i++) {
                char *longer =
                        text_format("%s%s%s ", found, list->items[i]->path + strlen(folders->root) + 1,
                                    list->items[i]->problem ? "!" : "");

                free(found);
                found = longer;
        }
        assert_string_equal(found, expected);
}

static void test_order(void **state)
{
        Folders *folders = *state;

        expect_list(folders, "");
        put(folders, 0, "60-b", good);
        put(folders, 0, "50-a.json", good);
        put(folders, 1, "55-c.json", good);
        put(folders, 2, "10-d.json", good);
        put(folders, 2, ".hidden.json", good);
        expect_list(folders, "2/10-d.json 0/50-a.json 1/55-c.json 0/60-b ");
}

static void test_hides(void **state)
{
        Folders *folders = *state;
        CLEANUP(free) char *link = text_format("%s/30.json", folders->paths[1]);

        put(folders, 0, "10.json", good);
        put(folders, 1, "10.json", good);
        put(folders, 0, "20.json", good);
        put(folders, 1, "20.json", "");
        put(folders, 0, "30.json", good);
        assert_int_equal(symlink("/dev/null", link), 0);
        put(folders, 0, "40.json", "");
        put(folders, 1, "40.json", good);
        put(folders, 1, "50.json", "");
        put(folders, 0, "50.json", good);
        put(folders, 2, "50.json", good);
        expect_list(folders, "1/10.json 1/40.json 2/50.json ");
}

/* A folder or a FIFO is passed over; what cannot be read or makes no sense stays, with its problem. */
static void test_what_does_not_belong(void **state)
{
        Folders *folders = *state;
        CLEANUP(free) char *folder = text_format("%s/10.json", folders->paths[1]);
        CLEANUP(free) char *fifo = text_format("%s/20.json", folders->paths[1]);
        CLEANUP(free) char *dangling = text_format("%s/30.json", folders->paths[1]);
        CLEANUP(free) char *large = calloc(1, FIRMWARE_SIZE_MAX + 2);

        memset(large, ' ', FIRMWARE_SIZE_MAX + 1);
        put(folders, 0, "10.json", good);
        put(folders, 0, "20.json", good);
        put(folders, 0, "30.json", good);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(symlink("/nowhere", dangling), 0);
        put(folders, 2, "40.json", "{");
        put(folders, 2, "50.json", large);
        expect_list(folders, "0/10.json 0/20.json 1/30.json! 2/40.json! 2/50.json! ");
}

static void test_problem_is_named(void **state)
{
        Folders *folders = *state;
        CLEANUP(FirmwareList) FirmwareList *list = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        FirmwareWanted wanted = {.architecture = "x86_64", .machine = "pc-q35-7.2"};
        const Firmware *chosen = NULL;

        put(folders, 0, "10.json", "{");
        assert_int_equal(firmware_load(folders->paths, &list, NULL), 0);
        assert_int_equal(firmware_choose(list, &wanted, &chosen, &error), -ENOENT);
        assert_non_null(
                strstr(muster_error_detail(error), "/0/10.json: The descriptor is no JSON object.\n"));
}

static void test_too_many(void **state)
{
        Folders *folders = *state;
        CLEANUP(FirmwareList) FirmwareList *list = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        char name[16];

        for (int i = 0; i < FIRMWARE_FILES_MAX; i++) {
                snprintf(name, sizeof(name), "%04d", i);
                put(folders, 0, name, i == 500 ? good : "");
        }
        assert_int_equal(firmware_load(folders->paths, &list, NULL), 0);
        assert_int_equal(list->n_items, 1);
        put(folders, 0, "more", "");
        list = firmware_list_free(list);
        assert_int_equal(firmware_load(folders->paths, &list, &error), -E2BIG);
        assert_null(list);
}

static void test_folders(void **state)
{
        CLEANUP(strv) char **roots = NULL;
        CLEANUP(strv) char **users = NULL;
        CLEANUP(strv) char **homes = NULL;

        assert_int_equal(firmware_folders(/* user= */ false, &roots), 0);
        assert_int_equal(strv_length(roots), 2);
        assert_string_equal(roots[0], "/usr/share/qemu/firmware");
        assert_string_equal(roots[1], "/etc/qemu/firmware");
        setenv("XDG_CONFIG_HOME", "/c", 1);
        assert_int_equal(firmware_folders(/* user= */ true, &users), 0);
        assert_string_equal(users[2], "/c/qemu/firmware");
        setenv("XDG_CONFIG_HOME", "relative", 1);
        setenv("HOME", "/h", 1);
        assert_int_equal(firmware_folders(/* user= */ true, &homes), 0);
        assert_string_equal(homes[2], "/h/.config/qemu/firmware");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hides, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_what_does_not_belong, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_problem_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
                cmocka_unit_test(test_folders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
