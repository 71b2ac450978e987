/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/remote.h"

#include <errno.h>
#include <limits.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "cli/domain.h"
#include "cli/input.h"
#include "cli/suggest.h"

const Option option_daemon = {
        .letter = 'c',
        .name = "connect",
        .argument = N_("ADDRESS"),
        .help = N_("the daemon: unix:PATH, system or session; without it root's is the system's, and "
                   "everybody else has their own"),
        .complete = "system session",
};

const Option option_session = {
        .name = "session",
        .help = N_("your own daemon, which is started if it does not run; the same as --connect session"),
};

const Option option_answer_timeout = {
        .name = "timeout",
        .argument = N_("SECONDS"),
        .help = N_("give up on the daemon's answer after so long (fractions are allowed)"),
};

const Option option_paused = {
        .name = "paused",
        .help = N_("leave the guest paused; 'resume' lets it run"),
};

const Option option_running = {
        .name = "running",
        .help = N_("let the guest run, even if it was paused when it was saved"),
};

const Option option_mode = {
        .name = "mode",
        .argument = N_("MODE"),
        .help = N_("how the guest is asked: acpi (a button) or agent (the guest agent); without it the "
                   "agent if there is one, else the button"),
        .complete = "acpi agent",
};

const Option option_live = {
        .name = "live",
        .help = N_("change the running guest"),
};

const Option option_device_config = {
        .name = "config",
        .help = N_("change the definition, for the next start"),
};

const Option option_persistent = {
        .name = "persistent",
        .help = N_("change the definition and, if it runs, the guest"),
};

const Option option_current = {
        .name = "current",
        .help = N_("change the guest if it runs, else the definition; this is the default"),
};

const Option option_inactive = {
        .name = "inactive",
        .help = N_("of what does not run"),
};

/* --- telling ---------------------------------------------------------------------------------------- */

/* Another domain that was probably meant. */
static void suggest_domain(Client *client, const Invocation *invocation, MusterError **error)
{
        CLEANUP(json) json_object *domains = NULL;
        Suggestion suggestion = {.word = invocation->n_arguments > 0 ? invocation->arguments[0] : ""};

        if (client->status != 404 || !*suggestion.word || remote_domains(client, &domains, NULL) < 0)
                return;
        for (size_t i = 0; i < json_object_array_length(domains); i++) {
                const char *name = json_get_string(json_object_array_get_idx(domains, i), "name");

                if (streq_ptr(name, suggestion.word))
                        return;
                if (name)
                        suggestion_feed(&suggestion, name);
        }
        if (!suggestion.best)
                return;
        muster_error_free(TAKE(*error));
        error_set(error, -ENOENT, _("There is no domain %s; did you mean '%s'?"), suggestion.word,
                  suggestion.best);
}

/* virsh's users also name a running domain by its number. */
static int resolve_id(Client *client, const Invocation *invocation, char **ret, MusterError **ret_error)
{
        const char *word = invocation->n_arguments > 0 ? invocation->arguments[0] : "";
        CLEANUP(json) json_object *domains = NULL;
        unsigned id;
        int r;

        if (!invocation->verb->complete || !startswith(invocation->verb->complete, "<domain") ||
            parse_number(word, INT_MAX, &id) < 0)
                return 0;
        r = remote_domains(client, &domains, ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(domains); i++) {
                const json_object *domain = json_object_array_get_idx(domains, i);

                if (json_get_int(domain, "id", -1) != id)
                        continue;
                *ret = strdup(json_get_string(domain, "uuid") ?: word);
                if (!*ret)
                        return error_oom(ret_error);
                invocation->arguments[0] = *ret;
                break;
        }
        return 0;
}

static int run_with(const Invocation *invocation, uint64_t usec, RemoteFn fn, MusterError **ret_error)
{
        const char *timeout = option_value(invocation, &option_answer_timeout);
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(Client) Client *client = NULL;
        CLEANUP(free) char *uuid = NULL;
        int r;

        r = client_new(option_value(invocation, &option_daemon), option_given(invocation, &option_session),
                       &client, ret_error);
        if (r < 0)
                return r;
        client->usec = usec;
        if (timeout && parse_seconds(timeout, &client->usec) < 0)
                return error_set(ret_error, -EINVAL, _("'%s' is no time in seconds, such as 30 or 0.5."),
                                 timeout);
        r = resolve_id(client, invocation, &uuid, &error);
        if (r >= 0)
                r = fn(client, invocation, &error);
        if (r >= 0)
                return r;
        if (!client_refused(client)) {
                HAND_OVER(ret_error, error);
                return r;
        }
        fflush(stdout);
        (void)faults_say(client->faults, /* to_stderr= */ true, /* ret_error= */ NULL);
        suggest_domain(client, invocation, &error);
        if (error)
                complain(error);
        return EXIT_NO;
}

int remote_run(const Invocation *invocation, RemoteFn fn, MusterError **ret_error)
{
        return run_with(invocation, CLIENT_TIMEOUT_USEC, fn, ret_error);
}

int remote_run_long(const Invocation *invocation, RemoteFn fn, MusterError **ret_error)
{
        return run_with(invocation, CLIENT_NO_TIMEOUT, fn, ret_error);
}

/* --- asking ----------------------------------------------------------------------------------------- */

int remote_call(Client *client, const char *method, char *path, json_object *body, json_object **ret,
                MusterError **ret_error)
{
        CLEANUP(free) char *owned = path;
        CLEANUP(json) json_object *owned_body = body;
        const ClientRequest request = {.method = method, .path = owned, .body = owned_body};

        if (!owned || (!owned_body && (streq(method, "POST") || streq(method, "PUT"))))
                return error_oom(ret_error);
        return client_call(client, &request, ret, NULL, ret_error);
}

int remote_send_xml(Client *client, const char *method, char *path, const char *xml, json_object **ret,
                    MusterError **ret_error)
{
        CLEANUP(free) char *owned = path;
        const ClientRequest request = {.method = method, .path = owned, .xml = xml};

        return owned ? client_call(client, &request, ret, NULL, ret_error) : error_oom(ret_error);
}

char *remote_path(const Invocation *invocation, const char *word, const char *more)
{
        return client_path("/v1/domains", (const char *const[]){invocation->arguments[0], word, more, NULL});
}

int remote_domains(Client *client, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        json_object *domains;
        int r;

        r = remote_call(client, "GET", strdup("/v1/domains"), NULL, &answer, ret_error);
        if (r < 0)
                return r;
        domains = json_get(answer, "domains", json_type_array);
        if (!domains)
                return error_set(ret_error, -EPROTO, _("The daemon's answer has no \"domains\"."));
        *ret = json_object_get(domains);
        return 0;
}

int remote_domain(Client *client, const Invocation *invocation, json_object **ret, MusterError **ret_error)
{
        return remote_call(client, "GET", remote_path(invocation, NULL, NULL), NULL, ret, ret_error);
}

int remote_print_member(Client *client, const Invocation *invocation, const char *key,
                        MusterError **ret_error)
{
        CLEANUP(json) json_object *domain = NULL;
        int r;

        r = remote_domain(client, invocation, &domain, ret_error);
        if (r < 0)
                return r;
        if (option_given(invocation, &option_json))
                return say_json(json_get(domain, key, json_type_string), ret_error);
        say("%s\n", json_get_string(domain, key) ?: "?");
        return EXIT_OK;
}

int remote_done(const Client *client, const Invocation *invocation, json_object *answer, const char *done,
                const char *what, MusterError **ret_error)
{
        const char *name = json_get_string(answer, "name");

        if (option_given(invocation, &option_json))
                return say_json(answer, ret_error);
        (void)faults_say(client->faults, /* to_stderr= */ true, /* ret_error= */ NULL);
        if (!what && !name)
                what = invocation->n_arguments > 0 ? invocation->arguments[0] : "?";
        say(done, what ?: name);
        say("\n");
        return EXIT_OK;
}

int remote_action(Client *client, const Invocation *invocation, const char *word, json_object *body,
                  const char *done, MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        int r;

        r = remote_call(client, "POST", remote_path(invocation, word, NULL), body, &answer, ret_error);
        return r < 0 ? r : remote_done(client, invocation, answer, done, NULL, ret_error);
}

/* --- reading ---------------------------------------------------------------------------------------- */

int remote_read(const char *name, char **ret, MusterError **ret_error)
{
        size_t size;
        int r;

        if (streq(name, "-"))
                return read_stdin(ret, ret_error);
        r = read_file(name, MUSTER_DOMAIN_SIZE_MAX, ret, &size);
        if (r == -EFBIG)
                return error_set(ret_error, r, _("%s is larger than a definition can be (4 MiB)."), name);
        return r < 0 ? error_errno(ret_error, r, "%s", name) : 0;
}

char *remote_file(const char *name)
{
        char folder[PATH_MAX];

        if (name[0] == '/' || !getcwd(folder, sizeof(folder)))
                return strdup(name);
        return text_format("%s/%s", folder, name);
}

json_object *body_new(void)
{
        return json_object_new_object();
}

static json_object *checked(json_object *object, int r)
{
        if (r >= 0)
                return object;
        json_object_put(object);
        return NULL;
}

json_object *body_bool(json_object *object, const char *key, bool value)
{
        return object ? checked(object, json_add_bool(object, key, value)) : NULL;
}

json_object *body_text(json_object *object, const char *key, const char *text)
{
        return object && text ? checked(object, json_add_string(object, key, text)) : object;
}

int remote_device_file(Client *client, const Invocation *invocation, const char *method, const char *done,
                       MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        CLEANUP(free) char *text = NULL;
        int r;

        r = remote_read(invocation->arguments[1], &text, ret_error);
        if (r >= 0)
                r = remote_send_device(client, invocation, method, text, &answer, ret_error);
        return r < 0 ? r : remote_done(client, invocation, answer, done, NULL, ret_error);
}

int remote_definition_file(Client *client, const Invocation *invocation, char *path, const char *done,
                           MusterError **ret_error)
{
        CLEANUP(json) json_object *answer = NULL;
        CLEANUP(free) char *text = NULL, *said = NULL;
        const char *name = invocation->arguments[0];
        int r;

        path = client_query(path, "file", streq(name, "-") ? _("<stdin>") : name);
        r = remote_read(name, &text, ret_error);
        if (r < 0) {
                free(path);
                return r;
        }
        r = remote_send_xml(client, "POST", path, text, &answer, ret_error);
        if (r < 0)
                return r;
        said = text_format(done, json_get_string(answer, "name") ?: "?", name);
        return said ? remote_done(client, invocation, answer, "%s", said, ret_error) : error_oom(ret_error);
}
