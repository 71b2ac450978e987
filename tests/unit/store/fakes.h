/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copies of the fake emulator that count how often they are started and what they are asked. */

#include "emulator/context.h"
#include "emulator/facts.h"
#include "store/trail.h"
#include "tests/unit/store/stores.h"

static inline const char *beside(const char *name, const char *suffix)
{
        char text[200];

        snprintf(text, sizeof(text), "%s%s", name, suffix);
        return in_dir(text);
}

static inline void clear_log(const char *name)
{
        CLEANUP(fd) int fd = open(beside(name, ".log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

        assert_true(fd >= 0);
}

/* All copies are of the same content, so of one digest, unless `more` is put behind it. */
static inline void install(const char *name, const char *more)
{
        CLEANUP(free) char *data = NULL;
        CLEANUP(fd) int fd = -1;
        size_t size;

        assert_int_equal(read_file(getenv("MUSTER_TEST_FAKE"), 64 << 20, &data, &size), 0);
        (void)unlink(in_dir(name));
        write_bytes(name, data, size, 0755);
        fd = open(in_dir(name), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write(fd, more, strlen(more)), (ssize_t)strlen(more));
        clear_log(name);
}

static inline void set_fault(const char *name, const char *fault)
{
        char file[200];

        snprintf(file, sizeof(file), "%s.fault", name);
        if (fault)
                write_text(file, fault, 0644);
        else
                assert_int_equal(unlink(in_dir(file)), 0);
}

static inline void make_gate(const char *name)
{
        assert_int_equal(mkfifo(beside(name, ".gate"), 0600), 0);
}

/* Returns once the emulator has started, which goes on when the descriptor is closed; the next has no gate.
 */
static inline int await_at_gate(const char *name)
{
        int fd = open(beside(name, ".gate"), O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(beside(name, ".gate")), 0);
        return fd;
}

/* How many lines of the log are this one. */
static inline unsigned count_logged(const char *name, const char *line)
{
        CLEANUP(free) char *log = NULL;
        unsigned n = 0;
        char *rest, *one;

        assert_int_equal(read_file(beside(name, ".log"), 1 << 20, &log, NULL), 0);
        rest = log;
        while ((one = strsep(&rest, "\n")))
                n += streq(one, line);
        return n;
}

static inline MusterContext *new_context(void)
{
        MusterContext *context;

        assert_int_equal(muster_context_new(&context), 0);
        return context;
}
