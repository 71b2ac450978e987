/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "muster/blockdev.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"
#include "emulator/launch.h"
#include "emulator/run.h"

/*
 * The gate on a running emulator. Facts come over one connection and commands over a second, since a monitor
 * serves one client at a time; between the two the emulator may have been replaced by another one at the
 * same address, so the second one's executable is compared with that of the facts.
 *
 * Up to the first blockdev-add nothing is changed. Where the emulator refuses a node, those below it are
 * removed again, from the top down, and where that fails too the sentence names what is left.
 */

#define FDSETS_MAX 4096

typedef struct Session {
        Run *run;
        const MusterFacts *facts;
        MusterGateResult *result;
        GateFdset *fdsets;
        GateLaunch launch;
        MusterError **ret_error;
} Session;

static void session_clear(Session *session)
{
        muster_gate_result_free(session->result);
        run_close(session->run);
        free(session->fdsets);
}

static int same_emulator(const Session *session)
{
        const FileStamp *known = &session->facts->identity.stamp;
        char path[64];
        struct stat st;
        FileStamp now;

        snprintf(path, sizeof(path), "/proc/%d/exe", (int)run_pid(session->run));
        if (stat(path, &st) < 0)
                return error_errno(session->ret_error, -errno, "%s", path);
        now = file_stamp(&st);
        /* Its times may have changed: removing the file of a running process touches its ctime. */
        if (now.dev == known->dev && now.ino == known->ino && now.size == known->size)
                return 0;
        return error_set(
                session->ret_error, -ESTALE,
                _("Another emulator answers at '%s' than a moment before; nothing was sent. Try again."),
                session->facts->identity.path);
}

/* --- fd sets --------------------------------------------------------------------------------------- */

static int read_fdset(const Session *session, const json_object *object, GateFdset *ret)
{
        json_object *fds = json_get(object, "fds", json_type_array);

        *ret = (GateFdset){.id = json_get_int(object, "fdset-id", -1)};
        for (size_t i = 0; fds && i < json_object_array_length(fds); i++) {
                int64_t fd = json_get_int(json_object_array_get_idx(fds, i), "fd", -1);
                int mode, r;

                if (fd < 0 || fd > INT32_MAX)
                        continue;
                r = launch_fd_access(run_pid(session->run), (int)fd, &mode);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                ret->readable |= mode == O_RDONLY;
                ret->writable |= mode == O_RDWR;
        }
        return 0;
}

/* The sets stay unknown where the command is missing (a storage daemon) or /proc does not let us look. */
static int read_fdsets(Session *session)
{
        CLEANUP(json) json_object *sets = NULL;
        size_t n;
        int r;

        if (!schema_find_root(session->facts->schema, "query-fdsets"))
                return 0;
        r = run_call(session->run, "query-fdsets", NULL, &sets, NULL, session->ret_error);
        if (r < 0)
                return r;
        if (!json_object_is_type(sets, json_type_array) || json_object_array_length(sets) > FDSETS_MAX)
                return 0;
        n = json_object_array_length(sets);
        session->fdsets = calloc(n + 1, sizeof(*session->fdsets));
        if (!session->fdsets)
                return error_oom(session->ret_error);
        for (size_t i = 0; i < n; i++)
                if (read_fdset(session, json_object_array_get_idx(sets, i), session->fdsets + i) < 0)
                        return 0;
        session->launch.fdsets = session->fdsets;
        session->launch.n_fdsets = n;
        session->launch.fdsets_known = true;
        return 0;
}

/* --- nodes ----------------------------------------------------------------------------------------- */

static int query_nodes(const Session *session, json_object **ret)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();
        CLEANUP(json) json_object *nodes = NULL;
        int r;

        if (!arguments)
                return error_oom(session->ret_error);
        /* Without `flat` (5.0+) each node carries the whole of its backing chain. */
        if (muster_schema_query(session->facts->schema, "query-named-block-nodes/arg-type/flat", NULL,
                                NULL) > 0 &&
            json_add_bool(arguments, "flat", true) < 0)
                return error_oom(session->ret_error);
        r = run_call(session->run, "query-named-block-nodes", arguments, &nodes, NULL, session->ret_error);
        if (r < 0)
                return r;
        if (!json_object_is_type(nodes, json_type_array))
                return error_set(session->ret_error, -EPROTO,
                                 _("The emulator's answer to query-named-block-nodes is no list."));
        *ret = TAKE(nodes);
        return 0;
}

/* Every node-name that the arguments give, inline children's too. Depth: the gate has bounded the tree. */
static int collect_names(const json_object *value, unsigned depth, char ***names)
{
        int r = 0;

        if (depth > JSON_DEPTH_MAX)
                return 0;
        if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; r >= 0 && i < json_object_array_length(value); i++)
                        r = collect_names(json_object_array_get_idx(value, i), depth + 1, names);
                return r;
        }
        if (!json_object_is_type(value, json_type_object))
                return 0;
        json_object_object_foreach (value, key, member) {
                if (streq(key, "node-name") && json_object_is_type(member, json_type_string))
                        r = strv_append(names, json_object_get_string(member));
                else
                        r = collect_names(member, depth + 1, names);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_names(Session *session)
{
        CLEANUP(json) json_object *nodes = NULL;
        CLEANUP(strv) char **names = NULL;
        int r;

        if (collect_names(session->result->arguments, 0, &names) < 0)
                return error_oom(session->ret_error);
        r = query_nodes(session, &nodes);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(nodes); i++) {
                const char *name = json_get_string(json_object_array_get_idx(nodes, i), "node-name");

                if (name && strv_contains(names, name))
                        return error_set(session->ret_error, -EEXIST,
                                         _("The emulator already has a node '%s'; give another node-name. "
                                           "Nothing was "
                                           "sent."),
                                         name);
        }
        return r;
}

/* --- sending ---------------------------------------------------------------------------------------- */

/* Removes the first `n` nodes, last one first. Names what it could not remove in *ret_left, to free(). */
static int remove_nodes(const Session *session, size_t n, char **ret_left)
{
        while (n-- > 0) {
                const char *name = json_get_string(json_object_array_get_idx(session->result->arguments, n),
                                                   "node-name");
                CLEANUP(json) json_object *arguments = json_object_new_object();

                if (!arguments || json_add_string(arguments, "node-name", name) < 0)
                        return -ENOMEM;
                if (run_call(session->run, "blockdev-del", arguments, NULL, NULL, NULL) >= 0)
                        continue;
                *ret_left = strdup(name);
                return *ret_left ? 0 : -ENOMEM;
        }
        return 0;
}

/* What stays of a request that was refused midway is part of the sentence. */
static int fail(const Session *session, size_t n_sent, int r, const char *node, MusterError *error)
{
        CLEANUP(free) char *left = NULL;
        const char *words = muster_error_message(error), *detail = muster_error_detail(error);

        if (remove_nodes(session, n_sent, &left) < 0)
                return error_oom(session->ret_error);
        if (left)
                return error_set_detail(
                        session->ret_error, r, detail,
                        _("The emulator did not add node '%s' (%s), and node '%s', which was added "
                          "before, could not be removed; remove it with blockdev-del."),
                        node, words, left);
        return error_set_detail(
                session->ret_error, r, detail,
                n_sent > 0 ? _("The emulator did not add node '%s', and what was added before it is "
                               "removed again: %s")
                           : _("The emulator did not add node '%s': %s"),
                node, words);
}

static int send_nodes(Session *session)
{
        const json_object *arguments = session->result->arguments;

        for (size_t i = 0; i < json_object_array_length(arguments); i++) {
                json_object *node = json_object_array_get_idx(arguments, i);
                CLEANUP(MusterError) MusterError *error = NULL;
                int r;

                r = run_call(session->run, "blockdev-add", node, NULL, NULL, &error);
                if (r < 0)
                        return fail(session, i, r, json_get_string(node, "node-name"), error);
        }
        return 0;
}

/* --- the answer -------------------------------------------------------------------------------------- */

/* The emulator's own description of our nodes, in the order in which they were named. */
static int our_nodes(const Session *session, json_object **ret)
{
        CLEANUP(json) json_object *nodes = NULL;
        CLEANUP(json) json_object *ours = json_object_new_array();
        CLEANUP(strv) char **names = NULL;
        int r;

        if (!ours || collect_names(session->result->arguments, 0, &names) < 0)
                return error_oom(session->ret_error);
        r = query_nodes(session, &nodes);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++)
                for (size_t i = 0; i < json_object_array_length(nodes); i++) {
                        json_object *node = json_object_array_get_idx(nodes, i);

                        if (streq_ptr(json_get_string(node, "node-name"), *name) &&
                            json_append(ours, json_object_get(node)) < 0)
                                return error_oom(session->ret_error);
                }
        *ret = TAKE(ours);
        return 0;
}

static int describe(const Session *session, json_object *nodes, char **ret_json)
{
        CLEANUP(json) json_object *object = NULL;
        CLEANUP(free) char *gated = NULL;
        char *all;
        int r;

        r = muster_gate_result_describe(session->result, &gated, session->ret_error);
        if (r < 0)
                return r;
        r = json_parse(gated, strlen(gated), &object);
        if (r < 0)
                return error_errno(session->ret_error, r, "gate");
        if (json_add(object, "nodes", nodes ? json_object_get(nodes) : json_object_new_array()) < 0)
                return error_oom(session->ret_error);
        all = json_to_text(object);
        if (!all)
                return error_oom(session->ret_error);
        *ret_json = all;
        return 0;
}

static int learn_launch(Session *session, const MusterGateRequest *request)
{
        unsigned conditions;
        int r;

        r = same_emulator(session);
        if (r < 0)
                return r;
        r = launch_of_process(run_pid(session->run), &conditions, session->ret_error);
        if (r < 0)
                return r;
        /* What the caller knows besides holds too. */
        session->launch.conditions = conditions | request->launch;
        session->launch.weighed = true;
        return read_fdsets(session);
}

_public_ int muster_blockdev_add(MusterContext *context, MusterCatalogue *catalogue, const char *address,
                                 MusterTrust trust, const MusterGateRequest *request, char **ret_json,
                                 MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(json) json_object *nodes = NULL;
        __attribute__((cleanup(session_clear))) Session session = {.ret_error = ret_error};
        CLEANUP(free) char *json = NULL;
        int r;

        r = muster_facts_connect(context, address, &facts, ret_error);
        if (r >= 0)
                r = muster_verdicts_new(catalogue, facts, trust, &verdicts, ret_error);
        if (r >= 0)
                r = run_connect(context, address, &session.run, ret_error);
        if (r < 0)
                return r;
        session.facts = facts;
        r = learn_launch(&session, request);
        if (r >= 0)
                r = gate_decide(verdicts, request, &session.launch, &session.result, ret_error);
        if (r >= 0 && session.result->decision != MUSTER_DECISION_REFUSED) {
                r = check_names(&session);
                if (r >= 0)
                        r = send_nodes(&session);
                if (r >= 0)
                        r = our_nodes(&session, &nodes);
        }
        if (r >= 0)
                r = describe(&session, nodes, &json);
        if (r < 0)
                return r;
        HAND_OVER(ret_json, json);
        return (int)session.result->decision;
}
