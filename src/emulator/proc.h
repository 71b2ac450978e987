/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What /proc says of a process. */

#include <stdint.h>
#include <sys/types.h>

typedef struct ProcStat {
        char state;
        pid_t parent;
        pid_t session;
        uint64_t start; /* clock ticks since boot: with the pid, the name of one process for ever */
} ProcStat;

/* Pure: the text of /proc/PID/stat. -EBADMSG. */
int proc_stat_parse(const char *text, ProcStat *ret);

/* -ESRCH where there is no such process. */
int proc_stat(pid_t pid, ProcStat *ret);

/* "/proc/PID/<name>" in a buffer of the caller. */
#define PROC_PATH_SIZE 64
const char *proc_path(pid_t pid, const char *name, char buffer[static PROC_PATH_SIZE]);
