/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/events.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

/*
 * One line of JSON an event, appended by one write(): {"id": N, "kind": "lifecycle", …}. When the file has
 * become large it becomes events.log.1, which is what is replayed before events.log. The id of the last line
 * of both is where the numbers go on; each file's first line may be anything's, so nothing else is read of a
 * file that is only appended to.
 */

#define FILE_NAME "events.log"
#define OLD_NAME  "events.log.1"
#define FILE_MAX  ((size_t)1024 * 1024)

/* An emulator may say 64 MiB at once; a file with that would be too large to be read again. */
#define EVENT_MAX ((size_t)1024 * 1024)

/* Up to here every client's numbers are exact; a file that has a larger one was not written by us. */
#define ID_MAX (INT64_C(1) << 53)

struct EventListener {
        Events *events;
        EventFn fn;
        void *userdata;
        EventListener *next;
        bool gone;
};

struct Events {
        int dirfd, fd;
        size_t size;
        uint64_t last_id;
        EventListener *listeners;
        unsigned telling;
};

/* --- reading --------------------------------------------------------------------------------------- */

static int each_line(const Events *events, const char *name,
                     int (*fn)(const char *line, size_t size, void *userdata), void *userdata)
{
        CLEANUP(free) char *text = NULL;
        size_t size;
        int r;

        r = read_file_at(events->dirfd, name, 4 * FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        /* A file that a host's crash has torn may have holes: a NUL ends nothing. */
        for (char *line = text, *end; r >= 0 && (end = memchr(line, '\n', (size_t)(text + size - line)));
             line = end + 1)
                r = fn(line, (size_t)(end - line), userdata);
        return r;
}

/* 0: there is none. */
static uint64_t read_id(const json_object *event)
{
        int64_t id = json_get_int(event, "id", 0);

        return id > 0 && id < ID_MAX ? (uint64_t)id : 0;
}

static int take_id(const char *line, size_t size, void *userdata)
{
        Events *events = userdata;
        CLEANUP(json) json_object *event = NULL;

        if (json_parse(line, size, &event) >= 0)
                events->last_id = read_id(event) ?: events->last_id;
        return 0;
}

static int open_file(Events *events)
{
        struct stat st;
        char last;

        events->fd =
                openat(events->dirfd, FILE_NAME, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (events->fd < 0 || fstat(events->fd, &st) < 0)
                return -errno;
        events->size = (size_t)st.st_size;
        /* A torn last line ends here: what is written next begins a line of its own. */
        if (st.st_size > 0 && pread(events->fd, &last, 1, st.st_size - 1) == 1 && last != '\n') {
                if (write(events->fd, "\n", 1) < 0)
                        return -errno;
                events->size++;
        }
        return 0;
}

int events_open(const char *directory, Events **ret, MusterError **ret_error)
{
        Events *events = calloc(1, sizeof(*events));
        int r = 0;

        if (!events)
                return error_oom(ret_error);
        events->fd = -1;
        events->dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (events->dirfd < 0)
                r = -errno;
        if (r >= 0)
                r = each_line(events, OLD_NAME, take_id, events);
        if (r >= 0)
                r = each_line(events, FILE_NAME, take_id, events);
        if (r >= 0)
                r = open_file(events);
        if (r < 0) {
                events_close(events);
                return error_errno(ret_error, r, "%s/%s", directory, FILE_NAME);
        }
        *ret = events;
        return 0;
}

Events *events_close(Events *events)
{
        if (!events)
                return NULL;
        for (EventListener *listener = events->listeners, *next; listener; listener = next) {
                next = listener->next;
                free(listener);
        }
        if (events->fd >= 0)
                close(events->fd);
        if (events->dirfd >= 0)
                close(events->dirfd);
        free(events);
        return NULL;
}

/* --- adding ---------------------------------------------------------------------------------------- */

static int rotate(Events *events)
{
        if (events->size < FILE_MAX)
                return 0;
        /* Not there: it was renamed before, and then no other one could be made. */
        if (renameat(events->dirfd, FILE_NAME, events->dirfd, OLD_NAME) < 0 && errno != ENOENT)
                return -errno;
        close(TAKE_FD(events->fd));
        return open_file(events);
}

static int append(Events *events, const char *text)
{
        CLEANUP(free) char *line = text_format("%s\n", text);
        size_t size = line ? strlen(line) : 0;
        int r = line ? rotate(events) : -ENOMEM;
        ssize_t n;

        if (r < 0)
                return r;
        n = write(events->fd, line, size);
        if (n != (ssize_t)size) {
                r = n < 0 ? -errno : -ENOSPC;
                /* Half a line would take the next one with it. */
                if (ftruncate(events->fd, (off_t)events->size) < 0)
                        r = -errno;
                return r;
        }
        events->size += size;
        return 0;
}

/* Listeners may leave while they are told. */
static void sweep(Events *events)
{
        for (EventListener **at = &events->listeners; *at;) {
                EventListener *listener = *at;

                if (!listener->gone) {
                        at = &listener->next;
                        continue;
                }
                *at = listener->next;
                free(listener);
        }
}

static void tell(Events *events, const char *kind, const char *text)
{
        events->telling++;
        for (EventListener *listener = events->listeners; listener; listener = listener->next)
                if (!listener->gone)
                        listener->fn(events->last_id, kind, text, listener->userdata);
        if (--events->telling == 0)
                sweep(events);
}

static int64_t now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * (int64_t)USEC_PER_SEC + ts.tv_nsec / 1000;
}

int events_add(Events *events, const char *kind, json_object *event)
{
        CLEANUP(json) json_object *owned = event, *whole = json_object_new_object();
        CLEANUP(free) char *text = NULL;
        int r;

        if (!owned || !whole || json_add_int(whole, "id", (int64_t)events->last_id + 1) < 0 ||
            json_add_int(whole, "time", now()) < 0 || json_add_string(whole, "kind", kind) < 0)
                return -ENOMEM;
        json_object_object_foreach (owned, key, value) {
                if (json_add(whole, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        text = json_to_text(whole);
        if (!text)
                return -ENOMEM;
        if (strlen(text) > EVENT_MAX)
                return -E2BIG;
        r = append(events, text);
        /* Told in any case: those who listen now should know, whatever the disk says. */
        events->last_id++;
        tell(events, kind, text);
        return r;
}

uint64_t events_last_id(const Events *events)
{
        return events->last_id;
}

EventListener *events_listen(Events *events, EventFn fn, void *userdata)
{
        EventListener *listener = calloc(1, sizeof(*listener));

        if (!listener)
                return NULL;
        *listener =
                (EventListener){.events = events, .fn = fn, .userdata = userdata, .next = events->listeners};
        events->listeners = listener;
        return listener;
}

EventListener *events_unlisten(EventListener *listener)
{
        if (!listener)
                return NULL;
        listener->gone = true;
        if (listener->events->telling == 0)
                sweep(listener->events);
        return NULL;
}

typedef struct Replay {
        uint64_t after;
        EventFn fn;
        void *userdata;
} Replay;

static int replay_line(const char *line, size_t size, void *userdata)
{
        const Replay *replay = userdata;
        CLEANUP(json) json_object *event = NULL;
        CLEANUP(free) char *text = NULL;
        uint64_t id;

        if (json_parse(line, size, &event) < 0)
                return 0;
        id = read_id(event);
        text = strndup(line, size);
        if (!text)
                return -ENOMEM;
        if (id > replay->after)
                replay->fn(id, json_get_string(event, "kind") ?: "?", text, replay->userdata);
        return 0;
}

int events_replay(const Events *events, uint64_t id, EventFn fn, void *userdata)
{
        Replay replay = {.after = id, .fn = fn, .userdata = userdata};
        int r;

        r = each_line(events, OLD_NAME, replay_line, &replay);
        return r < 0 ? r : each_line(events, FILE_NAME, replay_line, &replay);
}
