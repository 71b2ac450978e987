/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files of events: up to a line "%%" the older one. Whatever is in them, the daemon starts, the numbers
 * go on from one start to the next, and what is told now is there later. One size of eight makes the newer
 * file so large that the next event begins another one.
 */

#include "daemon-fixture.h"

#define LARGE (1024 * 1024)
#define ADDED 3U

typedef struct Seen {
        uint64_t after; /* the last number of before */
        unsigned n;     /* how many of those that were added came, in order */
        char *texts[ADDED];
} Seen;

static void write_files(const char *text, size_t size)
{
        const char *cut = memmem(text, size, "\n%%\n", 4);
        size_t first = cut ? (size_t)(cut - text) + 1 : 0;
        CLEANUP(free) char *path = fixture_path("events.log");

        fixture_write("events.log.1", text, first);
        text += cut ? first + 3 : 0;
        size -= cut ? first + 3 : 0;
        fixture_write("events.log", text, size);
        if (size % 8 == 7)
                require(truncate(path, (off_t)size + LARGE) == 0);
}

static void on_told(uint64_t id, const char *kind, const char *text, void *userdata)
{
        Seen *seen = userdata;

        require(id == seen->after + 1 + seen->n && streq(kind, "lifecycle") && seen->n < ADDED);
        seen->texts[seen->n] = strdup(text);
        require(seen->texts[seen->n++] != NULL);
}

/* Lines of before may have any number; those added follow in order. */
static void on_replayed(uint64_t id, const char *kind, const char *text, void *userdata)
{
        Seen *seen = userdata;

        require(kind && text && !strchr(text, '\n'));
        if (seen->n < ADDED && id == seen->after + 1 + seen->n && streq(text, seen->texts[seen->n]))
                seen->n++;
}

static Events *start(uint64_t *ret_last)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Events *events = NULL;

        require(events_open(fixture_folder(), &events, &error) == 0);
        *ret_last = events_last_id(events);
        require(*ret_last <= INT64_MAX);
        return events;
}

static json_object *make_event(unsigned n)
{
        json_object *event = json_object_new_object();

        require(json_add_int(event, "n", n) == 0 && json_add_string(event, "text", "\n\"é\x01") == 0);
        return event;
}

static void add(Seen *seen)
{
        Events *events = start(&seen->after);
        EventListener *listener = events_listen(events, on_told, seen);

        for (unsigned i = 0; i < ADDED; i++)
                require(events_add(events, "lifecycle", make_event(i)) == 0);
        require(seen->n == ADDED);
        events_unlisten(listener);
        events_close(events);
}

static void look(Seen *seen)
{
        uint64_t last;
        Events *events = start(&last);

        require(last == seen->after + ADDED);
        seen->n = 0;
        require(events_replay(events, seen->after, on_replayed, seen) == 0 && seen->n == ADDED);
        seen->n = 0;
        require(events_replay(events, 0, on_replayed, seen) == 0 && seen->n == ADDED);
        events_close(events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Seen seen = {};

        write_files((const char *)data, size);
        add(&seen);
        look(&seen);
        for (unsigned i = 0; i < ADDED; i++)
                free(seen.texts[i]);
        return 0;
}
