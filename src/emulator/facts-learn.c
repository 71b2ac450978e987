/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two ways to learn facts: from an emulator that muster starts, and from one that runs. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/launch.h"
#include "emulator/probe.h"

/*
 * The thread beside a starting emulator: hashes the file of the path at once, then the process, when there
 * is one. Where the path is a wrapper only the second hashing counts, and it runs beside the answers.
 */
typedef struct Identifier {
        uv_thread_t thread;
        uv_sem_t has_speaker;
        bool running;
        const char *path;
        pid_t speaker; /* 0: none came */
        Identity file, process;
        int r;
        MusterError *error;
} Identifier;

static void identify(void *userdata)
{
        Identifier *identifier = userdata;
        bool has_file = identity_of_file(identifier->path, /* known= */ NULL, &identifier->file,
                                         /* ret_error= */ NULL) == 0;

        uv_sem_wait(&identifier->has_speaker);
        if (identifier->speaker > 0)
                identifier->r = identity_of_process(identifier->speaker, identifier->path,
                                                    has_file ? &identifier->file : NULL,
                                                    &identifier->process, &identifier->error);
}

static int identifier_start(Identifier *identifier, const char *path)
{
        int r;

        *identifier = (Identifier){.path = path, .r = -ESRCH};
        r = uv_sem_init(&identifier->has_speaker, 0);
        if (r < 0)
                return r;
        r = uv_thread_create(&identifier->thread, identify, identifier);
        if (r < 0) {
                uv_sem_destroy(&identifier->has_speaker);
                return r;
        }
        identifier->running = true;
        return 0;
}

static void identifier_join(Identifier *identifier)
{
        if (!identifier->running)
                return;
        identifier->running = false;
        uv_sem_post(&identifier->has_speaker);
        uv_thread_join(&identifier->thread);
        uv_sem_destroy(&identifier->has_speaker);
}

static void cleanup_identifier(Identifier *identifier)
{
        identifier_join(identifier);
        identity_clear(&identifier->file);
        identity_clear(&identifier->process);
        muster_error_free(identifier->error);
}

/* A process that died before it was looked at: the next one serves as well. */
static int identify_again(Identifier *identifier, Probe *probe, MusterError **ret_error)
{
        int r;

        r = probe_ensure_run(probe, ret_error);
        if (r < 0)
                return r;
        return identity_of_process(run_pid(probe->run), probe->path, /* known= */ NULL, &identifier->process,
                                   ret_error);
}

static int learn(Probe *probe, Identifier *identifier, const char *const *types, MusterFacts **ret,
                 MusterError **ret_error)
{
        int r;

        r = probe_ensure_run(probe, ret_error);
        if (r < 0)
                return r;
        /* The join comes only after the answers, and is what gives the thread this number if nothing else
         * did. */
        identifier->speaker = run_pid(probe->run);
        uv_sem_post(&identifier->has_speaker);
        r = probe_ask_core(probe, ret_error);
        if (r < 0)
                return r;
        identifier_join(identifier);
        if (identifier->r < 0) {
                r = identify_again(identifier, probe, ret_error);
                if (r < 0)
                        return r;
        }
        r = probe_check_executable(probe, &identifier->process, ret_error);
        if (r < 0)
                return r;
        probe->identity = &identifier->process;
        r = probe_ask_properties(probe, types, ret_error);
        if (r < 0)
                return r;
        probe_end_asking(probe);
        return probe_to_facts(probe, &identifier->process, /* known= */ NULL, ret, ret_error);
}

static void cleanup_low_fds(unsigned *low_fds)
{
        low_fds_release(*low_fds);
}

static MusterEmulatorKind guess_kind(const char *path)
{
        const char *slash = strrchr(path, '/');

        return strstr(slash ? slash + 1 : path, "storage-daemon") ? MUSTER_EMULATOR_STORAGE_DAEMON
                                                                  : MUSTER_EMULATOR_SYSTEM;
}

int facts_probe(MusterContext *context, const char *path, const char *const *types, MusterFacts **ret,
                Run **ret_ended, MusterError **ret_error)
{
        /* Before the thread opens anything, and until it has closed all. */
        CLEANUP(low_fds) unsigned low_fds = low_fds_occupy();
        CLEANUP(identifier) Identifier identifier = {0};
        CLEANUP(probe)
        Probe probe = {
                .context = context,
                .path = path,
                .deadline = now_usec() + context->timeout_usec,
                .kind = guess_kind(path),
        };
        int r;

        (void)low_fds;
        if (!*path)
                return error_set(ret_error, -EINVAL, _("The path of the emulator is empty."));
        r = identifier_start(&identifier, path);
        if (r < 0)
                return error_errno(ret_error, r, _("No thread can be started to identify %s"), path);
        r = learn(&probe, &identifier, types, ret, ret_error);
        if (r == 0 && ret_ended)
                *ret_ended = TAKE(probe.run);
        return r;
}

_public_ int muster_facts_probe(MusterContext *context, const char *path, const char *const *types,
                                MusterFacts **ret, MusterError **ret_error)
{
        return facts_probe(context, path, types, ret, /* ret_ended= */ NULL, ret_error);
}

int facts_complete(MusterContext *context, MusterFacts *facts, const char *const *types,
                   MusterError **ret_error)
{
        CLEANUP(low_fds) unsigned low_fds = low_fds_occupy();
        CLEANUP(probe)
        Probe probe = {
                .context = context,
                .path = facts->identity.path,
                .deadline = now_usec() + context->timeout_usec,
                .kind = facts->kind,
                .kind_is_sure = true,
                .known = facts,
                .identity = &facts->identity,
        };
        int r;

        (void)low_fds;
        r = probe_ask_core(&probe, ret_error);
        if (r < 0)
                return r;
        r = probe_ask_properties(&probe, types, ret_error);
        if (r < 0)
                return r;
        probe_end_asking(&probe);
        r = probe_pour(&probe, facts, ret_error);
        if (r < 0)
                return r;
        r = facts_seal(facts, ret_error);
        if (r < 0)
                error_prefix(ret_error, "%s", probe.path);
        return r;
}

/* Identity and, where a store has them, the portable facts. */
static int recall_running(Probe *probe, FactsRecallFn recall, void *userdata, Identity *identity,
                          MusterFacts **ret_known, MusterError **ret_error)
{
        CLEANUP(strv) char **argv = NULL;
        pid_t pid = run_pid(probe->run);
        int r;

        r = identity_of_process(pid, probe->path, /* known= */ NULL, identity, ret_error);
        if (r < 0 || !recall)
                return r;
        r = launch_argv(pid, &argv, ret_error);
        if (r < 0)
                return r;
        return recall(identity, argv, ret_known, userdata, ret_error);
}

int facts_connect(MusterContext *context, const char *address, FactsRecallFn recall, void *userdata,
                  bool *ret_recalled, MusterFacts **ret, MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL, *known = NULL;
        CLEANUP(identity) Identity identity = {0};
        CLEANUP(probe) Probe probe = {.context = context, .path = address, .connected = true};
        const Ask *target;
        bool recalled;
        int r;

        r = run_connect(context, address, &probe.run, ret_error);
        if (r < 0)
                return r;
        r = recall_running(&probe, recall, userdata, &identity, &known, ret_error);
        if (r < 0)
                return r;
        recalled = known != NULL;
        probe.known = known;
        r = probe_ask_core(&probe, ret_error);
        if (r < 0)
                return r;
        target = probe_find(&probe, "query-target");
        if (target && target->status == FACT_NOT_FOUND)
                probe.kind = MUSTER_EMULATOR_STORAGE_DAEMON;
        r = probe_forgo_properties(&probe);
        if (r < 0)
                return error_oom(ret_error);
        probe.known = NULL;
        r = probe_to_facts(&probe, &identity, &known, &facts, ret_error);
        if (r < 0)
                return r;
        r = launch_of_process(run_pid(probe.run), &facts->launch, ret_error);
        if (r < 0)
                return r;
        facts->launch_known = true;
        if (ret_recalled)
                *ret_recalled = recalled;
        *ret = TAKE(facts);
        return 0;
}

_public_ int muster_facts_connect(MusterContext *context, const char *address, MusterFacts **ret,
                                  MusterError **ret_error)
{
        return facts_connect(context, address, /* recall= */ NULL,
                             /* userdata= */ NULL, /* ret_recalled= */ NULL, ret, ret_error);
}
