/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Daemon without a process of its own, for the targets that look at src/daemon. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/util.h"
#include "daemon/life-record.h"
#include "daemon/log.h"

/* Says what it was: a report's stack knows only the function that all of it was made part of. */
#define require(holds)                                                                                      \
        do {                                                                                                \
                if (!(holds)) {                                                                             \
                        fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #holds);           \
                        abort();                                                                            \
                }                                                                                           \
        } while (0)

static char fixture_root[64]; /* empty: not made yet */

static inline void fixture_remove(void)
{
        (void)remove_tree(fixture_root);
}

/* A folder of this process, in memory where that can be had: some targets make it anew for each input. */
static inline const char *fixture_folder(void)
{
        if (*fixture_root)
                return fixture_root;
        strcpy(fixture_root,
               access("/dev/shm", W_OK) == 0 ? "/dev/shm/muster-fuzz-XXXXXX" : "/tmp/muster-fuzz-XXXXXX");
        require(mkdtemp(fixture_root) != NULL);
        log_open(LOG_EMERG);
        atexit(fixture_remove);
        return fixture_root;
}

static inline char *fixture_path(const char *name)
{
        char *path = text_format("%s/%s", fixture_folder(), name);

        require(path != NULL);
        return path;
}

static inline void fixture_write(const char *name, const void *data, size_t size)
{
        CLEANUP(free) char *path = fixture_path(name);
        CLEANUP(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static inline void fixture_make_folders(void)
{
        static const char *const names[] = {"",
                                            "/domains",
                                            "/records",
                                            "/monitors",
                                            "/transfers",
                                            "/state",
                                            "/state/domains",
                                            "/state/save",
                                            "/logs",
                                            "/definitions",
                                            "/definitions/autostart"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(free) char *path = text_format("%s%s", fixture_folder(), names[i]);

                require(path && (mkdir(path, 0700) == 0 || errno == EEXIST));
        }
}

static inline void fixture_daemon_init(Daemon *daemon, uv_loop_t *loop)
{
        fixture_make_folders();
        require(uv_loop_init(loop) == 0);
        *daemon = (Daemon){
                .loop = loop,
                .settings = {.session = true,
                             .run = strdup(fixture_folder()),
                             .definitions = fixture_path("definitions"),
                             .state = fixture_path("state"),
                             .logs = fixture_path("logs"),
                             .domains = 16,
                             .call_usec = 2 * USEC_PER_SEC,
                             .start_usec = 2 * USEC_PER_SEC,
                             .probe_usec = 2 * USEC_PER_SEC},
        };
        require(events_open(fixture_folder(), &daemon->events, NULL) == 0);
}

/* Nothing of it may be under way any more. What is left in the loop then is a leak. */
static inline void fixture_daemon_clear(Daemon *daemon)
{
        while (daemon->domains) {
                Managed *managed = daemon->domains;

                require(!managed->operations && managed->n_ref == 1);
                daemon->domains = managed->next;
                managed_unref(managed);
        }
        require(daemon->n_running == 0);
        events_close(daemon->events);
        settings_clear(&daemon->settings);
        uv_run(daemon->loop, UV_RUN_DEFAULT);
        require(uv_loop_close(daemon->loop) == 0);
}
