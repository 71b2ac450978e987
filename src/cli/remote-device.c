/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"

/* Devices of a domain: where they are changed, and their XML. */

int remote_where(Client *client, const Invocation *invocation, char **path, MusterError **ret_error)
{
        bool live = option_given(invocation, &option_live),
             config = option_given(invocation, &option_device_config);

        if (option_given(invocation, &option_persistent)) {
                CLEANUP(json) json_object *domain = NULL;
                int r = remote_domain(client, invocation, &domain, ret_error);

                if (r < 0) {
                        free(TAKE(*path));
                        return r;
                }
                config = true;
                live = live || json_get(domain, "id", json_type_int);
        }
        if (live)
                *path = client_query(*path, "live", "true");
        if (config)
                *path = client_query(*path, "config", "true");
        return *path ? 0 : error_oom(ret_error);
}

int remote_send_device(Client *client, const Invocation *invocation, const char *method, const char *xml,
                       json_object **ret, MusterError **ret_error)
{
        char *path = remote_path(invocation, "devices", NULL);
        int r;

        r = remote_where(client, invocation, &path, ret_error);
        return r < 0 ? r : remote_send_xml(client, method, path, xml, ret, ret_error);
}

void remote_put_xml(FILE *file, const char *text)
{
        for (; *text; text++)
                switch (*text) {
                case '&':
                        fputs("&amp;", file);
                        break;
                case '<':
                        fputs("&lt;", file);
                        break;
                case '\'':
                        fputs("&apos;", file);
                        break;
                default:
                        fputc(*text, file);
                }
}
