/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chains and what a definition says of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/util.h"
#include "cases.h"
#include "domain/hotplug.h"
#include "tests/unit/feature/maker.h"

static const char definition[] =
        "<domain type='qemu'><name>vm</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
        "<disk type='file'><driver type='qcow2' cache='none' discard='unmap'/>"
        "<source file='/i/top.qcow2' startupPolicy='mandatory'/>"
        "<backingStore type='file'><format type='qcow2'/><source file='/i/mid.qcow2'/>"
        "<backingStore type='block'><format type='raw'/><source dev='/dev/base'/><backingStore/>"
        "</backingStore></backingStore><target dev='vda' bus='virtio'/><shareable/><readonly/></disk>"
        "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>"
        "</devices></domain>";

typedef struct Setting {
        Case item;
        json_object *chains;
        char *xml;
} Setting;

static void setting_make(Setting *setting, const char *text)
{
        case_every_image = true;
        setting->chains = NULL;
        case_run("live.xml", text, strlen(text), "7.2-x86_64", &setting->item);
        if (!setting->item.plan)
                fail_msg("%s",
                         setting->item.faults.n_items > 0 ? setting->item.faults.items[0].message : "?");
        assert_int_equal(chains_of_plan(setting->item.plan, &setting->chains, NULL), 0);
        assert_int_equal(live_definition(setting->item.domain, &setting->xml), 0);
}

static void setting_clear(Setting *setting)
{
        json_object_put(setting->chains);
        free(setting->xml);
        case_clear(&setting->item);
}

static json_object *new_image(const char *file, const char *driver, const char *format)
{
        CLEANUP(free)
        char *text =
                text_format("{\"file\": \"%s\", \"driver\": \"%s\", \"format\": \"%s\", \"node\": \"n\", "
                            "\"storage\": \"n-s\", \"read-only\": false, \"storage-mode\": \"auto\", "
                            "\"options\": {}}",
                            file, driver, format);

        return maker_json(text);
}

/* Everything from <source> or <driver> on, without white space between elements. */
static char *disk_of(const char *xml)
{
        const char *begin = strstr(xml, "<disk"), *end = strstr(xml, "</disk>");
        char *text = calloc(1, strlen(xml) + 1), *to = text;

        assert_non_null(begin);
        for (; begin < end; begin++)
                if (*begin != '\n' && !(*begin == ' ' && (begin[-1] == ' ' || begin[-1] == '\n')))
                        *to++ = *begin;
        return text;
}

static void check_written(const char *xml, const json_object *chain, const char *expected)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(free) char *written = NULL, *again = NULL, *disk = NULL;

        if (chain_write_xml(xml, strlen(xml), chain, &written, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        disk = disk_of(written);
        if (!strstr(disk, expected))
                fail_msg("%s is not in %s", expected, disk);
        /* What is so already stays so. */
        assert_int_equal(chain_write_xml(written, strlen(written), chain, &again, NULL), 0);
        assert_string_equal(again, written);
}

static void test_of_plan(void **state)
{
        Setting setting;
        json_object *chain;

        setting_make(&setting, definition);
        chain = json_get(setting.chains, "vda", json_type_object);
        assert_int_equal(json_object_object_length(setting.chains), 1); /* an empty drive has none */
        assert_int_equal(chain_length(chain), 3);
        assert_true(json_get_bool(chain, "shared", false));
        assert_true(json_get_bool(chain_image(chain, 0), "read-only", false));
        assert_string_equal(json_get_string(chain_image(chain, 2), "driver"), "host_device");
        assert_string_equal(json_get_string(chain, "device"), "virtio-disk0");
        setting_clear(&setting);
}

static void test_write(void **state)
{
        CLEANUP(json) json_object *pushed = NULL, *dropped = NULL, *lower = NULL, *copied = NULL;
        json_object *chain;
        Setting setting;

        setting_make(&setting, definition);
        chain = json_get(setting.chains, "vda", json_type_object);
        check_written(setting.xml, chain,
                      "<backingStore type=\"file\"><format type=\"qcow2\"/><source file=\"/i/mid.qcow2\"/>"
                      "<backingStore type=\"block\"><format type=\"raw\"/><source dev=\"/dev/base\"/>"
                      "<backingStore/></backingStore></backingStore>");
        assert_int_equal(chain_push(chain, new_image("/i/s1.qcow2", "file", "qcow2"), &pushed), 0);
        check_written(setting.xml, pushed,
                      "<source file=\"/i/s1.qcow2\"/><backingStore type=\"file\"><format type=\"qcow2\"/>"
                      "<source file=\"/i/top.qcow2\"/><backingStore type=\"file\">");
        assert_int_equal(chain_drop(chain, 1, 1, &dropped), 0);
        check_written(setting.xml, dropped,
                      "<source file=\"/i/top.qcow2\" startupPolicy=\"mandatory\"/><backingStore "
                      "type=\"block\"><format type=\"raw\"/><source dev=\"/dev/base\"/><backingStore/>");
        /* The guest goes on with a block device of another format. */
        assert_int_equal(chain_drop(chain, 0, 2, &lower), 0);
        check_written(setting.xml, lower, "<disk type=\"block\"");
        check_written(setting.xml, lower,
                      "<driver type=\"raw\" cache=\"none\" discard=\"unmap\" name=\"qemu\"/>");
        assert_int_equal(chain_replace(chain, 3, new_image("/i/c", "file", "raw"), &copied), 0);
        check_written(setting.xml, copied, "<source file=\"/i/c\"/><backingStore/>");
        setting_clear(&setting);
}

static void test_write_errors(void **state)
{
        CLEANUP(MusterError) MusterError *error = NULL, *other = NULL;
        CLEANUP(json) json_object *chain = NULL;
        char *xml = NULL;
        Setting setting;

        setting_make(&setting, definition);
        json_object_deep_copy(json_get(setting.chains, "vda", json_type_object), &chain, NULL);
        json_add_string(chain, "disk", "vdz");
        assert_int_equal(chain_write_xml(setting.xml, strlen(setting.xml), chain, &xml, &error), -ENOENT);
        json_object_object_del(chain, "images");
        assert_int_equal(chain_write_xml(setting.xml, strlen(setting.xml), chain, &xml, &other), -EBADMSG);
        setting_clear(&setting);
}

/* What a header named stands in the live definition, so that the header is not read again. */
static void test_found(void **state)
{
        static const char text[] =
                "<domain type='qemu'><name>vm</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
                "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
                "<disk type='file'><driver type='qcow2'/><source file='/i/a.qcow2'/>"
                "<target dev='vda' bus='virtio'/></disk></devices></domain>";
        CLEANUP(free) char *disk = NULL;
        Setting setting;

        setting_make(&setting, text);
        disk = disk_of(setting.xml);
        assert_non_null(strstr(disk, "<backingStore/>"));
        assert_non_null(strstr(disk, "<alias name=\"virtio-disk0\"/>"));
        setting_clear(&setting);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_of_plan),
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_write_errors),
                cmocka_unit_test(test_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
