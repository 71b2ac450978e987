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

#define HOLDERS_MAX       1024
#define CHILDREN_SIZE_MAX 65536

typedef struct Holder {
        pid_t pid, parent;
        unsigned n_ends; /* 2 if the socket is both its stdin and its stdout */
        bool forked;     /* and has not run another program yet */
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

static bool runs_the_same(pid_t pid, pid_t parent)
{
        CLEANUP(free) char *own = NULL, *parents = NULL;
        char path[PROC_PATH_SIZE];

        return read_link(proc_path(pid, "exe", path), &own) == 0 &&
               read_link(proc_path(parent, "exe", path), &parents) == 0 && streq(own, parents);
}

static void look_at(Holders *holders, pid_t pid, const char *socket)
{
        unsigned n_ends = count_ends(pid, socket);
        ProcStat stat;

        if (n_ends == 0 || holders->n == HOLDERS_MAX || proc_stat(pid, &stat) < 0)
                return;
        holders->items[holders->n++] = (Holder){
                .pid = pid,
                .parent = stat.parent,
                .n_ends = n_ends,
                .forked = runs_the_same(pid, stat.parent),
                .start = stat.start,
        };
}

static int find_holders(Holders *holders, const char *socket)
{
        CLEANUP(dir) DIR *dir = opendir("/proc");
        const struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                char *end;
                long pid = strtol(entry->d_name, &end, 10);

                if (pid > 0 && !*end)
                        look_at(holders, (pid_t)pid, socket);
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

/*
 * Both ends beat one (`qemu | tee`), a program of its own beats a shell that has forked and is about to run
 * something (`sleep 1 &`), depth beats its lack, and what started last beats what it replaced.
 */
static bool better(const Holders *holders, const Holder *a, const Holder *b)
{
        size_t depth_a, depth_b;

        if (!b || a->n_ends != b->n_ends)
                return !b || a->n_ends > b->n_ends;
        if (a->forked != b->forked)
                return b->forked;
        depth_a = depth(holders, a);
        depth_b = depth(holders, b);
        return depth_a != depth_b ? depth_a > depth_b : a->start > b->start;
}

/*
 * Whether no thread of `pid` has a child, by /proc/PID/task/TID/children. The usual case, told a millisecond
 * faster than by reading all of /proc; false also where the kernel was built without that file.
 */
static bool is_childless(pid_t pid)
{
        char path[PROC_PATH_SIZE];
        CLEANUP(dir) DIR *tasks = opendir(proc_path(pid, "task", path));
        const struct dirent *entry;
        size_t n = 0;

        while (tasks && (entry = readdir(tasks))) {
                CLEANUP(free) char *children = NULL, *name = NULL;

                if (entry->d_name[0] == '.')
                        continue;
                if (asprintf(&name, "%s/children", entry->d_name) < 0) {
                        name = NULL;
                        return false;
                }
                if (read_file_at(dirfd(tasks), name, CHILDREN_SIZE_MAX, &children, NULL) < 0 || *children)
                        return false;
                n++;
        }
        return n > 0;
}

int identity_find_speaker(pid_t child, uint64_t socket_inode, pid_t *ret)
{
        CLEANUP(free) Holders *holders = calloc(1, sizeof(*holders));
        const Holder *best = NULL;
        char socket[64];
        int r;

        if (!holders)
                return -ENOMEM;
        snprintf(socket, sizeof(socket), "socket:[%" PRIu64 "]", socket_inode);
        if (count_ends(child, socket) == 2 && is_childless(child)) {
                *ret = child;
                return 0;
        }
        r = find_holders(holders, socket);
        if (r < 0)
                return r;
        for (size_t i = 0; i < holders->n; i++)
                if (!has_child(holders, &holders->items[i]) && better(holders, &holders->items[i], best))
                        best = &holders->items[i];
        if (!best)
                return -ESRCH;
        *ret = best->pid;
        return 0;
}
