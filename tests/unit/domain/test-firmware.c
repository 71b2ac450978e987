/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debian's descriptors, and what libvirt 9.0 chose from them; see tests/data/firmware/README.md. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"
#include "domain/firmware.h"
#include "domain/xml.h"

#define WORDS(...)                                                                                          \
        (const char *const[])                                                                               \
        {                                                                                                   \
                __VA_ARGS__, NULL                                                                           \
        }

#define OVMF  "/usr/share/OVMF/OVMF_"
#define AAVMF "/usr/share/AAVMF/AAVMF_"

static char *data_path(const char *name)
{
        char *path = text_format("%s/%s", getenv("MUSTER_TEST_DATA"), name);

        assert_non_null(path);
        return path;
}

static FirmwareList *load_debian(void)
{
        CLEANUP(free) char *ovmf = data_path("firmware/ovmf");
        CLEANUP(free) char *aavmf = data_path("firmware/qemu-efi-aarch64");
        FirmwareList *list = NULL;

        assert_int_equal(firmware_load((char *const[]){ovmf, aavmf, NULL}, &list, NULL), 0);
        assert_int_equal(list->n_items, 6);
        for (size_t i = 0; i < list->n_items; i++)
                assert_null(list->items[i]->problem);
        return list;
}

/* NULL: nothing fits. */
static void expect(const FirmwareList *list, const FirmwareWanted *wanted, const char *executable,
                   const char *template)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const Firmware *chosen = NULL;
        int r = firmware_choose(list, wanted, &chosen, &error);

        if (!executable) {
                assert_int_equal(r, -ENOENT);
                assert_non_null(error);
                assert_null(chosen);
                return;
        }
        if (r < 0)
                fail_msg("%s\n%s", muster_error_message(error), muster_error_detail(error));
        assert_string_equal(chosen->executable, executable);
        assert_string_equal(chosen->executable_format, "raw");
        assert_string_equal(chosen->nvram_template, template);
        assert_string_equal(chosen->nvram_format, "raw");
}

typedef struct Asked {
        Faults faults;
        Xml *xml;
        const char *with[4], *without[4];
        size_t n_with, n_without;
        FirmwareWanted wanted;
} Asked;

static void ask_feature(Asked *asked, bool with, const char *name)
{
        assert_true(asked->n_with < 3 && asked->n_without < 3);
        if (with)
                asked->with[asked->n_with++] = name;
        else
                asked->without[asked->n_without++] = name;
}

/* What domain/os will do with libvirt's XML. */
static void ask(const char *name, Asked *asked)
{
        CLEANUP(free) char *relative = text_format("domains/dumpxml/%s.xml", name);
        CLEANUP(free) char *path = data_path(relative), *text = NULL;
        XmlElement *os, *type, *firmware, *loader, *feature = NULL;
        const char *kind, *secure;
        size_t size;

        assert_int_equal(read_file(path, XML_SIZE_MAX, &text, &size), 0);
        asked->faults.file = name;
        assert_int_equal(xml_parse(text, size, "domain", &asked->faults, &asked->xml), 0);
        os = xml_child(asked->xml->root, "os");
        type = xml_child(os, "type");
        loader = xml_child(os, "loader");
        firmware = xml_child(os, "firmware");
        while (firmware && (feature = xml_next(firmware, "feature", feature)))
                ask_feature(asked, streq(xml_attribute(feature, "enabled"), "yes"),
                            xml_attribute(feature, "name"));
        secure = loader ? xml_attribute(loader, "secure") : NULL;
        if (secure)
                ask_feature(asked, streq(secure, "yes"), "requires-smm");
        kind = xml_attribute(os, "firmware");
        asked->wanted = (FirmwareWanted){
                .architecture = xml_attribute(type, "arch"),
                .machine = xml_attribute(type, "machine"),
                .interfaces = kind && streq(kind, "efi") ? FIRMWARE_EFI : 0,
                .with = asked->with,
                .without = asked->without,
                .loader = loader && loader->children ? (const char *)loader->children->content : NULL,
        };
}

static void asked_clear(Asked *asked)
{
        xml_free(asked->xml);
        faults_clear(&asked->faults);
}

static void test_recorded_domains(void **state)
{
        static const struct {
                const char *name, *executable, *template;
        } cases[] = {
                {"10-debian11-uefi", OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd"},
                {"11-debian11-uefi-no-secure-boot", OVMF "CODE_4M.fd", OVMF "VARS_4M.fd"},
                {"12-debian11-loader", OVMF "CODE_4M.fd", OVMF "VARS_4M.fd"},
                {"22-win11-install", OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd"},
                {"23-win11-secure-boot", OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd"},
                {"44-disk-sd", AAVMF "CODE.ms.fd", AAVMF "VARS.ms.fd"},
                {"a0-aarch64-debian11", AAVMF "CODE.ms.fd", AAVMF "VARS.ms.fd"},
                {"a2-aarch64-explicit-loader", AAVMF "CODE.fd", AAVMF "VARS.fd"},
                {"b1-session-win11", OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd"},
                {"b2-session-fedora37", OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd"},
        };
        CLEANUP(FirmwareList) FirmwareList *list = load_debian();

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Asked asked = {0};

                ask(cases[i].name, &asked);
                expect(list, &asked.wanted, cases[i].executable, cases[i].template);
                asked_clear(&asked);
        }
}

static void test_recorded_wishes(void **state)
{
        CLEANUP(FirmwareList) FirmwareList *list = load_debian();
        FirmwareWanted q35 = {.architecture = "x86_64", .machine = "pc-q35-7.2", .interfaces = FIRMWARE_EFI};
        FirmwareWanted pc = {
                .architecture = "x86_64", .machine = "pc-i440fx-7.2", .interfaces = FIRMWARE_EFI};
        FirmwareWanted arm = {.architecture = "aarch64", .machine = "virt-7.2", .interfaces = FIRMWARE_EFI};

        expect(list, &pc, OVMF "CODE_4M.fd", OVMF "VARS_4M.fd");
        pc.with = WORDS("secure-boot");
        expect(list, &pc, NULL, NULL);
        q35.with = WORDS("secure-boot");
        q35.without = WORDS("enrolled-keys");
        expect(list, &q35, OVMF "CODE_4M.secboot.fd", OVMF "VARS_4M.fd");
        q35.with = NULL;
        expect(list, &q35, OVMF "CODE_4M.secboot.fd", OVMF "VARS_4M.fd");
        q35.without = WORDS("secure-boot");
        expect(list, &q35, OVMF "CODE_4M.fd", OVMF "VARS_4M.fd");
        q35.without = NULL;
        q35.with = WORDS("requires-smm");
        expect(list, &q35, OVMF "CODE_4M.ms.fd", OVMF "VARS_4M.ms.fd");
        q35.with = WORDS("acpi-s4");
        expect(list, &q35, NULL, NULL);
        q35.with = NULL;
        q35.architecture = "i686";
        expect(list, &q35, NULL, NULL);
        q35.architecture = "x86_64";
        q35.interfaces = FIRMWARE_BIOS;
        expect(list, &q35, NULL, NULL);
        arm.without = WORDS("secure-boot");
        expect(list, &arm, AAVMF "CODE.fd", AAVMF "VARS.fd");
        arm.with = WORDS("secure-boot");
        arm.without = WORDS("enrolled-keys");
        expect(list, &arm, AAVMF "CODE.secboot.fd", AAVMF "VARS.fd");
        /* Here libvirt 9.0 takes the first and then refuses it, since SMM is off. */
        q35.interfaces = FIRMWARE_EFI;
        q35.without = WORDS("requires-smm");
        expect(list, &q35, OVMF "CODE_4M.fd", OVMF "VARS_4M.fd");
}

static void test_loader(void **state)
{
        CLEANUP(FirmwareList) FirmwareList *list = load_debian();
        FirmwareWanted wanted = {
                .architecture = "x86_64", .machine = "pc-q35-7.2", .loader = OVMF "CODE_4M.secboot.fd"};

        expect(list, &wanted, OVMF "CODE_4M.secboot.fd", OVMF "VARS_4M.fd");
        wanted.format = "raw";
        expect(list, &wanted, OVMF "CODE_4M.secboot.fd", OVMF "VARS_4M.fd");
        wanted.format = "qcow2";
        expect(list, &wanted, NULL, NULL);
        wanted.format = NULL;
        wanted.machine = "pc-i440fx-7.2";
        expect(list, &wanted, NULL, NULL);
        wanted.loader = "/srv/OVMF.fd";
        expect(list, &wanted, NULL, NULL);
}

static void test_says_why(void **state)
{
        CLEANUP(FirmwareList) FirmwareList *list = load_debian();
        CLEANUP(MusterError) MusterError *error = NULL, *none = NULL;
        FirmwareWanted wanted = {.architecture = "x86_64",
                                 .machine = "pc-i440fx-7.2",
                                 .interfaces = FIRMWARE_EFI,
                                 .with = WORDS("secure-boot")};
        const Firmware *chosen;
        FirmwareList empty = {0};

        assert_int_equal(firmware_choose(list, &wanted, &chosen, &error), -ENOENT);
        assert_string_equal(muster_error_message(error),
                            "None of 6 firmware descriptors fits x86_64 machines of type pc-i440fx-7.2 as "
                            "they are asked for; ask for less, or name the loader's file.");
        assert_non_null(strstr(muster_error_detail(error),
                               "40-edk2-x86_64-secure-enrolled.json: it is not for x86_64 machines of type "
                               "pc-i440fx-7.2\n"));
        assert_non_null(strstr(muster_error_detail(error), "60-edk2-x86_64.json: it has not secure-boot\n"));
        assert_int_equal(firmware_choose(&empty, &wanted, &chosen, &none), -ENOENT);
        assert_non_null(strstr(muster_error_message(none), "no firmware descriptors"));
}

/* A descriptor with `mapping` and `features`, for q35. */
static Firmware *make(const char *mapping, const char *features)
{
        CLEANUP(free)
        char *text = text_format("{\"interface-types\":[\"uefi\",\"new\"],\"mapping\":{%s},"
                                 "\"targets\":[{\"architecture\":\"x86_64\",\"machines\":"
                                 "[\"pc-q35-*\",\"microvm\"]}],\"features\":[%s]}",
                                 mapping, features);
        CLEANUP(MusterError) MusterError *error = NULL;
        Firmware *firmware = NULL;

        if (firmware_parse(text, strlen(text), &firmware, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        return firmware;
}

static void expect_why(const Firmware *firmware, const FirmwareWanted *wanted, const char *why)
{
        CLEANUP(free) char *said = NULL;

        assert_int_equal(firmware_fits(firmware, wanted, &said), 0);
        if (why)
                assert_string_equal(said, why);
        else
                assert_null(said);
}

#define CODE(format)     "\"executable\":{\"filename\":\"/c\",\"format\":\"" format "\"}"
#define VARS(format)     "\"nvram-template\":{\"filename\":\"/v\",\"format\":\"" format "\"}"
#define FLASH(mode, and) "\"device\":\"flash\",\"mode\":\"" mode "\"," and

static void test_modes(void **state)
{
        CLEANUP(Firmware) Firmware *split = make(FLASH("split", CODE("qcow2") "," VARS("raw")), "");
        CLEANUP(Firmware) Firmware *combined = make(FLASH("combined", CODE("raw")), "");
        CLEANUP(Firmware) Firmware *stateless = make(FLASH("stateless", CODE("raw")), "\"secure-boot\"");
        CLEANUP(Firmware) Firmware *memory = make("\"device\":\"memory\",\"filename\":\"/m\"", "");
        CLEANUP(Firmware) Firmware *odd = make(FLASH("split", CODE("vmdk") "," VARS("raw")), "");
        FirmwareWanted wanted = {.architecture = "x86_64", .machine = "pc-q35-9.0"};

        expect_why(split, &wanted, NULL);
        expect_why(combined, &wanted, "it keeps code and variables in one file");
        expect_why(stateless, &wanted, "it is stateless");
        expect_why(memory, &wanted, NULL);
        expect_why(odd, &wanted, "its format is neither raw nor qcow2");
        wanted.format = "raw";
        expect_why(split, &wanted, "its format is not raw");
        wanted.format = NULL;
        wanted.nvram_format = "qcow2";
        expect_why(split, &wanted, "its variables' format is not qcow2");
        wanted.nvram_format = NULL;
        wanted.stateless = true;
        expect_why(split, &wanted, "it is not stateless");
        expect_why(memory, &wanted, "it is not in flash");
        wanted.with = WORDS("secure-boot");
        expect_why(stateless, &wanted, NULL);
        wanted.interfaces = FIRMWARE_BIOS;
        expect_why(stateless, &wanted, "it is of another kind");
}

static void test_machines(void **state)
{
        CLEANUP(Firmware) Firmware *firmware = make("\"device\":\"kernel\",\"filename\":\"/m\"", "");
        FirmwareWanted wanted = {.architecture = "x86_64", .machine = "pc-q35-"};

        expect_why(firmware, &wanted, NULL);
        wanted.machine = "microvm";
        expect_why(firmware, &wanted, NULL);
        wanted.machine = "q35"; /* an alias */
        expect_why(firmware, &wanted, "it is not for x86_64 machines of type q35");
        wanted.machine = "microvm2";
        expect_why(firmware, &wanted, "it is not for x86_64 machines of type microvm2");
}

static void test_secure_boot_takes_smm(void **state)
{
        CLEANUP(Firmware)
        Firmware *open = make(FLASH("split", CODE("raw") "," VARS("raw")), "\"secure-boot\"");
        CLEANUP(Firmware)
        Firmware *guarded =
                make(FLASH("split", CODE("raw") "," VARS("raw")), "\"secure-boot\",\"requires-smm\"");
        FirmwareWanted wanted = {
                .architecture = "x86_64", .machine = "pc-q35-9.0", .with = WORDS("secure-boot")};

        expect_why(open, &wanted, "it has secure-boot without requires-smm, so the guest could undo it");
        expect_why(guarded, &wanted, NULL);
        wanted.with = NULL;
        expect_why(open, &wanted, NULL);
}

#define TARGETS  "\"targets\":[{\"architecture\":\"x86_64\",\"machines\":[\"*\"]}]"
#define MEMORY   "\"mapping\":{\"device\":\"memory\",\"filename\":\"/m\"}"
#define UEFI     "\"interface-types\":[\"uefi\"]"
#define FEATURES "\"features\":[]"

static void test_faults(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                {"", "The descriptor is no JSON object."},
                {"[]", "The descriptor is no JSON object."},
                {"{}", "The descriptor needs 'interface-types' as a list of at most 256 texts."},
                {"{\"interface-types\":[1]}",
                 "Number 1 in the descriptor's 'interface-types' is no text of 1 to 127 bytes."},
                {"{\"interface-types\":[\"a\\u0000b\"]}",
                 "Number 1 in the descriptor's 'interface-types' is no text of 1 to 127 bytes."},
                {"{" UEFI "}", "The descriptor needs a 'device' that is a text of 1 to 127 bytes."},
                {"{" UEFI ",\"mapping\":{\"device\":\"i\\u001bgvm\"}}",
                 "The descriptor's 'device' is 'i?gvm', which muster does not know."},
                {"{" UEFI ",\"mapping\":{\"device\":\"flash\",\"mode\":7}}",
                 "The descriptor needs a 'mode' that is a text of 1 to 127 bytes."},
                {"{" UEFI ",\"mapping\":{\"device\":\"flash\"}}",
                 "mapping/executable: The descriptor needs a 'filename' that is a text of 1 to 4095 bytes."},
                {"{" UEFI ",\"mapping\":{\"device\":\"flash\"," CODE("raw") "}}",
                 "mapping/nvram-template: The descriptor needs a 'filename' that is a text of 1 to 4095 "
                 "bytes."},
                {"{" UEFI ",\"mapping\":{\"device\":\"memory\",\"filename\":\"bios.bin\"}}",
                 "The descriptor names a file without its whole path."},
                {"{" UEFI "," MEMORY "}", "The descriptor needs 'targets' as a list of 1 to 256 objects."},
                {"{" UEFI "," MEMORY ",\"targets\":[null]}",
                 "The descriptor needs a 'architecture' that is a text of 1 to 127 bytes."},
                {"{" UEFI "," MEMORY "," TARGETS "}",
                 "The descriptor needs 'features' as a list of at most 256 texts."},
                {"{" UEFI "," MEMORY "," TARGETS "," FEATURES ",\"tags\":{}}",
                 "The descriptor needs 'tags' as a list of at most 256 texts."},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                Firmware *firmware = NULL;

                assert_int_equal(firmware_parse(cases[i].text, strlen(cases[i].text), &firmware, &error),
                                 -EBADMSG);
                assert_string_equal(muster_error_message(error), cases[i].message);
                assert_null(firmware);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_domains),
                cmocka_unit_test(test_recorded_wishes),
                cmocka_unit_test(test_loader),
                cmocka_unit_test(test_says_why),
                cmocka_unit_test(test_modes),
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_secure_boot_takes_smm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
