/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fileio.h"

#define STAT_SIZE_MAX 8192

const char *proc_path(pid_t pid, const char *name, char buffer[static PROC_PATH_SIZE])
{
        snprintf(buffer, PROC_PATH_SIZE, "/proc/%d/%s", (int)pid, name);
        return buffer;
}

int proc_stat_parse(const char *text, ProcStat *ret)
{
        /* Field 2 is the program's name in parentheses, which it chooses itself and which may hold any. */
        const char *rest = strrchr(text, ')');
        uint64_t start;
        int parent, session;
        char state;

        if (!rest ||
            sscanf(rest + 1,
                   " %c %d %*d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                   &state, &parent, &session, &start) != 4)
                return -EBADMSG;
        *ret = (ProcStat){.state = state, .parent = parent, .session = session, .start = start};
        return 0;
}

int proc_stat(pid_t pid, ProcStat *ret)
{
        CLEANUP(free) char *text = NULL;
        char path[PROC_PATH_SIZE];
        int r;

        r = read_file(proc_path(pid, "stat", path), STAT_SIZE_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        return proc_stat_parse(text, ret);
}
