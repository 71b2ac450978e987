/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SIGKILL to the process group reaches all but those who left it with setsid() or setpgid(). They have
 * three marks which few shed all at once: the session, the cookie in the environment, and the scratch
 * directory as their working directory.
 *
 * Reading all of /proc takes longer than a probe on a host with thousands of processes. But process ids
 * are given out in ascending order, so whoever descends from the leader has one between the leader's and the
 * last one that was given out (/proc/loadavg ends with it); where the numbers wrapped around, in the
 * complement.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/util.h"
#include "emulator/sandbox.h"

#define PASSES_MAX  16
#define PROBE_MAX   512 /* ids that are tried one by one; beyond, /proc is listed */
#define ENVIRON_MAX (2U * 1024 * 1024)

static bool has_cookie(const Sandbox *sandbox, pid_t pid)
{
        CLEANUP(free) char *environment = NULL;
        char path[64];
        size_t size;

        snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
        if (read_file(path, ENVIRON_MAX, &environment, &size) < 0)
                return false;
        return memmem(environment, size, sandbox->cookie, strlen(sandbox->cookie)) != NULL;
}

static bool is_in_scratch(const Sandbox *sandbox, pid_t pid)
{
        CLEANUP(free) char *directory = NULL;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
        return read_link(path, &directory) == 0 && startswith(directory, sandbox->scratch);
}

static bool is_zombie(pid_t pid)
{
        CLEANUP(free) char *stat = NULL;
        const char *state;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (read_file(path, 4096, &stat, NULL) < 0)
                return true;
        state = strrchr(stat, ')');
        return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

/* Whether it was one of them, and alive. */
static bool kill_if_escaped(const Sandbox *sandbox, pid_t leader, pid_t pid)
{
        pid_t session;

        if (pid <= 1 || pid == leader || pid == getpid())
                return false;
        session = getsid(pid);
        if (session < 0 || is_zombie(pid))
                return false;
        if (session != leader && !has_cookie(sandbox, pid) && !is_in_scratch(sandbox, pid))
                return false;
        return kill(pid, SIGKILL) == 0;
}

static pid_t last_pid(void)
{
        CLEANUP(free) char *text = NULL;
        const char *space;

        if (read_file("/proc/loadavg", 4096, &text, NULL) < 0)
                return -1;
        space = strrchr(text, ' ');
        return space ? (pid_t)strtol(space, NULL, 10) : -1;
}

static bool sweep_all(const Sandbox *sandbox, pid_t leader, pid_t last)
{
        CLEANUP(dir) DIR *proc = opendir("/proc");
        struct dirent *entry;
        bool found = false;

        while (proc && (entry = readdir(proc))) {
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

                if (last > leader && (pid < leader || pid > last))
                        continue;
                if (last > 0 && last < leader && pid > last && pid < leader)
                        continue;
                found = kill_if_escaped(sandbox, leader, pid) || found;
        }
        return found;
}

static bool sweep_once(const Sandbox *sandbox, pid_t leader)
{
        pid_t last = last_pid();
        bool found = false;

        if (last < leader || last - leader > PROBE_MAX)
                return sweep_all(sandbox, leader, last);
        for (pid_t pid = leader + 1; pid <= last; pid++)
                found = kill_if_escaped(sandbox, leader, pid) || found;
        return found;
}

void sandbox_sweep(const Sandbox *sandbox, pid_t leader)
{
        /* What was killed may have forked meanwhile: on until a pass finds nobody. */
        for (unsigned i = 0; i < PASSES_MAX && sweep_once(sandbox, leader); i++)
                usleep(1000U << (i < 5 ? i : 5));
}
