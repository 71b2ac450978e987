/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/util.h"
#include "emulator/identity.h"
#include "emulator/proc.h"

/*
 * Who speaks QMP behind a path? A wrapper that ends in `exec` has become the emulator; one that does not
 * waits for it, with the same socket on its own descriptors 0 and 1. So of all processes that hold the
 * socket, the speaker is one that started no other holder. A wrapper that moved the emulator into a session
 * of its own (setsid, sudo with a terminal) is followed by the socket alone.
 */

#define HOLDERS_MAX 1024

typedef struct Holder {
        pid_t pid, parent;
        unsigned n_ends; /* 2 if the socket is both its stdin and its stdout */
        uint64_t start;
} Holder;

typedef struct Holders {
        Holder items[HOLDERS_MAX];
        size_t n;
} Holders;

static unsigned count_ends(pid_t pid, const char *socket)
{
        static const char *const names[] = {"fd/0", "fd/1"};
        unsigned n_ends = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(free) char *target = NULL;
                char path[PROC_PATH_SIZE];

                if (read_link(proc_path(pid, names[i], path), &target) == 0 && streq(target, socket))
                        n_ends++;
        }
        return n_ends;
}

static void look_at(Holders *holders, pid_t pid, pid_t session, const char *socket)
{
        ProcStat stat;
        unsigned n_ends;

        if (holders->n == HOLDERS_MAX || proc_stat(pid, &stat) < 0)
                return;
        if (stat.state == 'Z' || stat.state == 'X' || (session != 0 && stat.session != session))
                return;
        n_ends = count_ends(pid, socket);
        if (n_ends > 0)
                holders->items[holders->n++] =
                        (Holder){.pid = pid, .parent = stat.parent, .n_ends = n_ends, .start = stat.start};
}

/* All processes of `session` (0: of any) that hold the socket. */
static int find_holders(Holders *holders, pid_t session, const char *socket)
{
        CLEANUP(dir) DIR *dir = opendir("/proc");
        const struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                char *end;
                long pid = strtol(entry->d_name, &end, 10);

                if (pid > 0 && !*end)
                        look_at(holders, (pid_t)pid, session, socket);
        }
        return 0;
}

static const Holder *holder_of(const Holders *holders, pid_t pid)
{
        for (size_t i = 0; i < holders->n; i++)
                if (holders->items[i].pid == pid)
                        return &holders->items[i];
        return NULL;
}

static bool has_child(const Holders *holders, const Holder *holder)
{
        for (size_t i = 0; i < holders->n; i++)
                if (holders->items[i].parent == holder->pid)
                        return true;
        return false;
}

static size_t depth(const Holders *holders, const Holder *holder)
{
        size_t n = 0;

        /* Pids are reused while /proc is read, so that a circle is not impossible. */
        while (n < holders->n && (holder = holder_of(holders, holder->parent)))
                n++;
        return n;
}

/* Both ends beat one (`qemu | tee`), depth beats its lack, and what started last beats what it replaced. */
static bool better(const Holders *holders, const Holder *a, const Holder *b)
{
        size_t depth_a, depth_b;

        if (!b || a->n_ends != b->n_ends)
                return !b || a->n_ends > b->n_ends;
        depth_a = depth(holders, a);
        depth_b = depth(holders, b);
        return depth_a != depth_b ? depth_a > depth_b : a->start > b->start;
}

int identity_find_speaker(pid_t child, uint64_t socket_inode, pid_t *ret)
{
        CLEANUP(free) Holders *holders = calloc(1, sizeof(*holders));
        const Holder *best = NULL;
        char socket[64];
        ProcStat stat;
        int r;

        if (!holders)
                return -ENOMEM;
        snprintf(socket, sizeof(socket), "socket:[%" PRIu64 "]", socket_inode);
        r = proc_stat(child, &stat);
        if (r == 0)
                r = find_holders(holders, stat.session, socket);
        if (r < 0 && r != -ESRCH)
                return r;
        if (holders->n == 0) {
                r = find_holders(holders, /* session= */ 0, socket);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < holders->n; i++)
                if (!has_child(holders, &holders->items[i]) && better(holders, &holders->items[i], best))
                        best = &holders->items[i];
        if (!best)
                return -ESRCH;
        *ret = best->pid;
        return 0;
}
