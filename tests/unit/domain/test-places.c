/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The recorded canonical definitions: all but a few have a plan on an emulator like libvirt's, and what had
 * a place keeps it and stays the only one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/fileio.h"
#include "base/util.h"
#include "cases.h"

/* One needs what this muster refuses, or what QEMU does: synic without vpindex. */
static const char *const refused[] = {
        "26-win7-hyperv.xml", "44-disk-sd.xml", "51-net-many.xml", "87-tuning.xml", "97-metadata.xml", NULL,
};

/* NULL: of an architecture without recorded emulator. */
static char *load(const char *file, const char **ret_emulator)
{
        CLEANUP(free) char *path = text_format("%s/domains/dumpxml/%s", getenv("MUSTER_TEST_DATA"), file);
        char *text = NULL;
        size_t size;

        assert_int_equal(read_file(path, XML_SIZE_MAX, &text, &size), 0);
        *ret_emulator = strstr(text, "arch='x86_64'")    ? "7.2-x86_64"
                        : strstr(text, "arch='i686'")    ? "7.2-x86_64"
                        : strstr(text, "arch='aarch64'") ? "7.2-aarch64"
                        : strstr(text, "arch='armv7l'")  ? "7.2-aarch64"
                                                         : NULL;
        return text;
}

/* "pci 1: bus=0x00 slot=…": all that is written of its place; NULL if nothing is. */
static char *describe(XmlElement *element)
{
        static const char *const names[] = {"domain", "bus",  "slot",       "function", "multifunction",
                                            "port",   "unit", "controller", "target",   "iobase"};
        XmlElement *address = xml_child(element, "address"), *target = xml_child(element, "target");
        const char *index = xml_attribute(element, "index");
        char *text;

        if (!address)
                return NULL;
        text = text_format("%s %s %s", xml_name(element), xml_attribute(element, "type") ?: "", index ?: "");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *value = xml_attribute(address, names[i]);
                char *longer = text_format("%s %s=%s", text, names[i], value ?: "");

                free(text);
                text = longer;
        }
        if (target && xml_attribute(target, "chassis")) {
                char *longer = text_format("%s chassis %s port %s", text, xml_attribute(target, "chassis"),
                                           xml_attribute(target, "port"));

                free(text);
                text = longer;
        }
        return text;
}

static char **describe_all(Xml *xml, unsigned *ret_n)
{
        XmlElement *element = NULL, *devices = xml_child(xml->root, "devices");
        char **lines = NULL;

        *ret_n = 0;
        while ((element = xml_next_any(devices, element))) {
                CLEANUP(free) char *line = describe(element);

                (*ret_n)++;
                if (line)
                        assert_int_equal(strv_append(&lines, line), 0);
        }
        return lines;
}

static void expect_unchanged(const char *file, const char *text, const Case *item)
{
        CLEANUP(strv) char **before = NULL, **after = NULL;
        Faults faults = {.file = file};
        unsigned n_before, n_after;
        Xml *xml;

        assert_int_equal(xml_parse(text, strlen(text), "domain", &faults, &xml), 0);
        before = describe_all(xml, &n_before);
        after = describe_all(item->domain->xml, &n_after);
        for (char **line = before; line && *line; line++)
                if (!strv_contains(after, *line))
                        fail_msg("%s: it does not stay so: %s", file, *line);
        if (n_before != n_after)
                fail_msg("%s: of %u devices it makes %u", file, n_before, n_after);
        xml_free(xml);
        faults_clear(&faults);
}

static void check_file(const char *file, const char *text, const char *emulator)
{
        bool no = strv_contains((char *const *)refused, file);
        Case item;

        case_run(file, text, strlen(text), emulator, &item);
        if (!item.plan != no) {
                for (size_t i = 0; i < item.faults.n_items; i++)
                        print_error("%s\n", item.faults.items[i].message);
                fail_msg("%s: %s", file, no ? "it is not refused" : "it is refused");
        }
        if (item.plan)
                expect_unchanged(file, text, &item);
        case_clear(&item);
}

static void test_canonical(void **state)
{
        CLEANUP(free) char *folder = text_format("%s/domains/dumpxml", getenv("MUSTER_TEST_DATA"));
        CLEANUP(dir) DIR *dir = opendir(folder);
        unsigned n = 0;

        assert_non_null(dir);
        case_every_image = true;
        for (struct dirent *entry; (entry = readdir(dir));) {
                CLEANUP(free) char *text = NULL;
                const char *emulator;

                if (!strstr(entry->d_name, ".xml"))
                        continue;
                text = load(entry->d_name, &emulator);
                if (!emulator)
                        continue;
                check_file(entry->d_name, text, emulator);
                n++;
        }
        assert_in_range(n, 80, 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_canonical),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
