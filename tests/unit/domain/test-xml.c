/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "domain/value.h"

typedef struct Parsed {
        Faults faults;
        Xml *xml;
} Parsed;

static void parse(Parsed *parsed, const char *text)
{
        *parsed = (Parsed){.faults = {.file = "d.xml"}};
        assert_int_equal(xml_parse(text, strlen(text), "domain", &parsed->faults, &parsed->xml), 0);
        assert_false(parsed->faults.out_of_memory);
        assert_true((parsed->xml != NULL) == (parsed->faults.n_errors == 0));
}

static void done(Parsed *parsed)
{
        xml_free(parsed->xml);
        faults_clear(&parsed->faults);
}

/* The only fault, as it is printed. */
static void expect_fault(const Parsed *parsed, const char *expected)
{
        CLEANUP(free) char *text = NULL;

        assert_int_equal(parsed->faults.n_items, 1);
        text = fault_to_text(&parsed->faults, &parsed->faults.items[0]);
        assert_non_null(text);
        if (!strstr(text, expected))
                fail_msg("not \"%s\" but: %s", expected, text);
        assert_null(strchr(text, '\n'));
}

static void expect_no_xml(const char *text, const char *expected)
{
        Parsed parsed;

        parse(&parsed, text);
        expect_fault(&parsed, expected);
        done(&parsed);
}

static void test_no_xml(void **state)
{
        expect_no_xml("", "d.xml:1: This is no well-formed XML");
        expect_no_xml("hello", "d.xml:1: This is no well-formed XML");
        expect_no_xml("<domain>\n<a>\n</domain>", "d.xml:3: This is no well-formed XML");
        expect_no_xml("<domain/><domain/>", "This is no well-formed XML");
        expect_no_xml("<domain a='1' a='2'/>", "This is no well-formed XML");
        expect_no_xml("<domain>&nbsp;</domain>", "This is no well-formed XML");
        expect_no_xml("<domain>\xff</domain>", "This is no well-formed XML");
        expect_no_xml("<domain>&#0;</domain>", "This is no well-formed XML");
        expect_no_xml("\n<network/>", "d.xml:2: This is a <network>, where a <domain> is expected.");
        expect_no_xml("<x:domain xmlns:x='urn:x'/>", "where a <domain> is expected");
}

static void test_no_document_type(void **state)
{
        expect_no_xml("<!DOCTYPE domain [\n<!ENTITY a \"aaaaaaaaaa\">\n<!ENTITY b \"&a;&a;&a;\">]>\n"
                      "<domain>&b;</domain>",
                      "A document type is not taken");
        expect_no_xml("<!DOCTYPE domain SYSTEM \"file:///etc/passwd\"><domain/>",
                      "A document type is not taken");
        expect_no_xml("<!DOCTYPE domain [<!ENTITY x SYSTEM \"/etc/passwd\">]><domain>&x;</domain>",
                      "A document type is not taken");
}

static void test_bounds(void **state)
{
        CLEANUP(free) char *deep = calloc(1, 8000), *wide = malloc(1200000);
        char *out = deep;

        assert_non_null(deep);
        assert_non_null(wide);
        out = stpcpy(out, "<domain>");
        for (int i = 0; i < 100; i++)
                out = stpcpy(out, "<a>");
        for (int i = 0; i < 100; i++)
                out = stpcpy(out, "</a>");
        stpcpy(out, "</domain>");
        expect_no_xml(deep, "Here it nests deeper than 64 levels");
        out = stpcpy(wide, "<domain>");
        for (int i = 0; i < 100001; i++)
                out = stpcpy(out, "<disk/>");
        stpcpy(out, "</domain>");
        expect_no_xml(wide, "more than 100000 elements");
}

static void test_too_large(void **state)
{
        CLEANUP(free) char *large = malloc(XML_SIZE_MAX + 2);
        Faults faults = {.file = "d.xml"};
        Xml *xml = NULL;

        assert_non_null(large);
        memset(large, ' ', XML_SIZE_MAX + 1);
        assert_int_equal(xml_parse(large, XML_SIZE_MAX + 1, "domain", &faults, &xml), 0);
        assert_null(xml);
        assert_int_equal(faults.n_errors, 1);
        faults_clear(&faults);
}

static void test_look_ups(void **state)
{
        CLEANUP(free) char *name = NULL, *path = NULL;
        Parsed parsed;
        XmlElement *disk;

        parse(&parsed, "<domain type='kvm &amp; &lt;'>\n"
                       " <name> a &amp;<!-- c --> b<![CDATA[ <c>]]>\n</name>\n"
                       " <disk n='1'/><disk n='2'>\n <x/></disk>\n"
                       "</domain>");
        assert_string_equal(xml_attribute(parsed.xml->root, "type"), "kvm & <");
        assert_null(xml_attribute(parsed.xml->root, "name"));
        name = xml_text(xml_child(parsed.xml->root, "name"));
        assert_string_equal(name, "a & b <c>");
        disk = xml_next(parsed.xml->root, "disk", NULL);
        assert_string_equal(xml_attribute(disk, "n"), "1");
        disk = xml_next(parsed.xml->root, "disk", disk);
        assert_string_equal(xml_attribute(disk, "n"), "2");
        assert_null(xml_next(parsed.xml->root, "disk", disk));
        path = xml_path(xml_child(disk, "x"), "y");
        assert_string_equal(path, "/domain/disk[2]/x/@y");
        assert_int_equal(xml_line(xml_child(disk, "x")), 5);
        xml_report_unread(parsed.xml);
        assert_int_equal(parsed.faults.n_items, 0);
        done(&parsed);
}

/* All that nobody asked for is named, and nothing else. */
static void test_unread(void **state)
{
        static const char *const expected[] = {
                "d.xml:1: /domain/@id: Muster does not know the attribute \"id\"",
                "d.xml:2: /domain/name[2]: There is more than one <name> here",
                "d.xml:3: /domain/disks: Muster does not know <disks> here",
                "d.xml:4: /domain/cpu: There is text in <cpu> where none belongs: \"hot\"",
                "d.xml:4: /domain/cpu/@x: Muster does not know the attribute \"x\" of <cpu>",
        };
        CLEANUP(json) json_object *json = NULL;
        CLEANUP(free) char *name = NULL;
        Parsed parsed;

        parse(&parsed, "<domain id='3'><name>a</name>\n"
                       "<name>b</name>\n"
                       "<disks><disk/></disks>\n"
                       "<cpu x='1'>hot</cpu>\n"
                       "<metadata><a:b xmlns:a='urn:a' c='d'>text</a:b></metadata>\n"
                       "</domain>");
        name = xml_text(xml_child(parsed.xml->root, "name"));
        xml_child(parsed.xml->root, "cpu");
        xml_mark_all(xml_child(parsed.xml->root, "metadata"));
        xml_report_unread(parsed.xml);
        assert_int_equal(parsed.faults.n_items, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                bool found = false;

                for (size_t j = 0; j < parsed.faults.n_items; j++) {
                        CLEANUP(free) char *text = fault_to_text(&parsed.faults, &parsed.faults.items[j]);

                        found = found || startswith(text, expected[i]);
                }
                if (!found)
                        fail_msg("not reported: %s", expected[i]);
        }
        json = faults_to_json(&parsed.faults);
        assert_int_equal(json_object_array_length(json), ELEMENTSOF(expected));
        done(&parsed);
}

/* However many there are, each is counted, few are kept, and it takes no time to speak of. */
static void test_many_faults(void **state)
{
        CLEANUP(free) char *wide = malloc(400000);
        char *out = stpcpy(wide, "<domain>");
        Parsed parsed;

        for (int i = 0; i < 40000; i++)
                out = stpcpy(out, "<disk/>");
        stpcpy(out, "</domain>");
        parse(&parsed, wide);
        xml_report_unread(parsed.xml);
        assert_int_equal(parsed.faults.n_items, FAULTS_MAX);
        assert_int_equal(parsed.faults.n_errors, 40000);
        done(&parsed);
}

static void test_readers(void **state)
{
        static const char *const buses[] = {"ide", "scsi", "virtio", NULL};
        CLEANUP(free) char *text = NULL;
        uint64_t number = 7, bytes = 7;
        bool on = true;
        int bus = 7;
        Parsed parsed;
        XmlElement *root;

        parse(&parsed, "<domain n='12' s='no' w='scsi' t='x,y'><memory unit='MiB'> 3 </memory></domain>");
        root = parsed.xml->root;
        assert_int_equal(read_uint(parsed.xml, root, "n", 12, &number), 1);
        assert_int_equal(read_uint(parsed.xml, root, "none", 12, &number), 0);
        assert_true(number == 12);
        assert_int_equal(read_switch(parsed.xml, root, "s", &on), 1);
        assert_false(on);
        assert_int_equal(read_word(parsed.xml, root, "w", buses, &bus), 1);
        assert_int_equal(bus, 1);
        assert_int_equal(read_text(parsed.xml, root, "t", &text), 1);
        assert_string_equal(text, "x,y");
        assert_int_equal(read_size(parsed.xml, xml_child(root, "memory"), 1024, &bytes), 1);
        assert_true(bytes == 3 << 20);
        xml_report_unread(parsed.xml);
        assert_int_equal(parsed.faults.n_items, 0);
        assert_int_equal(read_uint(parsed.xml, root, "n", 11, &number), -EINVAL);
        assert_true(number == 12);
        expect_fault(&parsed, "/domain/@n: \"12\" makes no sense here; give a whole number up to 11.");
        faults_clear(&parsed.faults);
        assert_int_equal(read_word(parsed.xml, root, "n", buses, &bus), -EINVAL);
        expect_fault(&parsed, "give ide, scsi or virtio.");
        faults_clear(&parsed.faults);
        assert_int_equal(read_number(parsed.xml, xml_child(root, "memory"), 2, &bytes), -EINVAL);
        expect_fault(&parsed, "/domain/memory: \"3\" makes no sense here");
        done(&parsed);
}

static void test_lenient(void **state)
{
        CLEANUP(faults) Faults strict = {.file = "a"}, lenient = {.file = "b", .lenient = true};

        fault(&strict, FAULT_COSMETIC, 1, NULL, "x");
        fault(&lenient, FAULT_COSMETIC, 1, NULL, "x");
        fault(&lenient, FAULT_ERROR, 1, NULL, "x");
        fault(&lenient, FAULT_WARNING, 1, NULL, "x");
        assert_int_equal(strict.n_errors, 1);
        assert_int_equal(lenient.n_errors, 1);
        assert_int_equal(lenient.n_warnings, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_xml),      cmocka_unit_test(test_no_document_type),
                cmocka_unit_test(test_bounds),      cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_look_ups),    cmocka_unit_test(test_unread),
                cmocka_unit_test(test_many_faults), cmocka_unit_test(test_readers),
                cmocka_unit_test(test_lenient),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
