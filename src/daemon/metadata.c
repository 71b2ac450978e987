/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/metadata.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/libxml.h"
#include "domain/xml.h"

#define TEXT(text) ((const xmlChar *)(text))

/* --- trees ------------------------------------------------------------------------------------------ */

static int parse(const char *definition, Faults *faults, Xml **ret, MusterError **ret_error)
{
        int r = xml_parse(definition, strlen(definition), "domain", faults, ret);

        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : error_errno(ret_error, r, "libxml2");
        return *ret ? 0 : error_set(ret_error, -EBADMSG, _("The domain's definition cannot be read."));
}

static bool is_of(const XmlElement *element, const char *uri)
{
        return element->ns && element->ns->href && streq((const char *)element->ns->href, uri);
}

static XmlElement *find(XmlElement *root, const char *uri)
{
        XmlElement *metadata = xml_child(root, "metadata"), *element = NULL;

        while (metadata && (element = xml_next_any(metadata, element)))
                if (is_of(element, uri))
                        return element;
        return NULL;
}

static int say_missing(const char *uri, MusterError **ret_error)
{
        return error_set(ret_error, -ENOENT, _("The definition has no metadata of the name space %s."), uri);
}

/* --- reading ---------------------------------------------------------------------------------------- */

static int add_text(XmlElement *root, const char *name, json_object *object)
{
        XmlElement *element = xml_child(root, name);
        CLEANUP(free) char *text = element ? xml_text(element) : NULL;

        if (!element)
                return 0;
        return text ? json_add_string(object, name, text) : -ENOMEM;
}

static int add_uris(XmlElement *root, json_object *object)
{
        CLEANUP(json) json_object *uris = json_object_new_array();
        XmlElement *metadata = xml_child(root, "metadata"), *element = NULL;

        while (uris && metadata && (element = xml_next_any(metadata, element)))
                if (element->ns && element->ns->href &&
                    json_append_string(uris, (const char *)element->ns->href) < 0)
                        return -ENOMEM;
        return json_add(object, "uris", TAKE(uris));
}

int metadata_describe(const char *definition, json_object **ret, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {.file = "domain"};
        CLEANUP(xml) Xml *xml = NULL;
        CLEANUP(json) json_object *object = json_object_new_object();
        int r;

        r = parse(definition, &faults, &xml, ret_error);
        if (r < 0)
                return r;
        if (!object || add_text(xml->root, "title", object) < 0 ||
            add_text(xml->root, "description", object) < 0 || add_uris(xml->root, object) < 0)
                return error_oom(ret_error);
        *ret = TAKE(object);
        return 0;
}

/* Takes the name space off, which the caller of metadata_change() gave beside the element. */
static void forget_uri(xmlNode *element, const char *uri)
{
        for (xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
                if (attribute->ns && streq((const char *)attribute->ns->href, uri))
                        attribute->ns = NULL;
        if (is_of(element, uri))
                element->ns = NULL;
        for (xmlNode *child = element->children; child; child = child->next)
                if (child->type == XML_ELEMENT_NODE)
                        forget_uri(child, uri);
}

static void drop_declarations(xmlNode *element, const char *uri)
{
        for (xmlNs **at = &element->nsDef; *at;) {
                xmlNs *ns = *at;

                if (!ns->href || !streq((const char *)ns->href, uri)) {
                        at = &ns->next;
                        continue;
                }
                *at = ns->next;
                libxml.xmlFreeNs(ns);
        }
        for (xmlNode *child = element->children; child; child = child->next)
                if (child->type == XML_ELEMENT_NODE)
                        drop_declarations(child, uri);
}

static char *element_to_text(xmlDoc *doc, xmlNode *element)
{
        xmlBuffer *buffer = libxml.xmlBufferCreate();
        char *text = NULL;

        if (buffer && libxml.xmlNodeDump(buffer, doc, element, /* level= */ 0, /* format= */ 0) >= 0)
                text = strdup((const char *)libxml.xmlBufferContent(buffer));
        if (buffer)
                libxml.xmlBufferFree(buffer);
        return text;
}

int metadata_get(const char *definition, const char *uri, char **ret, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {.file = "domain"};
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *element;
        char *text;
        int r;

        r = parse(definition, &faults, &xml, ret_error);
        if (r < 0)
                return r;
        element = find(xml->root, uri);
        if (!element)
                return say_missing(uri, ret_error);
        forget_uri(element, uri);
        drop_declarations(element, uri);
        text = element_to_text(xml->doc, element);
        if (!text)
                return error_oom(ret_error);
        *ret = text;
        return 0;
}

/* --- changing --------------------------------------------------------------------------------------- */

static int set_text(XmlElement *root, const char *name, const char *text)
{
        XmlElement *element = xml_child(root, name);
        int r;

        if (!text)
                return 0;
        if (!*text) {
                if (element)
                        xml_remove(element);
                return 0;
        }
        r = xml_ensure(root, name, &element);
        return r < 0 ? r : xml_set_text(element, text);
}

/* What XML declares of itself in front is of no use within another one. */
static const char *skip_declaration(const char *xml)
{
        const char *end;

        xml += strspn(xml, " \t\r\n");
        if (!startswith(xml, "<?xml"))
                return xml;
        end = strstr(xml, "?>");
        return end ? end + 2 : xml;
}

/* Within an element of ours: the reader demands to know its name. */
static int parse_element(const char *text, Faults *faults, Xml **ret, MusterError **ret_error)
{
        CLEANUP(free) char *wrapped = text_format("<metadata>%s</metadata>", skip_declaration(text));
        XmlElement *first;
        int r;

        if (!wrapped)
                return error_oom(ret_error);
        r = xml_parse(wrapped, strlen(wrapped), "metadata", faults, ret);
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : error_errno(ret_error, r, "libxml2");
        if (!*ret)
                return error_set(ret_error, -EINVAL, _("The metadata is no well-formed XML: %s"),
                                 faults->n_items > 0 ? faults->items[0].message : "?");
        first = xml_next_any((*ret)->root, NULL);
        if (!first || xml_next_any((*ret)->root, first))
                return error_set(ret_error, -EINVAL, _("The metadata must be one element of XML."));
        return 0;
}

static int put_in(Xml *xml, XmlElement *element, const MetadataChange *change)
{
        XmlElement *metadata;
        xmlNode *copy;
        xmlNs *ns;

        if (xml_ensure(xml->root, "metadata", &metadata) < 0)
                return -ENOMEM;
        copy = libxml.xmlDocCopyNode(element, xml->doc, /* extended= */ 1);
        if (!copy)
                return -ENOMEM;
        if (!libxml.xmlAddChild(metadata, copy)) {
                libxml.xmlFreeNode(copy);
                return -ENOMEM;
        }
        ns = libxml.xmlNewNs(copy, TEXT(change->uri), TEXT(change->key));
        if (!ns)
                return -EINVAL; /* it has one of this prefix */
        libxml.xmlSetNs(copy, ns);
        return 0;
}

static int set_element(Xml *xml, const MetadataChange *change, MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {.file = "metadata"};
        CLEANUP(xml) Xml *given = NULL;
        XmlElement *old = find(xml->root, change->uri);
        int r;

        if (!change->xml) {
                if (!old)
                        return say_missing(change->uri, ret_error);
                xml_remove(old);
                return 0;
        }
        r = parse_element(change->xml, &faults, &given, ret_error);
        if (r < 0)
                return r;
        if (old)
                xml_remove(old);
        r = put_in(xml, xml_next_any(given->root, NULL), change);
        if (r == -EINVAL)
                return error_set(ret_error, r, _("The prefix %s is taken in the element already."),
                                 change->key);
        return r < 0 ? error_oom(ret_error) : 0;
}

static bool is_prefix(const char *key)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

        return *key && strlen(key) <= 64 && strspn(key, letters) > 0 &&
               strspn(key + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-.") ==
                       strlen(key) - 1 &&
               strncasecmp(key, "xml", 3) != 0;
}

/* Also what XML has no way to say. */
static bool is_text(const char *text, bool lines)
{
        size_t size = strlen(text);
        bool good = size <= METADATA_TEXT_MAX && text_is_utf8(text, size);

        for (const char *c = text; good && *c; c++)
                good = (unsigned char)*c >= 0x20 || *c == '\t' || (lines && *c == '\n');
        return good;
}

/* Libxml2 before 2.12 writes the URIs of name spaces without escaping them. */
static bool is_uri(const char *uri)
{
        return *uri && is_text(uri, /* lines= */ false) && !strpbrk(uri, " \t&<>\"'");
}

static int check(const MetadataChange *change, MusterError **ret_error)
{
        if (change->title && !is_text(change->title, /* lines= */ false))
                return error_set(ret_error, -EINVAL,
                                 _("A title is one line of text, at most %zu bytes of UTF-8."),
                                 METADATA_TEXT_MAX);
        if (change->description && !is_text(change->description, /* lines= */ true))
                return error_set(ret_error, -EINVAL, _("A description is text, at most %zu bytes of UTF-8."),
                                 METADATA_TEXT_MAX);
        if (change->uri && !is_uri(change->uri))
                return error_set(ret_error, -EINVAL,
                                 _("\"uri\" names no name space: it is empty, or has blanks or one of "
                                   "&<>\"' in it."));
        if (change->xml && (!change->key || !is_prefix(change->key)))
                return error_set(ret_error, -EINVAL,
                                 _("\"key\" must be a prefix for the name space: a letter, then letters, "
                                   "digits, '-', '_' and '.'."));
        return 0;
}

int metadata_change(const char *definition, const MetadataChange *change, char **ret,
                    MusterError **ret_error)
{
        CLEANUP(faults) Faults faults = {.file = "domain"};
        CLEANUP(xml) Xml *xml = NULL;
        char *text;
        int r;

        r = check(change, ret_error);
        if (r >= 0)
                r = parse(definition, &faults, &xml, ret_error);
        if (r >= 0 && change->uri)
                r = set_element(xml, change, ret_error);
        if (r < 0)
                return r;
        if (set_text(xml->root, "title", change->title) < 0 ||
            set_text(xml->root, "description", change->description) < 0)
                return error_oom(ret_error);
        text = xml_to_text(xml);
        if (!text)
                return error_oom(ret_error);
        *ret = text;
        return 0;
}
