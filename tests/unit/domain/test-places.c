/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Of each recorded canonical definition the controllers, and what else is complete without the rest: they
 * keep their places and stay the only ones.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/fileio.h"
#include "base/util.h"
#include "cases.h"
#include "domain/device/controller.h"

static bool stays(XmlElement *element)
{
        static const char *const devices[] = {"controller", "memballoon", "rng", "hub", NULL};
        const char *model =
                xml_child(element, "backend") ? xml_attribute(xml_child(element, "backend"), "model") : NULL;

        return strv_contains((char *const *)devices, xml_name(element)) && !streq_ptr(model, "egd");
}

/* Takes out whatever is not of these names. */
static void reduce(XmlElement *parent, const char *const *names)
{
        XmlElement *element = NULL, *last = NULL;

        while ((element = xml_next_any(parent, last)))
                if (names ? strv_contains((char *const *)names, xml_name(element)) : stays(element))
                        last = element;
                else
                        xml_remove(element);
}

/* Threads are another section's. */
static void forget_iothreads(XmlElement *devices)
{
        for (XmlElement *element = NULL; (element = xml_next_any(devices, element));) {
                XmlElement *driver = xml_child(element, "driver");

                if (driver)
                        assert_int_equal(xml_set(driver, "iothread", NULL), 0);
        }
}

static char *reduced(const char *file, const char **ret_emulator)
{
        static const char *const sections[] = {"name", "os", "devices", NULL}, *const os[] = {"type", NULL};
        CLEANUP(free) char *path = text_format("%s/domains/dumpxml/%s", getenv("MUSTER_TEST_DATA"), file);
        CLEANUP(free) char *text = NULL;
        Faults faults = {.file = file};
        const char *arch;
        size_t size;
        Xml *xml;

        assert_int_equal(read_file(path, XML_SIZE_MAX, &text, &size), 0);
        assert_int_equal(xml_parse(text, size, "domain", &faults, &xml), 0);
        assert_non_null(xml);
        arch = xml_attribute(xml_child(xml_child(xml->root, "os"), "type"), "arch");
        *ret_emulator = streq(arch, "x86_64") ? "7.2-x86_64" : streq(arch, "aarch64") ? "7.2-aarch64" : NULL;
        reduce(xml->root, sections);
        reduce(xml_child(xml->root, "os"), os);
        reduce(xml_child(xml->root, "devices"), NULL);
        forget_iothreads(xml_child(xml->root, "devices"));
        if (!xml_child(xml_child(xml->root, "devices"), "memballoon")) {
                XmlElement *none;

                assert_int_equal(xml_add(xml_child(xml->root, "devices"), "memballoon", NULL, &none), 0);
                assert_int_equal(xml_set(none, "model", "none"), 0);
        }
        assert_int_equal(xml_set(xml_child(xml->root, "os"), "firmware", NULL), 0);
        assert_int_equal(xml_set(xml->root, "type", "qemu"), 0);
        free(text);
        text = xml_to_text(xml);
        xml_free(xml);
        faults_clear(&faults);
        return TAKE(text);
}

/* "pci 1: 0000:00:02.0 …": all that is written of its place. */
static char *describe(XmlElement *element)
{
        XmlElement *address = xml_child(element, "address"), *target = xml_child(element, "target");
        const char *const names[] = {"bus", "slot", "function", "port", "multifunction"};
        char *text = text_format("%s %s", xml_attribute(element, "type") ?: xml_name(element),
                                 xml_attribute(element, "index"));

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char *longer = text_format("%s %s", text,
                                           (address ? xml_attribute(address, names[i]) : NULL) ?: "-");

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

static char **describe_all(Xml *xml)
{
        XmlElement *element = NULL, *devices = xml_child(xml->root, "devices");
        char **lines = NULL;

        while ((element = xml_next_any(devices, element))) {
                CLEANUP(free) char *line = describe(element);

                assert_int_equal(strv_append(&lines, line), 0);
        }
        return lines;
}

static void expect_unchanged(const char *file, const char *text, const char *emulator)
{
        CLEANUP(strv) char **before = NULL, **after = NULL;
        Faults faults = {.file = file};
        Case item;
        Xml *xml;

        assert_int_equal(xml_parse(text, strlen(text), "domain", &faults, &xml), 0);
        before = describe_all(xml);
        xml_free(xml);
        case_run(file, text, strlen(text), emulator, &item);
        for (size_t i = 0; i < item.faults.n_items; i++)
                fail_msg("%s: %s", file, item.faults.items[i].message);
        assert_non_null(item.plan);
        after = describe_all(item.domain->xml);
        for (char **line = after; *line; line++)
                if (!strv_contains(before, *line))
                        fail_msg("%s: it was not like that: %s", file, *line);
        assert_int_equal(strv_length(before), strv_length(after));
        case_clear(&item);
}

static void test_canonical(void **state)
{
        CLEANUP(free) char *folder = text_format("%s/domains/dumpxml", getenv("MUSTER_TEST_DATA"));
        CLEANUP(dir) DIR *dir = opendir(folder);
        unsigned n = 0;

        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                CLEANUP(free) char *text = NULL;
                const char *emulator;

                if (!strstr(entry->d_name, ".xml"))
                        continue;
                text = reduced(entry->d_name, &emulator);
                if (!emulator)
                        continue;
                expect_unchanged(entry->d_name, text, emulator);
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
