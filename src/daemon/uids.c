/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/uids.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/util.h"
#include "emulator/proc.h"

#define STATUS_MAX (64U * 1024)

int uids_take(uid_t first, uid_t last, const uid_t *used, size_t n_used, uid_t *ret)
{
        CLEANUP(free) bool *taken = NULL;

        if (first == 0 || last < first || last == (uid_t)-1)
                return -EINVAL;
        /* Of n + 1 numbers one is free, so no more need be looked at. */
        taken = calloc(n_used + 1, sizeof(*taken));
        if (!taken)
                return -ENOMEM;
        for (size_t i = 0; i < n_used; i++)
                if (used[i] >= first && used[i] - first <= n_used)
                        taken[used[i] - first] = true;
        for (size_t i = 0; i <= n_used && i <= last - first; i++)
                if (!taken[i]) {
                        *ret = first + (uid_t)i;
                        return 0;
                }
        return -ENOSPC;
}

/* The owner of /proc/PID will not do: that of a process that cannot be dumped is root. */
static int add_ids(pid_t pid, uid_t first, uid_t last, uid_t **uids, size_t *n, size_t *room)
{
        CLEANUP(free) char *text = NULL;
        char path[PROC_PATH_SIZE];
        const char *line;
        uid_t ids[4];

        if (read_file(proc_path(pid, "status", path), STATUS_MAX, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nUid:");
        if (!line || sscanf(line + 5, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (ids[i] < first || ids[i] > last || (i > 0 && ids[i] == ids[i - 1]))
                        continue;
                if (*n == *room) {
                        size_t more = *room > 0 ? *room * 2 : 64;
                        uid_t *grown = reallocarray(*uids, more, sizeof(**uids));

                        if (!grown)
                                return -ENOMEM;
                        *uids = grown;
                        *room = more;
                }
                (*uids)[(*n)++] = ids[i];
        }
        return 0;
}

int uids_running(uid_t first, uid_t last, uid_t **ret, size_t *ret_n)
{
        CLEANUP(dir) DIR *proc = opendir("/proc");
        CLEANUP(free) uid_t *uids = NULL;
        size_t n = 0, room = 0;
        struct dirent *entry;

        if (!proc)
                return -errno;
        while ((entry = readdir(proc))) {
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
                int r = pid > 0 ? add_ids(pid, first, last, &uids, &n, &room) : 0;

                if (r < 0)
                        return r;
        }
        *ret = TAKE(uids);
        *ret_n = n;
        return 0;
}
