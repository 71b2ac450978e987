/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From a path to facts, with as little work as is safe:
 *
 *  - The trail of the path holds: identity and record are known without reading a file.
 *  - It does not, or there is none: the files are hashed. If the store has a record of that digest, it is a
 *    copy, a reinstalled package or another image's layer: a hit.
 *  - The record lacks something (host facts of this host, properties of a type that a catalogue asks for
 *    since): the emulator is asked that and no more.
 *  - Nothing is known: a whole probe. The executable is hashed beside the emulator's start then, not before
 *    it, which saves a quarter of the time. So that a copy of something known is not started for that,
 *    sizes/N tells whether an executable of this size has been seen: if not, it cannot be a copy.
 *
 * Whoever asks an emulator holds a lock, and looks into the store again once it has it, since the one before
 * may have asked just that. Copies of one binary have one size, so the lock is named after the size. A
 * script has no digest that says what it runs; its lock is named after the file.
 */

#include "store/lookup.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/host.h"
#include "emulator/probe.h"
#include "store/compiled.h"
#include "store/lock.h"
#include "store/size.h"

#define TRIES            3 /* with something that is being replaced */
#define WRAPPER_SIZE_MAX ((uint64_t)1024 * 1024)

void lookup_clear(Lookup *lookup)
{
        strv_free(lookup->types);
        free(lookup->fingerprint);
        free(lookup->absolute);
        free(lookup->missing);
        identity_clear(&lookup->before);
        trail_clear(&lookup->trail);
        muster_facts_unref(lookup->facts);
        run_close(lookup->ended);
        *lookup = (Lookup){};
}

/* The emulator's card in the trail: what is shown of it without reading the record. */
static char *describe(const MusterFacts *facts)
{
        char *text = NULL;

        return muster_facts_describe(facts, &text, /* ret_error= */ NULL) < 0 ? NULL : text;
}

static void keep_trail(Lookup *lookup)
{
        CLEANUP(free) char *emulator = NULL;

        if (lookup->trail_state == TRAIL_HOLDS && streq(lookup->trail.record, lookup->id))
                return;
        if (!trail_can_be_kept(lookup->absolute, &lookup->facts->identity)) {
                /* What is no wrapper is known by its digest all the same. */
                if (lookup->facts->identity.n_links == 0)
                        return;
                store_note(
                        lookup->store,
                        _("Whether %s still leads to this emulator cannot be watched from here, so it is "
                          "started at every look-up: the way there is hidden in another root, or names too "
                          "many files, or has a line feed in a name."),
                        lookup->target);
                return;
        }
        emulator = describe(lookup->facts);
        (void)trail_save(lookup->store, lookup->absolute, lookup->id, &lookup->facts->identity,
                         lookup->looked_nsec, emulator);
}

/* KVM that came or went while the emulator was asked: nobody knows which of both the answers hold for. */
static bool host_has_changed(const Lookup *lookup)
{
        CLEANUP(free) char *now = NULL;

        return host_fingerprint(lookup->context, &now) < 0 || !streq(now, lookup->fingerprint);
}

static int keep_facts(Lookup *lookup)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        CLEANUP(free) char *name = record_lock_name(lookup->id);
        int r;

        if (!name)
                return -ENOMEM;
        r = store_lock(lookup->store, lookup->context, name, lookup->target, &lock, /* ret_error= */ NULL);
        if (r < 0)
                return r;
        r = record_save(lookup->store, lookup->id, lookup->facts, &lookup->record_stamp);
        if (r == 0 && host_has_changed(lookup)) {
                lookup->host_stamp = (FileStamp){0};
                return 0;
        }
        return r < 0 ? r
                     : host_save(lookup->store, lookup->id, lookup->fingerprint, lookup->facts,
                                 &lookup->host_stamp);
}

/* Everything that was learned, into the store. What cannot be kept was noted. */
static void keep(Lookup *lookup)
{
        int r = record_id(&lookup->facts->identity, lookup->id);

        if (r == -ENODATA)
                store_note(
                        lookup->store,
                        _("What was learned of %s is not kept, since a script on the way to it may not be "
                          "read: nothing would tell when it changes."),
                        lookup->target);
        if (r == 0)
                r = keep_facts(lookup);
        if (r < 0) {
                lookup->id[0] = '\0';
                return;
        }
        keep_trail(lookup);
        size_remember(lookup->store, lookup_target_stamp(lookup).size);
        lookup_forget_failures(lookup);
}

static int load_trail(Lookup *lookup)
{
        int r;

        trail_clear(&lookup->trail);
        lookup->trail_state = TRAIL_MOVED;
        r = trail_load(lookup->store, lookup->absolute, &lookup->trail);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        /* In the words of this call. */
        free(lookup->trail.identity.path);
        lookup->trail.identity.path = strdup(lookup->target);
        if (!lookup->trail.identity.path)
                return -ENOMEM;
        return trail_check(&lookup->trail, &lookup->trail_state);
}

/*
 * 1: known, without running anything; 0: it takes a run; -ENOMEM. Where the trail does not hold, all its
 * files are read again: which of their stamps are old enough to be believed is not worth the telling.
 */
static int identify(Lookup *lookup, Identity *ret)
{
        const Identity *was = &lookup->trail.identity;
        bool has_trail = lookup->trail.record[0];
        struct stat st;
        int r;

        if (access(lookup->target, X_OK) < 0)
                return 0;
        if (lookup->trail_state == TRAIL_HOLDS) {
                *ret = lookup->trail.identity;
                lookup->trail.identity = (Identity){};
                return 1;
        }
        if (has_trail && was->n_links > 0)
                r = identity_recheck(was, lookup->trail.looked_nsec, ret);
        else if (identity_is_script(lookup->target) != 0 || stat(lookup->target, &st) < 0 ||
                 (!has_trail && !size_was_seen(lookup->store, (uint64_t)st.st_size)))
                return 0;
        else
                r = identity_of_file(lookup->target, /* known= */ NULL, ret, /* ret_error= */ NULL);
        return r == -ENOMEM ? r : r == 0;
}

/* What the store has of this identity, unsealed; NULL: nothing. Takes the identity then. */
static int load_facts(Lookup *lookup, Identity *identity, MusterFacts **ret)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        int r;

        r = compiled_record_load(lookup->store, lookup->id, &facts, &lookup->record_stamp,
                                 &lookup->schema_sum);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        facts->identity = *identity;
        *identity = (Identity){};
        r = host_load(lookup->store, lookup->id, lookup->fingerprint, facts, &lookup->host_stamp);
        if (r == -ENOMEM)
                return r;
        *ret = TAKE(facts);
        return 0;
}

/* Facts that the store has in part: asks for the rest, or leaves it to the caller to get the lock first. */
static int complete(Lookup *lookup, MusterFacts **facts, bool locked, MusterError **ret_error)
{
        const char *const *types = (const char *const *)lookup->types;
        int missing, r;

        free(TAKE(lookup->missing));
        missing = probe_missing(*facts, types, &lookup->missing);
        if (missing < 0)
                return error_oom(ret_error);
        if (missing > 0) {
                r = lookup_recall_failure(lookup, &(*facts)->identity, ret_error);
                if (r < 0 || !locked)
                        return r;
        }
        r = missing > 0 ? facts_complete(lookup->context, *facts, types, ret_error)
                        : facts_seal(*facts, ret_error);
        if (r < 0)
                return r;
        lookup->facts = TAKE(*facts);
        lookup->cached = true;
        if (missing > 0)
                keep(lookup);
        else
                keep_trail(lookup);
        if (lookup->schema_sum != 0)
                compiled_save(lookup->store, lookup->id, lookup->schema_sum, lookup->facts);
        return 1;
}

/* 1: found, or learned what was missing; 0: not. */
static int from_store(Lookup *lookup, bool locked, MusterError **ret_error)
{
        CLEANUP(facts) MusterFacts *facts = NULL;
        CLEANUP(identity) Identity identity = {0};
        int known, r;

        r = load_trail(lookup);
        known = r < 0 ? r : identify(lookup, &identity);
        if (known < 0)
                return error_oom(ret_error);
        if (known == 0)
                return lookup_recall_failure(lookup, /* identity= */ NULL, ret_error);
        /* The trail that holds knows it: no need to load libcrypto for it. */
        if (lookup->trail_state == TRAIL_HOLDS && record_id_is_valid(lookup->trail.record)) {
                strcpy(lookup->id, lookup->trail.record);
                r = 0;
        } else {
                r = record_id(&identity, lookup->id);
        }
        if (r == 0)
                r = load_facts(lookup, &identity, &facts);
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : 0;
        if (!facts)
                return lookup_recall_failure(lookup, &identity, ret_error);
        return complete(lookup, &facts, locked, ret_error);
}

/* A wrapper of any kind is small; an emulator is not, and need not be looked through. */
static bool may_be_wrapper(const Lookup *lookup)
{
        return identity_is_script(lookup->target) == 1 ||
               lookup_target_stamp(lookup).size <= WRAPPER_SIZE_MAX;
}

static int probe_once(Lookup *lookup, MusterError **ret_error)
{
        int r;

        identity_clear(&lookup->before);
        if (may_be_wrapper(lookup))
                (void)identity_of_script(lookup->target, &lookup->before);
        r = facts_probe(lookup->context, lookup->target, (const char *const *)lookup->types, &lookup->facts,
                        &lookup->ended, ret_error);
        if (r < 0)
                return r;
        if (identity_settle_watched(&lookup->facts->identity, &lookup->before) == 0)
                return 0;
        lookup->facts = muster_facts_unref(lookup->facts);
        lookup->ended = run_close(lookup->ended);
        return error_set(ret_error, -EAGAIN, _("%s was replaced while it was being probed; try again."),
                         lookup->target);
}

static int whole_probe(Lookup *lookup, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = -EAGAIN;

        for (unsigned tries = 0; tries < TRIES && r == -EAGAIN; tries++) {
                error = muster_error_free(error);
                r = probe_once(lookup, &error);
        }
        if (r < 0)
                HAND_OVER(ret_error, error);
        return r;
}

static char *lock_name(const Lookup *lookup)
{
        struct stat st;

        if (stat(lookup->target, &st) < 0)
                return strdup(lookup->absolute);
        if (identity_is_script(lookup->target) == 1)
                return text_format("script:%llu:%llu", (unsigned long long)st.st_dev,
                                   (unsigned long long)st.st_ino);
        return text_format("size:%llu", (unsigned long long)st.st_size);
}

static int prepare(Lookup *lookup)
{
        int r;

        free(TAKE(lookup->absolute));
        free(TAKE(lookup->fingerprint));
        lookup->looked_nsec = stamp_now_nsec();
        r = trail_absolute(lookup->target, &lookup->absolute);
        return r < 0 ? r : host_fingerprint(lookup->context, &lookup->fingerprint);
}

static int prepare_error(const Lookup *lookup, int r, MusterError **ret_error)
{
        return error_errno(ret_error, r, _("%s cannot be looked up"), lookup->target);
}

static int under_lock(Lookup *lookup, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        /* The lock may have been waited for. */
        r = prepare(lookup);
        if (r < 0)
                return prepare_error(lookup, r, ret_error);
        lookup->target_before = lookup_target_stamp(lookup);
        lookup->attempt_nsec = lookup->looked_nsec;
        if (!(lookup->flags & MUSTER_LOOKUP_NO_CACHE))
                r = from_store(lookup, /* locked= */ true, &error);
        /* -EAGAIN: it was replaced since it was hashed. */
        if (r == 0 || r == -EAGAIN) {
                error = muster_error_free(error);
                free(TAKE(lookup->missing));
                lookup->cached = false;
                r = whole_probe(lookup, &error);
                if (r == 0)
                        keep(lookup);
        }
        if (r < 0) {
                if (!lookup->cached)
                        lookup_remember_failure(lookup, r, error);
                HAND_OVER(ret_error, error);
        }
        return r < 0 ? r : 0;
}

int lookup_run(Lookup *lookup, MusterError **ret_error)
{
        CLEANUP(store_lock) StoreLock lock = STORE_LOCK_NULL;
        CLEANUP(free) char *name = NULL;
        int r;

        if (!lookup->store || !*lookup->target)
                return whole_probe(lookup, ret_error);
        r = prepare(lookup);
        if (r < 0)
                return prepare_error(lookup, r, ret_error);
        if (!(lookup->flags & MUSTER_LOOKUP_NO_CACHE)) {
                r = from_store(lookup, /* locked= */ false, ret_error);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        name = lock_name(lookup);
        if (!name)
                return error_oom(ret_error);
        r = store_lock(lookup->store, lookup->context, name, lookup->target, &lock, ret_error);
        if (r >= 0 && lock.waited && !(lookup->flags & MUSTER_LOOKUP_NO_CACHE)) {
                /* What the other one left can be read by all who waited, side by side. */
                store_unlock(&lock);
                r = from_store(lookup, /* locked= */ false, ret_error);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = store_lock(lookup->store, lookup->context, name, lookup->target, &lock, ret_error);
        }
        return r < 0 ? r : under_lock(lookup, ret_error);
}
