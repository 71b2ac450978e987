/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <time.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote-events.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_domain = {
        .name = "domain",
        .argument = N_("DOMAIN"),
        .help = N_("those of this domain alone"),
        .complete = COMPLETE_DOMAIN,
};

static const Option option_event = {
        .name = "event",
        .argument = N_("KIND"),
        .help = N_("those of this kind alone; --list lists the kinds"),
        .complete = "lifecycle job device io-error watchdog qemu agent",
};

static const Option option_all_kinds = {
        .name = "all",
        .help = N_("those of every kind, which is the default"),
};

static const Option option_loop = {
        .name = "loop",
        .help = N_("go on after the first one"),
};

static const Option option_timestamp = {
        .name = "timestamp",
        .help = N_("say when it happened"),
};

static const Option option_list = {
        .name = "list",
        .help = N_("list the kinds of events"),
};

static const char *const kinds[] = {"lifecycle", "job", "device", "io-error", "watchdog", "qemu", "agent"};

typedef struct Watch {
        const Invocation *invocation;
        const char *kind;
        unsigned seen;
} Watch;

/* "2026-01-31 12:00:00.123+0000: " */
static void put_time(const json_object *event)
{
        int64_t usec = json_get_int(event, "time", 0);
        time_t seconds = (time_t)(usec / (int64_t)USEC_PER_SEC);
        char text[32] = "";
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                strftime(text, sizeof(text), "%F %T", &tm);
        say("%s.%03d+0000: ", text, (int)(usec / (int64_t)USEC_PER_MSEC % 1000));
}

static void put_event(const char *kind, const json_object *event)
{
        say(_("event '%s' for domain '%s': %s"), kind, json_get_string(event, "domain") ?: "?",
            json_get_string(event, "event") ?: "?");
        json_object_object_foreach ((json_object *)event, key, value) {
                static const char *const said[] = {"id", "time", "domain", "uuid", "event"};
                bool skip = false;

                for (size_t i = 0; i < ELEMENTSOF(said); i++)
                        skip = skip || streq(key, said[i]);
                if (!skip)
                        say(" %s=%s", key, json_object_get_string(value) ?: "null");
        }
        say("\n");
}

static int put_json(const char *kind, const json_object *event)
{
        CLEANUP(json) json_object *copy = NULL;

        if (json_object_deep_copy((json_object *)event, &copy, NULL) < 0 ||
            json_add_string(copy, "kind", kind) < 0)
                return -ENOMEM;
        say("%s\n",
            json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        return 0;
}

static int on_event(const char *kind, const json_object *event, void *userdata)
{
        Watch *watch = userdata;
        int r = 0;

        if (watch->kind && !streq(watch->kind, kind))
                return 0;
        watch->seen++;
        if (option_given(watch->invocation, &option_json))
                r = put_json(kind, event);
        else {
                if (option_given(watch->invocation, &option_timestamp))
                        put_time(event);
                put_event(kind, event);
        }
        if (fflush(stdout) != 0)
                return -EPIPE;
        return r < 0 ? r : !option_given(watch->invocation, &option_loop);
}

static int list_kinds(void)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                say("%s\n", kinds[i]);
        return EXIT_OK;
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        const char *domain = option_value(invocation, &option_domain);
        Watch watch = {.invocation = invocation, .kind = option_value(invocation, &option_event)};
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        if (option_given(invocation, &option_list))
                return list_kinds();
        if (!domain && invocation->n_arguments > 0)
                domain = invocation->arguments[0];
        r = remote_events(client, domain, /* after= */ -1, on_event, &watch, &error);
        if (r < 0 && r != -ETIMEDOUT && r != -ECANCELED) {
                HAND_OVER(ret_error, error);
                return r;
        }
        if (!option_given(invocation, &option_json)) {
                if (r < 0)
                        say("%s\n",
                            r == -ETIMEDOUT ? _("event loop timed out") : _("event loop interrupted"));
                say(_("events received: %u\n"), watch.seen);
        }
        return watch.seen > 0 ? EXIT_OK : EXIT_NO;
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run_long(invocation, act, ret_error);
}

static const Option *const options[] = {&option_domain,    &option_event, &option_all_kinds, &option_loop,
                                        &option_timestamp, &option_list,  REMOTE_OPTIONS,    NULL};

const Verb verb_event = {
        .name = "event",
        .group = VERB_GROUP_DOMAINS,
        .arguments = N_("[DOMAIN]"),
        .summary = N_("print what happens to domains"),
        .about = N_("Waits for an event and prints it; with --loop goes on until Ctrl-C or "
                    "--timeout. Without --domain those of all domains, without --event those "
                    "of every kind. With --json each is one line, an object with kind, domain, "
                    "event and what else belongs to it."),
        .example = "muster event --loop --timestamp",
        .max_arguments = 1,
        .options = options,
        .complete = COMPLETE_DOMAIN,
        .run = run,
};
