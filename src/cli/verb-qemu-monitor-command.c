/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_hmp = {
        .name = "hmp",
        .help = N_("a line for the human monitor"),
};

static const Option option_pretty = {
        .name = "pretty",
        .help = N_("with line breaks"),
};

static const Option option_return_value = {
        .name = "return-value",
        .help = N_("only what \"return\" has"),
};

static char *join(const Invocation *invocation)
{
        char *text = strdup(invocation->arguments[1]);

        for (size_t i = 2; text && i < invocation->n_arguments; i++) {
                CLEANUP(free) char *before = text;

                text = text_format("%s %s", before, invocation->arguments[i]);
        }
        return text;
}

static int make_body(const char *text, bool hmp, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *body = NULL, *arguments = NULL;

        if (!hmp) {
                if (json_parse(text, strlen(text), ret) < 0)
                        return error_set(
                                ret_error, -EINVAL,
                                _("The command is no JSON; give {\"execute\": \"query-status\"}, or "
                                  "--hmp for the human monitor."));
                return 0;
        }
        arguments = body_text(body_new(), "command-line", text);
        body = body_text(body_new(), "execute", "human-monitor-command");
        if (!body || !arguments || json_add(body, "arguments", TAKE(arguments)) < 0)
                return error_oom(ret_error);
        *ret = TAKE(body);
        return 0;
}

static int say_answer(const Invocation *invocation, bool hmp, json_object *answer, MusterError **ret_error)
{
        json_object *value = NULL;
        const char *text;

        (void)json_object_object_get_ex(answer, "return", &value);
        if (option_given(invocation, &option_return_value))
                answer = value;
        if (hmp && json_object_is_type(value, json_type_string) && !option_given(invocation, &option_json)) {
                text = json_object_get_string(value);
                say("%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
                return EXIT_OK;
        }
        if (option_given(invocation, &option_pretty) || option_given(invocation, &option_json))
                return say_json(answer, ret_error);
        text = json_object_to_json_string_ext(answer,
                                              JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        say("%s\n", text ?: "?");
        return EXIT_OK;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        bool hmp = option_given(invocation, &option_hmp);
        CLEANUP(free) char *text = join(invocation);
        CLEANUP(json) json_object *answer = NULL;
        json_object *body;
        int r;

        if (!text)
                return error_oom(ret_error);
        r = make_body(text, hmp, &body, ret_error);
        if (r < 0)
                return r;
        r = remote_call(client, "POST", remote_path(invocation, "qmp", NULL), body, &answer, ret_error);
        return r < 0 ? r : say_answer(invocation, hmp, answer, ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {&option_hmp, &option_pretty, &option_return_value, REMOTE_OPTIONS,
                                        NULL};

const Verb verb_qemu_monitor_command = {
        .name = "qemu-monitor-command",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("DOMAIN COMMAND ..."),
        .summary = N_("send a command to a running emulator"),
        .about = N_("COMMAND is JSON, {\"execute\": ...}, or with --hmp a line for the human "
                    "monitor; several words are joined. Prints what the emulator returns. What "
                    "such a command does to a guest muster does not know, so it is for "
                    "looking, mostly.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster qemu-monitor-command guest --hmp info block",
        .min_arguments = 2,
        .max_arguments = 64,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
