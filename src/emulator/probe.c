/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One probe. While the emulator starts, a thread hashes the file that was named; once it has greeted, all
 * commands of the plan go out in one piece, and while they are answered the thread looks at the process that
 * speaks, which costs no second hashing where the two are the same file. At the end it is killed, not asked
 * to quit: exit handlers would only take time.
 *
 * Some questions kill some emulators (7.2 dies of some devices' properties under `-machine none`). QMP
 * answers in order, so when the stream ends the first open question is suspected; but its answer may have
 * been lost with what was still buffered, or something else may have killed the process. So the others go
 * first, to a new process, and then the suspects one at a time. Who kills it again, alone, is the culprit,
 * and that is a fact. A stream that breaks the protocol, hangs or is cancelled ends the probe as a whole.
 */

#include "emulator/probe.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/proc.h"

#define CORE_DEATHS_MAX 6
#define REASON_MAX      1024

void probe_clear(Probe *probe)
{
        run_close(TAKE(probe->run));
        for (size_t i = 0; i < probe->n_asks; i++) {
                free(probe->asks[i].name);
                free(probe->asks[i].reason);
                json_object_put(probe->asks[i].value);
        }
        probe->schema = muster_schema_unref(probe->schema);
        free(probe->asks);
        probe->asks = NULL;
        probe->n_asks = 0;
}

static bool has_ask(const Probe *probe, const char *name)
{
        for (size_t i = 0; i < probe->n_asks; i++)
                if (streq(probe->asks[i].name, name))
                        return true;
        return false;
}

int probe_add_ask(Probe *probe, const char *command, const char *type, FactScope scope)
{
        Ask ask = {.command = command, .scope = scope}, *grown;

        if (type ? asprintf(&ask.name, "%s:%s", command, type) < 0 : !(ask.name = strdup(command)))
                return -ENOMEM;
        if (type)
                ask.type = ask.name + strlen(command) + 1;
        if (has_ask(probe, ask.name) || (probe->known && facts_find_unsealed(probe->known, ask.name))) {
                free(ask.name);
                return 0;
        }
        grown = reallocarray(probe->asks, probe->n_asks + 1, sizeof(*grown));
        if (!grown) {
                free(ask.name);
                return -ENOMEM;
        }
        probe->asks = grown;
        grown[probe->n_asks++] = ask;
        return 0;
}

void ask_settle(Ask *ask, FactStatus status, char *reason)
{
        ask->settled = true;
        ask->status = status;
        ask->reason = reason;
}

static char *fault_text(const QmpFault *fault)
{
        CLEANUP(free) char *text = NULL;

        if (asprintf(&text, "%s: %s", fault->class_name, fault->description) < 0)
                return TAKE(text);
        return text_for_terminal(text, strlen(text), REASON_MAX);
}

/* The graph is made while the emulator works at the next answers. What is wrong is told by facts_seal(). */
static void take_answer(Ask *ask, json_object *result)
{
        Probe *probe = ask->probe;

        ask->value = json_object_get(result);
        ask_settle(ask, FACT_ANSWERED, NULL);
        if (streq(ask->name, FACT_SCHEMA) && !probe->schema)
                (void)schema_new_from_json(ask->value, &probe->schema, /* ret_error= */ NULL);
}

static void on_reply(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Ask *ask = userdata;
        Probe *probe = ask->probe;

        ask->slot = NULL;
        probe->n_pending--;
        probe->idle = probe->n_pending == 0;
        if (error == 0) {
                take_answer(ask, result);
        } else if (error == -EIO && fault) {
                bool not_found = streq(fault->class_name, "CommandNotFound");

                ask_settle(ask, not_found ? FACT_NOT_FOUND : FACT_REFUSED, fault_text(fault));
        } else if (error == -ETIMEDOUT) {
                probe->run->overdue = true;
        }
}

static int send_ask(Probe *probe, Ask *ask)
{
        CLEANUP(json) json_object *arguments = NULL;
        int r;

        if (ask->type) {
                arguments = json_object_new_object();
                r = arguments ? json_add_string(arguments, "typename", ask->type) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        ask->probe = probe;
        r = qmp_client_call(run_client(probe->run), ask->command, arguments, /* flags= */ 0,
                            run_remaining_usec(probe->run), on_reply, ask, &ask->slot);
        if (r < 0)
                return r;
        probe->n_pending++;
        return 0;
}

static void withdraw(Probe *probe)
{
        for (size_t i = 0; i < probe->n_asks; i++)
                if (probe->asks[i].slot)
                        qmp_slot_cancel(probe->asks[i].slot);
}

/* Sends what is open and not suspected, else the first suspect; *ret_alone tells which it was. */
static int send_batch(Probe *probe, Ask **ret_alone)
{
        Ask *alone = NULL;
        size_t n = 0;
        int r;

        probe->idle = false;
        for (size_t i = 0; i < probe->n_asks; i++) {
                Ask *ask = probe->asks + i;

                if (ask->settled)
                        continue;
                if (ask->suspect) {
                        alone = alone ? alone : ask;
                        continue;
                }
                r = send_ask(probe, ask);
                /* A stream that ended meanwhile has its own sentence. */
                if (r < 0 && r != -ESHUTDOWN)
                        return r;
                if (r < 0)
                        break;
                n++;
        }
        *ret_alone = n == 0 ? alone : NULL;
        if (n == 0 && alone) {
                r = send_ask(probe, alone);
                if (r < 0 && r != -ESHUTDOWN)
                        return r;
        }
        probe->idle = probe->n_pending == 0;
        return 0;
}

static Ask *first_open(const Probe *probe)
{
        Ask *suspect = NULL;

        for (size_t i = 0; i < probe->n_asks; i++) {
                Ask *ask = probe->asks + i;

                if (!ask->settled && !ask->suspect)
                        return ask;
                if (!ask->settled && !suspect)
                        suspect = ask;
        }
        return suspect;
}

static char *crash_reason(Probe *probe)
{
        CLEANUP(free)
        char *how = run_how_it_ended(probe->run), *words = run_stderr(probe->run), *text = NULL;
        int n;

        n = words ? asprintf(&text, "%s; %s", how ? how : "?", words)
                  : asprintf(&text, "%s", how ? how : "?");
        if (n < 0) {
                text = NULL;
                return NULL;
        }
        return text_for_terminal(text, strlen(text), REASON_MAX);
}

static int replaced(const Probe *probe, MusterError **ret_error)
{
        return error_set(ret_error, -EAGAIN, _("%s was replaced while it was being probed; try again."),
                         probe->path);
}

/* The emulator is the one that was identified, or none of this fits together. */
static int check_same(Probe *probe, MusterError **ret_error)
{
        Identity now = {0};
        bool same;
        int r;

        r = identity_of_process(run_pid(probe->run), probe->path, probe->identity, &now, ret_error);
        if (r < 0)
                return r;
        same = streq(now.digest, probe->identity->digest) &&
               streq(now.modules_fingerprint, probe->identity->modules_fingerprint);
        identity_clear(&now);
        return same ? 0 : replaced(probe, ret_error);
}

/* The ctime may differ: the file may have been unlinked, and is the same for that. */
static bool is_same_executable(const FileStamp *a, const FileStamp *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_nsec == b->mtime_nsec;
}

/*
 * One that died may be followed by another program, before the first was identified: the answers of two must
 * not be mixed. A process that is gone already, or is not ours to look at, is left to check_same().
 */
static int note_executable(Probe *probe, MusterError **ret_error)
{
        char path[PROC_PATH_SIZE];
        FileStamp stamp;
        struct stat st;

        if (stat(proc_path(run_pid(probe->run), "exe", path), &st) < 0)
                return 0;
        stamp = file_stamp(&st);
        if (probe->executable.ino != 0 && !is_same_executable(&probe->executable, &stamp))
                return replaced(probe, ret_error);
        probe->executable = stamp;
        return 0;
}

int probe_check_executable(const Probe *probe, const Identity *identity, MusterError **ret_error)
{
        return probe->executable.ino == 0 || is_same_executable(&probe->executable, &identity->stamp)
                       ? 0
                       : replaced(probe, ret_error);
}

int probe_ensure_run(Probe *probe, MusterError **ret_error)
{
        int r;

        /* One that died after its last answer, with nothing asked: nobody is to blame for that. */
        if (probe->run && probe->run->closed && !probe->connected)
                run_close(TAKE(probe->run));
        if (probe->run)
                return 0;
        r = run_spawn_until(probe->context, probe->path, probe->kind, !probe->kind_is_sure, probe->deadline,
                            &probe->run, ret_error);
        if (r < 0)
                return r;
        probe->kind = run_kind(probe->run);
        probe->kind_is_sure = true;
        r = note_executable(probe, ret_error);
        if (r < 0)
                return r;
        return probe->identity ? check_same(probe, ret_error) : 0;
}

/* The batch is not answered as a whole. 0: the emulator died of it, and that is taken account of. */
static int take_death(Probe *probe, Ask *alone, unsigned *deaths, unsigned deaths_max,
                      MusterError **ret_error)
{
        Run *run = probe->run;
        Ask *ask;

        /* Its calls complete just before the session says why it closed. */
        if (!run_turn(run, &run->closed))
                return run_explain_end(run, ret_error);
        if (probe->connected || !run_died(run) || run->cancelled || ++*deaths > deaths_max)
                return run_explain_end(run, ret_error);
        run_linger(run);
        ask = alone ? alone : first_open(probe);
        if (alone)
                ask_settle(alone, FACT_CRASHED, crash_reason(probe));
        else if (ask)
                ask->suspect = true;
        run_close(TAKE(probe->run));
        return 0;
}

int probe_settle(Probe *probe, unsigned deaths_max, MusterError **ret_error)
{
        unsigned deaths = 0;
        int r;

        while (first_open(probe)) {
                Ask *alone = NULL;

                r = probe_ensure_run(probe, ret_error);
                if (r < 0)
                        return r;
                r = send_batch(probe, &alone);
                if (r < 0) {
                        withdraw(probe);
                        return error_errno(ret_error, r, _("The questions cannot be sent to %s"),
                                           probe->path);
                }
                if (!run_turn(probe->run, &probe->idle) && !probe->run->closed) {
                        withdraw(probe);
                        return run_explain_end(probe->run, ret_error);
                }
                if (probe->run->cancelled || probe->run->overdue)
                        return run_explain_end(probe->run, ret_error);
                if (alone ? alone->settled : !first_open(probe) || first_open(probe)->suspect)
                        continue;
                r = take_death(probe, alone, &deaths, deaths_max, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int probe_add_plan(Probe *probe)
{
        int r = 0;

        for (const PlanCommand *c = plan_commands; r == 0 && c->name; c++) {
                size_t before = probe->n_asks;

                r = probe_add_ask(probe, c->name, /* type= */ NULL, c->scope);
                if (r == 0 && probe->n_asks > before && probe->connected && c->spare_running)
                        ask_settle(probe->asks + probe->n_asks - 1, FACT_NOT_ASKED,
                                   strdup(_("this question may disturb an emulator that is running")));
        }
        return r;
}

const Ask *probe_find(const Probe *probe, const char *name)
{
        for (size_t i = 0; i < probe->n_asks; i++)
                if (streq(probe->asks[i].name, name))
                        return probe->asks + i;
        return NULL;
}

int probe_ask_core(Probe *probe, MusterError **ret_error)
{
        if (probe_add_plan(probe) < 0)
                return error_oom(ret_error);
        return probe_settle(probe, CORE_DEATHS_MAX, ret_error);
}

void probe_end_asking(Probe *probe)
{
        if (probe->run)
                run_kill(probe->run);
}

int probe_pour(Probe *probe, MusterFacts *facts, MusterError **ret_error)
{
        int r = 0;

        if (!facts->schema)
                facts->schema = TAKE(probe->schema);

        for (size_t i = 0; r == 0 && i < probe->n_asks; i++) {
                Ask *ask = probe->asks + i;

                r = facts_add(facts, ask->name, ask->scope, ask->status, TAKE(ask->value), ask->reason);
        }
        if (r == 0 && !facts_find_unsealed(facts, HOST_FACT_KVM_DEVICE))
                r = host_add_facts(probe->context, facts);
        if (r < 0)
                return r == -ENOMEM
                               ? error_oom(ret_error)
                               : error_errno(ret_error, r, _("The facts of %s cannot be kept"), probe->path);
        return 0;
}

static int new_facts(const Probe *probe, MusterFacts **ret)
{
        int r = facts_new(ret);

        if (r == 0)
                (*ret)->kind = probe->kind;
        return r;
}

int probe_to_facts(Probe *probe, Identity *identity, MusterFacts **known, MusterFacts **ret,
                   MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = known ? TAKE(*known) : NULL;
        int r;

        if (!facts && new_facts(probe, &facts) < 0)
                return error_oom(ret_error);
        r = probe_pour(probe, facts, ret_error);
        if (r < 0)
                return r;
        facts->connected = probe->connected;
        facts->identity = *identity;
        *identity = (Identity){0};
        r = facts_seal(facts, ret_error);
        if (r < 0) {
                error_prefix(ret_error, "%s", probe->path);
                return r;
        }
        *ret = TAKE(facts);
        return 0;
}
