/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/process-sweep.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "emulator/proc.h"

#define PASSES_MAX 16

uint64_t process_ticks(void)
{
        uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
        struct timespec now;

        if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
                return 0;
        return (uint64_t)now.tv_sec * hz + (uint64_t)now.tv_nsec * hz / (uint64_t)NSEC_PER_SEC;
}

/* The pidfd comes first, so that it is of the process that is looked at after it. */
static bool kill_member(pid_t leader, pid_t pid, bool held, uint64_t before)
{
        CLEANUP(fd) int pidfd = -1;
        ProcStat stat;

        if (pid <= 1 || pid == leader || getsid(pid) != leader)
                return false;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0 || proc_stat(pid, &stat) < 0 || stat.session != leader || stat.state == 'Z')
                return false;
        if (!held && stat.start >= before)
                return false;
        return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
}

static bool sweep_once(pid_t leader, bool held, uint64_t before)
{
        CLEANUP(dir) DIR *proc = opendir("/proc");
        struct dirent *entry;
        bool found = false;

        while (proc && (entry = readdir(proc)))
                found = kill_member(leader, (pid_t)strtol(entry->d_name, NULL, 10), held, before) || found;
        return found;
}

void process_sweep(pid_t leader, bool held, uint64_t before)
{
        /* What was killed may have forked meanwhile: on until a pass finds nobody. */
        for (unsigned i = 0; i < PASSES_MAX && sweep_once(leader, held, before); i++)
                ;
}
