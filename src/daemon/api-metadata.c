/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/api.h"
#include "daemon/metadata.h"

/* What a domain is called, and what is noted about it. */

static void post_rename(ApiCall *call)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const char *name = api_text(call, "name");
        RenameData data = {};
        int r;

        if (!name) {
                api_refuse(call, -EINVAL, _("Give the new name: {\"name\": \"…\"}."));
                return;
        }
        r = managed_check_name(name, &error);
        if (r < 0) {
                api_fail(call, r, error, NULL);
                return;
        }
        data.name = strdup(name);
        api_submit(call, &op_rename, &data);
}

/* Of what runs if it runs, else of what it is started from; or the one that is asked for. */
static const char *choose_definition(ApiCall *call)
{
        const Managed *managed = call->managed;

        if (managed->life && !(api_flag(call, "config") && managed->definition))
                return managed->life->definition;
        return managed->definition;
}

static void get_metadata(ApiCall *call)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const char *uri = http_request_query(call->request, "uri"), *definition = choose_definition(call);
        json_object *object = NULL;
        char *text = NULL;
        int r;

        if (!definition) {
                api_refuse(call, -ENOENT, _("Domain %s has no definition yet."), call->managed->name);
                return;
        }
        r = uri ? metadata_get(definition, uri, &text, &error)
                : metadata_describe(definition, &object, &error);
        if (r < 0)
                api_fail(call, r, error, NULL);
        else if (uri)
                api_answer_text(call, "application/xml", text);
        else
                api_answer(call, 200, object);
}

static bool copy(const char *text, char **ret)
{
        if (text)
                *ret = strdup(text);
        return !text || *ret;
}

static void submit(ApiCall *call, const char *xml)
{
        MetadataData data = {.live = api_flag(call, "live"), .config = api_flag(call, "config")};

        if (!copy(http_request_query(call->request, "uri"), &data.uri) ||
            !copy(http_request_query(call->request, "key"), &data.key) || !copy(xml, &data.xml) ||
            !copy(call->body ? api_text(call, "title") : NULL, &data.title) ||
            !copy(call->body ? api_text(call, "description") : NULL, &data.description)) {
                op_metadata.clear(&data);
                api_fail(call, -ENOMEM, NULL, NULL);
                return;
        }
        api_submit(call, &op_metadata, &data);
}

static void put_metadata(ApiCall *call)
{
        size_t size;
        const char *text = http_request_body(call->request, &size);
        bool has_uri = http_request_query(call->request, "uri") != NULL;

        if (call->body && (has_uri || http_request_query(call->request, "key")))
                api_refuse(call, -EINVAL,
                           _("An element of metadata is XML: send it with Content-Type: application/xml."));
        else if (!call->body && !has_uri)
                api_refuse(call, -EINVAL, _("Name the name space of the element with \"uri\" and \"key\"."));
        else if (!call->body && strlen(text ?: "") != size)
                api_refuse(call, -EINVAL, _("There is a NUL in the metadata, which is none of XML's."));
        else
                submit(call, call->body ? NULL : text ?: "");
}

static void delete_metadata(ApiCall *call)
{
        if (!http_request_query(call->request, "uri"))
                api_refuse(call, -EINVAL, _("Name the name space of the element with \"uri\"."));
        else
                submit(call, NULL);
}

const ApiRoute api_metadata_routes[] = {
        {"POST", "/v1/domains/{domain}/rename", HTTP_RIGHT_ALL, API_BODY_JSON, post_rename, NULL,
         "name:string"},
        {"GET", "/v1/domains/{domain}/metadata", HTTP_RIGHT_READ, API_BODY_NONE, get_metadata,
         "uri:string config:boolean", NULL},
        {"PUT", "/v1/domains/{domain}/metadata", HTTP_RIGHT_ALL, API_BODY_BOTH, put_metadata,
         "uri:string key:string live:boolean config:boolean", "title:string description:string"},
        {"DELETE", "/v1/domains/{domain}/metadata", HTTP_RIGHT_ALL, API_BODY_NONE, delete_metadata,
         "uri:string live:boolean config:boolean", NULL},
        {},
};
