/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A running emulator. Its record is that of the executable that it runs, which its process tells also after
 * the file was upgraded or removed. What it was started with may differ from how a probe starts it, so what
 * depends on that is asked; and all is, if it was started with options that change the rest.
 *
 * Modules are those that lie there now. After an upgrade these are not the process's any more (it cannot
 * load them, they are of another build): then the one record of its digest is taken, if there is one only.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/util.h"
#include "emulator/launch.h"
#include "store/lookup.h"

/* The only record of a digest. 0 with "" where there is none, or more. */
static int find_only(const MusterStore *store, const char *digest, char ret[static RECORD_ID_SIZE])
{
        int fd = openat(store->dirfd, STORE_RECORDS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        CLEANUP(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        unsigned n = 0;

        ret[0] = '\0';
        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return 0;
        }
        while ((entry = readdir(dir))) {
                if (!startswith(entry->d_name, digest) || !record_id_is_valid(entry->d_name))
                        continue;
                strcpy(ret, entry->d_name);
                n++;
        }
        if (n != 1)
                ret[0] = '\0';
        return 0;
}

int lookup_recall(MusterStore *store, const Identity *identity, char *const *argv, MusterFacts **ret)
{
        char id[RECORD_ID_SIZE];
        int r;

        if (launch_changes_facts(argv))
                return 0;
        r = record_id(identity, id);
        if (r == 0)
                r = record_load(store, id, ret, /* ret_stamp= */ NULL);
        if (r == -ENOENT && identity->deleted) {
                r = find_only(store, identity->digest, id);
                if (r == 0 && id[0])
                        r = record_load(store, id, ret, /* ret_stamp= */ NULL);
        }
        /* Ready verdicts go by the record's stamp, and are made again for that. */
        if (r == 0 && *ret)
                entry_mark_used(store, ENTRY_RECORD, id);
        return r == -ENOMEM ? r : 0;
}

static int recall(const Identity *identity, char *const *argv, MusterFacts **ret, void *userdata,
                  MusterError **ret_error)
{
        const Lookup *lookup = userdata;

        return lookup_recall(lookup->store, identity, argv, ret) < 0 ? error_oom(ret_error) : 0;
}

int lookup_connect(Lookup *lookup, MusterError **ret_error)
{
        bool stored = lookup->store && !(lookup->flags & MUSTER_LOOKUP_NO_CACHE);
        int r;

        r = facts_connect(lookup->context, lookup->target, stored ? recall : NULL, lookup, &lookup->cached,
                          &lookup->facts, ret_error);
        /* Verdicts on it hold for this process alone. */
        lookup->id[0] = '\0';
        return r;
}
