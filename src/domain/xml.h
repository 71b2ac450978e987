/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * XML from anywhere, as a tree that remembers what has been read of it. Every look-up below marks what it
 * returns; in the end xml_report_unread() names each element, attribute and text that nobody asked for. So
 * nothing is dropped in silence, and no list of known names has to be kept beside the code that reads them.
 *
 * Bounded: 4 MiB, 64 levels, 100,000 elements and attributes. No document type, so no entities but XML's own
 * five; nothing else is opened, neither file nor network.
 */

#include <libxml/tree.h>

#include "domain/faults.h"

#define XML_SIZE_MAX  ((size_t)4 * 1024 * 1024)
#define XML_LEVEL_MAX 64
#define XML_NODES_MAX 100000

typedef xmlNode XmlElement;

typedef struct Xml {
        xmlDoc *doc;
        Faults *faults;
        XmlElement *root; /* marked as read */
} Xml;

/*
 * 0 with faults reported if it is no XML, or `root` (NULL: any element) is not what it is about; *ret has a
 * tree only if there is none. -ENOMEM; -ENOPKG: libxml2 cannot be loaded. `faults` must live as long as the
 * tree.
 */
int xml_parse(const char *text, size_t size, const char *root, Faults *faults, Xml **ret);
Xml *xml_free(Xml *xml);

/* The value of an attribute, NULL where there is none. Lives as long as the tree is not changed. */
const char *xml_attribute(XmlElement *element, const char *name);

/* The child element of this name, NULL where there is none. A second one stays unread. */
XmlElement *xml_child(XmlElement *element, const char *name);

/* The next child element of this name behind `last` (NULL: the first). */
XmlElement *xml_next(XmlElement *element, const char *name, XmlElement *last);

/* The same of a name in a name space, which the look-ups above leave alone. */
XmlElement *xml_next_in(XmlElement *element, const char *uri, const char *name, XmlElement *last);

/* The next child element of any name; not marked: xml_mark() if it is taken. */
XmlElement *xml_next_any(XmlElement *element, XmlElement *last);

/* The text within, without white space around; "" where there is none. NULL: out of memory. To free(). */
char *xml_text(XmlElement *element);

const char *xml_name(const XmlElement *element);

void xml_mark(XmlElement *element);

/* The element and all below it: kept as it is, whatever it says (metadata). */
void xml_mark_all(XmlElement *element);

/* Reports what was not read. */
void xml_report_unread(Xml *xml);

/* "/domain/devices/disk[2]", or with an attribute "…/@bus" (NULL: none); to free(); NULL: out of memory. */
char *xml_path(const XmlElement *element, const char *attribute);

unsigned xml_line(const XmlElement *element);

/* A fault of an element, or of one of its attributes (NULL: none). */
void xml_fault(Xml *xml, FaultSeverity severity, const XmlElement *element, const char *attribute,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Editing. What is written counts as read. All return -ENOMEM, or 0; a NULL value removes the attribute. A
 * value that is there already in another spelling of the same ("yes", "0x01") is left to the caller.
 */
int xml_set(XmlElement *element, const char *attribute, const char *value);
int xml_setf(XmlElement *element, const char *attribute, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int xml_set_text(XmlElement *element, const char *text);

/* A new last child. With `text` (NULL: none). */
int xml_add(XmlElement *parent, const char *name, const char *text, XmlElement **ret);

/* The child of this name, which is made if it is not there. */
int xml_ensure(XmlElement *parent, const char *name, XmlElement **ret);

/* A copy of an element of any tree, not read yet, as the last child. */
int xml_adopt(Xml *xml, XmlElement *parent, const XmlElement *element, XmlElement **ret);

/* Makes an element of the tree the last child of another one. */
void xml_move_into(XmlElement *element, XmlElement *parent);

/* Puts an element of the tree in front of another one. */
void xml_move_before(XmlElement *element, XmlElement *sibling);

/* Takes an element out of the tree and frees it. */
void xml_remove(XmlElement *element);

/* Sorts child elements by rank, stably; comments stay before the element that they stand before. */
int xml_sort(XmlElement *parent, unsigned (*rank)(const XmlElement *element));

/* The tree as text with an indentation of two blanks, whatever it was; within <metadata> as it was. To
 * free(); NULL: out of memory. */
char *xml_to_text(Xml *xml);

/* One element as text, indented. To free(); NULL: out of memory. */
char *xml_element_to_text(Xml *xml, XmlElement *element);

static inline void cleanup_xml(Xml **xml)
{
        xml_free(*xml);
}
