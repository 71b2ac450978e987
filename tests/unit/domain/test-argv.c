/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>

#include "base/fileio.h"
#include "base/util.h"
#include "cases.h"
#include "domain/argv.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "tests/unit/feature/maker.h"

/* Definitions to command lines and back. */

/*
 * Of 96 definitions; 5 are of architectures that nobody has recorded, 5 have no plan, and the rest has what
 * is not mapped: network disks, NUMA, SMBIOS, fw_cfg, virtiofs, IOMMU, a TPM of unknown version.
 */
#define AT_LEAST     62
#define LIBVIRT_MOST 8

static bool show(void)
{
        return getenv("MUSTER_TEST_SHOW") != NULL;
}

static void show_all(const char *what, const json_object *array)
{
        for (size_t i = 0; show() && i < json_object_array_length(array); i++)
                print_message("    %s%s\n", what,
                              json_object_get_string(json_object_array_get_idx(array, i)));
}

static char *read_data(const char *folder, const char *name)
{
        CLEANUP(free)
        char *relative = text_format("domains/%s/%s", folder, name), *path = maker_data(relative);
        char *text = NULL;
        size_t size;

        assert_int_equal(read_file(path, JSON_SIZE_MAX, &text, &size), 0);
        return text;
}

static const char *emulator_for(const char *arch)
{
        static const char *const known[][2] = {
                {"x86_64", "7.2-x86_64"}, {"i686", "7.2-x86_64"}, {"aarch64", "7.2-aarch64"}};

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i][0], arch))
                        return known[i][1];
        return NULL;
}

static const char *arch_of(const char *text)
{
        static const char *const words[] = {"x86_64",  "i686",  "aarch64", "riscv64",
                                            "ppc64le", "ppc64", "s390x",   "armv7l"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                CLEANUP(free)
                char *there = text_format("arch='%s'", words[i]),
                     *native = text_format("qemu-system-%s", words[i]);

                if (strstr(text, there) || strstr(text, native))
                        return words[i];
        }
        return "x86_64";
}

/* The difference between what runs and what the definition made of it would start. */
static size_t count_differences(const char *name, char *const *words, const ArgvAbout *about,
                                const char *emulator)
{
        CLEANUP(argv) Argv argv = {}, runs = {}, planned = {};
        CLEANUP(json) json_object *unmapped = NULL;
        CLEANUP(free) char *text = NULL;
        size_t n;
        Case item;

        assert_int_equal(argv_read(words, &argv, NULL), 0);
        assert_int_equal(argv_read(words, &runs, NULL), 0);
        assert_int_equal(argv_to_definition(&argv, about, &text, &unmapped), 0);
        case_run(name, text, strlen(text), emulator, &item);
        if (!item.plan) {
                CLEANUP(json) json_object *faults = faults_to_json(&item.faults);

                if (show())
                        print_message("%s\n%s\n", text, json_object_to_json_string(faults));
                assert_int_equal(json_append_string(unmapped, "no plan"), 0);
        } else {
                assert_int_equal(argv_read(item.plan->command.argv, &planned, NULL), 0);
                assert_int_equal(argv_compare(&runs, &planned, unmapped), 0);
        }
        n = json_object_array_length(unmapped);
        if (n > 0)
                show_all("", unmapped);
        case_clear(&item);
        return n;
}

/* XML -> plan -> XML' -> plan': how many of them come back the same. */
static bool comes_back(const char *name)
{
        CLEANUP(free) char *text = read_data("dumpxml", name);
        const char *arch = arch_of(text), *emulator = emulator_for(arch);
        bool same = false;
        Case item;

        if (!emulator)
                return false;
        case_run(name, text, strlen(text), emulator, &item);
        if (item.plan) {
                const General *general = domain_general(item.domain);
                const ArgvAbout about = {.name = general->name,
                                         .uuid = general->uuid,
                                         .emulator = item.domain->emulator,
                                         .arch = arch,
                                         .machine = strstr(text, "q35") ? "pc-q35-7.2" : NULL,
                                         .kvm = strstr(text, "type=\"kvm\"") || strstr(text, "type='kvm'")};

                if (show())
                        print_message("%s\n", name);
                same = count_differences(name, item.plan->command.argv, &about, emulator) == 0;
        } else if (show()) {
                print_message("%s: no plan\n", name);
        }
        case_clear(&item);
        return same;
}

static void test_round_trip(void **state)
{
        CLEANUP(free) char *folder = maker_data("domains/dumpxml");
        CLEANUP(dir) DIR *dir = opendir(folder);
        const struct dirent *entry;
        unsigned n = 0, same = 0;

        case_every_image = true;
        while ((entry = readdir(dir)))
                if (strstr(entry->d_name, ".xml")) {
                        n++;
                        same += comes_back(entry->d_name);
                }
        print_message("%u of %u come back the same\n", same, n);
        assert_true(same >= AT_LEAST);
}

/* --- libvirt's own --------------------------------------------------------------------------------- */

/* What of the line could not be mapped, or would be started otherwise. */
static size_t libvirt_differences(const char *name)
{
        CLEANUP(free) char *text = read_data("dumpxml", name);
        CLEANUP(strv) char **words = NULL;
        const ArgvAbout about = {.name = "vm",
                                 .uuid = "557a5bcc-4414-44e1-9bf7-5eb9686f53c2",
                                 .emulator = "/usr/bin/qemu-system-x86_64",
                                 .arch = "x86_64",
                                 .machine = strstr(text, "q35") ? "pc-q35-7.2" : NULL,
                                 .kvm = true};
        char **first;

        /* None of them has a blank within quotes. */
        for (char *c = text; *c; c++)
                if (*c == '\'')
                        *c = ' ';
        assert_int_equal(strv_split(text, " \n", &words), 0);
        for (first = words; *first && !strstr(*first, "/bin/qemu"); first++)
                ;
        if (show())
                print_message("%s\n", name);
        return count_differences(name, first, &about, "7.2-x86_64");
}

/* Their taps are descriptors, so none is whole: that, and in one disks' device_id, is all that is missing.
 */
static void test_libvirt(void **state)
{
        case_every_image = true;
        assert_in_range(libvirt_differences("01-debian11.args"), 1, LIBVIRT_MOST);
        assert_in_range(libvirt_differences("21-win10.args"), 1, LIBVIRT_MOST);
        assert_in_range(libvirt_differences("33-disk-block.args"), 1, LIBVIRT_MOST);
}

/* --- words ----------------------------------------------------------------------------------------- */

#define READ(ret, ...)                                                                                      \
        assert_int_equal(                                                                                   \
                argv_read((char *const *)(const char *const[]){"qemu", __VA_ARGS__, NULL}, ret, NULL), 0)

static const char *value(const Argv *argv, const char *name, const char *key)
{
        for (size_t i = 0; i < argv->n; i++)
                if (streq(argv->options[i].name, name) && json_get_string(argv->options[i].values, key))
                        return json_get_string(argv->options[i].values, key);
        return NULL;
}

static void test_words(void **state)
{
        CLEANUP(argv) Argv argv = {}, none = {};

        READ(&argv, "-nodefaults", "--name", "a,,b,process=c", "-device",
             "{\"driver\":\"e1000\",\"addr\":\"0x2.0x1\",\"bus\":\"pci.0\",\"multifunction\":true}",
             "-device", "virtio-rng-pci,addr=3,bus=pci.0", "-cpu", "host,+aes,-vmx,migratable=yes",
             "-netdev", "user,id=n,hostfwd=tcp::1-:2,hostfwd=tcp::3-:4");
        assert_string_equal(value(&argv, "name", "guest"), "a,b");
        assert_string_equal(value(&argv, "name", "process"), "c");
        assert_string_equal(value(&argv, "device", "addr"), "2.1");
        assert_string_equal(value(&argv, "device", "multifunction"), "on");
        assert_string_equal(value(&argv, "cpu", "model"), "host");
        assert_string_equal(value(&argv, "cpu", "vmx"), "off");
        assert_string_equal(value(&argv, "cpu", "migratable"), "on");
        assert_string_equal(value(&argv, "netdev", "hostfwd.1.str"), "tcp::3-:4");
        assert_int_equal(argv_read((char *[]){NULL}, &none, NULL), -EINVAL);
}

static void test_short_forms(void **state)
{
        CLEANUP(argv) Argv argv = {};

        READ(&argv, "-M", "q35,accel=kvm", "-nodefaults", "-drive",
             "file=/a,,b.img,format=qcow2,if=virtio,cache=none", "-nic", "user,model=virtio", "-serial",
             "pty");
        assert_string_equal(value(&argv, "accel", "accel"), "kvm");
        assert_string_equal(value(&argv, "blockdev", "file.filename"), "/a,b.img");
        assert_string_equal(value(&argv, "blockdev", "driver"), "qcow2");
        assert_string_equal(value(&argv, "blockdev", "file.cache.direct"), "on");
        assert_string_equal(value(&argv, "netdev", "type"), "user");
        assert_string_equal(value(&argv, "chardev", "backend"), "pty");
}

/* Each thing that has no place is named, and nothing else is. */
static void test_unmapped(void **state)
{
        const ArgvAbout about = {.name = "vm",
                                 .uuid = "557a5bcc-4414-44e1-9bf7-5eb9686f53c2",
                                 .emulator = "/bin/qemu",
                                 .arch = "x86_64"};
        CLEANUP(json) json_object *unmapped = NULL;
        CLEANUP(argv) Argv argv = {};
        CLEANUP(free) char *text = NULL;

        READ(&argv, "-nodefaults", "-machine", "q35,nonsense=1", "-device", "edu,id=e", "-device",
             "virtio-rng-pci,id=r", "-unknown", "word", "-m", "64");
        assert_int_equal(argv_to_definition(&argv, &about, &text, &unmapped), 0);
        assert_int_equal(json_object_array_length(unmapped), 4);
        assert_non_null(strstr(text, "<memory unit=\"KiB\">65536</memory>"));
        assert_non_null(strstr(json_object_to_json_string(unmapped), "nonsense=1"));
        assert_non_null(strstr(json_object_to_json_string(unmapped), "-device driver=edu"));
        assert_non_null(strstr(json_object_to_json_string(unmapped), "-unknown word"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_libvirt),
                cmocka_unit_test(test_words),      cmocka_unit_test(test_short_forms),
                cmocka_unit_test(test_unmapped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
