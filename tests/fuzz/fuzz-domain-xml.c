/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* XML from anywhere: a tree or faults, never both or neither; what is read is not reported, and the rest is.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "domain/value.h"

/* Reads every other element, and of its attributes the first. */
static void read_some(Xml *xml, XmlElement *element, unsigned *counter)
{
        static const char *const words[] = {"file", "block", NULL};

        for (XmlElement *child = NULL; (child = xml_next_any(element, child));) {
                CLEANUP(free) char *text = NULL, *copy = NULL;
                uint64_t number = 0;
                bool on = false;
                int word = 0;

                if (child->ns || (*counter)++ % 2)
                        continue;
                xml_mark(child);
                text = xml_text(child);
                if (!text)
                        abort();
                (void)read_word(xml, child, "type", words, &word);
                (void)read_switch(xml, child, "value", &on);
                (void)read_uint(xml, child, "index", 255, &number);
                (void)read_text(xml, child, "name", &copy);
                (void)read_size(xml, child, 1024, &number);
                read_some(xml, child, counter);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(faults) Faults faults = {.file = "fuzz"};
        CLEANUP(xml) Xml *xml = NULL;
        CLEANUP(json) json_object *json = NULL;
        unsigned counter = 0;

        if (xml_parse((const char *)data, size, "domain", &faults, &xml) < 0)
                return 0;
        if ((xml == NULL) != (faults.n_errors > 0))
                abort();
        if (xml) {
                read_some(xml, xml->root, &counter);
                xml_report_unread(xml);
        }
        json = faults_to_json(&faults);
        if (!json || json_object_array_length(json) != faults.n_items ||
            faults.n_errors + faults.n_warnings < faults.n_items)
                abort();
        return 0;
}
