/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/schema.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "domain/libxml.h"
#include "domain/xml.h"

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

struct SchemaCheck {
        pthread_t thread;
        char *path;
        const char *text;
        size_t size;
        Faults faults;
        int r; /* -EBADMSG: the schema is none; -ENOMEM */
};

static int find_schema(char **ret, MusterError **ret_error)
{
        const char *folder = getenv("MUSTER_SCHEMAS_DIR") ?: MUSTER_SCHEMAS_DIR;
        CLEANUP(free) char *path = text_format("%s/domain.rng", folder);

        if (!path)
                return error_oom(ret_error);
        if (access(path, R_OK) < 0)
                return error_set(ret_error, -ENOENT,
                                 _("The schema that muster comes with is not in %s; install muster, or set "
                                   "MUSTER_SCHEMAS_DIR to the folder conf/schemas of its source."),
                                 folder);
        *ret = TAKE(path);
        return 0;
}

/*
 * The first one is kept for the rest of the process: it is not changed by validating with it, so any number
 * of threads may do that at once. A schema of another path is compiled for each use.
 */
static struct {
        pthread_mutex_t mutex;
        char *path;
        xmlRelaxNG *schema;
} compiled = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static xmlRelaxNG *compile(const char *path)
{
        xmlRelaxNGParserCtxt *context = libxml.xmlRelaxNGNewParserCtxt(path);
        xmlRelaxNG *schema;

        if (!context)
                return NULL;
        libxml.xmlRelaxNGSetParserErrors(context, on_parser_text, on_parser_text, NULL);
        schema = libxml.xmlRelaxNGParse(context);
        libxml.xmlRelaxNGFreeParserCtxt(context);
        return schema;
}

/* To be freed unless it is the one that is kept. NULL: it is none. */
static xmlRelaxNG *load(const char *path)
{
        xmlRelaxNG *schema = NULL;

        pthread_mutex_lock(&compiled.mutex);
        if (!streq_ptr(compiled.path, path)) {
                CLEANUP(free) char *copy = strdup(path);

                schema = copy ? compile(path) : NULL;
                if (schema && !compiled.schema) {
                        compiled.path = TAKE(copy);
                        compiled.schema = schema;
                }
        } else {
                schema = compiled.schema;
        }
        pthread_mutex_unlock(&compiled.mutex);
        return schema;
}

static int validate(Xml *xml, xmlRelaxNG *schema)
{
        Validation validation = {.xml = xml};
        xmlRelaxNGValidCtxt *context = libxml.xmlRelaxNGNewValidCtxt(schema);

        if (!context)
                return -ENOMEM;
        libxml.xmlRelaxNGSetValidStructuredErrors(context, on_fault, &validation);
        if (libxml.xmlRelaxNGValidateDoc(context, xml->doc) != 0 && validation.told == 0)
                xml_fault(xml, FAULT_ERROR, xml->root, /* attribute= */ NULL,
                          _("This does not follow the format's schema."));
        libxml.xmlRelaxNGFreeValidCtxt(context);
        return 0;
}

/* Which libxml2 does at the first use, without a lock: other domains may be read at the same time. */
static void init_types(void)
{
        libxml.xmlRelaxNGInitTypes();
        libxml.xmlSchemaInitTypes();
}

static void *run(void *userdata)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        SchemaCheck *check = userdata;
        CLEANUP(xml) Xml *xml = NULL;
        xmlRelaxNG *schema;

        check->r = xml_parse(check->text, check->size, "domain", &check->faults, &xml);
        /* What is no XML the reader has told. */
        if (check->r < 0 || !xml)
                return NULL;
        pthread_once(&once, init_types);
        schema = load(check->path);
        check->r = schema ? validate(xml, schema) : -EBADMSG;
        if (schema != compiled.schema)
                libxml.xmlRelaxNGFree(schema);
        return NULL;
}

static SchemaCheck *schema_check_free(SchemaCheck *check)
{
        if (!check)
                return NULL;
        faults_clear(&check->faults);
        free(check->path);
        free(check);
        return NULL;
}

DEFINE_CLEANUP(SchemaCheck, schema_check_free);

/* Signals are for the caller's threads. */
static int start_thread(SchemaCheck *check)
{
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&check->thread, /* attributes= */ NULL, run, check);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int schema_check_start(const char *text, size_t size, SchemaCheck **ret, MusterError **ret_error)
{
        CLEANUP(SchemaCheck) SchemaCheck *check = calloc(1, sizeof(*check));
        int r;

        if (!check)
                return error_oom(ret_error);
        check->text = text;
        check->size = size;
        check->faults.file = "";
        r = find_schema(&check->path, ret_error);
        if (r < 0)
                return r;
        r = start_thread(check);
        if (r < 0)
                return error_errno(ret_error, r, _("The schema cannot be read beside"));
        *ret = TAKE(check);
        return 0;
}

int schema_check_finish(SchemaCheck *check, Faults *faults, MusterError **ret_error)
{
        CLEANUP(SchemaCheck) SchemaCheck *owned = check;

        if (!owned)
                return 0;
        pthread_join(owned->thread, NULL);
        if (owned->r == -EBADMSG)
                return error_set(ret_error, owned->r, _("%s is no RELAX NG schema; install muster anew."),
                                 owned->path);
        if (owned->r < 0 || owned->faults.out_of_memory)
                return error_oom(ret_error);
        if (faults->n_errors > 0)
                return 0;
        for (size_t i = 0; i < owned->faults.n_items; i++)
                fault(faults, FAULT_ERROR, owned->faults.items[i].line, owned->faults.items[i].path, "%s",
                      owned->faults.items[i].message);
        return 0;
}
