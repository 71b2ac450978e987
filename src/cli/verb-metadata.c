/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_uri = {
        .name = "uri",
        .argument = N_("URI"),
        .help = N_("the name space"),
};

static const Option option_key = {
        .name = "key",
        .argument = N_("NAME"),
        .help = N_("its prefix in the definition"),
};

static const Option option_set = {
        .name = "set",
        .argument = N_("XML"),
        .help = N_("the element that is put there"),
};

static const Option option_remove = {
        .name = "remove",
        .help = N_("take the element out"),
};

static int show(Client *client, const Invocation *invocation, const char *path, MusterError **ret_error)
{
        const ClientRequest request = {.method = "GET", .path = path};
        CLEANUP(json) json_object *answer = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        r = client_call(client, &request, NULL, &text, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json)) {
                answer = body_text(body_new(), "xml", text);
                return answer ? say_json(answer, ret_error) : error_oom(ret_error);
        }
        say("%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
        return EXIT_OK;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *uri = option_value(invocation, &option_uri),
                   *key = option_value(invocation, &option_key),
                   *xml = option_value(invocation, &option_set);
        bool removes = option_given(invocation, &option_remove);
        CLEANUP(free) char *path = NULL;
        CLEANUP(json) json_object *answer = NULL;
        int r;

        if (!uri || (xml && removes) || (xml && !key))
                return error_set(ret_error, -EINVAL,
                                 !uri      ? _("Name the name space: --uri URI.")
                                 : removes ? _("Give either --set or --remove.")
                                           : _("Give the prefix of the name space, too: --key NAME."));
        path = client_query(remote_path(invocation, "metadata", NULL), "uri", uri);
        if (key)
                path = client_query(path, "key", key);
        r = remote_where(client, invocation, &path, ret_error);
        if (r < 0)
                return r;
        if (!xml && !removes)
                return show(client, invocation, path, ret_error);
        r = xml ? remote_send_xml(client, "PUT", TAKE(path), xml, &answer, ret_error)
                : remote_call(client, "DELETE", TAKE(path), NULL, &answer, ret_error);
        if (r < 0)
                return r;
        return remote_done(client, invocation, answer, xml ? _("Metadata modified") : _("Metadata removed"),
                           NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_uri,  &option_key,    &option_set, &option_remove,
                                        REMOTE_WHERE, REMOTE_OPTIONS, NULL};

const Verb verb_metadata = {
        .name = "metadata",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN"),
        .summary = N_("print or change what others keep in a domain's definition"),
        .about = N_("Prints the element of the name space --uri, or with --set puts one there, "
                    "which --key gives its prefix, or with --remove takes it out: of the "
                    "definition, of the guest that runs, or of both.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster metadata guest --uri http://example.org/backup",
        .min_arguments = 1,
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
