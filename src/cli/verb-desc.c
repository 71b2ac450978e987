/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_title = {
        .name = "title",
        .help = N_("the title rather than the description"),
};

static int show(Client *client, const Invocation *invocation, bool title, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        char *path = remote_path(invocation, "metadata", NULL);
        const char *text;
        int r;

        r = remote_where(client, invocation, &path, ret_error);
        if (r >= 0)
                r = remote_call(client, "GET", path, NULL, &answer, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(answer, ret_error);
        text = json_get_string(answer, title ? "title" : "description");
        if (text && *text)
                say("%s\n", text);
        else
                say(title ? _("No title for domain: %s\n") : _("No description for domain: %s\n"),
                    invocation->arguments[0]);
        return EXIT_OK;
}

/* The words, joined. NULL when out of memory. */
static char *join(const Invocation *invocation)
{
        char *text = strdup(invocation->arguments[1]);

        for (size_t i = 2; text && i < invocation->n_arguments; i++) {
                CLEANUP(free) char *before = text;

                text = text_format("%s %s", before, invocation->arguments[i]);
        }
        return text;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool title = option_given(invocation, &option_title);
        CLEANUP(json) json_object *answer = NULL;
        CLEANUP(free) char *text = NULL;
        char *path;
        int r;

        if (invocation->n_arguments < 2)
                return show(client, invocation, title, ret_error);
        path = remote_path(invocation, "metadata", NULL);
        text = join(invocation);
        r = remote_where(client, invocation, &path, ret_error);
        if (r < 0)
                return r;
        r = remote_call(client, "PUT", path,
                        text ? body_text(body_new(), title ? "title" : "description", text) : NULL, &answer,
                        ret_error);
        if (r < 0)
                return r;
        return remote_done(client, invocation, answer,
                           title ? _("Domain title updated successfully")
                                 : _("Domain description updated successfully"),
                           NULL, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_title, REMOTE_WHERE, REMOTE_OPTIONS, NULL};

const Verb verb_desc = {
        .name = "desc",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN [TEXT ...]"),
        .summary = N_("print or change a domain's description or title"),
        .about = N_("Without a text prints it; with one, or several words of one, changes it: "
                    "of the definition, of the guest that runs, or of both. An empty text "
                    "removes it.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster desc guest --title",
        .min_arguments = 1,
        .max_arguments = 64,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
