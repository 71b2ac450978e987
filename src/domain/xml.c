/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/xml.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/libxml.h"

/*
 * Libxml2 is used for what it does well, which is parsing; what it may do besides is taken away: a document
 * type ends parsing where it begins (SAX's internalSubset), so there are no entities to expand but XML's
 * own, which NOENT makes plain text. Marks are kept in the _private of nodes and attributes, which is the
 * application's.
 *
 * Namespaced elements are only read within <metadata> and as QEMU's own; xml_child() and its like look at
 * names without a namespace.
 */

static char read_mark; /* its address is the mark */

typedef struct Parsing {
        Faults *faults;
        bool has_doctype;
        bool out_of_memory;
        unsigned depth, nodes;
        bool reported;
} Parsing;

static void on_error(void *userdata, xmlErrorPtr error)
{
        xmlParserCtxt *context = userdata;
        Parsing *parsing = context->_private;
        size_t size = error->message ? strlen(error->message) : 0;
        CLEANUP(free) char *shown = NULL;

        if (error->code == XML_ERR_NO_MEMORY)
                parsing->out_of_memory = true;
        /* One is enough: the others follow from it. */
        if (parsing->reported || parsing->has_doctype || error->level < XML_ERR_ERROR)
                return;
        parsing->reported = true;
        while (size > 0 && error->message[size - 1] == '\n')
                size--;
        shown = text_for_terminal(error->message ?: "?", size, 400);
        fault(parsing->faults, FAULT_ERROR, error->line > 0 ? (unsigned)error->line : 0, /* path= */ NULL,
              _("This is no well-formed XML: %s."), shown ?: "?");
}

static void on_doctype(void *userdata, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
        xmlParserCtxt *context = userdata;
        Parsing *parsing = context->_private;
        int line = libxml.xmlSAX2GetLineNumber(context);

        parsing->has_doctype = true;
        fault(parsing->faults, FAULT_ERROR, line > 0 ? (unsigned)line : 0, /* path= */ NULL,
              _("A document type is not taken, since entities could be defined in it; remove <!DOCTYPE "
                "…>."));
        libxml.xmlStopParser(context);
}

static xmlDoc *parse(const char *text, size_t size, Parsing *parsing)
{
        static const int options =
                XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOENT | XML_PARSE_BIG_LINES;
        xmlParserCtxt *context = libxml.xmlNewParserCtxt();
        xmlDoc *doc;

        if (!context) {
                parsing->out_of_memory = true;
                return NULL;
        }
        context->_private = parsing;
        context->sax->serror = on_error;
        context->sax->internalSubset = on_doctype;
        doc = libxml.xmlCtxtReadMemory(context, text, (int)size, /* URL= */ NULL, /* encoding= */ NULL,
                                       options);
        libxml.xmlFreeParserCtxt(context);
        return doc;
}

/* Counts, with libxml2's own recursion limit (256 levels) above ours. */
static bool within_bounds(const xmlNode *node, unsigned depth, Parsing *parsing)
{
        for (; node; node = node->next) {
                if (node->type != XML_ELEMENT_NODE)
                        continue;
                for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
                        parsing->nodes++;
                if (depth > XML_LEVEL_MAX || ++parsing->nodes > XML_NODES_MAX ||
                    !within_bounds(node->children, depth + 1, parsing)) {
                        if (!parsing->reported)
                                fault(parsing->faults, FAULT_ERROR, xml_line(node), /* path= */ NULL,
                                      _("Here it nests deeper than %d levels, or has more than %d elements "
                                        "and "
                                        "attributes; no domain is like that."),
                                      XML_LEVEL_MAX, XML_NODES_MAX);
                        parsing->reported = true;
                        return false;
                }
        }
        return true;
}

static bool is_usable(xmlDoc *doc, const char *root, Parsing *parsing)
{
        xmlNode *found = doc ? libxml.xmlDocGetRootElement(doc) : NULL;

        if (parsing->reported || parsing->has_doctype || !found)
                return false;
        if (!within_bounds(found, /* depth= */ 1, parsing))
                return false;
        if ((!root || streq(xml_name(found), root)) && !found->ns)
                return true;
        if (!root) {
                fault(parsing->faults, FAULT_ERROR, xml_line(found), /* path= */ NULL,
                      _("This is a <%s> of a foreign name space, where a device is expected."),
                      xml_name(found));
                return false;
        }
        fault(parsing->faults, FAULT_ERROR, xml_line(found), /* path= */ NULL,
              _("This is a <%s>, where a <%s> is expected."), xml_name(found), root);
        return false;
}

int xml_parse(const char *text, size_t size, const char *root, Faults *faults, Xml **ret)
{
        Parsing parsing = {.faults = faults};
        CLEANUP(xml) Xml *xml = calloc(1, sizeof(*xml));
        int r;

        if (!xml)
                return -ENOMEM;
        r = libxml_load();
        if (r < 0)
                return r;
        *ret = NULL;
        if (size > XML_SIZE_MAX || size > INT_MAX) {
                fault(faults, FAULT_ERROR, /* line= */ 0, /* path= */ NULL,
                      _("The definition has %zu bytes; more than %zu are not taken."), size, XML_SIZE_MAX);
                return 0;
        }
        xml->doc = parse(text, size, &parsing);
        if (parsing.out_of_memory)
                return -ENOMEM;
        if (!is_usable(xml->doc, root, &parsing)) {
                if (faults->n_errors == 0)
                        fault(faults, FAULT_ERROR, /* line= */ 1, /* path= */ NULL,
                              _("There is no XML in it."));
                return 0;
        }
        xml->faults = faults;
        xml->root = libxml.xmlDocGetRootElement(xml->doc);
        xml_mark(xml->root);
        *ret = TAKE(xml);
        return 0;
}

Xml *xml_free(Xml *xml)
{
        if (!xml)
                return NULL;
        if (xml->doc)
                libxml.xmlFreeDoc(xml->doc);
        free(xml);
        return NULL;
}

const char *xml_name(const XmlElement *element)
{
        return (const char *)element->name;
}

unsigned xml_line(const XmlElement *element)
{
        long line = libxml.xmlGetLineNo(element);

        return line > 0 ? (unsigned)line : 0;
}

void xml_mark(XmlElement *element)
{
        element->_private = &read_mark;
}

const char *xml_attribute(XmlElement *element, const char *name)
{
        for (xmlAttr *attribute = element->properties; attribute; attribute = attribute->next) {
                if (attribute->ns || !streq((const char *)attribute->name, name))
                        continue;
                attribute->_private = &read_mark;
                /* Without entities a value is one text, or none. */
                return attribute->children ? (const char *)attribute->children->content : "";
        }
        return NULL;
}

XmlElement *xml_next_any(XmlElement *element, XmlElement *last)
{
        xmlNode *node = last ? last->next : element->children;

        while (node && node->type != XML_ELEMENT_NODE)
                node = node->next;
        return node;
}

XmlElement *xml_next(XmlElement *element, const char *name, XmlElement *last)
{
        while ((last = xml_next_any(element, last)))
                if (!last->ns && streq(xml_name(last), name)) {
                        xml_mark(last);
                        return last;
                }
        return NULL;
}

XmlElement *xml_next_in(XmlElement *element, const char *uri, const char *name, XmlElement *last)
{
        while ((last = xml_next_any(element, last)))
                if (last->ns && streq_ptr((const char *)last->ns->href, uri) &&
                    streq(xml_name(last), name)) {
                        xml_mark(last);
                        return last;
                }
        return NULL;
}

XmlElement *xml_child(XmlElement *element, const char *name)
{
        return xml_next(element, name, /* last= */ NULL);
}

static bool is_text(const xmlNode *node)
{
        return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static const char *content_of(const xmlNode *node)
{
        return node->content ? (const char *)node->content : "";
}

char *xml_text(XmlElement *element)
{
        CLEANUP(free) char *text = NULL;
        const char *start;
        size_t size = 0;
        char *end;

        for (xmlNode *node = element->children; node; node = node->next)
                if (is_text(node))
                        size += strlen(content_of(node));
        end = text = malloc(size + 1);
        if (!text)
                return NULL;
        for (xmlNode *node = element->children; node; node = node->next) {
                if (!is_text(node))
                        continue;
                node->_private = &read_mark;
                end = stpcpy(end, content_of(node));
        }
        *end = '\0';
        start = text + strspn(text, " \t\r\n");
        size = strlen(start);
        while (size > 0 && strchr(" \t\r\n", start[size - 1]))
                size--;
        return strndup(start, size);
}

void xml_mark_all(XmlElement *element)
{
        xml_mark(element);
        for (xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
                attribute->_private = &read_mark;
        for (xmlNode *node = element->children; node; node = node->next)
                if (node->type == XML_ELEMENT_NODE)
                        xml_mark_all(node);
                else
                        node->_private = &read_mark;
}
