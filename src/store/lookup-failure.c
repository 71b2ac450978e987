/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a look-up has to do with failures (failure.h has what they hold for). */

#include <errno.h>
#include <sys/stat.h>

#include "base/util.h"
#include "emulator/identity.h"
#include "store/failure.h"
#include "store/lookup.h"
#include "store/size.h"

FileStamp lookup_target_stamp(const Lookup *lookup)
{
        struct stat st;

        return stat(lookup->target, &st) < 0 ? (FileStamp){0} : file_stamp(&st);
}

static FailureAbout about(const Lookup *lookup, const char *key)
{
        return (FailureAbout){
                .key = key,
                .fingerprint = lookup->fingerprint,
                .asked = lookup->missing ?: "",
                .path = lookup->absolute,
                .script = identity_is_script(lookup->target) == 1,
                .context = lookup->context,
        };
}

int lookup_recall_failure(Lookup *lookup, const Identity *identity, MusterError **ret_error)
{
        CLEANUP(free) char *key = NULL;
        FailureAbout failure;
        int code = 0, r;

        if (!identity && identity_is_script(lookup->target) != 1)
                return 0;
        r = failure_key(lookup->target, identity, &key);
        if (r < 0)
                return r == -ENOMEM ? error_oom(ret_error) : 0;
        failure = about(lookup, key);
        r = failure_load(lookup->store, &failure, &code, ret_error);
        if (r < 0)
                return error_oom(ret_error);
        lookup->cached = r > 0;
        return r > 0 ? code : 0;
}

/*
 * Whether this is what was there when the attempt began: not upgraded while the emulator hung, nor copied to
 * its place while it was tried.
 */
static bool is_as_before(const Lookup *lookup, const Identity *identity)
{
        CLEANUP(free) char *seen = NULL;
        FileStamp now = lookup_target_stamp(lookup);
        int64_t newest = 0;

        if (!file_stamp_equal(&lookup->target_before, &now))
                return false;
        if (identity->n_links > 0)
                return true;
        return identity_seen(identity, &seen, &newest) == 0 && file_stamp_equal(&now, &identity->stamp) &&
               (newest <= lookup->attempt_nsec || newest > stamp_now_nsec());
}

void lookup_remember_failure(Lookup *lookup, int r, const MusterError *error)
{
        FailureAbout failure = about(lookup, NULL);
        CLEANUP(identity) Identity identity = {0};
        CLEANUP(free) char *key = NULL;
        int known;

        if (!failure_is_lasting(r) || !error || error_is_passing(error))
                return;
        known = failure.script ? identity_of_script(lookup->target, &identity)
                               : identity_of_file(lookup->target, /* known= */ NULL, &identity,
                                                  /* ret_error= */ NULL);
        if (known < 0 || !is_as_before(lookup, &identity) ||
            failure_key(lookup->target, failure.script ? NULL : &identity, &key) < 0)
                return;
        /* Changed while it failed: who knows what did. */
        if (identity_settle_watched(&identity, &lookup->before) < 0)
                return;
        failure.key = key;
        failure.watched = &identity;
        (void)failure_save(lookup->store, &failure, error);
        size_remember(lookup->store, lookup->target_before.size);
}

void lookup_forget_failures(Lookup *lookup)
{
        CLEANUP(free) char *key = NULL;

        failure_forget(lookup->store, lookup->id, lookup->fingerprint);
        if (lookup->facts->identity.n_links > 0 &&
            failure_key(lookup->target, /* identity= */ NULL, &key) == 0)
                failure_forget(lookup->store, key, lookup->fingerprint);
}
