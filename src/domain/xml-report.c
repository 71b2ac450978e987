/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where something stands in the tree, and what nobody read. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/libxml.h"
#include "domain/xml.h"

#define SHOWN_MAX 60

static bool is_namesake(const XmlElement *a, const xmlNode *b)
{
        return b->type == XML_ELEMENT_NODE && streq((const char *)a->name, (const char *)b->name);
}

/* "[2]", or nothing where it is the only one of its name. */
static void print_index(FILE *out, const XmlElement *element)
{
        unsigned before = 0, after = 0;

        for (const xmlNode *node = element->prev; node; node = node->prev)
                before += is_namesake(element, node);
        for (const xmlNode *node = element->next; node && after == 0; node = node->next)
                after += is_namesake(element, node);
        if (before + after > 0)
                fprintf(out, "[%u]", before + 1);
}

static void print_path(FILE *out, const XmlElement *element)
{
        if (element->parent && element->parent->type == XML_ELEMENT_NODE)
                print_path(out, element->parent);
        fprintf(out, "/%s%s%s", element->ns && element->ns->prefix ? (const char *)element->ns->prefix : "",
                element->ns && element->ns->prefix ? ":" : "", xml_name(element));
        print_index(out, element);
}

char *xml_path(const XmlElement *element, const char *attribute)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        print_path(out, element);
        if (attribute)
                fprintf(out, "/@%s", attribute);
        if (fclose(out) == 0)
                return text;
        free(text);
        return NULL;
}

void xml_fault(Xml *xml, FaultSeverity severity, const XmlElement *element, const char *attribute,
               const char *format, ...)
{
        CLEANUP(free) char *path = NULL, *message = NULL;
        va_list args;

        /* Making a path walks over all siblings: not for what is only counted. */
        if (faults_full(xml->faults)) {
                fault(xml->faults, severity, /* line= */ 0, /* path= */ NULL, "%s", "");
                return;
        }
        path = xml_path(element, attribute);
        va_start(args, format);
        message = text_vformat(format, args);
        va_end(args);
        if (path && message)
                fault(xml->faults, severity, xml_line(element), path, "%s", message);
        else
                xml->faults->out_of_memory = true;
}

static void report_attributes(Xml *xml, const XmlElement *element)
{
        for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
                if (!attribute->_private)
                        xml_fault(xml, FAULT_ERROR, element, (const char *)attribute->name,
                                  _("Muster does not know the attribute \"%s\" of <%s>; remove it."),
                                  (const char *)attribute->name, xml_name(element));
}

static bool is_blank(const xmlNode *node)
{
        const char *text = (const char *)node->content;

        return !text || text[strspn(text, " \t\r\n")] == '\0';
}

static void report_text(Xml *xml, const XmlElement *element, const xmlNode *text)
{
        CLEANUP(free) char *shown = NULL;

        if (text->_private || is_blank(text))
                return;
        shown = text_for_terminal((const char *)text->content, strlen((const char *)text->content),
                                  SHOWN_MAX);
        xml_fault(xml, FAULT_ERROR, element, /* attribute= */ NULL,
                  _("There is text in <%s> where none belongs: \"%s\"."), xml_name(element), shown ?: "?");
}

static bool had_namesake(const XmlElement *element)
{
        for (const xmlNode *node = element->prev; node; node = node->prev)
                if (is_namesake(element, node) && node->_private)
                        return true;
        return false;
}

static void report_element(Xml *xml, XmlElement *element);

static void report_children(Xml *xml, XmlElement *element)
{
        report_attributes(xml, element);
        for (xmlNode *node = element->children; node; node = node->next)
                if (node->type == XML_ELEMENT_NODE)
                        report_element(xml, node);
                else if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
                        report_text(xml, element, node);
}

/* Of what is not known, nothing within is reported. */
static void report_element(Xml *xml, XmlElement *element)
{
        if (element->_private)
                report_children(xml, element);
        else if (!faults_full(xml->faults) && had_namesake(element))
                xml_fault(xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("There is more than one <%s> here; keep one."), xml_name(element));
        else
                xml_fault(xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Muster does not know <%s> here; remove it."), xml_name(element));
}

void xml_report_unread(Xml *xml)
{
        report_element(xml, xml->root);
}
