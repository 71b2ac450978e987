/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stores in the test's folder, and what they have to say. */

#include "tests/unit/emulator/fixture.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "store/store.h"

#define NOBODY 65534

/* Instead of libc's: nothing here need survive a crash of the host, and a disk takes longer than all tests.
 */
int fdatasync(int fd)
{
        return fd < 0 ? -1 : 0;
}

static pthread_mutex_t notes_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_notes;
static char last_note[2048];

static inline void take_note(const char *sentence, void *userdata)
{
        pthread_mutex_lock(&notes_mutex);
        n_notes++;
        snprintf(last_note, sizeof(last_note), "%s", sentence);
        pthread_mutex_unlock(&notes_mutex);
}

static MusterStore *last_opened;

/* That so many notes were given since the last time, the last of them with this in it. What was noted of a
 * file is then news again. */
static inline void expect_notes(unsigned n, const char *fragment)
{
        if (n_notes != n)
                fail_msg("%u notes instead of %u, the last one: %s", n_notes, n, last_note);
        if (n > 0 && !strstr(last_note, fragment))
                fail_msg("the note does not speak of \"%s\": %s", fragment, last_note);
        if (strchr(last_note, '\n'))
                fail_msg("more than a sentence: %s", last_note);
        n_notes = 0;
        last_note[0] = '\0';
        if (last_opened)
                memset(last_opened->noted, 0, sizeof(last_opened->noted));
}

/* The store in the folder `name` of the test's folder. */
static inline MusterStore *open_store(const char *name)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterStore *store = NULL;

        if (muster_store_open(in_dir(name), &store, &error) < 0)
                fail_msg("%s", muster_error_message(error));
        muster_store_set_note_handler(store, take_note, /* userdata= */ NULL);
        muster_store_unref(last_opened);
        last_opened = muster_store_ref(store);
        return store;
}

static inline const char *in_store(const MusterStore *store, const char *file)
{
        const char *rest = startswith(store->directory, fixture_dir);
        char name[300];

        assert_non_null(rest);
        snprintf(name, sizeof(name), "%s/%s", rest + 1, file);
        return in_dir(name);
}

/* `what` in a process of its own, where a failed assertion would run on as a second test program. Its result
 * is 0, or the number of the line that is at fault. */
static inline void in_child(int (*what)(void *userdata), void *userdata)
{
        int status = -1, fault = 0, ends[2];
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                fault = what(userdata);
                _exit(write(ends[1], &fault, sizeof(fault)) == sizeof(fault) ? 0 : 1);
        }
        close(ends[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], &fault, sizeof(fault)), sizeof(fault));
        close(ends[0]);
        if (fault != 0)
                fail_msg("the child found a fault in line %d", fault);
}

#define CHILD_EXPECTS(condition)                                                                            \
        do {                                                                                                \
                if (!(condition))                                                                           \
                        return __LINE__;                                                                    \
        } while (0)
