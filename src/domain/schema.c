/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/schema.h"

#include <errno.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "domain/libxml.h"

#define FAULTS_TOLD 8 /* what follows from the first ones is no news */

typedef struct Validation {
        Xml *xml;
        unsigned told;
} Validation;

static void on_parser_text(void *userdata, const char *format, ...) {}

#if LIBXML_VERSION >= 21200
static void on_fault(void *userdata, const xmlError *error)
#else
static void on_fault(void *userdata, xmlErrorPtr error)
#endif
{
        Validation *validation = userdata;
        const xmlNode *node = error->node;
        size_t size = error->message ? strlen(error->message) : 0;
        CLEANUP(free) char *text = NULL;

        if (validation->told++ >= FAULTS_TOLD)
                return;
        while (size > 0 && error->message[size - 1] == '\n')
                size--;
        text = text_for_terminal(error->message ?: "?", size, 200);
        while (node && node->type != XML_ELEMENT_NODE)
                node = node->parent;
        xml_fault(validation->xml, FAULT_ERROR, node ?: validation->xml->root, /* attribute= */ NULL,
                  _("This does not follow the format's schema: %s."), text ?: "?");
}

static int load(xmlRelaxNG **ret, MusterError **ret_error)
{
        const char *folder = getenv("MUSTER_SCHEMAS_DIR") ?: MUSTER_SCHEMAS_DIR;
        CLEANUP(free) char *path = text_format("%s/domain.rng", folder);
        xmlRelaxNGParserCtxt *context;

        if (!path)
                return error_oom(ret_error);
        if (access(path, R_OK) < 0)
                return error_set(ret_error, -ENOENT,
                                 _("The schema that muster comes with is not in %s; install muster, or set "
                                   "MUSTER_SCHEMAS_DIR to the folder conf/schemas of its source."),
                                 folder);
        context = libxml.xmlRelaxNGNewParserCtxt(path);
        if (!context)
                return error_oom(ret_error);
        libxml.xmlRelaxNGSetParserErrors(context, on_parser_text, on_parser_text, NULL);
        *ret = libxml.xmlRelaxNGParse(context);
        libxml.xmlRelaxNGFreeParserCtxt(context);
        if (*ret)
                return 0;
        return error_set(ret_error, -EBADMSG, _("%s is no RELAX NG schema; install muster anew."), path);
}

int schema_validate(Xml *xml, MusterError **ret_error)
{
        Validation validation = {.xml = xml};
        xmlRelaxNGValidCtxt *context;
        xmlRelaxNG *schema = NULL;
        int r;

        if (xml->faults->n_errors > 0)
                return 0;
        r = load(&schema, ret_error);
        if (r < 0)
                return r;
        context = libxml.xmlRelaxNGNewValidCtxt(schema);
        if (context) {
                libxml.xmlRelaxNGSetValidStructuredErrors(context, on_fault, &validation);
                r = libxml.xmlRelaxNGValidateDoc(context, xml->doc);
                if (r != 0 && validation.told == 0)
                        xml_fault(xml, FAULT_ERROR, xml->root, /* attribute= */ NULL,
                                  _("This does not follow the format's schema."));
                r = 0;
        } else {
                r = error_oom(ret_error);
        }
        libxml.xmlRelaxNGFreeValidCtxt(context);
        libxml.xmlRelaxNGFree(schema);
        return r;
}
