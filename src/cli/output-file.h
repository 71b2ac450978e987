/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is written whole or not at all: what was there stays until all of it is, and a run that fails
 * or is interrupted leaves nothing behind. What is no regular file (a device, a FIFO, /dev/stdout) is
 * written as it stands.
 */

#include "base/error.h"

typedef struct OutputFile {
        int fd;          /* to write to */
        char *path;      /* what it becomes, links followed; NULL: standard output */
        char *temporary; /* what it is until then; NULL: written as it stands */
} OutputFile;

#define OUTPUT_FILE_NULL ((OutputFile){.fd = -1})

/* One at a time: until it is committed or done, SIGINT, SIGTERM and SIGHUP remove it and end the process. */
int output_file_open(OutputFile *file, const char *path, MusterError **ret_error);

/* Closes it, and puts it in its place. */
int output_file_commit(OutputFile *file, MusterError **ret_error);

/* Removes what was not committed. */
void output_file_done(OutputFile *file);

static inline void cleanup_output_file(OutputFile *file)
{
        output_file_done(file);
}
