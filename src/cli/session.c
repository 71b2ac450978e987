/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/session.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cancel.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/suggest.h"

int emulator_path(const char *name, char **ret, MusterError **ret_error)
{
        CLEANUP(strv) char **folders = NULL;
        const char *path = getenv("PATH");
        char *found;

        if (!*name)
                return error_set(ret_error, -EINVAL, _("The emulator's path is empty."));
        if (!strchr(name, '/') && path) {
                if (strv_split(path, ":", &folders) < 0)
                        return error_oom(ret_error);
                for (char **folder = folders; folder && *folder; folder++) {
                        if (asprintf(&found, "%s/%s", *folder, name) < 0)
                                return error_oom(ret_error);
                        if (access(found, X_OK) == 0) {
                                *ret = found;
                                return 0;
                        }
                        free(found);
                }
        }
        found = strdup(name);
        if (!found)
                return error_oom(ret_error);
        *ret = found;
        return 0;
}

int session_target(const Invocation *invocation, char **ret, MusterError **ret_error)
{
        const char *emulator = option_value(invocation, &option_emulator);
        const char *address = option_value(invocation, &option_connect);

        if (emulator && address)
                return error_set(ret_error, -EINVAL,
                                 _("Give either --emulator, which starts one, or --connect, which asks a "
                                   "running one."));
        if (emulator)
                return emulator_path(emulator, ret, ret_error);
        if (!address)
                return muster_emulator_default(ret, ret_error);
        if (!startswith(address, "unix:") || !address[5])
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no address; give unix:PATH, such as unix:/run/qmp.sock."),
                                 address);
        *ret = strdup(address);
        return *ret ? 0 : error_oom(ret_error);
}

int session_trust(const Invocation *invocation, MusterTrust *ret, MusterError **ret_error)
{
        const char *name = option_value(invocation, &option_trust);

        *ret = MUSTER_TRUST_MEASURED;
        if (name && muster_trust_from_name(name, ret) < 0)
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is no level of trust; give declared, measured or inferred."), name);
        return 0;
}

int session_open_context(Session *session, const Invocation *invocation, MusterError **ret_error)
{
        const char *timeout = option_value(invocation, &option_timeout);
        const char *user = option_value(invocation, &option_user);
        uint64_t usec;
        int r;

        if (session->context)
                return 0;
        if (muster_context_new(&session->context) < 0)
                return error_oom(ret_error);
        if (timeout) {
                if (parse_seconds(timeout, &usec) < 0)
                        return error_set(
                                ret_error, -EINVAL,
                                _("'%s' is no time limit; give seconds from 0.001 to 86400, such as 2.5."),
                                timeout);
                r = muster_context_set_timeout(session->context, usec);
                if (r < 0)
                        return error_errno(ret_error, r, "--timeout");
        }
        if (user) {
                r = muster_context_set_user(session->context, user, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int session_begin(Session *session, MusterError **ret_error)
{
        int fd = cancel_begin(ret_error);

        if (fd < 0)
                return fd;
        muster_context_set_cancel_fd(session->context, fd);
        return 0;
}

int session_end(Session *session, int r)
{
        muster_context_set_cancel_fd(session->context, -1);
        return cancel_end(r);
}

int session_open_catalogue(Session *session, MusterError **ret_error)
{
        return session->catalogue ? 0 : muster_catalogue_new(&session->catalogue, ret_error);
}

void tell_note(const char *sentence, void *userdata)
{
        note("%s", sentence);
}

void session_open_store(Session *session)
{
        CLEANUP(MusterError) MusterError *error = NULL;

        if (session->store_opened)
                return;
        session->store_opened = true;
        if (muster_store_open(/* directory= */ NULL, &session->store, &error) < 0)
                note("%s", muster_error_message(error));
        else
                muster_store_set_note_handler(session->store, tell_note, /* userdata= */ NULL);
}

static unsigned lookup_flags(const Invocation *invocation)
{
        return option_given(invocation, &option_no_cache) ? MUSTER_LOOKUP_NO_CACHE : 0;
}

int session_look_up_on(Session *session, const Invocation *invocation, const char *target,
                       MusterError **ret_error)
{
        session_open_store(session);
        session->verdicts = muster_verdicts_unref(session->verdicts);
        session->facts = muster_facts_unref(session->facts);
        return muster_lookup(session->store, session->context, session->catalogue, target,
                             lookup_flags(invocation), &session->facts, &session->info, ret_error);
}

int session_judge_on(Session *session, const Invocation *invocation, const char *target,
                     MusterError **ret_error)
{
        MusterTrust trust;
        int r;

        r = session_trust(invocation, &trust, ret_error);
        if (r < 0)
                return r;
        session_open_store(session);
        session->verdicts = muster_verdicts_unref(session->verdicts);
        session->facts = muster_facts_unref(session->facts);
        return muster_judge(session->store, session->context, session->catalogue, target, trust,
                            lookup_flags(invocation), &session->facts, &session->verdicts, &session->info,
                            ret_error);
}

int session_ready_verdict(Session *session, const Invocation *invocation, const char *target,
                          const char *feature, const char *driver, char **ret_emulator)
{
        MusterTrust trust;

        if (startswith(target, "unix:") || option_given(invocation, &option_no_cache) ||
            session_trust(invocation, &trust, /* ret_error= */ NULL) < 0)
                return -ENODATA;
        session_open_store(session);
        if (!session->store)
                return -ENODATA;
        return muster_store_verdict(session->store, session->context, target, feature, driver, trust,
                                    ret_emulator);
}

int session_look_up_target(Session *session, const Invocation *invocation, const char *target,
                           MusterError **ret_error)
{
        int r = session_begin(session, ret_error);

        if (r < 0)
                return r;
        return session_end(session, session_look_up_on(session, invocation, target, ret_error));
}

int session_look_up(Session *session, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *target = NULL;
        int r;

        if (session->facts)
                return 0;
        r = session_target(invocation, &target, ret_error);
        if (r < 0)
                return r;
        r = session_open_context(session, invocation, ret_error);
        return r < 0 ? r : session_look_up_target(session, invocation, target, ret_error);
}

int session_judge(Session *session, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free) char *target = NULL;
        int r = session_target(invocation, &target, ret_error);

        return r < 0 ? r : session_judge_target(session, invocation, target, ret_error);
}

int session_judge_target(Session *session, const Invocation *invocation, const char *target,
                         MusterError **ret_error)
{
        int r;

        r = session_open_catalogue(session, ret_error);
        if (r >= 0)
                r = session_open_context(session, invocation, ret_error);
        if (r >= 0)
                r = session_begin(session, ret_error);
        if (r < 0)
                return r;
        return session_end(session, session_judge_on(session, invocation, target, ret_error));
}

int session_check_feature(const Session *session, const char *feature, MusterError **ret_error)
{
        Suggestion suggestion = {.word = feature};
        const char *name;

        if (muster_catalogue_summary(session->catalogue, feature))
                return 0;
        for (size_t i = 0; (name = muster_catalogue_feature(session->catalogue, i)); i++)
                if (streq(name, feature))
                        return 0;
                else
                        suggestion_feed(&suggestion, name);
        if (suggestion.best)
                return error_set(ret_error, -ENOENT,
                                 _("The catalogue has no feature '%s'; did you mean '%s'?"), feature,
                                 suggestion.best);
        return error_set(ret_error, -ENOENT,
                         _("The catalogue has no feature '%s'; 'muster features' lists them all."), feature);
}

int session_schema(Session *session, const Invocation *invocation, MusterSchema **ret,
                   MusterError **ret_error)
{
        const char *file = option_value(invocation, &option_file);
        MusterSchema *schema;
        int r;

        if (file &&
            (option_given(invocation, &option_emulator) || option_given(invocation, &option_connect)))
                return error_set(ret_error, -EINVAL, _("Give either --file or an emulator."));
        if (file)
                return read_schema(file, ret, ret_error);
        r = session_look_up(session, invocation, ret_error);
        if (r < 0)
                return r;
        schema = muster_facts_schema(session->facts);
        if (!schema)
                return error_set(ret_error, -ENODATA,
                                 _("%s has no schema: its QEMU (%s) is older than 2.5, or failed to say."),
                                 muster_facts_path(session->facts),
                                 muster_facts_version(session->facts) ?: "?");
        *ret = muster_schema_ref(schema);
        return 0;
}

void session_done(Session *session)
{
        muster_verdicts_unref(session->verdicts);
        muster_facts_unref(session->facts);
        muster_catalogue_unref(session->catalogue);
        muster_store_unref(session->store);
        muster_context_free(session->context);
        *session = (Session){0};
}

int exit_of_verdict(int verdict)
{
        switch (verdict) {
        case MUSTER_VERDICT_PRESENT:
                return EXIT_OK;
        case MUSTER_VERDICT_ABSENT:
                return EXIT_NO;
        case MUSTER_VERDICT_UNKNOWN:
                return EXIT_UNKNOWN;
        default:
                return EXIT_TROUBLE;
        }
}
