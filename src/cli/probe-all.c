/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every installed emulator, as many at a time as there are processors. A worker has a context of its own,
 * since one serves one thread; cache and catalogue are shared. It leaves behind a finished JSON object or an
 * error in the target's slot. The first thread prints slots in their order as they come to be done. One bad
 * binary is an error in its slot and hides no other; only a cancellation ends them all.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/cancel.h"
#include "cli/evidence.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/table.h"

#define WORKERS_MAX 16

typedef struct Slot {
        const char *path;
        json_object *probed;
        MusterError *error;
        int result;
        unsigned spawned;
        bool done;
} Slot;

typedef struct All {
        const Invocation *invocation;
        int cancel_fd;
        pthread_mutex_t lock; /* over next, cancelled, and each slot's done */
        pthread_cond_t changed;
        Slot *slots;
        size_t n_slots, next;
        bool cancelled;
        MusterStore *store; /* NULL: none */
        MusterCatalogue *catalogue;
} All;

/* What a table's row shows, as far as probe_to_json() has it under the same names; NULL: out of memory. */
static json_object *make_row(const char *emulator_text, int verdict)
{
        CLEANUP(json)
        json_object *probed = json_object_new_object(), *emulator = NULL,
                    *feature = json_object_new_object(), *features = json_object_new_array();

        if (!probed || !feature || !features ||
            json_parse(emulator_text, strlen(emulator_text), &emulator) < 0 ||
            json_add_string(feature, "name", FOUNDING_FEATURE) < 0 ||
            json_add_string(feature, "verdict",
                            verdict < 0 ? NULL : muster_verdict_name((MusterVerdict)verdict)) < 0 ||
            json_append(features, TAKE(feature)) < 0 || json_add(probed, "emulator", TAKE(emulator)) < 0 ||
            json_add(probed, "features", TAKE(features)) < 0)
                return NULL;
        return TAKE(probed);
}

/* A row that stands ready in the cache; else NULL. */
static json_object *ready_row(Session *session, const Invocation *invocation, const char *path)
{
        CLEANUP(free) char *emulator = NULL;
        int verdict = session_ready_verdict(session, invocation, path, FOUNDING_FEATURE, /* driver= */ NULL,
                                            &emulator);

        return verdict < 0 ? NULL : make_row(emulator, verdict);
}

/* The features with their evidence are for those who read JSON: making them is a good part of the work. */
static json_object *judged_row(const Session *session, MusterError **ret_error)
{
        CLEANUP(free) char *emulator = NULL;
        json_object *row;

        if (muster_facts_describe(session->facts, &emulator, ret_error) < 0)
                return NULL;
        row = make_row(emulator, muster_verdict(session->verdicts, FOUNDING_FEATURE, /* driver= */ NULL));
        if (!row)
                error_oom(ret_error);
        return row;
}

static int work_on(Session *session, All *all, Slot *slot)
{
        bool json = option_given(all->invocation, &option_json);
        int r;

        r = session_open_context(session, all->invocation, &slot->error);
        if (r < 0)
                return r;
        muster_context_set_cancel_fd(session->context, all->cancel_fd);
        if (!json)
                slot->probed = ready_row(session, all->invocation, slot->path);
        if (slot->probed)
                return 0;
        r = session_judge_on(session, all->invocation, slot->path, &slot->error);
        if (r < 0)
                return r;
        slot->spawned = session->info.spawned;
        slot->probed = json ? probe_to_json(session, &slot->error) : judged_row(session, &slot->error);
        return slot->probed ? 0 : muster_error_code(slot->error) ?: -ENOMEM;
}

static Slot *take_slot(All *all)
{
        Slot *slot = NULL;

        pthread_mutex_lock(&all->lock);
        if (!all->cancelled && all->next < all->n_slots)
                slot = &all->slots[all->next++];
        pthread_mutex_unlock(&all->lock);
        return slot;
}

static void *work(void *userdata)
{
        All *all = userdata;
        SESSION(session);
        Slot *slot;

        session.store = muster_store_ref(all->store);
        session.store_opened = true;
        session.catalogue = muster_catalogue_ref(all->catalogue);
        while ((slot = take_slot(all))) {
                int r = work_on(&session, all, slot);

                pthread_mutex_lock(&all->lock);
                slot->result = r;
                slot->done = true;
                all->cancelled |= r == -ECANCELED;
                pthread_cond_broadcast(&all->changed);
                pthread_mutex_unlock(&all->lock);
        }
        return NULL;
}

/* Waits until the slot is done, or nobody will do it any more. */
static bool wait_for(All *all, const Slot *slot)
{
        bool done;

        pthread_mutex_lock(&all->lock);
        while (!slot->done && !all->cancelled)
                pthread_cond_wait(&all->changed, &all->lock);
        done = slot->done && slot->result != -ECANCELED;
        pthread_mutex_unlock(&all->lock);
        return done;
}

static int add_failure(json_object *array, const Slot *slot)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *emulator = json_object_new_object();
        const char *detail = muster_error_detail(slot->error);

        if (!object || json_add_string(emulator, "path", slot->path) < 0 ||
            json_add(object, "emulator", TAKE(emulator)) < 0 ||
            json_add_string(object, "error", muster_error_message(slot->error)) < 0 ||
            (detail && json_add_string(object, "detail", detail) < 0))
                return -ENOMEM;
        return json_append(array, TAKE(object));
}

/*
 * What the table says of a failure: its sentence, which stands on standard error, without the path that
 * begins the row, and as far as the first colon, semicolon, bracket or stop.
 */
static char *short_reason(const Slot *slot)
{
        static const char *const ends[] = {": ", "; ", " (", ". "};
        const char *message = muster_error_message(slot->error), *text = startswith(message, slot->path);
        size_t length;

        text = text ?: message;
        text += strspn(text, ": ");
        length = strlen(text);
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                const char *end = memmem(text, length, ends[i], strlen(ends[i]));

                if (end)
                        length = (size_t)(end - text);
        }
        if (length > 0 && text[length - 1] == '.')
                length--;
        return strndup(text, length);
}

static int add_row(Table *table, const Slot *slot)
{
        json_object *emulator = json_get(slot->probed, "emulator", json_type_object);
        json_object *features = json_get(slot->probed, "features", json_type_array), *feature;
        const char *verdict = NULL;
        CLEANUP(free) char *version = NULL, *last = NULL;

        for (size_t i = 0; (feature = array_object(features, i)); i++)
                if (streq_ptr(json_get_string(feature, "name"), FOUNDING_FEATURE))
                        verdict = json_get_string(feature, "verdict");
        version = strdup(slot->probed ? json_get_string(emulator, "version") ?: "?" : "-");
        last = slot->probed ? strdup(json_get_string(emulator, "package") ?: "") : short_reason(slot);
        if (!version || !last)
                return -ENOMEM;
        return table_add(table,
                         (const char *const[]){slot->path, version,
                                               slot->probed ? verdict_word(verdict) : _("failed"), last},
                         /* styled= */ 2, slot->probed ? verdict_style(verdict) : STYLE_BAD);
}

static int collect(All *all, json_object *array, Table *table, bool *ret_failed, MusterError **ret_error)
{
        for (size_t i = 0; i < all->n_slots; i++) {
                CLEANUP(free) char *state = NULL;
                Slot *slot = &all->slots[i];
                int r = 0;

                if (asprintf(&state, "%zu/%zu %s", i + 1, all->n_slots, slot->path) < 0)
                        state = NULL;
                progress(state);
                if (!wait_for(all, slot))
                        return error_set(ret_error, -ECANCELED, _("Interrupted."));
                if (!slot->probed) {
                        *ret_failed = true;
                        complain(slot->error);
                } else if (slot->spawned > 0) {
                        json_object *emulator = json_get(slot->probed, "emulator", json_type_object);

                        progress_line(_("%zu/%zu %s: QEMU %s"), i + 1, all->n_slots, slot->path,
                                      json_get_string(emulator, "version") ?: "?");
                }
                if (array)
                        r = slot->probed ? json_append(array, TAKE(slot->probed)) : add_failure(array, slot);
                else
                        r = add_row(table, slot);
                if (slot->probed) {
                        json_object_put(slot->probed);
                        slot->probed = NULL;
                }
                if (r < 0)
                        return error_oom(ret_error);
        }
        progress(NULL);
        return 0;
}

static size_t count_workers(size_t n_slots)
{
        cpu_set_t set;
        size_t n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;

        n = n < WORKERS_MAX ? n : WORKERS_MAX;
        return n < n_slots ? n : n_slots;
}

static int run_workers(All *all, json_object *array, Table *table, bool *ret_failed, MusterError **ret_error)
{
        pthread_t workers[WORKERS_MAX];
        size_t n = count_workers(all->n_slots), started = 0;
        int r = 0;

        while (started < n && pthread_create(&workers[started], NULL, work, all) == 0)
                started++;
        if (started == 0 && n > 0)
                work(all); /* no thread to be had: one after the other */
        r = collect(all, array, table, ret_failed, ret_error);
        pthread_mutex_lock(&all->lock);
        all->cancelled = true;
        pthread_mutex_unlock(&all->lock);
        for (size_t i = 0; i < started; i++)
                pthread_join(workers[i], NULL);
        return r;
}

static int say_all(json_object *array, const Table *table, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;

        if (array)
                return say_json(array, ret_error);
        text = table_to_text(table, output_width(), output_coloured());
        if (!text)
                return error_oom(ret_error);
        say_raw(text);
        return 0;
}

static int probe_paths(const Invocation *invocation, char **paths, bool *ret_failed, MusterError **ret_error)
{
        const char *const headers[] = {_("EMULATOR"), _("VERSION"), FOUNDING_FEATURE, _("PACKAGE")};
        bool json = option_given(invocation, &option_json);
        CLEANUP(json) json_object *array = json ? json_object_new_array() : NULL;
        CLEANUP(Table) Table *table = json ? NULL : table_new(headers, ELEMENTSOF(headers));
        CLEANUP(free) Slot *slots = calloc(strv_length(paths) + 1, sizeof(*slots));
        All all = {.invocation = invocation, .slots = slots, .n_slots = strv_length(paths)};
        SESSION(session); /* for its cache and catalogue */
        int r;

        if (!slots || (!array && !table))
                return error_oom(ret_error);
        for (size_t i = 0; i < all.n_slots; i++)
                slots[i].path = paths[i];
        r = session_open_catalogue(&session, ret_error);
        if (r < 0)
                return r;
        all.catalogue = session.catalogue;
        all.cancel_fd = cancel_begin(ret_error);
        if (all.cancel_fd < 0)
                return all.cancel_fd;
        session_open_store(&session);
        all.store = session.store;
        pthread_mutex_init(&all.lock, NULL);
        pthread_cond_init(&all.changed, NULL);
        r = cancel_end(run_workers(&all, array, table, ret_failed, ret_error));
        pthread_cond_destroy(&all.changed);
        pthread_mutex_destroy(&all.lock);
        for (size_t i = 0; i < all.n_slots; i++) {
                json_object_put(slots[i].probed);
                muster_error_free(slots[i].error);
        }
        return r < 0 ? r : say_all(array, table, ret_error);
}

int probe_all(const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(strv) char **paths = NULL;
        bool failed = false;
        MusterTrust trust;
        int r;

        r = session_trust(invocation, &trust, ret_error);
        if (r >= 0)
                r = muster_emulators_find(&paths, ret_error);
        if (r < 0)
                return r;
        if (!paths || !*paths)
                return error_set(
                        ret_error, -ENOENT,
                        _("No emulator is installed; install qemu-system-x86, or name one by --emulator."));
        r = probe_paths(invocation, paths, &failed, ret_error);
        if (r < 0)
                return r;
        return failed ? EXIT_TROUBLE : EXIT_OK;
}
