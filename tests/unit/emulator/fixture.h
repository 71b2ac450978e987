/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder of its own for a test, files in it, and processes started from it. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileio.h"
#include "base/util.h"

static char fixture_dir[64];

static inline int fixture_set_up(void **state)
{
        strcpy(fixture_dir, "/tmp/muster-test-XXXXXX");
        return mkdtemp(fixture_dir) ? 0 : -1;
}

static inline int fixture_tear_down(void **state)
{
        return remove_tree(fixture_dir);
}

/* The path of `name` in the folder; good until the eighth call after. */
static inline const char *in_dir(const char *name)
{
        static char paths[8][512];
        static unsigned next;
        char *path = paths[next++ % ELEMENTSOF(paths)];

        snprintf(path, sizeof(paths[0]), "%s/%s", fixture_dir, name);
        return path;
}

static inline void make_dirs(const char *name)
{
        char path[512];

        snprintf(path, sizeof(path), "%s", in_dir(name));
        for (char *slash = path + strlen(fixture_dir); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static inline void write_bytes(const char *name, const void *data, size_t size, mode_t mode)
{
        int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static inline void write_text(const char *name, const char *text, mode_t mode)
{
        write_bytes(name, text, strlen(text), mode);
}

/* A binary that stays while its stdin is open. */
static inline void copy_cat(const char *name)
{
        char *data;
        size_t size;

        assert_int_equal(read_file("/bin/cat", 16 * 1024 * 1024, &data, &size), 0);
        write_bytes(name, data, size, 0755);
        free(data);
}

typedef struct Process {
        pid_t pid;
        int fd;         /* our end of its stdin and stdout */
        uint64_t inode; /* of its end */
} Process;

/* Starts argv in a session of its own, returns when execve() was through. */
static inline Process start(const char *const *argv)
{
        int ends[2], gate[2];
        struct stat st;
        Process process;
        char byte;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        assert_int_equal(fstat(ends[1], &st), 0);
        process = (Process){.pid = fork(), .fd = ends[0], .inode = st.st_ino};
        assert_true(process.pid >= 0);
        if (process.pid == 0) {
                setsid();
                dup2(ends[1], 0);
                dup2(ends[1], 1);
                execv(argv[0], (char *const *)argv);
                _exit(127);
        }
        close(ends[1]);
        close(gate[1]);
        assert_int_equal(read(gate[0], &byte, 1), 0);
        close(gate[0]);
        return process;
}

/* Sends a line and waits for its echo: `cat` runs then, whatever ran before it. */
static inline void await_echo(const Process *process)
{
        char byte = 0;

        assert_int_equal(write(process->fd, "\n", 1), 1);
        assert_int_equal(read(process->fd, &byte, 1), 1);
        assert_int_equal(byte, '\n');
}

static inline void stop(Process *process)
{
        close(process->fd);
        kill(-process->pid, SIGKILL);
        assert_int_equal(waitpid(process->pid, NULL, 0), process->pid);
}
