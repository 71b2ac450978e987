/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Libxml2's functions, loaded when a definition is first read: with the libraries that it brings along it
 * costs more to load than a warm `muster has` takes.
 */

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/tree.h>
#include <libxml/xmlschemastypes.h>

#define LIBXML_FUNCTIONS(USE)                                                                               \
        USE(xmlAddChild)                                                                                    \
        USE(xmlBufferCat)                                                                                   \
        USE(xmlBufferContent)                                                                               \
        USE(xmlBufferCreate)                                                                                \
        USE(xmlBufferFree)                                                                                  \
        USE(xmlCtxtReadMemory)                                                                              \
        USE(xmlDocCopyNode)                                                                                 \
        USE(xmlDocGetRootElement)                                                                           \
        USE(xmlFreeDoc)                                                                                     \
        USE(xmlFreeNode)                                                                                    \
        USE(xmlFreeNs)                                                                                      \
        USE(xmlFreeParserCtxt)                                                                              \
        USE(xmlGetLineNo)                                                                                   \
        USE(xmlInitParser)                                                                                  \
        USE(xmlNewNs)                                                                                       \
        USE(xmlNewParserCtxt)                                                                               \
        USE(xmlNewText)                                                                                     \
        USE(xmlNewTextChild)                                                                                \
        USE(xmlNodeDump)                                                                                    \
        USE(xmlRelaxNGFree)                                                                                 \
        USE(xmlRelaxNGFreeParserCtxt)                                                                       \
        USE(xmlRelaxNGFreeValidCtxt)                                                                        \
        USE(xmlRelaxNGInitTypes)                                                                            \
        USE(xmlRelaxNGNewParserCtxt)                                                                        \
        USE(xmlRelaxNGNewValidCtxt)                                                                         \
        USE(xmlRelaxNGParse)                                                                                \
        USE(xmlRelaxNGSetParserErrors)                                                                      \
        USE(xmlRelaxNGSetValidStructuredErrors)                                                             \
        USE(xmlRelaxNGValidateDoc)                                                                          \
        USE(xmlSAX2GetLineNumber)                                                                           \
        USE(xmlSchemaInitTypes)                                                                             \
        USE(xmlSetNs)                                                                                       \
        USE(xmlSetProp)                                                                                     \
        USE(xmlStopParser)                                                                                  \
        USE(xmlUnlinkNode)                                                                                  \
        USE(xmlUnsetProp)

#define LIBXML_POINTER(name) __typeof__(&name) name;

typedef struct Libxml {
        LIBXML_FUNCTIONS(LIBXML_POINTER)
} Libxml;

#undef LIBXML_POINTER

extern Libxml libxml;

/* -ENOPKG: the library is not there, or not as it was when this was built. Thread-safe. */
int libxml_load(void);
