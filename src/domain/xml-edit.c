/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/libxml.h"
#include "domain/xml.h"

#define TEXT(string) ((const xmlChar *)(string))

int xml_set(XmlElement *element, const char *attribute, const char *value)
{
        xmlAttr *set;

        if (!value) {
                libxml.xmlUnsetProp(element, TEXT(attribute));
                return 0;
        }
        if (streq_ptr(xml_attribute(element, attribute), value))
                return 0;
        set = libxml.xmlSetProp(element, TEXT(attribute), TEXT(value));
        if (!set)
                return -ENOMEM;
        xml_attribute(element, attribute); /* marks it */
        return 0;
}

int xml_setf(XmlElement *element, const char *attribute, const char *format, ...)
{
        CLEANUP(free) char *value = NULL;
        va_list args;

        va_start(args, format);
        value = text_vformat(format, args);
        va_end(args);
        return value ? xml_set(element, attribute, value) : -ENOMEM;
}

int xml_add(XmlElement *parent, const char *name, const char *text, XmlElement **ret)
{
        XmlElement *element = libxml.xmlNewTextChild(parent, /* ns= */ NULL, TEXT(name), TEXT(text));

        if (!element)
                return -ENOMEM;
        /* libxml2 gives a child its parent's name space, which no element of libvirt's has. */
        libxml.xmlSetNs(element, NULL);
        element->line = parent->line;
        xml_mark_all(element);
        HAND_OVER(ret, element);
        return 0;
}

int xml_ensure(XmlElement *parent, const char *name, XmlElement **ret)
{
        XmlElement *found = xml_child(parent, name);

        if (!found)
                return xml_add(parent, name, /* text= */ NULL, ret);
        *ret = found;
        return 0;
}

void xml_remove(XmlElement *element)
{
        libxml.xmlUnlinkNode(element);
        libxml.xmlFreeNode(element);
}

int xml_adopt(Xml *xml, XmlElement *parent, const XmlElement *element, XmlElement **ret)
{
        xmlNode *copy = libxml.xmlDocCopyNode((xmlNode *)element, xml->doc, /* recursive= */ 1);

        if (!copy)
                return -ENOMEM;
        if (!libxml.xmlAddChild(parent, copy)) {
                libxml.xmlFreeNode(copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

void xml_move_into(XmlElement *element, XmlElement *parent)
{
        libxml.xmlUnlinkNode(element);
        element->parent = parent;
        element->prev = parent->last;
        element->next = NULL;
        if (parent->last)
                parent->last->next = element;
        else
                parent->children = element;
        parent->last = element;
}

void xml_move_before(XmlElement *element, XmlElement *sibling)
{
        libxml.xmlUnlinkNode(element);
        element->parent = sibling->parent;
        element->prev = sibling->prev;
        element->next = sibling;
        if (sibling->prev)
                sibling->prev->next = element;
        else
                sibling->parent->children = element;
        sibling->prev = element;
}

int xml_set_text(XmlElement *element, const char *text)
{
        xmlNode *node = libxml.xmlNewText(TEXT(text)), *next;

        if (!node)
                return -ENOMEM;
        for (xmlNode *child = element->children; child; child = next) {
                next = child->next;
                if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
                        xml_remove(child);
        }
        if (!libxml.xmlAddChild(element, node)) {
                libxml.xmlFreeNode(node);
                return -ENOMEM;
        }
        node->_private = element; /* read */
        return 0;
}

/* --- order --------------------------------------------------------------------------------------- */

typedef struct Ranked {
        xmlNode *first; /* comments, then the element; what follows the last element is a run of its own */
        size_t n;
        unsigned rank;
        size_t index;
} Ranked;

static int compare_ranked(const void *a, const void *b)
{
        const Ranked *first = a, *second = b;

        if (first->rank != second->rank)
                return first->rank < second->rank ? -1 : 1;
        return first->index < second->index ? -1 : first->index > second->index;
}

static size_t find_runs(XmlElement *parent, unsigned (*rank)(const XmlElement *element), Ranked *runs)
{
        size_t n = 0;
        bool open = false;

        for (xmlNode *node = parent->children; node; node = node->next) {
                if (!open)
                        runs[n] = (Ranked){.first = node, .rank = UINT_MAX, .index = n};
                open = true;
                runs[n].n++;
                if (node->type != XML_ELEMENT_NODE)
                        continue;
                runs[n++].rank = rank(node);
                open = false;
        }
        return n + open;
}

int xml_sort(XmlElement *parent, unsigned (*rank)(const XmlElement *element))
{
        CLEANUP(free) Ranked *runs = NULL;
        size_t n = 0;

        for (xmlNode *node = parent->children; node; node = node->next)
                n++;
        runs = calloc(n + 1, sizeof(*runs));
        if (!runs)
                return -ENOMEM;
        n = find_runs(parent, rank, runs);
        qsort(runs, n, sizeof(*runs), compare_ranked);
        for (size_t i = 0; i < n; i++) {
                xmlNode *node = runs[i].first, *next;

                for (size_t k = 0; k < runs[i].n; k++, node = next) {
                        next = node->next;
                        libxml.xmlUnlinkNode(node);
                        /* Not xmlAddChild(), which merges texts. */
                        node->parent = parent;
                        node->prev = parent->last;
                        if (parent->last)
                                parent->last->next = node;
                        else
                                parent->children = node;
                        parent->last = node;
                }
        }
        return 0;
}

/* --- text ---------------------------------------------------------------------------------------- */

static bool is_blank_text(const xmlNode *node)
{
        const char *text = (const char *)node->content;

        return node->type == XML_TEXT_NODE && (!text || text[strspn(text, " \t\r\n")] == '\0');
}

static bool has_children(const xmlNode *element)
{
        for (const xmlNode *node = element->children; node; node = node->next)
                if (node->type == XML_ELEMENT_NODE || node->type == XML_COMMENT_NODE)
                        return true;
        return false;
}

/* Libxml2 indents only what has no text in it, so blank text between elements goes. */
static void strip(xmlNode *element)
{
        bool metadata = element->type == XML_ELEMENT_NODE && streq(xml_name(element), "metadata");
        xmlNode *next;

        if (metadata)
                return;
        for (xmlNode *node = element->children; node; node = next) {
                next = node->next;
                if (node->type == XML_ELEMENT_NODE)
                        strip(node);
                else if (is_blank_text(node) && (has_children(element) || element->type != XML_ELEMENT_NODE))
                        xml_remove(node);
        }
        /* <name>\n  vm\n</name> means "vm", and is read so. */
        if (element->children && !has_children(element) && is_blank_text(element->children) &&
            !element->children->next)
                xml_remove(element->children);
}

char *xml_to_text(Xml *xml)
{
        xmlBuffer *buffer = libxml.xmlBufferCreate();
        char *text = NULL;

        if (!buffer)
                return NULL;
        strip(xml->root);
        for (xmlNode *node = xml->doc->children; node; node = node->next)
                if (node->type == XML_ELEMENT_NODE || node->type == XML_COMMENT_NODE) {
                        if (libxml.xmlNodeDump(buffer, xml->doc, node, /* level= */ 0, /* format= */ 1) <
                                    0 ||
                            libxml.xmlBufferCat(buffer, TEXT("\n")) != 0) {
                                libxml.xmlBufferFree(buffer);
                                return NULL;
                        }
                }
        text = strdup((const char *)libxml.xmlBufferContent(buffer));
        libxml.xmlBufferFree(buffer);
        return text;
}

char *xml_element_to_text(Xml *xml, XmlElement *element)
{
        xmlBuffer *buffer = libxml.xmlBufferCreate();
        char *text = NULL;

        if (!buffer)
                return NULL;
        strip(element);
        if (libxml.xmlNodeDump(buffer, xml->doc, element, /* level= */ 0, /* format= */ 1) >= 0 &&
            libxml.xmlBufferCat(buffer, TEXT("\n")) == 0)
                text = strdup((const char *)libxml.xmlBufferContent(buffer));
        libxml.xmlBufferFree(buffer);
        return text;
}
