/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MUSTER_STORE_H
#define MUSTER_STORE_H

#include <muster/feature.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A folder of records: what emulators said, by the digest of the executable that runs (muster-store(5)
 * describes the files). Many processes may use one at the same time, and any number of threads one
 * MusterStore.
 *
 * A store makes things faster and nothing else: what is damaged, foreign, of another format or cannot be
 * read or written is passed over, with a note to the handler, and the emulator is asked instead.
 */
typedef struct MusterStore MusterStore;

/**
 * Opens the store in `directory`, or with NULL the default one: $MUSTER_CACHE_DIR, else /var/cache/muster
 * for root and $XDG_CACHE_HOME/muster (~/.cache/muster) for others. It is made where it does not exist.
 *
 * -EPERM: it belongs to somebody else than the caller or root, or others may write to it, so nothing in it
 * can be trusted. Else what opening or making it failed with. A caller goes on without a store then.
 */
int muster_store_open(const char *directory, MusterStore **ret, MusterError **ret_error);
MusterStore *muster_store_ref(MusterStore *store);
MusterStore *muster_store_unref(MusterStore *store);

/** The default folder, to free(), whether it exists or not. -ENOENT where there is none; -ENOMEM. */
int muster_store_default_directory(char **ret);

/** The folder, as it was named. */
const char *muster_store_directory(const MusterStore *store);

/** Told one sentence about what was passed over, in the thread of the call that met it. */
typedef void (*MusterNoteFn)(const char *sentence, void *userdata);

/** Before the store is used by several threads; NULL for none. */
void muster_store_set_note_handler(MusterStore *store, MusterNoteFn handler, void *userdata);

/** Look-up flags. */
enum {
        MUSTER_LOOKUP_NO_CACHE = 1 << 0, /**< ask the emulator, whatever is stored; store what it says */
};

/** What a look-up did. */
typedef struct MusterLookupInfo {
        int cached; /**< 1 if the emulator was not asked what it is and has: that came from the store */
        unsigned spawned; /**< how many processes were started */
} MusterLookupInfo;

/**
 * The facts of an emulator with all that `catalogue` (may be NULL) needs: the way in for every program.
 * `target` is the path of an emulator, or the address of a running one (`unix:PATH`). `store` may be NULL:
 * then every call asks.
 *
 * A record holds for the executable that runs (its SHA-256), the modules beside it and the scripts before
 * it; host facts (which CPU models run, KVM) also for the kernel, the processor, the user and whether KVM is
 * usable. What is missing is asked, and only that. Of several callers, in any number of processes, one asks
 * and the others wait for its record, until the context's time limit and 2 s more. Of a running emulator,
 * what depends on its host and its launch is always asked.
 *
 * An emulator that cannot be probed is remembered as well: the same error comes without a new attempt until
 * the file, its modules or muster's version change, or MUSTER_LOOKUP_NO_CACHE.
 *
 * Errors: as muster_facts_probe() and muster_facts_connect(); -ETIMEDOUT where another process did not end
 * its probe in time.
 */
int muster_lookup(MusterStore *store, MusterContext *context, MusterCatalogue *catalogue, const char *target,
                  unsigned flags, MusterFacts **ret_facts, MusterLookupInfo *ret_info,
                  MusterError **ret_error);

/**
 * The same, judged by `catalogue`; where that is the host's own (muster_catalogue_new()), the verdicts are
 * kept beside the facts for muster_store_verdict(). `ret_facts` and `ret_info` may be NULL.
 */
int muster_judge(MusterStore *store, MusterContext *context, MusterCatalogue *catalogue, const char *target,
                 MusterTrust trust, unsigned flags, MusterFacts **ret_facts, MusterVerdicts **ret_verdicts,
                 MusterLookupInfo *ret_info, MusterError **ret_error);

/**
 * One verdict of the host's own catalogue on the emulator at the path `target`, as muster_verdict() gives
 * it, from the store alone: nothing is started, hashed or parsed, in about 0.2 ms. `ret_emulator` (may be
 * NULL): JSON text to free(), as muster_facts_describe() gives it.
 *
 * -ENODATA where the store does not have it ready, for whatever reason: call muster_judge() then. -ENOENT
 * where the catalogue has no such feature.
 */
int muster_store_verdict(MusterStore *store, MusterContext *context, const char *target, const char *feature,
                         const char *driver, MusterTrust trust, char **ret_emulator);

/** Adds the outcomes of behavioural checks in `facts` (from muster_verify()) to the record of its emulator.
 */
int muster_store_keep(MusterStore *store, const MusterFacts *facts, MusterError **ret_error);

struct uv_loop_s;

/** A look-up under way. */
typedef struct MusterLookup MusterLookup;

/**
 * Exactly once for each look-up that was started, on the loop's thread: `result` is 0 and `facts` (borrowed;
 * take a reference to keep them) and `info` are set, or it is a negative errno and `error` says why.
 */
typedef void (*MusterLookupFn)(int result, MusterFacts *facts, const MusterLookupInfo *info,
                               const MusterError *error, void *userdata);

/**
 * muster_lookup() beside the caller's libuv loop, in a thread of its own. What `context` says (time limit,
 * user) is copied; its canceller is not. Notes come in that thread. `*ret` (may be NULL) is valid until
 * `done` returns.
 */
int muster_lookup_start(struct uv_loop_s *loop, MusterStore *store, const MusterContext *context,
                        MusterCatalogue *catalogue, const char *target, unsigned flags, MusterLookupFn done,
                        void *userdata, MusterLookup **ret, MusterError **ret_error);

/** Ends it soon: `done` is called with -ECANCELED, unless it had a result already. */
void muster_lookup_cancel(MusterLookup *lookup);

/**
 * What is stored, as a JSON array with an object for each record, in the order of IDs:
 *
 * - "id", "digest", "name", "kind", "version", "package", "target", "muster" (the version that wrote it),
 *   "launcher", "module-count", "created": what the record says of itself, as in muster-store(5);
 * - "size": bytes of all its files; "used": when one of them was last written or marked as used;
 * - "valid": whether a path leads to it now; "why" (only where none does): the reason;
 * - "paths": an array of {"path", "valid", "why"?};
 * - "hosts", "failures": how many host facts and failures there are.
 *
 * A record that is damaged has "damaged" (why it is not used, a fragment of a sentence) and of these only
 * "id", "digest", "size", "used", "valid" (false), "paths", "hosts" and "failures". Each failure is an
 * object of its own behind its record's: "id", "digest" (null for a script's), "size", "created", and
 * "failure", an object with the members of the file, as in muster-store(5). Times are in seconds since the
 * epoch.
 */
int muster_store_list(MusterStore *store, char **ret_json, MusterError **ret_error);

/**
 * Everything about the records that `name` means: the beginning of a digest (4 digits or more), or a path;
 * or about the failures of a path. The same objects, where those of records have more members: "host-facts",
 * an array of {"fingerprint", "created", "here"} ("here": it is this host's and user's); and, unless the
 * record is damaged, "facts" and "measured", objects from name to status. -ENOENT where there is none.
 */
int muster_store_show(MusterStore *store, const char *name, char **ret_json, MusterError **ret_error);

/**
 * Reads every file in the store's folders and every executable that it knows, without believing any stamp.
 * `ret_json`: an array of {"file", "result", "why"?}, where "file" is a name within the store and "why" (for
 * all but "ok") a fragment of a sentence. The results:
 *
 * - "ok";
 * - "stale": it was true and is not any more, or a process that was killed has left it;
 * - "damaged": no look-up would use it;
 * - "foreign": it is not the store's, and neither prune nor clear removes it.
 *
 * What others remove meanwhile is left out, and so is what a process may be writing just now (temporary
 * files younger than an hour). Returns how many are damaged or foreign.
 */
int muster_store_verify(MusterStore *store, char **ret_json, MusterError **ret_error);

/**
 * Removes what is damaged (by its first lines or its checksum); failures that no look-up would believe
 * (another version's, and a script's after an hour); what has belonged to no record for a minute; and
 * temporary files that are older than an hour. Then records, with all that is theirs, that were not used,
 * and failures that were not written for `older_than_sec` seconds (UINT64_MAX: no limit). Then the least
 * recently used of both until all together take no more than `max_size` bytes (UINT64_MAX: no limit). The
 * sizes of executables go when neither records nor failures are left.
 *
 * Nothing is removed but what is certainly the store's (muster-store(5) says what that is). `ret_json`:
 * {"removed", "freed", "kept", "size"}: how many records were removed, the bytes of all files that were, how
 * many records were kept, and the bytes of what was kept.
 */
int muster_store_prune(MusterStore *store, uint64_t older_than_sec, uint64_t max_size, char **ret_json,
                       MusterError **ret_error);

/**
 * Removes all of it, and nothing but what is certainly the store's; temporary files younger than a minute
 * and folders that are not empty then stay. `ret_json` as above, where "kept" and "size" are 0.
 */
int muster_store_clear(MusterStore *store, char **ret_json, MusterError **ret_error);

/**
 * Writes the records (portable and measured facts; no host facts, paths, failures or verdicts) as a tar
 * archive to `fd`; those that one of `names` means as in muster_store_show(), or all with NULL. The same
 * records make the same bytes. One that is damaged is left out, with a note. Returns how many were written.
 */
int muster_store_export(MusterStore *store, int fd, const char *const *names, MusterError **ret_error);

/**
 * Takes records from a tar archive (plain, gzip, xz, zstd) at `fd`. Each is checked whole, and one that is
 * damaged, or says what no muster writes (muster-store(5)), ends the import with nothing of it stored. What
 * is stored is written anew from what was read. What is here already stays, with measured outcomes that it
 * lacks added. `ret_json`: {"imported", "updated", "known"}, numbers of records.
 *
 * -EFBIG: a member has more than 8 MiB, or all have more than 1 GiB. Until all are checked the records are
 * in memory, as they will be stored; to these come some 100 MiB for the one that is read, and what unpacking
 * needs, which is up to 1 GiB for xz.
 */
int muster_store_import(MusterStore *store, int fd, char **ret_json, MusterError **ret_error);

#ifdef __cplusplus
}
#endif

#endif
